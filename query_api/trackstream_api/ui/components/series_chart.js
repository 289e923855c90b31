export { SeriesChart as default } from "trackstream-charts";
