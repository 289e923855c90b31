import { echarts } from "nicegui-echart";

// What of a result can be drawn: which columns hold numbers or times, and the options of a chart of chosen ones.
const MOST_POINTS = 20000;
const MOST_SERIES = 12;
const unwrapped = (type) => type.replace(/^(Nullable|LowCardinality)\((.*)\)$/, "$2").replace(/^(Nullable)\((.*)\)$/, "$2");

export const isNumber = (type) => /^(U?Int\d+|Float\d+|Decimal)/.test(unwrapped(type));
export const isTime = (type) => /^Date/.test(unwrapped(type));

// The columns that a chart begins with: a time or a number to the right, the other numbers upwards.
export function guess(columns) {
  const numbers = columns.map((column, index) => index).filter((index) => isNumber(columns[index].type));
  const time = columns.findIndex((column) => isTime(column.type));
  const words = columns.findIndex((column) => !isNumber(column.type) && !isTime(column.type));
  if (!numbers.length) return null;
  if (time >= 0) return { kind: "line", x: time, y: [numbers[0]], by: -1 };
  if (words >= 0) return { kind: "bar", x: words, y: [numbers[0]], by: -1 };
  return numbers.length > 1 ? { kind: "line", x: numbers[0], y: [numbers[1]], by: -1 } : { kind: "bar", x: numbers[0], y: [numbers[0]], by: -1 };
}

const asNumber = (value) => (value === null || value === "" ? null : Number.isFinite(Number(value)) ? Number(value) : null);

export function options(result, chosen) {
  const { colour, variable, number } = window.Trackstream;
  const { columns } = result;
  const rows = result.rows.slice(0, MOST_POINTS);
  const time = isTime(columns[chosen.x].type);
  const category = chosen.kind === "bar" || !(time || isNumber(columns[chosen.x].type));
  const place = (row) => (category ? String(row[chosen.x]) : time ? Date.parse(row[chosen.x]) : asNumber(row[chosen.x]));
  const groups = new Map();
  for (const row of rows) {
    for (const y of chosen.y) {
      const name = chosen.by >= 0 ? `${row[chosen.by]}${chosen.y.length > 1 ? ` · ${columns[y].name}` : ""}` : columns[y].name;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push([place(row), asNumber(row[y])]);
    }
  }
  const shown = [...groups].slice(0, MOST_SERIES);
  const line = variable("--ts-line");
  const quiet = variable("--ts-quiet");
  const axis = { axisLine: { lineStyle: { color: line } }, axisLabel: { color: quiet, fontSize: 11 }, splitLine: { lineStyle: { color: line } } };
  return {
    animation: false,
    textStyle: { fontFamily: variable("--ts-font") },
    grid: { left: 8, right: 16, top: 30, bottom: 8, containLabel: true },
    legend: { show: shown.length > 1, type: "scroll", top: 0, textStyle: { color: quiet, fontSize: 11 }, itemWidth: 14, itemHeight: 8 },
    tooltip: {
      trigger: chosen.kind === "scatter" ? "item" : "axis",
      backgroundColor: variable("--ts-raised"), borderColor: line, textStyle: { color: variable("--ts-text"), fontSize: 12 },
      // Written as text by ECharts itself; names from the result are never markup.
      renderMode: "richText",
      valueFormatter: (value) => number(value),
    },
    xAxis: { ...axis, type: category ? "category" : time ? "time" : "value", scale: true, ...(category ? { data: [...new Set(rows.map(place))] } : {}) },
    yAxis: { ...axis, type: "value", scale: chosen.kind !== "bar" },
    series: shown.map(([name, points], index) => ({
      name,
      type: chosen.kind,
      data: chosen.kind === "line" && !category ? points.toSorted((a, b) => a[0] - b[0]) : points,
      showSymbol: points.length < 60,
      symbolSize: chosen.kind === "scatter" ? 6 : 4,
      lineStyle: { width: 1.6 },
      itemStyle: { color: colour(index) },
      barMaxWidth: 34,
    })),
  };
}

export { echarts, MOST_POINTS, MOST_SERIES };
