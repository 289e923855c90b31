// What happens to a run, as the server tells it. All followers of a page share one connection for each run, which is
// given up while nobody looks at the page: a browser opens six connections to a server, whatever the number of its tabs.
const streams = new Map();

class RunStream {
  constructor(runId, since) {
    this.runId = runId;
    this.since = since;
    this.followers = new Set();
    this.seen = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.seen);
    if (!document.hidden) this.open();
  }

  open() {
    if (this.source) return;
    const query = new URLSearchParams({ run: this.runId, since: this.since });
    this.source = new EventSource(`/api/v1/stream?${query}`);
    this.source.onmessage = (message) => {
      if (message.lastEventId) this.since = message.lastEventId;
      const event = JSON.parse(message.data);
      for (const heard of this.followers) heard(event);
    };
    // A browser comes back by itself after a connection is lost, but not after a refusal.
    this.source.onerror = () => {
      if (this.source?.readyState !== EventSource.CLOSED) return;
      this.close();
      this.again = setTimeout(() => document.hidden || this.open(), 3000);
    };
  }

  close() {
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }

  end() {
    document.removeEventListener("visibilitychange", this.seen);
    this.close();
  }
}

// Call `heard` with each event of a run from `since` on (as /api/v1/stream takes it); returns what ends that.
export function followRun(runId, since, heard) {
  if (!streams.has(runId)) streams.set(runId, new RunStream(runId, since));
  const stream = streams.get(runId);
  stream.followers.add(heard);
  return () => {
    stream.followers.delete(heard);
    if (stream.followers.size) return;
    stream.end();
    streams.delete(runId);
  };
}

// Call `act` once for all that is heard within `wait` milliseconds, at once for the first.
export function gathered(act, wait = 250) {
  let held = [];
  let timer = null;
  const release = () => {
    timer = null;
    if (!held.length) return;
    const given = held;
    held = [];
    timer = setTimeout(release, wait);
    act(given);
  };
  const hear = (event) => {
    held.push(event);
    if (!timer) release();
  };
  hear.end = () => clearTimeout(timer);
  return hear;
}
