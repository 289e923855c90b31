// The runs of an experiment, or of all: filter, columns, groups, the best one, a selection, and the table itself.
// Everything that is worth sharing is in the page's address (see static/runs_query.js); data come from /api/v1.

import { block } from "trackstream-ui/runs/blocks.js";
import ColumnPanel from "trackstream-ui/runs/column_panel.js";
import { heading, isKnown, suitable, valueOf } from "trackstream-ui/runs/columns.js";
import FilterField from "trackstream-ui/runs/filter_field.js";
import GroupTable from "trackstream-ui/runs/group_table.js";
import { follow } from "trackstream-ui/runs/live.js";
import RunTable from "trackstream-ui/runs/run_table.js";
import SelectionBar from "trackstream-ui/runs/selection_bar.js";

const { readAddress, writeAddress, searchBody, whichRuns, orderBy, experimentIds, asOf } = window.TrackstreamRuns;
const NOTE_MS = 6000;
const OWN_GROUPS = ["status", "user_id", "run_name"];

export default {
  components: { ColumnPanel, FilterField, GroupTable, RunTable, SelectionBar },
  template: `
    <div class="ts-runs">
      <FilterField :text="state.filter" :failure="wrongFilter" :known="known" :values="likelyValues" :busy="busy" @apply="filter" @focused="learnKeys"/>
      <div class="ts-toolbar ts-runs-bar" v-show="!selection.length">
        <select class="ts-select" aria-label="Which runs" :value="state.view" @change="change({view: $event.target.value}, true)">
          <option value="active">Active runs</option><option value="deleted">Deleted runs</option><option value="all">All runs</option></select>
        <label class="ts-runs-choice"><span>Group by</span><select class="ts-select" aria-label="Group by" :value="state.group" @focus="learnKeys" @change="change({group: $event.target.value}, true)">
          <option value="">nothing</option>
          <optgroup v-for="part in groupParts" :key="part.name" :label="part.name"><option v-for="id in part.ids" :key="id" :value="id">{{ heading(id) }}</option></optgroup></select></label>
        <label class="ts-runs-choice"><span>Best by</span><select class="ts-select" aria-label="Best by" :value="state.metric" @focus="learnKeys" @change="choose($event.target.value, state.mode)">
          <option value="">no metric</option><option v-for="key in metricKeys" :key="key" :value="key">{{ key }}</option></select></label>
        <select v-if="state.metric" class="ts-select" aria-label="Which value is best" :value="state.mode" @change="choose(state.metric, $event.target.value)"><option value="min">least</option><option value="max">greatest</option></select>
        <a v-if="bestRun" class="ts-link ts-cut ts-runs-best" :href="placeOf(bestRun)" :title="bestRun.name">{{ bestRun.name }}: {{ number(bestRun.metrics[state.metric]?.value) }}</a>
        <div class="ts-grow"></div>
        <span class="ts-quiet ts-runs-count" role="status">{{ note || counted }}</span>
        <button class="ts-button" type="button" :disabled="!columns.length" @click="openColumns"><i class="q-icon notranslate material-icons" aria-hidden="true">view_column</i>Columns</button>
        <a class="ts-button" href="#" :download="state.group ? 'groups.csv' : 'runs.csv'" @click="prepareCsv" @contextmenu="prepareCsv" title="All runs of this filter, with these columns, in this order"><i class="q-icon notranslate material-icons" aria-hidden="true">download</i>CSV</a>
      </div>
      <SelectionBar v-if="selection.length" :runs="selection" :view="state.view" @done="acted" @failed="failed" @clear="clearSelection"/>
      <p v-if="failure && !wrongFilter" class="ts-runs-failure" role="alert"><span class="ts-wrong">{{ failure.message }}</span> <button class="ts-button" type="button" @click="load">Try again</button></p>
      <GroupTable v-if="state.group && columns.length" ref="groups" class="ts-runs-body" :state="shown" :best="bestRun?.run_id" @only="only" @sort="sort" @columns="chooseColumns" @selection="(runs) => selection = runs" @failed="failed"/>
      <RunTable v-else-if="columns.length" v-show="total !== 0" ref="table" class="ts-runs-body" :state="shown" :ready="ready" :best="bestRun?.run_id" :total="total" label="Runs"
        @sort="sort" @columns="chooseColumns" @selection="(runs) => selection = runs" @came="came" @failed="failed"/>
      <div v-if="total === 0" class="ts-state"><i class="q-icon notranslate material-icons ts-state-icon" aria-hidden="true">inbox</i>
        <div class="ts-state-title">{{ state.filter ? 'No run matches this filter' : state.view === 'deleted' ? 'No deleted runs' : 'No runs yet' }}</div>
        <div class="ts-quiet" v-if="state.filter">Take a condition away, or look at deleted runs as well.</div>
        <div class="ts-quiet" v-else-if="state.view === 'active'">They appear here as soon as something is logged: trackstream.start_run(), or MLflow's client with this server as its tracking URI.</div></div>
      <div v-if="!columns.length && !failure && total !== 0" class="ts-state" role="status"><div class="ts-quiet">Looking for runs…</div></div>
      <ColumnPanel v-if="choosing" :columns="columns" :known="known" @change="chooseColumns" @suit="suit" @close="choosing = false"/>
    </div>`,
  data() {
    const state = readAddress();
    if (state.columns) state.columns = state.columns.filter(({ id }) => isKnown(id));
    return { state, columns: state.columns?.length ? state.columns : [], known: { params: [], metrics: [], tags: [] }, ready: null, total: null, bestRun: null, selection: [], failure: null, busy: false, choosing: false, note: "" };
  },
  computed: {
    shown() {
      return { ...this.state, columns: this.columns, unchosen: this.state.columns === null };
    },
    wrongFilter() {
      return this.failure?.field === "filter" ? this.failure : null;
    },
    counted() {
      if (this.total === null) return "";
      return this.total === 1 ? "1 run" : `${Trackstream.count(this.total)} runs`;
    },
    metricKeys() {
      return [...new Set([...this.known.metrics, this.state.metric])].filter(Boolean).sort();
    },
    groupParts() {
      const parts = [["Params", this.known.params.map((key) => `params.${key}`)], ["Run", OWN_GROUPS], ["Tags", this.known.tags.map((key) => `tags.${key}`)]];
      if (this.state.group && !parts.some(([, ids]) => ids.includes(this.state.group))) parts.unshift(["Chosen", [this.state.group]]);
      return parts.map(([name, ids]) => ({ name, ids }));
    },
  },
  async mounted() {
    this.rows = [];
    this.returned = () => this.back();
    window.addEventListener("popstate", this.returned);
    await this.load();
    if (!asOf()) this.unfollow = follow(() => this.freshen());
  },
  unmounted() {
    window.removeEventListener("popstate", this.returned);
    this.unfollow?.();
  },
  methods: {
    heading,
    number: (value) => Trackstream.number(value),
    placeOf: (run) => Trackstream.place(["runs", run.run_id]),

    // Ask for what the state says, and show it once it is there: what was shown stays if it is refused.
    async load() {
      return this.turnTo(this.state);
    },
    async turnTo(state, { push = false } = {}) {
      this.asking?.abort();
      const asking = (this.asking = new AbortController());
      this.busy = true;
      const before = this.state;
      try {
        const found = state.group && this.columns.length ? null : await block(searchBody(state.columns || !this.columns.length ? state : { ...state, columns: this.columns }), asking.signal);
        if (asking.signal.aborted) return;
        if (found) this.take(found, state);
        const hadTable = this.$refs.table;
        // Groups, or their absence, take the runs away that were selected.
        if (Boolean(state.group) !== Boolean(this.$refs.groups)) this.selection = [];
        // What somebody has switched meanwhile stays switched.
        const meanwhile = Object.entries(this.state).filter(([name, value]) => value !== before[name]);
        const isSorted = meanwhile.every(([name]) => name !== "sort");
        Object.assign(this, { state: { ...state, ...Object.fromEntries(meanwhile) }, failure: null, ready: isSorted ? found : null });
        writeAddress(this.state, { push });
        await this.$nextTick();
        if (state.group) this.total = await this.$refs.groups.load(asking.signal);
        else if (hadTable && hadTable === this.$refs.table) hadTable.show(this.ready);
        this.countLater();
        this.findBest();
      } catch (failure) {
        if (!asking.signal.aborted) this.failed(failure, state.filter);
      } finally {
        if (this.asking === asking) this.busy = false;
      }
    },
    take({ runs, next_page_token }, state) {
      this.learn(runs);
      this.total = next_page_token ? null : runs.length;
      if (!this.columns.length || state.columns === null) this.suggestColumns(runs, state);
    },
    // Columns that suit the runs; more of them as live runs log more.
    suggestColumns(runs, state) {
      const columns = suitable(runs, experimentIds() !== null);
      const wanted = [...state.sort.map(({ column }) => column), state.metric && `metrics.${state.metric}`].filter(isKnown);
      for (const id of wanted) if (!columns.some((column) => column.id === id)) columns.push({ id, pinned: false });
      const same = columns.length === this.columns.length && columns.every(({ id }, index) => id === this.columns[index].id);
      if (!same && (runs.length || !this.columns.length)) this.columns = columns;
    },
    // What the rows themselves tell of keys and values.
    learn(runs) {
      this.rows = runs.length ? runs : this.rows;
      const keys = (part) => [...new Set([...this.known[part], ...runs.flatMap((run) => Object.keys(run[part]))])].sort();
      this.known = { params: keys("params"), metrics: keys("metrics"), tags: keys("tags") };
    },
    // All keys there are: asked for when somebody is about to choose one.
    async learnKeys() {
      if (this.learnt) return;
      this.learnt = true;
      try {
        const body = { experiment_ids: experimentIds(), as_of: asOf() };
        const { params, metrics, tags } = await Trackstream.api("/runs/keys", { body });
        const joined = (one, other) => [...new Set([...one, ...other])].sort();
        this.known = { params: joined(params, this.known.params), metrics: joined(metrics, this.known.metrics), tags: joined(tags, this.known.tags) };
      } catch {
        // The keys of the rows are known; more are asked for the next time.
        this.learnt = false;
      }
    },
    likelyValues(key) {
      const id = key.replace(/^(param|tag)\./, "$1s.").replaceAll("`", "");
      return [...new Set(this.rows.map((run) => valueOf(run, id)).filter((value) => value !== undefined))].sort().slice(0, 20);
    },

    filter(filter) {
      this.turnTo({ ...this.state, filter }, { push: true });
    },
    only(condition) {
      this.turnTo({ ...this.state, filter: window.TrackstreamRuns.both(this.state.filter, condition), group: "" }, { push: true });
    },
    change(changed, push = false) {
      this.turnTo({ ...this.state, ...changed }, { push });
    },
    back() {
      const state = readAddress();
      if (state.columns) this.columns = state.columns.filter(({ id }) => isKnown(id));
      this.turnTo(state);
    },
    sort(sort) {
      this.state = { ...this.state, sort };
      writeAddress(this.state);
    },
    chooseColumns(columns) {
      const kept = new Set(columns.map(({ id }) => id));
      this.columns = columns;
      this.state = { ...this.state, columns, sort: this.state.sort.filter(({ column }) => kept.has(column)) };
      writeAddress(this.state);
    },
    openColumns() {
      this.learnKeys();
      this.choosing = true;
    },
    async suit() {
      this.state = { ...this.state, columns: null };
      writeAddress(this.state);
      try {
        const { runs } = await block(searchBody(this.state));
        this.learn(runs);
        if (this.state.columns === null) this.suggestColumns(runs, this.state);
      } catch (failure) {
        this.failed(failure);
      }
    },

    async choose(metric, mode) {
      const isShown = !metric || this.columns.some(({ id }) => id === `metrics.${metric}`);
      this.state = { ...this.state, metric, mode };
      if (!isShown) this.chooseColumns([...this.columns, { id: `metrics.${metric}`, pinned: false }]);
      writeAddress(this.state);
      await this.$nextTick();
      if (this.state.group) await this.$refs.groups.load().catch(this.failed);
      this.findBest();
    },
    async findBest() {
      const { metric, mode, view } = this.state;
      if (!metric) {
        this.bestRun = null;
        return;
      }
      try {
        const which = whichRuns(this.state);
        delete which.view;
        const { runs } = view === "deleted" ? { runs: [] } : await Trackstream.api("/runs/best", { body: { ...which, metric, mode, top: 1 } });
        this.bestRun = runs[0] ?? null;
      } catch (failure) {
        this.failed(failure);
      }
    },
    // Counting takes as long as a search: it waits until there is something to look at.
    countLater() {
      const state = this.state;
      if (this.total !== null || state.group) return;
      requestAnimationFrame(() => setTimeout(async () => {
        const { count } = await Trackstream.api("/runs/count", { body: whichRuns(state) }).catch(() => ({ count: null }));
        if (this.state.filter === state.filter && this.state.view === state.view && this.total === null) this.total = count;
      }));
    },
    came(runs, start, last) {
      this.failure = null;
      this.learn(runs);
      if (start === 0 && this.state.columns === null) this.suggestColumns(runs, this.state);
      if (last !== undefined) this.total = last;
    },
    failed(failure, filter = this.state.filter) {
      // The lines behind the first one point at the place, which the field does itself.
      const [message] = String(failure.message).split("\n");
      this.failure = { message, field: failure.field, position: failure.position, text: filter };
    },

    // Something has been logged.
    freshen() {
      if (this.busy || this.selection.length) return;
      if (this.total === 0) this.load();
      else if (this.state.group) this.$refs.groups?.load().then((total) => (this.total = total), () => {});
      else {
        this.$refs.table?.refresh();
        Trackstream.api("/runs/count", { body: whichRuns(this.state) }).then(({ count }) => (this.total = count), () => {});
      }
      this.findBest();
    },
    clearSelection() {
      (this.$refs.groups ?? this.$refs.table)?.clearSelection();
    },
    acted(what, note) {
      this.note = note;
      setTimeout(() => (this.note = ""), NOTE_MS);
      this.clearSelection();
      if (this.state.group || what === "tags") (this.$refs.groups ?? this.$refs.table)?.refresh();
      if (what !== "tags") this.load();
    },

    // The link leads to what is shown at the moment it is used.
    prepareCsv(event) {
      const link = event.currentTarget;
      if (this.state.group) {
        if (link.href.startsWith("blob:")) URL.revokeObjectURL(link.href);
        link.href = URL.createObjectURL(new Blob([this.$refs.groups.csv()], { type: "text/csv" }));
        return;
      }
      const query = new URLSearchParams();
      for (const id of experimentIds() || []) query.append("experiment_id", id);
      if (this.state.filter) query.set("filter", this.state.filter);
      for (const term of orderBy(this.state.sort)) query.append("order_by", term);
      if (this.state.view !== "active") query.set("view", this.state.view);
      for (const { id } of [...this.columns].sort((one, other) => other.pinned - one.pinned)) query.append("column", id);
      if (asOf()) query.set("as_of", asOf());
      link.href = `/api/v1/runs.csv?${query}`;
    },
  },
};
