// MLflow's client prints links such as /#/experiments/0/runs/ID: they lead to the pages here.
(() => {
  let parts = [];
  try {
    parts = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    // Not a link of anybody's client: the first page.
  }
  const at = (name) => parts[parts.indexOf(name) + 1];
  const place = (...path) => "/ui/" + path.map(encodeURIComponent).join("/");
  let to = place("experiments");
  if (parts.includes("runs") && at("runs")) to = place("runs", at("runs"));
  else if (parts[0] === "experiments" && parts[1]) to = place("experiments", parts[1]);
  else if (parts[0] === "models" && parts[1]) to = place("models", parts[1]);
  location.replace(to);
})();
