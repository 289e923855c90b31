// An axis of numbers with room at both ends, evenly or by powers; what is placed on it goes through `place`.

import { axis } from "./plot.js";
import { linearTicks, logTicks, shortNumber } from "./ticks.js";

const MARKS = 7;
const ROOM = 0.05;

// {place, min, max, option}: `values` are finite, and above 0 where `log`.
export function fieldAxis(ink, values, log, more = {}) {
  const place = log ? Math.log10 : (value) => value;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high > low ? (place(high) - place(low)) * ROOM : log ? 0.3 : Math.abs(low) * ROOM || 1;
  const [min, max] = [place(low) - room, place(high) + room];
  const marks = log ? logTicks(10 ** min, 10 ** max, MARKS) : linearTicks(min, max, MARKS);
  const names = marks.map((mark) => [place(mark), shortNumber(mark)]);
  const drawn = axis(ink, more);
  const customValues = names.map(([at]) => at);
  // ECharts hands a mark back with the last bits of its value lost.
  const formatter = (value) => names.reduce((one, other) => (Math.abs(other[0] - value) < Math.abs(one[0] - value) ? other : one))[1];
  const option = { type: "value", min, max, ...drawn, axisTick: { show: false, customValues }, axisLabel: { ...drawn.axisLabel, customValues, formatter } };
  return { place, min, max, option };
}
