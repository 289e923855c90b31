// The charts, as Vue components.

export { SeriesChart } from "./series_chart.js";
export { ScatterChart } from "./scatter_chart.js";
export { ParallelChart } from "./parallel_chart.js";
export { ContourChart } from "./contour_chart.js";
export { BoxChart } from "./box_chart.js";
