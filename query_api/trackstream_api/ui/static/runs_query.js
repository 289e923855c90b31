// What the table of runs asks for, as the page's address says it. A classic script at the head of the page: it asks
// for the first rows at once, while the rest of the page is still being loaded. `window.TrackstreamRuns`.
(() => {
  // Two screens of rows: reading whole rows from all over a store is what takes time.
  const BLOCK = 50;
  const OWN = ["filter", "sort", "column", "group", "metric", "mode", "view"];

  // The state of the page: what is shared by its address.
  function readAddress(search = location.search) {
    const query = new URLSearchParams(search);
    return {
      filter: query.get("filter") || "",
      // Most significant first; a minus is for descending.
      sort: query.getAll("sort").map((term) => ({ column: term.replace(/^-/, ""), descending: term.startsWith("-") })),
      // In their order, an exclamation mark for those that are pinned; null: those that suit the runs.
      columns: query.has("column") ? query.getAll("column").map((name) => ({ id: name.replace(/^!/, ""), pinned: name.startsWith("!") })) : null,
      group: query.get("group") || "",
      metric: query.get("metric") || "",
      mode: query.get("mode") === "max" ? "max" : "min",
      view: ["deleted", "all"].includes(query.get("view")) ? query.get("view") : "active",
    };
  }

  function writeAddress(state, { push = false } = {}) {
    const to = new URL(location.href);
    for (const name of OWN) to.searchParams.delete(name);
    const add = (name, value) => value && to.searchParams.append(name, value);
    add("filter", state.filter);
    for (const { column, descending } of state.sort) add("sort", (descending ? "-" : "") + column);
    for (const { id, pinned } of state.columns || []) add("column", (pinned ? "!" : "") + id);
    add("group", state.group);
    add("metric", state.metric);
    if (state.mode === "max") add("mode", "max");
    if (state.view !== "active") add("view", state.view);
    if (to.href !== location.href) history[push ? "pushState" : "replaceState"](history.state, "", to);
  }

  // The grammar's name of a column: metrics.loss, params.`learning rate`.
  function identifier(id) {
    const dot = id.indexOf(".");
    if (dot < 0) return id;
    const key = id.slice(dot + 1);
    return id.slice(0, dot + 1) + (/^\w+(\.\w+)*$/.test(key) ? key : "`" + key.replaceAll("`", "``") + "`");
  }
  const literal = (text) => "'" + text.replaceAll("'", "''") + "'";
  const both = (one, other) => [one.trim(), other.trim()].filter(Boolean).join(" AND ");
  const orderBy = (sort) => sort.map(({ column, descending }) => `${identifier(column)} ${descending ? "DESC" : "ASC"}`);

  // Runs of one experiment on its page, of all elsewhere.
  function experimentIds() {
    const found = location.pathname.match(/\/experiments\/([^/]+)$/);
    return found ? [decodeURIComponent(found[1])] : null;
  }
  const asOf = () => new URLSearchParams(location.search).get("as_of");

  // Which runs, without their order and page: what counts, groups and searches have in common.
  function whichRuns(state, extra = "") {
    const body = { filter: both(state.filter, extra), view: state.view };
    if (experimentIds()) body.experiment_ids = experimentIds();
    if (asOf()) body.as_of = asOf();
    return body;
  }

  // A block of a search. Only what the columns show is asked for; all of it while they are still to be chosen.
  function searchBody(state, { offset = 0, limit = BLOCK, extra = "" } = {}) {
    const body = { ...whichRuns(state, extra), order_by: orderBy(state.sort), limit };
    if (offset) body.offset = offset;
    if (state.columns) {
      const shown = state.columns.map(({ id }) => id);
      if (state.metric) shown.push(`metrics.${state.metric}`);
      body.keys = [...new Set(shown.filter((id) => /^(params|metrics|tags)\./.test(id)))];
    }
    return body;
  }

  // The first rows, asked for before anything else: [what was asked, the answer].
  const asked = searchBody(readAddress());
  const first = fetch("/api/v1/runs/search", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
  // Who wants them hears of a failure; nobody may want them, where the page shows groups.
  first.catch(() => {});

  window.TrackstreamRuns = { BLOCK, readAddress, writeAddress, identifier, literal, both, orderBy, experimentIds, asOf, whichRuns, searchBody, first: { asked: JSON.stringify(asked), answer: first } };
})();
