// How a third field goes over two others: a surface through the runs' values, and the runs on it.

import { fieldAxis } from "./field_axis.js";
import { numberOf, wordsFor } from "./fields.js";
import { shade, tooltip } from "./plot.js";
import { plotTemplate, runPlot } from "./run_plot.js";
import { heightAt, interpolated, isolines } from "./surface.js";
import { linearTicks, shortNumber } from "./ticks.js";

const ACROSS = 90;
const UP = 70;
const FINER = 5;
const LEVELS = 9;

export const ContourChart = {
  name: "ContourChart",
  mixins: [runPlot],
  props: { x: String, y: String, z: String, logX: Boolean, logY: Boolean },
  data: () => ({ scale: null }),
  template: plotTemplate(`
    <div v-if="scale && !lacking" class="ts-plot-scale">{{ scale.name }} <span>{{ scale.low }}</span><i :style="{ background: scale.ramp }"></i><span>{{ scale.high }}</span><span class="ts-faint">between the runs: estimated from their distance</span></div>`),
  computed: {
    shows() {
      return [this.x, this.y, this.z, this.logX, this.logY];
    },
    summary() {
      return `${wordsFor(this.z)} over ${wordsFor(this.x)} and ${wordsFor(this.y)} of ${this.runs.length} runs`;
    },
  },
  methods: {
    draw() {
      if (!this.plot) return;
      this.scale = null;
      const placed = this.runs.map((run) => ({ run, x: numberOf(run, this.x), y: numberOf(run, this.y), z: numberOf(run, this.z) }))
        .filter(({ x, y, z }) => [x, y, z].every(Number.isFinite) && (!this.logX || x > 0) && (!this.logY || y > 0));
      const spread = (name) => new Set(placed.map((one) => one[name])).size;
      if (placed.length < 3 || spread("x") < 2 || spread("y") < 2) return this.lack("A surface needs three runs with numbers for all three fields, and at least two different values across and up");
      const bare = { splitLine: { show: false } };
      const across = fieldAxis(this.ink, placed.map(({ x }) => x), this.logX, { ...bare, name: titled(this.x, this.logX), nameLocation: "middle", nameGap: 26 });
      const up = fieldAxis(this.ink, placed.map(({ y }) => y), this.logY, {
        ...bare, name: titled(this.y, this.logY), nameLocation: "end", nameGap: 8, nameTextStyle: { align: "left", color: this.ink.quiet, fontSize: 11 },
      });
      const [toX, toY] = [across.place, up.place];
      const [low, high] = [Math.min(...placed.map(({ z }) => z)), Math.max(...placed.map(({ z }) => z))];
      const share = (z) => (high > low ? (z - low) / (high - low) : 0.5);
      const points = placed.map(({ x, y, z }) => ({ x: (toX(x) - across.min) / (across.max - across.min), y: (toY(y) - up.min) / (up.max - up.min), z }));
      const rows = interpolated(points, ACROSS, UP);
      const heights = linearTicks(low, high, LEVELS);
      const edges = [low, ...heights, high];
      const bands = edges.slice(1).map((edge, at) => shade(this.ink.ramp, share((edge + edges[at]) / 2)));
      const image = painted(rows, (z) => bands[heights.filter((height) => height <= z).length]);
      const lines = heights.flatMap((height) => isolines(rows, height));
      this.scale = { name: wordsFor(this.z), low: shortNumber(low), high: shortNumber(high), ramp: `linear-gradient(to right, ${this.ink.ramp.join(",")})` };
      this.show({
        grid: { left: 62, right: 24, top: 26, bottom: 40, outerBoundsMode: "none" },
        xAxis: across.option, yAxis: up.option,
        tooltip: tooltip(this.ink, ({ data }) => (data?.full ? this.told(data.full, [this.x, this.y, this.z]) : "")),
        series: [
          {
            type: "custom", silent: true, clip: true, z: 1, data: [[across.min, up.min]], tooltip: { show: false },
            renderItem: ({ coordSys: { x, y, width, height } }) => ({
              type: "group",
              children: [
                { type: "image", style: { image, x, y, width, height }, silent: true },
                ...lines.map(([[x1, y1], [x2, y2]]) => ({
                  type: "line", silent: true, style: { stroke: this.ink.surface, lineWidth: 1, opacity: 0.55 },
                  shape: { x1: x + x1 * width, y1: y + (1 - y1) * height, x2: x + x2 * width, y2: y + (1 - y2) * height },
                })),
              ],
            }),
          },
          {
            type: "scatter", symbolSize: 9, z: 3, itemStyle: { borderColor: this.ink.text, borderWidth: 1.2 },
            data: placed.map(({ run, x, y, z }) => ({ value: [toX(x), toY(y)], full: run, itemStyle: { color: shade(this.ink.ramp, share(z)) } })),
          },
        ],
      });
    },
  },
};

const titled = (field, log) => wordsFor(field) + (log ? " (log)" : "");

function painted(rows, colour) {
  const [width, height] = [ACROSS * FINER, UP * FINER];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      pen.fillStyle = colour(heightAt(rows, (column + 0.5) / width, 1 - (row + 0.5) / height));
      pen.fillRect(column, row, 1, 1);
    }
  }
  return canvas;
}
