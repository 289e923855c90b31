// What happens to running runs, pushed by the server: one connection for all charts of a page.

const SETTLE_MS = 50;
const PATIENCE_MS = 3000;
const POLL_MS = 2000;
const MOST_RUNS = 100;

const watchers = new Set();
let source = null;
let watched = "";
let last = null;
let settling = null;
let impatient = null;
let polling = null;

// Call `told(event)` for each event of these runs, as /stream shows it, and with null whenever some may have been
// missed. Returns what ends it.
export function watchRuns(runIds, told) {
  const watcher = { runs: new Set(runIds), told };
  watchers.add(watcher);
  settle();
  return () => {
    watchers.delete(watcher);
    settle();
  };
}

function settle() {
  clearTimeout(settling);
  settling = setTimeout(connect, SETTLE_MS);
}

function connect() {
  const runs = [...new Set([...watchers].flatMap(({ runs }) => [...runs]))].sort().slice(0, MOST_RUNS);
  if (runs.join() === watched && source?.readyState !== EventSource.CLOSED) return;
  watched = runs.join();
  source?.close();
  source = null;
  if (!runs.length) return patient();
  const query = new URLSearchParams(runs.map((run) => ["run", run]));
  for (const topic of ["runs", "metrics"]) query.append("topic", topic);
  // Where the connection before stood: between the two nothing is lost.
  if (last) query.set("since", last);
  source = new EventSource(`/api/v1/stream?${query}`);
  source.onopen = () => {
    patient();
    tellAll();
  };
  source.onmessage = ({ data, lastEventId }) => {
    last = lastEventId || last;
    tell(JSON.parse(data));
  };
  source.onerror = () => {
    impatient ??= setTimeout(poll, PATIENCE_MS);
    // A browser tries again by itself unless it was refused.
    if (source?.readyState === EventSource.CLOSED) {
      watched = "";
      last = null;
      clearTimeout(settling);
      settling = setTimeout(connect, PATIENCE_MS);
    }
  };
}

function tell(event) {
  const run = event.body?.run_id ?? event.key;
  for (const watcher of [...watchers]) if (watcher.runs.has(run)) watcher.told(event);
}

function tellAll() {
  for (const watcher of [...watchers]) watcher.told(null);
}

function poll() {
  polling ??= setInterval(tellAll, POLL_MS);
}

function patient() {
  clearTimeout(impatient);
  clearInterval(polling);
  impatient = polling = null;
}
