// An axis a field, a line a run. Dragging along an axis picks runs.

import { isWide, numberOf, scaleOf, wordsFor } from "./fields.js";
import { FONT, shade } from "./plot.js";
import { plotTemplate, runPlot } from "./run_plot.js";
import { shortNumber } from "./ticks.js";

export const ParallelChart = {
  name: "ParallelChart",
  mixins: [runPlot],
  emits: ["picked"],
  props: { fields: { type: Array, default: () => [] }, colour: { type: String, default: "" } },
  template: plotTemplate(),
  computed: {
    shows() {
      return [...this.fields, this.colour];
    },
    summary() {
      return `${this.runs.length} runs along ${this.fields.map(wordsFor).join(", ")}`;
    },
  },
  methods: {
    draw() {
      if (!this.plot) return;
      if (this.fields.length < 2) return this.lack("Choose at least two axes");
      const scales = this.fields.map((field) => scaleOf(this.runs, field));
      const rows = this.runs.map((run) => ({ run, value: scales.map((scale) => scale.place(run)) })).filter(({ value }) => value.filter(Number.isFinite).length > 1);
      if (!rows.length) return this.lack("None of the shown runs has two of these values");
      this._rows = rows;
      const values = this.runs.map((run) => numberOf(run, this.colour)).filter(Number.isFinite);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const paint = (run) => {
        if (!this.colour || !values.length) return this.colours[run.run_id];
        const value = numberOf(run, this.colour);
        return Number.isNaN(value) ? this.ink.faint : shade(this.ink.ramp, high > low ? (value - low) / (high - low) : 0.5);
      };
      this.show({
        parallel: {
          left: 46, right: 70, top: 44, bottom: 20,
          parallelAxisDefault: {
            // Above the lines.
            z: 12,
            nameLocation: "end", nameGap: 14, nameTextStyle: { ...FONT, fontWeight: 600, color: this.ink.text }, nameTruncate: { maxWidth: 130 },
            axisLine: { lineStyle: { color: this.ink.strong } }, axisTick: { show: false }, splitLine: { show: false },
            axisLabel: this.label(),
            areaSelectStyle: { width: 18, borderWidth: 1, borderColor: this.ink.main, color: this.ink.main, opacity: 0.25 },
          },
        },
        parallelAxis: this.fields.map((field, dim) => {
          const { numeric, categories } = scales[dim];
          const base = { dim, name: wordsFor(field), realtime: true };
          if (!numeric) return { ...base, type: "category", data: categories };
          const type = isWide(this.runs, field) ? "log" : "value";
          return { ...base, type, scale: true, boundaryGap: type === "value" ? ["4%", "4%"] : null, axisLabel: { ...this.label(), formatter: shortNumber } };
        }),
        series: [{
          type: "parallel", smooth: 0.25, lineStyle: { width: 1.6, opacity: 0.75 }, inactiveOpacity: 0.06, activeOpacity: 0.95,
          data: rows.map(({ run, value }) => ({ value: value.map((one) => (Number.isFinite(one) ? one : "-")), lineStyle: { color: paint(run) } })),
        }],
      });
      this.plot.off("axisareaselected");
      this.plot.on("axisareaselected", () => this.pick());
    },
    // Readable where lines run behind it.
    label() {
      return { ...FONT, color: this.ink.quiet, hideOverlap: true, textBorderColor: this.ink.surface, textBorderWidth: 3 };
    },
    pick() {
      const inside = this.plot.getModel().getSeriesByIndex(0).getRawIndicesByActiveState("active");
      const none = this.plot.getModel().getSeriesByIndex(0).getRawIndicesByActiveState("inactive").length === 0;
      this.$emit("picked", none ? [] : inside.map((at) => this._rows[at].run.run_id));
    },
  },
};
