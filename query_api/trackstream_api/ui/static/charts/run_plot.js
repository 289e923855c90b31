// What charts with one mark a run share.

import { plotted } from "./plot.js";
import { shown, wordsFor } from "./fields.js";

export const runPlot = {
  mixins: [plotted],
  emits: ["open"],
  props: { runs: { type: Array, default: () => [] }, colours: { type: Object, default: () => ({}) }, height: { type: Number, default: 460 } },
  data: () => ({ lacking: "" }),
  computed: {
    looks() {
      return JSON.stringify([this.runs.map((run) => run.run_id), this.colours, this.height, ...this.shows]);
    },
  },
  watch: {
    looks() {
      this.$nextTick(() => this.draw());
    },
  },
  methods: {
    named: (run) => run.name || run.run_id.slice(0, 8),
    // The words of a tooltip: the run, then each of some fields.
    told(run, wanted) {
      const lines = [...new Set(wanted.filter(Boolean))].map((field) => `${wordsFor(field)}: ${shown(run, field)}`);
      return [this.named(run), ...lines].join("\n");
    },
    // Says what is missing instead of a picture.
    lack(words) {
      this.lacking = words;
      this.plot?.clear();
    },
    show(option) {
      this.lacking = "";
      this.plot.setOption({ animation: false, ...option }, { notMerge: true });
    },
  },
};

export const plotTemplate = (more = "") => `
  <div class="ts-plot-box">
    <div class="ts-plot" :style="{ height: height + 'px' }" role="img" :aria-label="summary">
      <div class="ts-plot-canvas" ref="canvas"></div>
      <div v-if="lacking" class="ts-chart-state">{{ lacking }}</div>
    </div>${more}
  </div>`;
