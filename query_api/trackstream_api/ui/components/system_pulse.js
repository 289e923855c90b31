import { echarts } from "nicegui-echart";

// How far the projectors are behind and how much comes in, asked for every two seconds while somebody looks.
const EVERY_MS = 2000;
const KEPT = 150;
const SERIES = 12;
const PARTS = ["log", "tables", "contents", "projectors"];

export default {
  template: `
  <div class="ts-column">
    <p v-if="failure" class="ts-note is-bad" role="alert">{{ failure }}</p>
    <div class="ts-tiles" role="group" aria-label="How the store is">
      <div class="ts-tile" v-for="tile in tiles" :key="tile.name" :title="tile.title">
        <div class="ts-quiet ts-small">{{ tile.name }}</div>
        <div class="ts-tile-value" :class="tile.kind">{{ tile.value }}</div>
      </div>
    </div>
    <div class="ts-pulse-split">
      <section class="ts-panel" aria-label="Records behind">
        <div class="ts-panel-head"><h2>Records behind, by partition</h2><div class="ts-grow"></div><span class="ts-faint ts-small">the last 5 minutes</span></div>
        <div ref="lag" class="ts-pulse-chart" role="img" :aria-label="'Records behind now: ' + (status ? status.records_behind : 'not known')"></div>
      </section>
      <section class="ts-panel" aria-label="Event rate">
        <div class="ts-panel-head"><h2>Events per second, by topic</h2><div class="ts-grow"></div><span class="ts-faint ts-small">the last 5 minutes</span></div>
        <div ref="rate" class="ts-pulse-chart" role="img" :aria-label="'Events per second now: ' + rateNow"></div>
      </section>
    </div>
    <section class="ts-panel" aria-label="What the store rests on">
      <div class="ts-panel-head"><h2>What the store rests on</h2></div>
      <div class="ts-panel-body ts-parts">
        <div v-for="part in parts" :key="part.name" class="ts-part">
          <span class="ts-chip" :class="part.trouble ? 'is-bad' : 'is-good'">{{ part.trouble ? "away" : "there" }}</span>
          <strong>{{ part.name }}</strong><span class="ts-quiet ts-pre">{{ part.trouble || part.meaning }}</span>
        </div>
        <p v-if="status && status.failure" class="ts-note is-bad ts-pre">{{ status.failure }}</p>
      </div>
    </section>
    <section class="ts-panel" aria-label="Projectors">
      <div class="ts-panel-head"><h2>Projectors</h2><div class="ts-grow"></div><span class="ts-quiet ts-small">{{ positions.length }} partitions</span></div>
      <div class="ts-scroll ts-positions"><table class="ts-table is-stacking" aria-label="Projectors">
        <thead><tr><th scope="col">Projector</th><th scope="col">Topic</th><th scope="col" class="ts-number">Partition</th><th scope="col" class="ts-number">Next</th>
          <th scope="col" class="ts-number">End of the log</th><th scope="col" class="ts-number">Behind</th><th scope="col">State</th></tr></thead>
        <tbody><tr v-for="at in positions" :key="at.key">
          <td data-label="Projector">{{ at.projector }}</td><td data-label="Topic" class="ts-mono">{{ at.topic }}</td><td data-label="Partition" class="ts-number">{{ at.partition }}</td>
          <td data-label="Next" class="ts-number">{{ count(at.next_offset) }}</td><td data-label="End" class="ts-number">{{ count(at.end) }}</td>
          <td data-label="Behind" class="ts-number">{{ count(at.behind) }}</td>
          <td data-label="State"><span class="ts-chip" :class="at.lost ? 'is-bad' : at.behind ? 'is-live' : 'is-good'">{{ at.lost ? count(at.lost) + " lost" : at.behind ? "catching up" : "up to date" }}</span></td>
        </tr></tbody>
      </table></div>
    </section>
  </div>`,
  data: () => ({ status: null, failure: "", rateNow: 0 }),
  computed: {
    positions() {
      return (this.status?.positions ?? []).map((at) => ({ ...at, behind: Math.max(0, at.end - at.next_offset), key: `${at.projector} ${at.topic} ${at.partition}` }));
    },
    parts() {
      const troubles = this.status?.troubles ?? {};
      const meanings = { log: "takes events", tables: "answer", contents: "of artifacts can be read", projectors: "go on" };
      return [...new Set([...PARTS, ...Object.keys(troubles)])].map((name) => ({ name, trouble: troubles[name], meaning: meanings[name] ?? "" }));
    },
    tiles() {
      const { count, duration } = window.Trackstream;
      const at = this.status;
      const shown = (value) => (at ? value() : "–");
      return [
        { name: "Behind", value: shown(() => count(at.records_behind)), title: "Records that are not yet projected", kind: at?.records_behind ? "is-live" : "" },
        { name: "Lag", value: shown(() => duration(at.lag_ms)), title: "Age of the oldest record that is not yet projected" },
        { name: "Events per second", value: shown(() => count(this.rateNow)), title: "Records that came onto the log" },
        { name: "Runs", value: shown(() => count(at.runs)) },
        { name: "Experiments", value: shown(() => count(at.experiments)) },
        { name: "Points", value: shown(() => count(at.points)), title: "Metric points" },
        { name: "Dead letters", value: shown(() => count(at.dead_letters)), title: "Records that could not be applied, and are open", kind: at?.dead_letters ? "is-bad" : "" },
        { name: "Version", value: shown(() => at.version) },
      ];
    },
  },
  mounted() {
    this.samples = [];
    this.charts = [echarts.init(this.$refs.lag), echarts.init(this.$refs.rate)];
    this.sizes = new ResizeObserver(() => this.charts.forEach((chart) => chart.resize()));
    this.sizes.observe(this.$refs.lag);
    this.restyle = () => this.draw();
    document.addEventListener("trackstream:scheme", this.restyle);
    this.look();
    this.timer = setInterval(() => document.hidden || this.look(), EVERY_MS);
  },
  unmounted() {
    clearInterval(this.timer);
    document.removeEventListener("trackstream:scheme", this.restyle);
    this.sizes.disconnect();
    this.charts.forEach((chart) => chart.dispose());
    this.charts = [];
  },
  methods: {
    count: (value) => window.Trackstream.count(value),
    async look() {
      if (this.asking) return;
      this.asking = true;
      try {
        this.status = await window.Trackstream.api("/status");
        this.failure = "";
        this.keep();
        this.draw();
      } catch (error) {
        this.failure = `The server does not tell how it is: ${error.message}`;
      } finally {
        this.asking = false;
      }
    },
    keep() {
      const ends = new Map();
      for (const at of this.status.positions) ends.set(`${at.topic} ${at.partition}`, at);
      const topics = new Map();
      for (const at of ends.values()) topics.set(at.topic, (topics.get(at.topic) ?? 0) + at.end);
      const before = this.samples.at(-1);
      const now = { at: Date.now(), topics, behind: new Map(this.positions.map((at) => [at.key, at.behind])), rates: new Map() };
      if (before) {
        const seconds = Math.max(0.5, (now.at - before.at) / 1000);
        for (const [topic, end] of topics) now.rates.set(topic, Math.max(0, end - (before.topics.get(topic) ?? end)) / seconds);
      }
      this.rateNow = Math.round([...now.rates.values()].reduce((sum, one) => sum + one, 0));
      this.samples.push(now);
      if (this.samples.length > KEPT) this.samples.shift();
    },
    draw() {
      if (!this.charts.length || !this.samples.length) return;
      this.charts[0].setOption(this.options("behind", (key) => key.replace("trackstream.", "")), { notMerge: true });
      this.charts[1].setOption(this.options("rates", (key) => key.replace("trackstream.", "")), { notMerge: true });
    },
    options(field, words) {
      const { variable, colour, number } = window.Trackstream;
      const totals = new Map();
      for (const sample of this.samples) for (const [key, value] of sample[field]) totals.set(key, (totals.get(key) ?? 0) + value);
      const keys = [...totals].sort((a, b) => b[1] - a[1]).slice(0, SERIES).map(([key]) => key);
      const line = variable("--ts-line");
      const label = { color: variable("--ts-quiet"), fontSize: 10 };
      const now = this.samples.at(-1).at;
      return {
        animation: false,
        textStyle: { fontFamily: variable("--ts-font") },
        grid: { left: 8, right: 14, top: 12, bottom: 4, containLabel: true },
        tooltip: {
          trigger: "axis", renderMode: "richText", backgroundColor: variable("--ts-raised"), borderColor: line,
          textStyle: { color: variable("--ts-text"), fontSize: 11 }, valueFormatter: (value) => number(value), confine: true,
        },
        xAxis: { type: "time", min: now - KEPT * EVERY_MS, max: now, axisLabel: { ...label, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, splitLine: { show: false } },
        yAxis: { type: "value", min: 0, minInterval: 1, max: ({ max }) => Math.max(4, max), axisLabel: label, splitLine: { lineStyle: { color: line } }, splitNumber: 3 },
        // Without any there would be no axes either.
        series: !keys.length ? [{ type: "line", data: [] }] : keys.map((key, index) => ({
          name: words(key), type: "line", showSymbol: false, lineStyle: { width: 1.5 }, areaStyle: { opacity: 0.08 }, itemStyle: { color: colour(index) },
          data: this.samples.filter((sample) => sample[field].has(key)).map((sample) => [sample.at, sample[field].get(key)]),
        })),
      };
    },
  },
};
