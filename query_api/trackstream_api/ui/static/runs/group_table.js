// Runs by the values of a param or a tag: a row a group, which opens to its runs.

import { heading } from "./columns.js";
import RunTable from "./run_table.js";

const { identifier, literal, whichRuns } = window.TrackstreamRuns;
const MOST_ROWS = 10;
const MOST_GROUPS = 200;

// The condition that a run is in a group.
export const inGroup = (by, value) => (value === null ? `${identifier(by)} IS NULL` : `${identifier(by)} = ${literal(value)}`);

export default {
  components: { RunTable },
  props: { state: Object, best: String },
  emits: ["only", "sort", "columns", "selection", "failed"],
  template: `
    <div class="ts-panel ts-scroll ts-groups">
      <table class="ts-table" aria-label="Groups of runs">
        <thead><tr>
          <th v-for="column in columns" :key="column.id" scope="col" :class="{'ts-number': column.number}" :aria-sort="sorted.id !== column.id ? null : sorted.descending ? 'descending' : 'ascending'">
            <button class="ts-sort" type="button" @click="sort(column)">{{ column.words }}<span v-if="sorted.id === column.id" aria-hidden="true">{{ sorted.descending ? ' ↓' : ' ↑' }}</span></button></th>
          <th></th></tr></thead>
        <tbody v-for="group in ordered" :key="String(group.value)">
          <tr :class="{'is-best': group === best_group}">
            <td><button class="ts-group-open" type="button" :aria-expanded="String(open.has(group.value))" @click="toggle(group.value)">
              <i class="q-icon notranslate material-icons" aria-hidden="true">{{ open.has(group.value) ? 'expand_more' : 'chevron_right' }}</i>
              <span v-if="group.value === null" class="ts-faint">none</span><span v-else class="ts-mono">{{ group.value === '' ? '(empty)' : group.value }}</span></button></td>
            <td class="ts-number">{{ count(group.count) }}</td>
            <template v-if="state.metric"><td class="ts-number"><a v-if="group.best_run_id" class="ts-link" :href="place(group.best_run_id)" :title="String(group.best)">{{ number(group.best) }}</a><span v-else class="ts-faint">–</span></td>
            <td class="ts-number" :title="String(group.mean)">{{ number(group.mean) }}</td></template>
            <td class="ts-group-act"><button class="ts-button" type="button" @click="$emit('only', condition(group.value))">Only these</button></td></tr>
          <tr v-if="open.has(group.value)" class="ts-group-runs"><td :colspan="columns.length + 1">
            <RunTable ref="tables" :state="state" :extra="condition(group.value)" :best="best" :total="group.count" :label="'Runs of ' + (group.value ?? 'none')" :style="{height: height(group)}"
              @sort="(sort) => $emit('sort', sort)" @columns="(columns) => $emit('columns', columns)" @selection="(runs) => selected(group.value, runs)" @failed="(failure) => $emit('failed', failure)"/></td></tr>
        </tbody>
      </table>
      <p v-if="more" class="ts-quiet ts-group-more">There are more groups than these {{ groups.length }}: a filter makes them fewer.</p>
    </div>`,
  data() {
    return { groups: [], more: false, open: new Set(), sorted: { id: "", descending: false } };
  },
  created() {
    this.selections = new Map();
  },
  computed: {
    columns() {
      const { metric, mode } = this.state;
      const best = { id: "best", words: `${mode === "min" ? "least" : "greatest"} ${metric}`, number: true };
      const measured = metric ? [best, { id: "mean", words: `mean ${metric}`, number: true }] : [];
      return [{ id: "value", words: heading(this.state.group) }, { id: "count", words: "Runs", number: true }, ...measured];
    },
    ordered() {
      const { id, descending } = this.sorted;
      if (!id) return this.groups;
      const missing = (group) => Number(group[id] === null);
      const compared = (one, other) => (id === "value" ? one.localeCompare(other, "en", { numeric: true }) : Number(one) - Number(other));
      return [...this.groups].sort((one, other) => missing(one) - missing(other) || (missing(one) ? 0 : compared(one[id], other[id]) * (descending ? -1 : 1)));
    },
    best_group() {
      return this.state.metric && this.groups[0]?.measured ? this.groups[0] : null;
    },
  },
  methods: {
    number: (value) => Trackstream.number(value),
    count: (value) => Trackstream.count(value),
    place: (id) => Trackstream.place(["runs", id]),
    condition(value) {
      return inGroup(this.state.group, value);
    },
    height(group) {
      return `${Math.min(group.count, MOST_ROWS) * 30 + 34 + 16}px`;
    },
    sort({ id }) {
      this.sorted = { id, descending: this.sorted.id === id && !this.sorted.descending };
    },
    toggle(value) {
      const open = new Set(this.open);
      if (open.delete(value)) this.selected(value, []);
      else open.add(value);
      this.open = open;
    },
    selected(value, runs) {
      this.selections.set(value, runs);
      this.$emit("selection", [...this.selections.values()].flat());
    },
    clearSelection() {
      for (const table of this.$refs.tables || []) table.clearSelection();
    },
    // Ask again for the runs of the groups that are open.
    refresh() {
      for (const table of this.$refs.tables || []) table.refresh();
    },
    // Ask for the groups. Throws what the API refuses.
    async load(signal) {
      const { group, metric, mode } = this.state;
      const body = { ...whichRuns(this.state), by: identifier(group), limit: MOST_GROUPS };
      const found = await Trackstream.api("/runs/groups", { body: metric ? { ...body, metric, mode } : body, signal });
      Object.assign(this, { groups: found.groups, more: found.more });
      return found.groups.reduce((sum, { count }) => sum + count, 0);
    },
    csv() {
      const cell = (value) => (value === null ? "" : /[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
      const rows = [this.columns.map(({ id, words }) => (id === "value" ? this.state.group : id === "count" ? "runs" : words)), ...this.ordered.map((group) => this.columns.map(({ id }) => group[id]))];
      return rows.map((row) => row.map(cell).join(",") + "\n").join("");
    },
  },
};
