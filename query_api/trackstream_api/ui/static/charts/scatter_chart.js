// A dot a run: two fields across and up, a third as colour.

import { fieldAxis } from "./field_axis.js";
import { numberOf, scaleOf, wordsFor } from "./fields.js";
import { axis, shade, tooltip } from "./plot.js";
import { plotTemplate, runPlot } from "./run_plot.js";
import { shortNumber } from "./ticks.js";

export const ScatterChart = {
  name: "ScatterChart",
  mixins: [runPlot],
  props: { x: String, y: String, colour: { type: String, default: "" }, logX: Boolean, logY: Boolean },
  data: () => ({ legend: [], scale: null }),
  template: plotTemplate(`
    <div v-if="scale && !lacking" class="ts-plot-scale">{{ scale.name }} <span>{{ scale.low }}</span><i :style="{ background: scale.ramp }"></i><span>{{ scale.high }}</span></div>
    <div v-if="legend.length && !lacking" class="ts-plot-legend"><span v-for="one in legend" :key="one.name"><i :style="{ background: one.colour }"></i><span class="ts-cut">{{ one.name }}</span></span></div>`),
  computed: {
    shows() {
      return [this.x, this.y, this.colour, this.logX, this.logY];
    },
    summary() {
      return `${wordsFor(this.y)} over ${wordsFor(this.x)} of ${this.runs.length} runs`;
    },
  },
  methods: {
    ready() {
      this.plot.on("click", ({ data }) => data?.run && this.$emit("open", data.run));
    },
    draw() {
      if (!this.plot) return;
      const [across, up] = [scaleOf(this.runs, this.x), scaleOf(this.runs, this.y)];
      const logs = [this.logX && across.numeric, this.logY && up.numeric];
      const placed = this.runs.map((run) => ({ run, value: [across.place(run), up.place(run)] }))
        .filter(({ value }) => value.every((one, at) => Number.isFinite(one) && (!logs[at] || one > 0)));
      if (!placed.length) return this.lack("None of the shown runs has both values");
      const paint = this.painter();
      const axes = [
        this.axisOf(this.x, across, logs[0], placed.map(({ value }) => value[0]), { nameLocation: "middle", nameGap: 26 }),
        this.axisOf(this.y, up, logs[1], placed.map(({ value }) => value[1]), { nameLocation: "end", nameGap: 8, nameTextStyle: { align: "left", color: this.ink.quiet, fontSize: 11 } }),
      ];
      this.show({
        grid: { left: 16, right: 28, top: 20, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
        xAxis: axes[0].option, yAxis: axes[1].option,
        tooltip: tooltip(this.ink, ({ data }) => this.told(data.full, [this.x, this.y, this.colour])),
        series: [{
          type: "scatter", symbolSize: placed.length > 200 ? 6 : 10, cursor: "pointer",
          itemStyle: { borderColor: this.ink.surface, borderWidth: 1, opacity: 0.9 },
          data: placed.map(({ run, value }) => ({ value: value.map((one, at) => axes[at].place(one)), run: run.run_id, full: run, itemStyle: { color: paint(run) } })),
        }],
      });
    },
    axisOf(field, { numeric, categories }, log, values, more) {
      const named = { name: wordsFor(field) + (log ? " (log)" : ""), ...more };
      if (numeric) return fieldAxis(this.ink, values, log, named);
      return { place: (value) => value, option: { ...axis(this.ink, named), type: "category", data: categories } };
    },
    // Returns what colours a run, and says below what colours mean.
    painter() {
      this.legend = [];
      this.scale = null;
      if (!this.colour) return (run) => this.colours[run.run_id];
      const scale = scaleOf(this.runs, this.colour);
      if (!scale.numeric) {
        this.legend = scale.categories.slice(0, 30).map((name, at) => ({ name, colour: window.Trackstream.colour(at) }));
        return (run) => (Number.isNaN(scale.place(run)) ? this.ink.faint : window.Trackstream.colour(scale.place(run)));
      }
      const values = this.runs.map((run) => numberOf(run, this.colour)).filter(Number.isFinite);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      this.scale = { name: wordsFor(this.colour), low: shortNumber(low), high: shortNumber(high), ramp: `linear-gradient(to right, ${this.ink.ramp.join(",")})` };
      return (run) => {
        const value = numberOf(run, this.colour);
        return Number.isNaN(value) ? this.ink.faint : shade(this.ink.ramp, high > low ? (value - low) / (high - low) : 0.5);
      };
    },
  },
};
