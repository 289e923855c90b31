// Runs before anything is painted. The choice is the browser's unless somebody has made one here.
(() => {
  const chosen = localStorage.getItem("trackstream-scheme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.scheme = dark ? "dark" : "light";
})();
