// One metric of some runs as curves. The server sums points up into as many buckets as there are pixels; a part that
// is looked at closer is asked for again.

import { columns, smoothed } from "./curves.js";
import { askForCurves } from "./curve_requests.js";
import { plotted } from "./plot.js";
import { drawOverlay, readings } from "./series_overlay.js";
import { following } from "./series_following.js";
import { option, outlines } from "./series_option.js";
import { MARGIN, exact, plan } from "./series_plan.js";
import { zooming } from "./series_zooming.js";

const MOST_ROWS = 10;
const TIP_WIDTH = 250;

export const SeriesChart = {
  name: "SeriesChart",
  mixins: [plotted, zooming, following],
  emits: ["changed"],
  props: {
    runIds: { type: Array, default: () => [] },
    metric: { type: String, required: true },
    x: { type: String, default: "step" },
    smoothing: { type: Number, default: 0 },
    logX: Boolean,
    logY: Boolean,
    live: { type: Array, default: () => [] },
    height: { type: Number, default: 220 },
    labels: { type: Object, default: () => ({}) },
    colours: { type: Object, default: () => ({}) },
    hidden: { type: Array, default: () => [] },
    showBand: { type: Boolean, default: true },
    heading: { type: Boolean, default: true },
  },
  data: () => ({ state: "loading", problem: "", busy: false, range: null, ownLogY: null, tip: null, summary: "", lastShown: "" }),
  template: `
    <figure class="ts-chart" role="group" tabindex="0" :aria-label="summary" aria-keyshortcuts="+ - ArrowLeft ArrowRight 0" @keydown="pressed">
      <figcaption v-if="heading" class="ts-chart-head">
        <span class="ts-chart-title ts-cut" :title="metric">{{ metric }}</span>
        <span v-if="lastShown" class="ts-chart-last" title="Last value">{{ lastShown }}</span>
        <span class="ts-chart-busy" :class="{ 'is-on': busy }" aria-hidden="true"></span>
        <span class="ts-grow"></span>
        <button v-if="range" type="button" class="ts-chart-act" title="Show everything (double click)" @click="zoomTo(null)">Reset zoom</button>
        <button type="button" class="ts-chart-act" :class="{ 'is-on': isLogY }" :aria-pressed="String(isLogY)" :aria-label="'Logarithmic y axis of ' + metric" title="Logarithmic y axis" @click="switchLogY">log</button>
        <slot name="acts"></slot>
      </figcaption>
      <div class="ts-chart-plot" ref="area" :style="{ height: height + 'px' }"
        @pointerdown="down" @pointermove="moved" @pointerup="up" @pointercancel="cancelled" @pointerleave="left" @dblclick="zoomTo(null)" @wheel="wheeled">
        <div class="ts-chart-canvas" ref="canvas" aria-hidden="true"></div>
        <canvas class="ts-chart-overlay" ref="overlay" aria-hidden="true"></canvas>
        <div v-if="state !== 'drawn'" class="ts-chart-state" :role="state === 'failed' ? 'alert' : 'status'">
          <template v-if="state === 'loading'">Loading…</template>
          <template v-else-if="state === 'empty'">{{ range ? "No points in this part" : "No points yet" }}</template>
          <template v-else><span>{{ problem }}</span><button type="button" class="ts-chart-act" @click="load">Try again</button></template>
        </div>
        <div v-if="tip" class="ts-chart-tip" :style="tip.style" aria-hidden="true">
          <div class="ts-chart-tip-head">{{ tip.where }}</div>
          <div v-for="row in tip.rows" :key="row.id" class="ts-chart-tip-row" :class="{ 'is-nearest': row.nearest }">
            <span class="ts-chart-swatch" :style="{ background: row.colour }"></span>
            <span class="ts-cut">{{ row.name }}</span><span class="ts-chart-tip-value">{{ row.value }}</span>
          </div>
          <div v-if="tip.detail" class="ts-chart-tip-more">{{ tip.detail }}</div>
          <div v-if="tip.more" class="ts-chart-tip-more">and {{ tip.more }} more</div>
        </div>
      </div>
    </figure>`,
  computed: {
    isLogY() {
      return this.ownLogY ?? this.logY;
    },
    question() {
      return JSON.stringify([this.runIds, this.metric, this.x, this.logX]);
    },
    looks() {
      return JSON.stringify([this.smoothing, this.isLogY, this.showBand, this.hidden, this.colours, this.labels, this.height]);
    },
  },
  watch: {
    question() {
      this.range = null;
      this._curves = null;
      this.load();
    },
    looks: "drawSoon",
    logY() {
      this.ownLogY = null;
    },
  },
  created() {
    this._curves = null;
    this._shown = [];
    this._plan = null;
    this._seen = false;
    this._took = 0;
  },
  mounted() {
    // What is far below is asked for when somebody comes near.
    this._sight = new IntersectionObserver(([entry]) => {
      this._seen = entry.isIntersecting;
      if (this._seen && (this._stale || (!this._curves && !this._stop))) this.load();
      else if (this._seen && this._changed) this.drawSoon();
    }, { rootMargin: "200px" });
    this._sight.observe(this.$el);
    // What is in sight from the beginning need not wait until the observer says so.
    const { top, height } = this.$el.getBoundingClientRect();
    if (height && top < innerHeight) {
      this._seen = true;
      this.load();
    }
  },
  beforeUnmount() {
    this._sight?.disconnect();
    this._stop?.abort();
    cancelAnimationFrame(this._frame);
    cancelAnimationFrame(this._drawing);
  },
  methods: {
    async load() {
      if (!this._seen) {
        this._stale = true;
        return;
      }
      this._stale = false;
      this._stop?.abort();
      const stop = (this._stop = new AbortController());
      const begun = performance.now();
      this._width = this.$refs.area.clientWidth;
      const width = Math.max(60, this._width - MARGIN.left - MARGIN.right);
      const [start, end] = this.asked();
      this.busy = true;
      try {
        const found = this.runIds.length
          ? await askForCurves({
              runIds: [...this.runIds], metric: this.metric, x: this.x, spacing: this.logX ? "log" : "even",
              start, end, buckets: Math.round(width), signal: stop.signal,
            })
          : new Map();
        if (stop.signal.aborted) return;
        this._curves = new Map([...found].map(([id, buckets]) => [id, columns(buckets, this.logX)]));
        this.problem = "";
      } catch (error) {
        if (stop.signal.aborted) return;
        this.problem = `The points could not be read: ${error.message}`;
        if (!this._curves) this.state = "failed";
      } finally {
        if (!stop.signal.aborted) {
          this.busy = false;
          this._took = performance.now() - begun;
          this._stop = null;
        }
      }
      if (this._curves) this.draw();
    },
    // A little more than is shown, so that lines run out of the picture instead of ending before its edge.
    asked() {
      if (!this.range) return [this.logX ? 1 : null, null];
      const [from, to] = this.range;
      const room = this.logX ? 0 : (to - from) * 0.03;
      return [Math.floor(this.logX ? Math.max(1, from / 1.05) : from - room), Math.ceil(this.logX ? to * 1.05 : to + room)];
    },
    // Once a picture, however often something changes; what nobody sees waits until it is seen.
    drawSoon() {
      this._changed = true;
      if (!this._seen) return;
      this._drawing ??= requestAnimationFrame(() => {
        this._drawing = null;
        this.draw();
      });
    },
    draw() {
      if (!this.plot || !this._curves) return;
      this._changed = false;
      const shown = this.runIds.filter((id) => !this.hidden.includes(id) && this._curves.get(id)?.x.length);
      this._shown = shown.map((id) => {
        const curve = this._curves.get(id);
        const own = this.runIds.indexOf(id);
        const drawn = smoothed(curve.mean, this.smoothing);
        return { ...curve, id, drawn, name: this.labels[id] || id.slice(0, 8), colour: this.colours[id] || window.Trackstream.colour(own) };
      });
      const { clientWidth: width, clientHeight: height } = this.$refs.canvas;
      // What has become much wider has room for finer buckets.
      if (width > 1.5 * this._width) this.load();
      const band = this.showBand;
      this._plan = plan({ curves: this._shown, range: this.range, x: this.x, logX: this.logX, logY: this.isLogY, band, width, height });
      if (!this.range && this._plan) this._whole = this._plan.whole;
      this.state = this._plan && !this._plan.empty ? "drawn" : "empty";
      if (this._plan) this.plot.setOption(option({ plan: this._plan, curves: this._shown, ink: this.ink, band, raw: this.smoothing > 0 }), { notMerge: true });
      else this.plot.clear();
      this.summarise();
      this.point();
    },
    summarise() {
      const { number } = window.Trackstream;
      const shown = this._shown;
      if (!shown.length || !this._plan) {
        this.summary = `${this.metric}: ${this.runIds.length} runs, no points`;
        this.lastShown = "";
        return;
      }
      const values = shown.slice(0, 5).map(({ name, last }) => `${name} ${number(last)}`);
      if (shown.length > 5) values.push(`and ${shown.length - 5} more`);
      const [from, to] = this._plan.across;
      const many = shown.length === 1 ? "1 run" : `${shown.length} runs`;
      this.summary = `${this.metric}: ${many}, ${exact(this.x, from)} to ${exact(this.x, to)}. Last values: ${values.join(", ")}`;
      this.lastShown = shown.length === 1 && !this.range ? number(shown[0].last) : "";
    },
    switchLogY() {
      this.ownLogY = !this.isLogY;
      this.$emit("changed", { metric: this.metric, logY: this.ownLogY });
    },
    left() {
      if (this._drag) return;
      this._pointer = null;
      this.point();
    },
    // Show what is under the pointer.
    point() {
      if (!this.$refs.overlay || !this.ink) return;
      const at = this._pointer;
      const box = this._plan?.box;
      const inside = at && box && at[0] >= box.left - 4 && at[0] <= box.left + box.width + 4 && at[1] >= 0 && at[1] <= box.top + box.height;
      const found = inside && this.state === "drawn" && !this._drag ? readings(this._plan, this._shown, ...at) : [];
      const drag = this._drag && Math.abs(this._drag[1] - this._drag[0]) > 3 ? this._drag : null;
      drawOverlay(this.$refs.overlay, { plan: this._plan, found, band: this.showBand && this._shown.length > 12, outlines, ink: this.ink, drag });
      this.tip = found.length ? this.told(found, at) : null;
    },
    told(found, [left, top]) {
      const { number, count } = window.Trackstream;
      const [{ curve, at }] = found;
      const wide = this.$refs.area.clientWidth;
      const style = left > wide / 2 ? { right: `${wide - left + 16}px` } : { left: `${left + 16}px` };
      style.top = `${Math.max(0, top - 20)}px`;
      style.maxWidth = `${Math.max(140, Math.min(TIP_WIDTH, (left > wide / 2 ? left : wide - left) + 60))}px`;
      const detail = curve.count[at] > 1
        ? `${count(curve.count[at])} points, ${number(curve.min[at])} to ${number(curve.max[at])}`
        : this.smoothing > 0 ? `unsmoothed ${number(curve.mean[at])}` : "";
      return {
        where: exact(this.x, curve.x[at]), style, detail, more: Math.max(0, found.length - MOST_ROWS),
        rows: found.slice(0, MOST_ROWS).map(({ curve, value }, place) => ({ id: curve.id, name: curve.name, colour: curve.colour, value: number(value), nearest: place === 0 && found.length > 1 })),
      };
    },
  },
};
