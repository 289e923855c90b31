// A plan and curves as ECharts draws them.

import { lonely } from "./curves.js";
import { shortNumber } from "./ticks.js";
import { FONT, axis } from "./plot.js";

const BANDS = 12;

// `curves`: {id, colour, x, mean, drawn, min, max, count}; `raw` is whether the unsmoothed lines stand behind.
export function option({ plan, curves, ink, band, raw }) {
  const series = [];
  const many = curves.length > 20;
  if (band && curves.length <= BANDS) for (const curve of curves) if (isWide(curve)) series.push(bandOf(plan, curve));
  for (const curve of curves) {
    if (raw) series.push(lineOf(plan, curve, curve.mean, { color: curve.colour, width: 1, opacity: 0.22 }));
    series.push(lineOf(plan, curve, curve.drawn, { color: curve.colour, width: many ? 1.1 : 1.6, opacity: many ? 0.85 : 1 }));
  }
  const single = curves.flatMap(({ x, drawn, colour }) =>
    lonely(drawn).map((at) => ({ value: [plan.toX(x[at]), plan.toY(drawn[at])], itemStyle: { color: colour } })),
  );
  if (single.length) series.push({ type: "scatter", data: single, symbolSize: 5, silent: true, animation: false });
  const { box } = plan;
  return {
    animation: false,
    grid: { left: box.left, top: box.top, width: box.width, height: box.height, containLabel: false, outerBoundsMode: "none" },
    xAxis: valued(ink, plan.low, plan.high, plan.xTicks.map(plan.toX), new Map(plan.xTicks.map((one) => [plan.toX(one), plan.xLabel(one)])), {
      splitLine: { show: false }, axisLine: { show: true, onZero: false, lineStyle: { color: ink.strong } },
    }),
    yAxis: valued(ink, plan.bottom, plan.top, plan.yTicks.map(plan.toY), new Map(plan.yTicks.map((one) => [plan.toY(one), shortNumber(one)])), {}),
    series,
  };
}

function valued(ink, min, max, customValues, names, more) {
  const drawn = axis(ink, more);
  return {
    type: "value", min, max, ...drawn,
    axisTick: { show: false, customValues },
    splitLine: { ...drawn.splitLine, showMinLine: true, showMaxLine: true },
    axisLabel: { ...FONT, color: ink.quiet, hideOverlap: true, customValues, formatter: (value) => names.get(value) ?? nearestName(names, value) },
  };
}

// ECharts hands a mark back with the last bits of its value lost.
function nearestName(names, value) {
  let best = "";
  let distance = Infinity;
  for (const [at, name] of names) {
    if (Math.abs(at - value) < distance) {
      distance = Math.abs(at - value);
      best = name;
    }
  }
  return best;
}

function lineOf(plan, { x }, values, lineStyle) {
  const data = new Float64Array(2 * x.length);
  for (let at = 0; at < x.length; at++) {
    data[2 * at] = plan.toX(x[at]);
    data[2 * at + 1] = Number.isFinite(values[at]) ? plan.toY(values[at]) : NaN;
  }
  return { type: "line", data, dimensions: ["x", "y"], showSymbol: false, silent: true, lineStyle, animation: false, z: lineStyle.opacity < 0.5 ? 2 : 3 };
}

export const isWide = ({ min, max }) => min.some((low, at) => max[at] > low);

// Between the least and the greatest value of each bucket; broken where there are none.
export function outlines(plan, { x, min, max }) {
  const found = [];
  let upper = [];
  let lower = [];
  const close = () => {
    if (upper.length > 1) found.push([...upper, ...lower.reverse()]);
    upper = [];
    lower = [];
  };
  const floor = plan.box.top + plan.box.height + 2;
  for (let at = 0; at < x.length; at++) {
    const top = plan.pixelY(max[at]);
    if (!Number.isFinite(max[at]) || !Number.isFinite(top)) {
      close();
      continue;
    }
    const bottom = plan.pixelY(min[at]);
    const across = plan.pixelX(x[at]);
    upper.push([across, top]);
    lower.push([across, Number.isFinite(bottom) ? Math.min(floor, bottom) : floor]);
  }
  close();
  return found;
}

function bandOf(plan, curve) {
  const polygons = outlines(plan, curve);
  return {
    type: "custom", silent: true, clip: true, z: 1, animation: false, data: [[plan.low, plan.bottom]],
    renderItem: () => ({
      type: "group",
      children: polygons.map((points) => ({ type: "polygon", shape: { points }, style: { fill: curve.colour, opacity: 0.14 }, silent: true })),
    }),
  };
}
