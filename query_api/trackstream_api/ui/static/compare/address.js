// What the compare page shows is in its address: reload, back and a shared link show the same.

// Browsers refuse more than some changes a second: a slider would make more.
const SETTLE_MS = 120;
const LISTS = ["runs", "hidden", "keys", "logy", "dims", "least", "most", "colours"];

let pending = null;

// Returns the state of an address; what is not in it is left out.
export function read(search = location.search) {
  const query = new URLSearchParams(search);
  const found = {};
  for (const name of new Set(query.keys())) found[name] = LISTS.includes(name) ? query.getAll(name) : query.get(name);
  return found;
}

// The address of a state; what is empty is left out.
export function addressOf(state) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "" && one !== false) query.append(name, one === true ? "1" : String(one));
  }
  return `${location.pathname}?${query}`;
}

// Puts the state into the address. `push` makes a step that back undoes; other changes come together.
export function write(state, push = false) {
  const address = addressOf(state);
  clearTimeout(pending);
  const put = () => {
    if (address !== location.pathname + location.search) history[push ? "pushState" : "replaceState"](history.state, "", address);
  };
  if (push) put();
  else pending = setTimeout(put, SETTLE_MS);
}
