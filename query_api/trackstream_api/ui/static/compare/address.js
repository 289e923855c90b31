// What the compare page shows is in its address: reload, back and a shared link show the same.

const LISTS = ["runs", "hidden", "keys", "logy", "dims", "least", "most", "colours"];

// Returns the state of an address; what is not in it is left out.
export function read(search = location.search) {
  const query = new URLSearchParams(search);
  const found = {};
  for (const name of new Set(query.keys())) found[name] = LISTS.includes(name) ? query.getAll(name) : query.get(name);
  return found;
}

// Puts the state into the address; what is empty is left out. `push` makes a step that back undoes.
export function write(state, push = false) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "" && one !== false) query.append(name, one === true ? "1" : String(one));
  }
  const address = `${location.pathname}?${query}`;
  if (address === location.pathname + location.search) return;
  history[push ? "pushState" : "replaceState"](history.state, "", address);
}
