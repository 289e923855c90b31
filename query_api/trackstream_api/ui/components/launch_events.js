import { gathered } from "run_stream";

// Tells the server that launches (or one of them) have changed, at most four times a second.
export default {
  template: `<span hidden></span>`,
  props: { launchId: String, runId: String },
  emits: ["changed"],
  mounted() {
    this.hear = gathered((events) => this.$emit("changed", { count: events.length }));
    const query = new URLSearchParams({ topic: "launches" });
    this.seen = () => (document.hidden ? this.close() : this.open(query));
    document.addEventListener("visibilitychange", this.seen);
    if (!document.hidden) this.open(query);
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.seen);
    this.hear.end();
    this.close();
  },
  methods: {
    open(query) {
      if (this.source) return;
      this.source = new EventSource(`/api/v1/stream?${query}`);
      this.source.onmessage = (message) => {
        if (message.lastEventId) query.set("since", message.lastEventId);
        const event = JSON.parse(message.data);
        if (!this.launchId || event.key === this.launchId) this.hear(event);
      };
      this.source.onerror = () => {
        if (this.source?.readyState !== EventSource.CLOSED) return;
        this.close();
        this.again = setTimeout(() => document.hidden || this.open(query), 3000);
      };
    },
    close() {
      clearTimeout(this.again);
      this.source?.close();
      this.source = null;
    },
  },
};
