// What components in the browser share: the API, the moment that is looked at, values as people read them, colours.
// A classic script that is loaded before the page's modules run: `window.Trackstream`.
(() => {
  const query = new URLSearchParams(location.search);
  const asOf = query.get("as_of") || null;

  class ApiFailure extends Error {
    constructor(status, said) {
      super(said.message || `the server answered ${status}`);
      Object.assign(this, { status, errorCode: said.error_code, field: said.field, position: said.position });
    }
  }

  // Ask /api/v1. `body` makes it a POST of JSON unless options.method says otherwise. Throws ApiFailure.
  async function api(path, { query = {}, body, method, signal } = {}) {
    const url = new URL(`/api/v1${path}`, location.origin);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== null && one !== undefined) url.searchParams.append(name, one);
    }
    const answer = await fetch(url, {
      method: method || (body === undefined ? "GET" : "POST"),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      throw new ApiFailure(answer.status, said);
    }
    return answer.status === 204 ? null : answer.json();
  }

  // The address of a page, with the moment: place(["runs", id], {tab: "metrics"}).
  function place(parts, more = {}) {
    const kept = new URLSearchParams();
    for (const [name, value] of Object.entries({ as_of: asOf, ...more })) if (value) kept.set(name, value);
    const text = kept.toString();
    return "/ui/" + parts.map(encodeURIComponent).join("/") + (text ? `?${text}` : "");
  }

  const number = (value) => {
    if (value === null || value === undefined) return "–";
    const found = Number(value);
    if (Number.isNaN(found)) return "NaN";
    if (!Number.isFinite(found)) return found > 0 ? "∞" : "−∞";
    if (Number.isSafeInteger(found)) return String(found);
    return String(Number(found.toPrecision(6)));
  };
  const count = (value) => Number(value).toLocaleString("en-US");
  const moment = (ms) => (ms === null || ms === undefined ? "–" : new Date(ms).toISOString().slice(0, 19).replace("T", " "));
  function duration(ms, parts = 2) {
    if (ms === null || ms === undefined) return "–";
    if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
    let left = Math.floor(ms / 1000);
    const shown = [];
    for (const [unit, seconds] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
      if (left >= seconds) {
        shown.push(`${Math.floor(left / seconds)} ${unit}`);
        left %= seconds;
      }
    }
    return shown.slice(0, parts).join(" ");
  }

  // Twelve hues that can be told apart on both grounds, also by most people who do not see all colours.
  const palette = ["#3f6fe0", "#e0803a", "#2a9d6f", "#c94f7c", "#8a63d2", "#b59a1d", "#2fa3c7", "#d0524a", "#6f8f3a", "#a8662f", "#5c7a99", "#b04fc0"];
  const colour = (index) => palette[index % palette.length];

  const isDark = () => document.documentElement.dataset.scheme === "dark";
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function applyScheme() {
    const dark = isDark();
    document.body.classList.toggle("body--dark", dark);
    document.body.classList.toggle("body--light", !dark);
    window.Quasar?.Dark?.set(dark);
    document.dispatchEvent(new CustomEvent("trackstream:scheme", { detail: { dark } }));
  }
  function switchScheme() {
    const next = isDark() ? "light" : "dark";
    localStorage.setItem("trackstream-scheme", next);
    document.documentElement.dataset.scheme = next;
    applyScheme();
  }
  window.addEventListener("load", applyScheme);

  window.Trackstream = { asOf, api, ApiFailure, place, number, count, moment, duration, palette, colour, isDark, variable, applyScheme, switchScheme };
})();
