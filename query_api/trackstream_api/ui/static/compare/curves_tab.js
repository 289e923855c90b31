// Curves of the metrics that the runs have, all with the same axes.

import { SeriesChart } from "trackstream-charts";
import { keysOf } from "trackstream-charts/fields.js";

const FIRST = 12;

export const CurvesTab = {
  name: "CurvesTab",
  components: { SeriesChart },
  emits: ["change"],
  props: { runs: Array, hidden: Array, colours: Object, state: Object },
  data: () => ({ search: "", choosing: false }),
  template: `
    <section class="cmp-tab" aria-label="Curves">
      <div class="ts-toolbar cmp-controls">
        <label class="cmp-field">x <select class="ts-select" :value="x" @change="set('x', $event.target.value === 'step' ? '' : $event.target.value)">
          <option value="step">step</option><option value="relative">time since start</option><option value="timestamp">time</option></select></label>
        <label class="cmp-field">Smoothing <input type="range" min="0" max="0.99" step="0.01" :value="smoothing" aria-label="Smoothing" @input="smooth($event.target.value)">
          <output class="ts-number cmp-output">{{ smoothing.toFixed(2) }}</output></label>
        <label class="cmp-check"><input type="checkbox" :checked="Boolean(state.logx)" :disabled="x === 'timestamp'" @change="set('logx', $event.target.checked)"> log x</label>
        <label class="cmp-check"><input type="checkbox" :checked="allLogY" @change="set('logy', $event.target.checked ? ['*'] : [])"> log y</label>
        <label class="cmp-check"><input type="checkbox" :checked="band" @change="set('band', $event.target.checked ? '' : '0')"> least to greatest</label>
        <span class="ts-grow"></span>
        <div ref="chooser" class="cmp-chooser" @keydown.escape="choosing = false">
          <button type="button" class="ts-button" :aria-expanded="String(choosing)" aria-controls="cmp-keys" @click="choosing = !choosing">{{ keys.length }} of {{ all.length }} metrics</button>
          <div v-if="choosing" id="cmp-keys" class="cmp-keys ts-panel">
            <input class="ts-input" type="search" aria-label="Find metrics" placeholder="Find metrics" v-model="search">
            <div class="cmp-key-list"><label v-for="key in offered" :key="key" class="cmp-check"><input type="checkbox" :checked="keys.includes(key)" @change="choose(key, $event.target.checked)"> <span class="ts-cut" :title="key">{{ key }}</span></label></div>
            <div class="ts-row"><button type="button" class="ts-chart-act" @click="set('keys', offered)">All of these</button>
              <button type="button" class="ts-chart-act" @click="set('keys', [])">Those all runs have</button></div>
          </div>
        </div>
      </div>
      <div v-if="!keys.length" class="ts-state"><div class="ts-state-title">No metrics to draw</div><div class="ts-quiet">{{ all.length ? "No metric is in all of these runs: choose some above." : "None of these runs has logged a metric." }}</div></div>
      <div v-else class="cmp-charts">
        <div v-for="key in keys" :key="key" class="ts-panel cmp-chart" :class="{ 'is-wide': state.wide === key }">
          <series-chart :run-ids="ids" :metric="key" :x="x" :smoothing="smoothing" :log-x="Boolean(state.logx) && x !== 'timestamp'" :log-y="isLogY(key)" :live="live" :height="state.wide === key ? 460 : 230"
            :labels="labels" :colours="colours" :hidden="hidden" :show-band="band" @changed="changed">
            <template #acts><button type="button" class="ts-chart-act" :aria-pressed="String(state.wide === key)" :aria-label="'Enlarge ' + key" :title="state.wide === key ? 'Make small again' : 'Enlarge'" @click="set('wide', state.wide === key ? '' : key, true)">
              <i class="q-icon notranslate material-icons" aria-hidden="true">{{ state.wide === key ? "close_fullscreen" : "open_in_full" }}</i></button></template>
          </series-chart>
        </div>
      </div>
    </section>`,
  computed: {
    ids() {
      return this.runs.map((run) => run.run_id);
    },
    labels() {
      return Object.fromEntries(this.runs.map((run) => [run.run_id, run.name]));
    },
    live() {
      return this.runs.filter((run) => run.status === "RUNNING").map((run) => run.run_id);
    },
    all() {
      return keysOf(this.runs, "metrics");
    },
    keys() {
      const chosen = (this.state.keys ?? []).filter((key) => this.all.includes(key));
      if (chosen.length) return chosen;
      const shared = keysOf(this.runs, "metrics", true);
      // Of the machine last: it is rarely what runs are compared by.
      const ofMachine = (key) => key.startsWith("system/");
      return [...shared.filter((key) => !ofMachine(key)), ...shared.filter(ofMachine)].slice(0, FIRST);
    },
    offered() {
      const words = this.search.toLowerCase();
      return this.all.filter((key) => key.toLowerCase().includes(words));
    },
    x() {
      return ["relative", "timestamp"].includes(this.state.x) ? this.state.x : "step";
    },
    smoothing() {
      return Math.min(0.99, Math.max(0, Number(this.state.smooth) || 0));
    },
    band() {
      return this.state.band !== "0";
    },
    allLogY() {
      return (this.state.logy ?? []).includes("*");
    },
  },
  mounted() {
    this._outside = ({ target }) => {
      if (!this.$refs.chooser?.contains(target)) this.choosing = false;
    };
    document.addEventListener("pointerdown", this._outside);
  },
  beforeUnmount() {
    document.removeEventListener("pointerdown", this._outside);
  },
  methods: {
    set(name, value, push = false) {
      this.$emit("change", { [name]: value }, push);
    },
    smooth(value) {
      this.set("smooth", Number(value) ? value : "");
    },
    isLogY(key) {
      const named = (this.state.logy ?? []).includes(key);
      return this.allLogY ? !named : named;
    },
    changed({ metric, logY }) {
      const others = (this.state.logy ?? []).filter((key) => key !== metric);
      this.set("logy", logY === this.allLogY ? others : [...others, metric]);
    },
    choose(key, wanted) {
      this.set("keys", wanted ? [...this.keys, key] : this.keys.filter((one) => one !== key));
    },
  },
};
