// What is drawn before anybody has chosen: what varies, against what is most likely sought. Pure functions.

import { isNumeric, keysOf, scaleOf, varies } from "trackstream-charts/fields.js";

const MOST_AXES = 7;
const MOST_CATEGORIES = 24;

// The metric that runs are most likely compared by.
export function target(runs) {
  const shared = keysOf(runs, "metrics", true);
  const all = shared.length ? shared : keysOf(runs, "metrics");
  const found = all.find((key) => /^(val|eval|test|valid)/i.test(key) && !/^system/.test(key)) ?? all.find((key) => !key.startsWith("system/")) ?? all[0];
  return found ? `metrics.${found}` : "";
}

// Params that are not the same everywhere, those of numbers first.
export function varying(runs) {
  const fields = keysOf(runs, "params").map((key) => `params.${key}`).filter((field) => varies(runs, field));
  return [...fields.filter((field) => isNumeric(runs, field)), ...fields.filter((field) => !isNumeric(runs, field))];
}

export function defaults(runs) {
  const aim = target(runs);
  const params = varying(runs);
  const numbers = params.filter((field) => isNumeric(runs, field));
  const metrics = keysOf(runs, "metrics").map((key) => `metrics.${key}`).filter((field) => field !== aim);
  const few = params.filter((field) => new Set(runs.map((run) => run.params[field.slice(7)])).size <= 12);
  const axes = params.filter((field) => (scaleOf(runs, field).categories ?? []).length <= MOST_CATEGORIES);
  return {
    sx: numbers[0] ?? metrics[0] ?? "attributes.duration", sy: aim || "attributes.duration", sc: "",
    dims: [...axes.slice(0, MOST_AXES - 1), ...(aim ? [aim] : [])],
    pc: aim,
    cx: numbers[0] ?? "attributes.duration", cy: numbers[1] ?? metrics[0] ?? "attributes.start_time", cz: aim || "attributes.duration",
    bg: few[0] ?? params[0] ?? keysOf(runs, "params").map((key) => `params.${key}`)[0] ?? "attributes.start_time", bv: aim || "attributes.duration",
  };
}
