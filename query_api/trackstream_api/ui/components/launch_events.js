import { gathered } from "run_stream";

// Tells the server that launches (or one of them) have changed, at most four times a second.
export default {
  template: `<span hidden></span>`,
  props: { launchId: String },
  emits: ["changed"],
  mounted() {
    this.hear = gathered((events) => this.$emit("changed", { count: events.length }));
    this.seen = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.seen);
    if (!document.hidden) this.open();
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.seen);
    this.hear.end();
    this.close();
  },
  methods: {
    open() {
      if (this.source) return;
      this.source = new EventSource("/api/v1/stream?topic=launches");
      // What has happened since the page was read, and while nobody listened.
      this.source.onopen = () => this.hear({});
      this.source.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (!this.launchId || event.key === this.launchId) this.hear(event);
      };
      this.source.onerror = () => {
        if (this.source?.readyState !== EventSource.CLOSED) return;
        this.close();
        this.again = setTimeout(() => document.hidden || this.open(), 3000);
      };
    },
    close() {
      clearTimeout(this.again);
      this.source?.close();
      this.source = null;
    },
  },
};
