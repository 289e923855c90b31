// Queries that somebody has kept, in this browser alone: [{name, query}], the newest first.
const KEY = "trackstream-sql-queries";

export function savedQueries() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one?.name === "string" && typeof one?.query === "string") : [];
  } catch {
    return [];
  }
}

export function saveQuery(name, query) {
  const others = savedQueries().filter((one) => one.name !== name);
  localStorage.setItem(KEY, JSON.stringify([{ name, query }, ...others].slice(0, 200)));
  return savedQueries();
}

export function forgetQuery(name) {
  localStorage.setItem(KEY, JSON.stringify(savedQueries().filter((one) => one.name !== name)));
  return savedQueries();
}
