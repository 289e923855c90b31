// How a field is spread in groups of runs: quartiles as boxes, the runs as dots.

import { numberOf, scaleOf, valueOf, wordsFor } from "./fields.js";
import { axis, tooltip } from "./plot.js";
import { plotTemplate, runPlot } from "./run_plot.js";
import { shortNumber } from "./ticks.js";

// Between neighbours by their distance, as numpy's default has it. `sorted` is ascending and not empty.
export function quantile(sorted, share) {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

// Whiskers reach to the outermost runs within one and a half times the box's height.
export function box(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const [lower, middle, upper] = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share));
  const reach = 1.5 * (upper - lower);
  const inside = sorted.filter((value) => value >= lower - reach && value <= upper + reach);
  return [inside[0], lower, middle, upper, inside.at(-1)];
}

export const BoxChart = {
  name: "BoxChart",
  mixins: [runPlot],
  props: { group: String, value: String, log: Boolean },
  template: plotTemplate(),
  computed: {
    shows() {
      return [this.group, this.value, this.log];
    },
    summary() {
      return `${wordsFor(this.value)} of ${this.runs.length} runs by ${wordsFor(this.group)}`;
    },
  },
  methods: {
    draw() {
      if (!this.plot) return;
      const placed = this.runs.map((run) => ({ run, at: valueOf(run, this.group), value: numberOf(run, this.value) }))
        .filter(({ at, value }) => at !== undefined && Number.isFinite(value) && (!this.log || value > 0));
      if (!placed.length) return this.lack("None of the shown runs has both values");
      const order = scaleOf(placed.map(({ run }) => run), this.group);
      const names = order.categories ?? [...new Set(placed.map(({ at }) => Number(at)))].sort((one, other) => one - other).map(String);
      const of = ({ at }) => names.indexOf(order.categories ? String(at) : String(Number(at)));
      const boxes = names.map((_, place) => box(placed.filter((one) => of(one) === place).map(({ value }) => value)));
      const base = axis(this.ink);
      this.show({
        grid: { left: 16, right: 24, top: 26, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
        xAxis: { ...base, type: "category", data: names, name: wordsFor(this.group), nameLocation: "middle", nameGap: 26, splitLine: { show: false } },
        yAxis: {
          ...base, type: this.log ? "log" : "value", scale: true, name: wordsFor(this.value), nameLocation: "end", nameGap: 8,
          nameTextStyle: { align: "left", color: this.ink.quiet, fontSize: 11 }, axisLabel: { ...base.axisLabel, formatter: shortNumber },
        },
        tooltip: tooltip(this.ink, ({ seriesType, data, dataIndex }) => {
          if (data?.full) return this.told(data.full, [this.group, this.value]);
          if (seriesType !== "boxplot") return "";
          const many = placed.filter((one) => of(one) === dataIndex).length;
          const [low, lower, middle, upper, high] = boxes[dataIndex].map(shortNumber);
          return `${wordsFor(this.group)}: ${names[dataIndex]}\n${many} ${many === 1 ? "run" : "runs"}\nmedian ${middle}\nquartiles ${lower} to ${upper}\nwhiskers ${low} to ${high}`;
        }),
        series: [
          { type: "boxplot", data: boxes, boxWidth: [14, 64], itemStyle: { color: this.ink.soft, borderColor: this.ink.main, borderWidth: 1.3 } },
          {
            type: "custom", z: 4, data: placed.map((one) => ({ value: [of(one), one.value], full: one.run })),
            renderItem: (params, api) => {
              const { run } = placed[params.dataIndex];
              const [x, y] = api.coord([api.value(0), api.value(1)]);
              const shift = (((params.dataIndex * 0.618) % 1) - 0.5) * Math.min(36, 0.4 * api.size([1, 0])[0]);
              return { type: "circle", shape: { cx: x + shift, cy: y, r: 3.5 }, style: { fill: this.colours[run.run_id], stroke: this.ink.surface, lineWidth: 1 } };
            },
          },
        ],
      });
    },
  },
};
