// The columns that runs can have, and how AG Grid shows each. What runs hold becomes text nodes, never markup.

export const ATTRIBUTES = {
  run_name: { heading: "Name", width: 210 },
  status: { heading: "Status", width: 104 },
  experiment_name: { heading: "Experiment", width: 170, unsorted: true },
  start_time: { heading: "Started", width: 120 },
  duration: { heading: "Duration", width: 104, number: true },
  user_id: { heading: "User", width: 104 },
  end_time: { heading: "Ended", width: 120 },
  run_id: { heading: "Run ID", width: 280, mono: true },
  experiment_id: { heading: "Experiment ID", width: 170, mono: true, unsorted: true },
  lifecycle_stage: { heading: "Stage", width: 90, unsorted: true },
};
const KINDS = { RUNNING: "live", FINISHED: "good", FAILED: "bad", KILLED: "warn" };
const MOST_METRICS = 5;
const MOST_PARAMS = 6;
const DAY = 86_400_000;

const isAttribute = (id) => Object.hasOwn(ATTRIBUTES, id);
export const partOf = (id) => (isAttribute(id) ? ["", id] : [id.slice(0, id.indexOf(".")), id.slice(id.indexOf(".") + 1)]);
export const isKnown = (id) => isAttribute(id) || /^(params|metrics|tags)\../s.test(id);
export const heading = (id) => (isAttribute(id) ? ATTRIBUTES[id].heading : partOf(id)[1]);

// What a run has in a column; undefined for nothing.
export function valueOf(run, id) {
  if (!run) return undefined;
  if (id === "run_name") return run.name;
  if (id === "duration") return run.end_time === null ? undefined : run.end_time - run.start_time;
  if (isAttribute(id)) return run[id] ?? undefined;
  const [part, key] = partOf(id);
  // Keys are what people have logged: "constructor" is one like any other.
  const found = run[part] && Object.hasOwn(run[part], key) ? run[part][key] : undefined;
  return part === "metrics" ? found?.value : found;
}

// Columns for somebody who has chosen none: what tells these runs apart.
export function suitable(runs, ofOneExperiment) {
  const keys = (part) => [...new Set(runs.flatMap((run) => Object.keys(run[part])))];
  const metrics = keys("metrics").filter((key) => !key.startsWith("system/")).sort().slice(0, MOST_METRICS);
  const differs = (key) => new Set(runs.map((run) => run.params[key])).size > 1;
  const params = keys("params").sort((one, other) => differs(other) - differs(one) || (one < other ? -1 : 1)).slice(0, MOST_PARAMS);
  const own = ["run_name", "status", ...(ofOneExperiment ? [] : ["experiment_name"]), "start_time", "duration"];
  const ids = [...own, ...metrics.map((key) => `metrics.${key}`), ...params.map((key) => `params.${key}`)];
  return ids.map((id) => ({ id, pinned: id === "run_name" }));
}

function started(ms) {
  const ago = Date.now() - ms;
  if (ago >= 0 && ago < 7 * DAY) return ago < 1000 ? "just now" : `${Trackstream.duration(ago, 1)} ago`;
  return Trackstream.moment(ms).slice(0, 16);
}

function element(name, words, classes, title) {
  const made = document.createElement(name);
  made.textContent = words;
  if (classes) made.className = classes;
  if (title) made.title = title;
  return made;
}

function link(words, address, title) {
  const made = element("a", words, "ts-link ts-run-link", title);
  made.href = address;
  return made;
}

function rendered(id, run, isBest) {
  const value = valueOf(run, id);
  if (id === "run_name") {
    const cell = element("span", "", "ts-run-name");
    const mark = element("span", "", `ts-run-dot is-${KINDS[run.status] || "idle"}`);
    mark.setAttribute("aria-hidden", "true");
    cell.append(mark, link(value || run.run_id, Trackstream.place(["runs", run.run_id]), value));
    if (isBest(run)) cell.append(element("span", "best", "ts-chip ts-run-best", "The best run by the chosen metric"));
    return cell;
  }
  if (id === "status") return element("span", value.toLowerCase(), `ts-chip is-${KINDS[value] || "idle"}`);
  if (id === "experiment_name") return link(value || run.experiment_id, Trackstream.place(["experiments", run.experiment_id]), value);
  if (id === "duration") {
    if (value === undefined && run.status === "RUNNING" && !Trackstream.asOf) return element("span", Trackstream.duration(Date.now() - run.start_time), "ts-quiet");
    return element("span", Trackstream.duration(value));
  }
  if (value === undefined) return element("span", "–", "ts-faint");
  if (id === "start_time" || id === "end_time") return element("span", started(value), "", `${Trackstream.moment(value)} UTC`);
  if (partOf(id)[0] === "metrics") return element("span", Trackstream.number(value), "", String(value));
  return element("span", value, "", value);
}

// What does not fit is cut with an ellipsis.
function cell(id, run, isBest) {
  const made = rendered(id, run, isBest);
  if (id !== "run_name" && id !== "status") made.classList.add("ts-cell-text");
  return made;
}

// The definition of a column. `sort` is the page's; `isBest` tells of a run whether it is the best one.
export function definition({ id, pinned, width }, sort, isBest) {
  const about = isAttribute(id) ? ATTRIBUTES[id] : {};
  const [part, key] = partOf(id);
  const place = sort.findIndex((term) => term.column === id);
  const isNumber = about.number || part === "metrics";
  return {
    colId: id,
    headerName: heading(id),
    headerTooltip: part ? id : undefined,
    headerClass: [part ? `ts-head-${part}` : "", isNumber ? "ag-right-aligned-header" : ""].filter(Boolean),
    valueGetter: ({ data }) => valueOf(data, id),
    cellRenderer: ({ data }) => (data ? cell(id, data, isBest) : element("span", "", "ts-skeleton")),
    cellClass: isNumber ? "ts-cell-number" : about.mono ? "ts-mono" : "",
    type: isNumber ? "rightAligned" : undefined,
    pinned: pinned ? "left" : null,
    lockPinned: false,
    width: width || about.width || (part === "metrics" ? 116 : Math.min(200, Math.max(104, 54 + key.length * 8))),
    sortable: !about.unsorted,
    sort: place < 0 ? null : sort[place].descending ? "desc" : "asc",
    sortIndex: place < 0 ? null : place,
    // Best first for what is usually looked for: the newest, the least.
    sortingOrder: id === "start_time" || id === "end_time" ? ["desc", "asc", null] : ["asc", "desc", null],
    resizable: true,
    suppressMovable: false,
  };
}
