// What runs can be compared by: params, last values of metrics, and a few attributes. Pure functions.
// A field is named "params.lr", "metrics.loss" or "attributes.duration".

export const ATTRIBUTES = { duration: "duration (s)", start_time: "start time" };

// A run's value of a field as it was logged; undefined where it has none.
export function valueOf(run, field) {
  const cut = field.indexOf(".");
  const [kind, key] = [field.slice(0, cut), field.slice(cut + 1)];
  if (kind === "params") return Object.hasOwn(run.params, key) ? run.params[key] : undefined;
  if (kind === "metrics") return Object.hasOwn(run.metrics, key) ? Number(run.metrics[key].value) : undefined;
  if (kind === "tags") return Object.hasOwn(run.tags, key) ? run.tags[key] : undefined;
  if (key === "duration") return run.end_time === null ? undefined : (run.end_time - run.start_time) / 1000;
  return key === "start_time" ? run.start_time : undefined;
}

// The same as a finite number; NaN where it is none.
export function numberOf(run, field) {
  const value = valueOf(run, field);
  if (value === undefined || value === "") return NaN;
  const found = Number(value);
  return Number.isFinite(found) ? found : NaN;
}

export const wordsFor = (field) => (field.startsWith("attributes.") ? ATTRIBUTES[field.slice(11)] ?? field : field.slice(field.indexOf(".") + 1));

// All keys of a kind that any run has, in order; `shared` leaves out those that some run lacks.
export function keysOf(runs, kind, shared = false) {
  const counts = new Map();
  for (const run of runs) for (const key of Object.keys(run[kind])) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].filter(([, count]) => !shared || count === runs.length).map(([key]) => key).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
}

// Whether a field is one of numbers for all runs that have it.
export function isNumeric(runs, field) {
  const values = runs.map((run) => valueOf(run, field)).filter((value) => value !== undefined);
  return values.length > 0 && values.every((value) => value !== "" && Number.isFinite(Number(value)));
}

export const varies = (runs, field) => new Set(runs.map((run) => String(valueOf(run, field)))).size > 1;

// Whether the numbers of a field are spread so wide that only powers tell them apart.
export function isWide(runs, field) {
  const values = runs.map((run) => numberOf(run, field)).filter(Number.isFinite);
  return isNumeric(runs, field) && Math.min(...values) > 0 && Math.max(...values) >= 100 * Math.min(...values);
}

// How to place runs along a field: numbers where all are, else its values as categories, numbers first.
export function scaleOf(runs, field) {
  if (isNumeric(runs, field)) return { numeric: true, place: (run) => numberOf(run, field), categories: null };
  const values = [...new Set(runs.map((run) => valueOf(run, field)).filter((value) => value !== undefined).map(String))];
  const categories = values.sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  return { numeric: false, categories, place: (run) => (valueOf(run, field) === undefined ? NaN : categories.indexOf(String(valueOf(run, field)))) };
}

export function shown(run, field) {
  const value = valueOf(run, field);
  if (value === undefined) return "–";
  if (field === "attributes.start_time") return window.Trackstream.moment(value);
  return typeof value === "number" ? window.Trackstream.number(value) : value;
}

// Whether less of a metric is better, as far as its name tells.
export function lessIsBetter(key) {
  if (/acc|auc|f1|f_1|precision|recall|score|reward|bleu|rouge|iou|map|r2|throughput|per_sec|success/i.test(key)) return false;
  return true;
}
