// What every chart needs of ECharts: a canvas that fits its element, and colours that follow light and dark.

const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("./charts.css", import.meta.url).href });
document.head.append(sheet);

// Its megabyte is fetched while pages are built, not before.
const loading = import("nicegui-echart").then(({ echarts }) => echarts);

// A Vue mixin: the component has `$refs.canvas`, `draw()`, which is called whenever there may be something new to
// see: `this.plot` is the ECharts instance, `this.ink` the colours.
export const plotted = {
  async mounted() {
    const echarts = await loading;
    if (!this.$refs.canvas) return;
    this.plot = echarts.init(this.$refs.canvas, null, { renderer: "canvas" });
    this.ink = inks();
    this._recolour = () => {
      this.ink = inks();
      this.draw();
    };
    document.addEventListener("trackstream:scheme", this._recolour);
    this._fit = new ResizeObserver(() => {
      this.plot.resize();
      this.draw();
    });
    this._fit.observe(this.$refs.canvas);
    this.ready?.();
    this.draw();
  },
  beforeUnmount() {
    document.removeEventListener("trackstream:scheme", this._recolour);
    this._fit?.disconnect();
    this.plot?.dispose();
    this.plot = null;
  },
};

export const FONT = { fontFamily: "Inter, Roboto, 'Segoe UI', Arial, sans-serif", fontSize: 11 };

function inks() {
  const of = (name) => window.Trackstream.variable(`--ts-${name}`);
  return {
    text: of("text"), quiet: of("quiet"), faint: of("faint"), line: of("line"), strong: of("line-strong"),
    surface: of("surface"), raised: of("raised"), sunk: of("sunk"), main: of("main"), soft: of("main-soft"),
    best: of("warn"),
    // From little to much, told apart without red and green.
    ramp: window.Trackstream.isDark()
      ? ["#3a4a8c", "#3f7fb5", "#4db39a", "#b9cf5a", "#ffe27a"]
      : ["#3b3f8f", "#2f77b4", "#2a9d8a", "#8fb53a", "#e0a81f"],
  };
}

// Marks, names and rules of an axis of `ink`.
export function axis(ink, more = {}) {
  return {
    axisLine: { show: false, onZero: false }, axisTick: { show: false },
    splitLine: { show: true, lineStyle: { color: ink.line } },
    axisLabel: { ...FONT, color: ink.quiet, hideOverlap: true },
    nameTextStyle: { ...FONT, color: ink.quiet },
    ...more,
  };
}

// Of ECharts' tooltip: drawn on the canvas, so that nothing in a name can be markup.
export function tooltip(ink, formatter) {
  return {
    show: true, trigger: "item", renderMode: "richText", confine: true, formatter,
    backgroundColor: ink.raised, borderColor: ink.strong, borderWidth: 1, padding: [7, 9],
    textStyle: { ...FONT, fontSize: 12, color: ink.text },
  };
}

// A colour of the ramp for a share between 0 and 1.
export function shade(ramp, share) {
  const at = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(at));
  const parts = [0, 1, 2].map((channel) => {
    const [from, to] = [ramp[low], ramp[low + 1]].map((one) => parseInt(one.slice(1 + 2 * channel, 3 + 2 * channel), 16));
    return Math.round(from + (to - from) * (at - low));
  });
  return `rgb(${parts.join(",")})`;
}
