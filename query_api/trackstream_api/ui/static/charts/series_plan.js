// What a chart of curves shows: which part of both axes, what stands there, where everything lies. Pure functions.

import { extent, padded } from "./curves.js";
import { clock, linearTicks, logTicks, shortNumber, timeOfDay, timeTicks } from "./ticks.js";

export const MARGIN = { left: 54, right: 14, top: 8, bottom: 24 };

// `curves` are those that are shown, each {x, mean, min, max, drawn}; `range` is [from, to] of x or null for all.
export function plan({ curves, range, x, logX, logY, band, width, height }) {
  const box = { left: MARGIN.left, top: MARGIN.top, width: Math.max(40, width - MARGIN.left - MARGIN.right), height: Math.max(40, height - MARGIN.top - MARGIN.bottom) };
  const whole = extent(curves.flatMap(({ x, first, end }) => (x.length ? [[first, end], x] : [])), logX);
  if (!whole) return null;
  let across = range ?? whole;
  if (across[0] === across[1]) across = logX ? [across[0] / 1.5, across[1] * 1.5] : [across[0] - 1, across[1] + 1];
  const seen = (curve) => (at) => curve.x[at] >= across[0] && curve.x[at] <= across[1];
  const parts = curves.flatMap((curve) => {
    const lines = band ? [curve.drawn, curve.min, curve.max] : [curve.drawn];
    return lines.map((values) => extent([values], logY, seen(curve)) ?? []);
  });
  const found = extent(parts, logY) ?? extent(curves.map(({ drawn }) => drawn), logY);
  const up = padded(found ?? (logY ? [0.1, 1] : [0, 1]), logY);
  const toX = logX ? Math.log10 : (value) => value;
  const toY = logY ? (value) => (value > 0 ? Math.log10(value) : NaN) : (value) => value;
  const [low, high] = across.map(toX);
  const [bottom, top] = up.map(toY);
  return {
    box, whole, across, up, toX, toY, low, high, bottom, top, empty: !found,
    pixelX: (value) => box.left + ((toX(value) - low) / (high - low)) * box.width,
    pixelY: (value) => box.top + (1 - (toY(value) - bottom) / (top - bottom)) * box.height,
    valueX: (pixel) => {
      const at = low + ((pixel - box.left) / box.width) * (high - low);
      return logX ? 10 ** at : at;
    },
    ...marks({ across, up, x, logX, logY, box }),
  };
}

function marks({ across, up, x, logX, logY, box }) {
  const [from, to] = across;
  const many = Math.max(2, Math.floor(box.width / 78));
  const few = Math.max(2, Math.floor(box.height / 38));
  let xTicks;
  if (logX) xTicks = logTicks(from, to, many);
  else if (x === "step") xTicks = linearTicks(from, to, many, true);
  else xTicks = timeTicks(from, to, many);
  return { xTicks, yTicks: logY ? logTicks(up[0], up[1], few) : linearTicks(up[0], up[1], few), xLabel: label(x, to - from) };
}

// How a place on the x axis is called: beside the axis; `exact` in a tooltip.
export function label(x, span) {
  if (x === "timestamp") return (value) => timeOfDay(value, span);
  return x === "relative" ? clock : shortNumber;
}

export function exact(x, value) {
  if (x === "timestamp") return window.Trackstream.moment(value);
  return x === "relative" ? `${clock(value)} after the start` : `Step ${window.Trackstream.count(Math.round(value))}`;
}
