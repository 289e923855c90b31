// Keys, and the few buttons of the frame that need no server.
(() => {
  let going = 0;
  const writing = (target) => target.closest?.("input, textarea, select, [contenteditable=true], .cm-editor");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (Date.now() - going < 1200) {
      const entry = document.querySelector(`.ts-nav [data-go="${CSS.escape(event.key)}"]`);
      going = 0;
      if (entry) {
        event.preventDefault();
        entry.click();
      }
    } else if (event.key === "g") going = Date.now();
    else if (event.key === "?") document.getElementById("help").showModal();
    else if (event.key === "/") {
      const field = document.querySelector("[data-search] input, [data-search] textarea, input[data-search], [data-search] .cm-content");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    }
  });

  const panel = () => document.getElementById("moment-panel");
  let bounds = null;
  let moved = false;
  // The slider goes from the store's first event to now; the first is asked for when it is opened first.
  async function openMoment(button) {
    const hidden = !panel().hidden;
    panel().hidden = hidden;
    button.setAttribute("aria-expanded", String(!hidden));
    if (hidden || bounds) return;
    const until = Date.now();
    const past = Date.parse(Trackstream.asOf ?? "");
    const shown = Number.isNaN(past) ? until : past;
    setBounds(until - 86_400_000, until, shown);
    setMoment(shown);
    try {
      const found = await Trackstream.api("/sql", { body: { query: "SELECT toUnixTimestamp64Milli(min(occurred_at)) AS first FROM v_events" } });
      const first = Number(found.rows[0]?.[0]);
      if (first > 0 && !moved) setBounds(first, until, shown);
    } catch {
      // A day is shown then; the exact moment can still be typed.
    }
  }
  function setBounds(since, until, shown) {
    bounds = [since, until];
    const place = (shown - since) / Math.max(1, until - since);
    document.getElementById("moment-slider").value = Math.round(Math.min(1, Math.max(0, place)) * 1000);
    document.getElementById("moment-from").textContent = new Date(since).toLocaleString();
  }
  function setMoment(ms) {
    const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
    document.getElementById("moment-exact").value = local.toISOString().slice(0, 19);
  }
  function go(asOf) {
    const to = new URL(location.href);
    if (asOf) to.searchParams.set("as_of", asOf);
    else to.searchParams.delete("as_of");
    location.assign(to);
  }

  document.addEventListener("input", (event) => {
    if (event.target.id !== "moment-slider" || !bounds) return;
    moved = true;
    setMoment(bounds[0] + (Number(event.target.value) / 1000) * (bounds[1] - bounds[0]));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-act]");
    if (button?.dataset.act === "scheme") Trackstream.switchScheme();
    else if (button?.dataset.act === "help") document.getElementById("help").showModal();
    else if (button?.dataset.act === "moment") openMoment(button);
    else if (button?.dataset.act === "moment-now") go(null);
    else if (button?.dataset.act === "moment-show") {
      const exact = document.getElementById("moment-exact").value;
      if (exact) go(new Date(exact).toISOString());
    } else if (panel() && !panel().hidden && !event.target.closest("#moment")) panel().hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel() && !panel().hidden) panel().hidden = true;
  });
})();
