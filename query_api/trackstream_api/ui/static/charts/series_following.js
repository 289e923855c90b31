// How a chart of curves goes along with runs that go on. A Vue mixin of SeriesChart.

import { watchRuns } from "./live_runs.js";

const REFRESH_MS = 250;

export const following = {
  watch: { live: { deep: true, handler: "follow" } },
  mounted() {
    this.follow();
  },
  beforeUnmount() {
    this._unwatch?.();
    clearTimeout(this._later);
  },
  methods: {
    follow() {
      this._unwatch?.();
      this._unwatch = null;
      if (this.live.length && !window.Trackstream.asOf) this._unwatch = watchRuns(this.live, this.heard);
    },
    heard(event) {
      if (!event) return this.refreshSoon();
      if (event.type === "MetricsLogged") {
        const metric = event.body.metrics?.[this.metric];
        if (metric) this.grown(this.x === "step" ? metric.last_step : metric.timestamp);
      } else if (event.type === "RunRewound" || event.type === "RunUpdated") this.refreshSoon();
    },
    // A zoom that ends where the data ended goes along; any other stays where it is.
    grown(end) {
      if (this.range && this._whole) {
        const atEdge = this.range[1] >= this._whole[1];
        const before = this._whole[1];
        if (this.x === "relative") this._whole = null;
        else this._whole = [this._whole[0], Math.max(before, end)];
        if (!atEdge || !this._whole) return;
        this.range = this.range.map((place) => place + this._whole[1] - before);
      }
      this.refreshSoon();
    },
    refreshSoon() {
      // What takes long is asked for less often.
      this._later ??= setTimeout(() => {
        this._later = null;
        if (document.hidden || this._stop) this.refreshSoon();
        else this.load();
      }, Math.max(REFRESH_MS, 2 * this._took));
    },
  },
};
