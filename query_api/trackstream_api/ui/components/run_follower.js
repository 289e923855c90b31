import { followRun, gathered } from "run_stream";

// Tells the server what of a run has changed: the topics, and the keys of metrics.
export default {
  template: `<span hidden></span>`,
  props: { runId: String, since: String },
  emits: ["changed"],
  mounted() {
    this.hear = gathered((events) => {
      const keys = new Set();
      for (const event of events) for (const key of Object.keys(event.body?.metrics ?? {})) keys.add(key);
      const topics = [...new Set(events.map((event) => event.topic.replace(/^trackstream\./, "")))];
      this.$emit("changed", { topics, keys: [...keys] });
    });
    this.unfollow = followRun(this.runId, this.since, this.hear);
  },
  unmounted() {
    this.hear.end();
    this.unfollow();
  },
};
