// The compare page: runs on one side, ways to look at them on the other. All its state is in the address.

import { watchRuns } from "trackstream-charts/live_runs.js";
import { addressOf, read, write } from "./address.js";
import { CurvesTab } from "./curves_tab.js";
import { DiffTable } from "./diff_table.js";
import { FieldsTab } from "./fields_tab.js";
import { ImagesTab } from "./images_tab.js";
import { RunList } from "./run_list.js";
import { RunPicker } from "./run_picker.js";

const TABS = [
  ["curves", "Curves"], ["scatter", "Scatter"], ["parallel", "Parallel"], ["contour", "Contour"], ["box", "Box plot"],
  ["params", "Params"], ["metrics", "Metrics"], ["tags", "Tags"], ["images", "Images"],
];
const AT_ONCE = 100;
const REFRESH_MS = 2000;

export const CompareBoard = {
  name: "CompareBoard",
  components: { CurvesTab, DiffTable, FieldsTab, ImagesTab, RunList, RunPicker },
  data: () => ({ state: read(), known: {}, loaded: false, problem: "" }),
  template: `
    <div class="cmp">
      <div v-if="!ids.length" class="ts-state cmp-start">
        <i class="q-icon notranslate material-icons ts-state-icon" aria-hidden="true">stacked_line_chart</i>
        <div class="ts-state-title">Which runs?</div>
        <div class="ts-quiet">Find some here, or choose rows in <a class="ts-link" :href="runsPage">the table of runs</a> and compare them.</div>
        <run-picker open :taken="ids" @add="add"></run-picker>
      </div>
      <div v-else-if="problem" class="ts-state is-failed" role="alert"><div class="ts-state-title">The runs could not be read</div><div>{{ problem }}</div><button type="button" class="ts-button" @click="load()">Try again</button></div>
      <template v-else>
        <run-list :runs="runs" :hidden="hidden" :colours="colours" :missing="missing" @add="add" @remove="remove" @hide="hide" @recolour="recolour" @show-all="change({ hidden: [] })" @only="only([$event])"></run-list>
        <div class="cmp-main">
          <div class="ts-tabs" role="tablist" aria-label="Ways to compare" @keydown="walk">
            <a v-for="[name, words] in tabs" :key="name" class="ts-tab" :class="{ 'is-current': name === tab }" role="tab" :id="'cmp-tab-' + name" :aria-selected="String(name === tab)" aria-controls="cmp-panel"
              :tabindex="name === tab ? 0 : -1" :href="addressOf(name)" @click="go($event, name)">{{ words }}</a>
          </div>
          <div id="cmp-panel" role="tabpanel" :aria-labelledby="'cmp-tab-' + tab">
            <div v-if="!loaded" class="ts-state" role="status">Loading {{ ids.length }} {{ ids.length === 1 ? "run" : "runs" }}…</div>
            <div v-else-if="!runs.length" class="ts-state"><div class="ts-state-title">None of these runs is here</div><div class="ts-quiet">They may have been purged, or belong to another store or another moment.</div></div>
            <curves-tab v-else-if="tab === 'curves'" :runs="runs" :hidden="hidden" :colours="colours" :state="state" @change="change"></curves-tab>
            <div v-else-if="!shown.length" class="ts-state"><div class="ts-state-title">All runs are hidden</div><button type="button" class="ts-button" @click="change({ hidden: [] })">Show all</button></div>
            <images-tab v-else-if="tab === 'images'" :runs="shown" :colours="colours" :state="state" @change="change"></images-tab>
            <diff-table v-else-if="['params', 'metrics', 'tags'].includes(tab)" :key="tab" :runs="shown" :colours="colours" :state="state" :kind="tab" @change="change"></diff-table>
            <fields-tab v-else :runs="shown" :colours="colours" :state="state" :kind="tab" @change="change" @only="only"></fields-tab>
          </div>
        </div>
      </template>
    </div>`,
  computed: {
    tabs: () => TABS,
    runsPage: () => window.Trackstream.place(["runs"]),
    ids() {
      return [...new Set(this.state.runs ?? [])];
    },
    runs() {
      return this.ids.filter((id) => this.known[id]).map((id) => this.known[id]);
    },
    missing() {
      return this.loaded ? this.ids.filter((id) => !this.known[id]) : [];
    },
    hidden() {
      return (this.state.hidden ?? []).filter((id) => this.ids.includes(id));
    },
    shown() {
      return this.runs.filter((run) => !this.hidden.includes(run.run_id));
    },
    tab() {
      return TABS.some(([name]) => name === this.state.tab) ? this.state.tab : "curves";
    },
    live() {
      if (window.Trackstream.asOf) return "";
      return this.runs.filter((run) => run.status === "RUNNING").map((run) => run.run_id).join();
    },
    colours() {
      const chosen = Object.fromEntries((this.state.colours ?? []).map((one) => one.split(".")));
      return Object.fromEntries(this.ids.map((id, at) => [id, /^[0-9a-f]{6}$/.test(chosen[id]) ? `#${chosen[id]}` : window.Trackstream.colour(at)]));
    },
  },
  created() {
    this.load();
  },
  mounted() {
    this._back = () => {
      this.state = read();
      this.load();
    };
    window.addEventListener("popstate", this._back);
  },
  watch: {
    // While runs go on, what is known of them grows old.
    live(now) {
      this._unwatch?.();
      this._unwatch = now ? watchRuns(now.split(","), () => this.refreshSoon()) : null;
    },
  },
  beforeUnmount() {
    this._unwatch?.();
    clearTimeout(this._later);
    window.removeEventListener("popstate", this._back);
  },
  methods: {
    async load(again = []) {
      const early = await window.trackstreamEarly;
      window.trackstreamEarly = null;
      for (const run of early?.runs ?? []) this.known[run.run_id] = Object.freeze(run);
      const wanted = this.ids.filter((id) => (!this.known[id] || again.includes(id)) && /^[\w-]{1,64}$/.test(id));
      try {
        const parts = [];
        for (let from = 0; from < wanted.length; from += AT_ONCE) {
          const some = wanted.slice(from, from + AT_ONCE);
          const filter = `attributes.run_id IN (${some.map((id) => `'${id}'`).join(", ")})`;
          parts.push(window.Trackstream.api("/runs/search", { body: { filter, view: "all", limit: AT_ONCE, as_of: window.Trackstream.asOf } }));
        }
        for (const { runs } of await Promise.all(parts)) for (const run of runs) this.known[run.run_id] = Object.freeze(run);
        this.loaded = true;
        this.problem = "";
      } catch (error) {
        // What is shown stays while only news of it is missing.
        if (!again.length) this.problem = error.message;
      }
    },
    refreshSoon() {
      this._later ??= setTimeout(() => {
        this._later = null;
        if (this.live) this.load(this.live.split(","));
      }, REFRESH_MS);
    },
    change(some, push = false) {
      this.state = { ...this.state, ...some };
      write(this.state, push);
    },
    add(run) {
      this.known[run.run_id] = Object.freeze(run);
      this.loaded = true;
      this.change({ runs: [...this.ids, run.run_id] }, true);
      this.load();
    },
    remove(runId) {
      this.change({ runs: this.ids.filter((id) => id !== runId), hidden: this.hidden.filter((id) => id !== runId) }, true);
    },
    hide(runId) {
      this.change({ hidden: this.hidden.includes(runId) ? this.hidden.filter((id) => id !== runId) : [...this.hidden, runId] });
    },
    only(runIds) {
      this.change({ hidden: this.ids.filter((id) => !runIds.includes(id)) }, true);
    },
    recolour(runId, colour) {
      const others = (this.state.colours ?? []).filter((one) => !one.startsWith(`${runId}.`));
      this.change({ colours: [...others, `${runId}.${colour.slice(1)}`] });
    },
    addressOf(name) {
      return addressOf({ ...this.state, tab: name === "curves" ? "" : name });
    },
    go(event, name) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.change({ tab: name === "curves" ? "" : name }, true);
    },
    walk(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = TABS.findIndex(([name]) => name === this.tab);
      const [name] = TABS[(at + step + TABS.length) % TABS.length];
      this.change({ tab: name === "curves" ? "" : name }, true);
      this.$nextTick(() => document.getElementById(`cmp-tab-${name}`)?.focus());
    },
  },
};
