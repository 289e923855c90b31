// Named sets of columns, kept by this browser for each experiment. A set is shared by the page's address.

const PREFIX = "trackstream-columns:";
const place = () => PREFIX + (window.TrackstreamRuns.experimentIds()?.[0] ?? "all");

// [{name, columns: [{id, pinned}]}] by name; what another program has put there is passed over.
export function savedSets() {
  try {
    const found = JSON.parse(localStorage.getItem(place()) || "{}");
    return Object.entries(found)
      .filter(([, columns]) => Array.isArray(columns) && columns.every((one) => typeof one?.id === "string"))
      .map(([name, columns]) => ({ name, columns: columns.map(({ id, pinned }) => ({ id, pinned: Boolean(pinned) })) }))
      .sort((one, other) => one.name.localeCompare(other.name));
  } catch {
    return [];
  }
}

function write(sets) {
  localStorage.setItem(place(), JSON.stringify(Object.fromEntries(sets.map(({ name, columns }) => [name, columns]))));
}

export function saveSet(name, columns) {
  write([...savedSets().filter((set) => set.name !== name), { name, columns }]);
}

export function removeSet(name) {
  write(savedSets().filter((set) => set.name !== name));
}
