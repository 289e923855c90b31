// Asks for curves. What several charts of a page ask for the same runs and stretch of x goes in one request.

const WAIT_MS = 8;
const MOST_RUNS = 100;
const MOST_KEYS = 100;
const MOST_BUCKETS = 1000;
const LEAST_BUCKETS = 30;
// Buckets of one answer that a browser takes in without being felt: with many curves each has fewer.
const AT_ONCE = 30_000;

let waiting = new Map();

// Resolves to Map(run id -> buckets). Rejects with ApiFailure, or AbortError once `signal` says so.
export function askForCurves({ runIds, metric, x, spacing, start, end, buckets, signal }) {
  const shared = { x, spacing, start, end, as_of: window.Trackstream.asOf };
  const key = JSON.stringify([shared, runIds]);
  return new Promise((resolve, reject) => {
    if (!waiting.size) setTimeout(send, WAIT_MS);
    if (!waiting.has(key)) waiting.set(key, { shared, runIds, asked: [] });
    waiting.get(key).asked.push({ metric, buckets, signal, resolve, reject });
  });
}

function send() {
  const groups = [...waiting.values()];
  waiting = new Map();
  for (const { shared, runIds, asked } of groups) {
    const wanted = asked.filter(({ signal }) => !signal?.aborted);
    for (const { signal, reject } of asked) if (signal?.aborted) reject(signal.reason);
    const keys = [...new Set(wanted.map(({ metric }) => metric))];
    for (let from = 0; from < keys.length; from += MOST_KEYS) {
      const some = keys.slice(from, from + MOST_KEYS);
      fetchTogether(shared, runIds, some, wanted.filter(({ metric }) => some.includes(metric)));
    }
  }
}

async function fetchTogether(shared, runIds, keys, asked) {
  const stop = new AbortController();
  // What nobody waits for any longer is not waited for here.
  const leave = () => asked.every(({ signal }) => signal?.aborted) && stop.abort();
  for (const { signal } of asked) signal?.addEventListener("abort", leave, { once: true });
  const affordable = Math.floor(AT_ONCE / (keys.length * Math.max(1, runIds.length)));
  const widest = Math.max(...asked.map(({ buckets }) => buckets));
  const buckets = Math.max(LEAST_BUCKETS, Math.min(MOST_BUCKETS, affordable, widest));
  try {
    const parts = [];
    for (let from = 0; from < runIds.length; from += MOST_RUNS) {
      const body = { ...shared, run_ids: runIds.slice(from, from + MOST_RUNS), keys, buckets };
      parts.push(window.Trackstream.api("/metrics/series", { body, signal: stop.signal }));
    }
    const found = new Map(keys.map((key) => [key, new Map()]));
    for (const part of await Promise.all(parts)) {
      for (const series of part.series) found.get(series.key).set(series.run_id, series.buckets);
    }
    for (const { metric, resolve } of asked) resolve(found.get(metric));
  } catch (error) {
    for (const { reject } of asked) reject(error);
  } finally {
    for (const { signal } of asked) signal?.removeEventListener("abort", leave);
  }
}
