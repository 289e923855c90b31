// Says when runs have begun, gone on or ended: from the server's stream, while somebody looks.

const EVERY_MS = 2000;
const TYPES = ["RunStarted", "RunUpdated", "RunDeleted", "RunRestored"];

// Calls `changed` after events, at most every two seconds; returns what ends it. A page that is not looked at holds
// no connection: a browser has few for one server.
export function follow(changed) {
  let source = null;
  let timer = 0;
  let last = 0;
  const experiment = window.TrackstreamRuns.experimentIds()?.[0];
  const query = new URLSearchParams();
  // Metrics of one experiment's runs; those of all would be everything that is logged.
  for (const type of experiment ? [...TYPES, "MetricsLogged"] : TYPES) query.append("type", type);
  if (experiment) query.set("experiment", experiment);

  function heard() {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      last = Date.now();
      changed();
    }, Math.max(0, last + EVERY_MS - Date.now()));
  }
  function look() {
    if (document.hidden) {
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource(`/api/v1/stream?${query}`);
      source.onmessage = heard;
      for (const type of [...TYPES, "MetricsLogged"]) source.addEventListener(type, heard);
    }
  }
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    source?.close();
  };
}
