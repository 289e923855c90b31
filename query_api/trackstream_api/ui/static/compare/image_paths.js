// Which images belong together: the same path in several runs, and paths that differ by a step only. Pure functions.

// The name that mlflow.log_image gives: KEY%step%3%timestamp%…%ID.png, with + where % cannot stand.
const LOGGED = /^(.*?)[%+]step[%+](\d+)[%+]timestamp[%+](\d+)[%+][^/]*?(%2Bcompressed|[%+]compressed)?(\.\w+)$/;
const NUMBER = /^(.*?)(\d+)(\D*)$/;

// {series, step}: what a path shows, and at which step; step null where its name has none.
export function placed(path) {
  const logged = LOGGED.exec(path);
  if (logged) return { series: logged[1] + (logged[4] ? " (small)" : ""), step: Number(logged[2]) };
  const cut = path.lastIndexOf("/") + 1;
  const found = NUMBER.exec(path.slice(cut));
  if (!found) return { series: path, step: null };
  return { series: `${path.slice(0, cut)}${found[1]}*${found[3]}`, step: Number(found[2]) };
}

// Map(series -> {name, runs, steps, files: Map("run step" -> file)}), what most runs have first. A series with one
// step is called by its path.
export function grouped(files) {
  const found = new Map();
  for (const file of files) {
    const { series, step } = placed(file.path);
    if (!found.has(series)) found.set(series, { name: series, runs: new Set(), steps: new Set(), files: new Map() });
    const one = found.get(series);
    one.runs.add(file.run_id);
    if (step !== null) one.steps.add(step);
    // Of several at one step the newest counts.
    const key = `${file.run_id} ${step}`;
    if (!(one.files.get(key)?.logged_at > file.logged_at)) one.files.set(key, file);
  }
  const groups = [...found.values()].map((one) => ({ ...one, steps: [...one.steps].sort((a, b) => a - b) }));
  for (const one of groups) if (one.steps.length === 1) one.name = one.files.values().next().value.path;
  return groups.sort((one, other) => other.runs.size - one.runs.size || one.name.localeCompare(other.name, "en", { numeric: true }));
}

// A run's file of a series at a step, or at the last step before it; null where it has none so far.
export function fileAt(group, runId, step) {
  if (!group.steps.length) return group.files.get(`${runId} null`) ?? null;
  for (let at = group.steps.indexOf(step); at >= 0; at--) {
    const file = group.files.get(`${runId} ${group.steps[at]}`);
    if (file) return { ...file, step: group.steps[at] };
  }
  return null;
}
