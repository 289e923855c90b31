// What the runs have, side by side: params, last values of metrics, or tags; a row for each key.

import { keysOf, lessIsBetter } from "trackstream-charts/fields.js";

const LONG = 200;

export const DiffTable = {
  name: "DiffTable",
  emits: ["change"],
  props: { runs: Array, colours: Object, state: Object, kind: String },
  data: () => ({ search: "" }),
  template: `
    <section class="cmp-tab" :aria-label="title">
      <div class="ts-toolbar cmp-controls">
        <input class="ts-input" type="search" :aria-label="'Find in ' + title.toLowerCase()" placeholder="Find a name" v-model="search">
        <label class="cmp-check"><input type="checkbox" :checked="Boolean(state.all)" @change="$emit('change', { all: $event.target.checked })"> also what is the same everywhere</label>
        <span class="ts-faint ts-small">{{ rows.length }} of {{ keys.length }} shown{{ kind === "metrics" || runs.length < 2 ? "" : "; marked: other than in " + (runs[0].name || runs[0].run_id.slice(0, 8)) }}</span>
      </div>
      <div v-if="!keys.length" class="ts-state"><div class="ts-state-title">{{ nothing }}</div></div>
      <div v-else-if="!rows.length" class="ts-state"><div class="ts-state-title">{{ search ? "No name matches" : "No difference" }}</div>
        <div v-if="!search" class="ts-quiet">All {{ keys.length }} are the same in these runs.</div></div>
      <div v-else class="ts-panel cmp-table-box" tabindex="0" role="region" :aria-label="title + ' of the runs'">
        <table class="cmp-table">
          <thead><tr><th scope="col">{{ title }}</th>
            <th v-for="run in runs" :key="run.run_id" scope="col"><a class="cmp-column" :href="address(run)" :title="run.name"><i :style="{ background: colours[run.run_id] }"></i><span class="ts-cut">{{ run.name || run.run_id.slice(0, 8) }}</span></a></th></tr></thead>
          <tbody><tr v-for="row in rows" :key="row.key">
            <th scope="row"><span class="cmp-key"><span class="ts-cut" :title="row.key">{{ row.key }}</span>
              <button v-if="kind === 'metrics'" type="button" class="ts-chart-act" :aria-label="'Best of ' + row.key + ' is the ' + (row.less ? 'least' : 'greatest')" :title="'The ' + (row.less ? 'least' : 'greatest') + ' is marked as best; click for the other'" @click="turn(row)">{{ row.less ? "↓" : "↑" }}</button></span></th>
            <td v-for="cell in row.cells" :key="cell.id" :class="{ 'is-other': cell.other, 'is-best': cell.best, 'ts-number': row.numeric, 'is-none': cell.none }" :title="cell.title">{{ cell.text }}</td>
          </tr></tbody>
        </table>
      </div>
    </section>`,
  computed: {
    title() {
      return { params: "Params", metrics: "Metrics", tags: "Tags" }[this.kind];
    },
    nothing() {
      return { params: "None of these runs has a param", metrics: "None of these runs has logged a metric", tags: "None of these runs has a tag" }[this.kind];
    },
    keys() {
      return keysOf(this.runs, this.kind);
    },
    rows() {
      const words = this.search.toLowerCase();
      return this.keys.filter((key) => key.toLowerCase().includes(words)).map((key) => this.row(key)).filter((row) => row.differs || this.state.all);
    },
  },
  methods: {
    address: (run) => window.Trackstream.place(["runs", run.run_id]),
    row(key) {
      const values = this.runs.map((run) => (Object.hasOwn(run[this.kind], key) ? run[this.kind][key] : undefined));
      const texts = values.map((value) => (value === undefined ? "–" : this.kind === "metrics" ? window.Trackstream.number(value.value) : value));
      const differs = new Set(values.map((value, at) => (value?.value === undefined ? texts[at] : String(value.value)))).size > 1;
      const less = this.kind === "metrics" && this.less(key);
      const best = this.kind === "metrics" ? bestOf(values, less) : null;
      const numeric = this.kind === "metrics" || texts.every((text) => text === "–" || (text !== "" && Number.isFinite(Number(text))));
      const cells = this.runs.map((run, at) => ({
        id: run.run_id, text: texts[at].length > LONG ? `${texts[at].slice(0, LONG)}…` : texts[at], none: values[at] === undefined,
        other: this.kind !== "metrics" && texts[at] !== texts[0],
        best: best !== null && Number(values[at]?.value) === best,
        title: this.kind === "metrics" && values[at] ? `${values[at].value} at step ${values[at].step}` : texts[at],
      }));
      return { key, cells, differs, numeric, less };
    },
    less(key) {
      if (this.state.least?.includes(key)) return true;
      return this.state.most?.includes(key) ? false : lessIsBetter(key);
    },
    turn({ key, less }) {
      const without = (name) => (this.state[name] ?? []).filter((one) => one !== key);
      const [to, from] = less ? ["most", "least"] : ["least", "most"];
      this.$emit("change", { [to]: [...without(to), key], [from]: without(from) });
    },
  },
};

// The best of some last values; null where none is better than another.
function bestOf(values, less) {
  const numbers = values.map((value) => Number(value?.value)).filter((value) => Number.isFinite(value));
  if (numbers.length < 2) return null;
  const [least, greatest] = [Math.min(...numbers), Math.max(...numbers)];
  return least === greatest ? null : less ? least : greatest;
}
