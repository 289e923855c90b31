// Charts with one mark a run: scatter, parallel coordinates, contour and box plot, with what they show to choose.

import { BoxChart, ContourChart, ParallelChart, ScatterChart } from "trackstream-charts";
import { isWide, wordsFor } from "trackstream-charts/fields.js";
import { defaults } from "./chosen_fields.js";
import { FieldSelect } from "./field_select.js";

export const FieldsTab = {
  name: "FieldsTab",
  components: { BoxChart, ContourChart, FieldSelect, ParallelChart, ScatterChart },
  emits: ["change", "only"],
  props: { runs: Array, colours: Object, state: Object, kind: String },
  data: () => ({ picked: [] }),
  template: `
    <section class="cmp-tab" :aria-label="names[kind]">
      <div class="ts-toolbar cmp-controls">
        <template v-if="kind === 'scatter'">
          <field-select label="Across" :runs="runs" :value="field('sx')" @choose="set('sx', $event)"></field-select>
          <field-select label="Up" :runs="runs" :value="field('sy')" @choose="set('sy', $event)"></field-select>
          <field-select label="Colour" :runs="runs" :value="field('sc')" none="by run" @choose="set('sc', $event)"></field-select>
        </template>
        <template v-else-if="kind === 'parallel'">
          <span v-for="(one, at) in dims" :key="one" class="cmp-dim"><span class="ts-cut">{{ wordsFor(one) }}</span>
            <button type="button" class="cmp-run-act" :aria-label="'Move ' + wordsFor(one) + ' to the left'" title="Move to the left" :disabled="at === 0" @click="move(at)"><i class="q-icon notranslate material-icons" aria-hidden="true">chevron_left</i></button>
            <button type="button" class="cmp-run-act" :aria-label="'Remove axis ' + wordsFor(one)" title="Remove this axis" @click="setDims(dims.filter((other) => other !== one))"><i class="q-icon notranslate material-icons" aria-hidden="true">close</i></button></span>
          <field-select label="Add axis" :runs="runs" value="" none="…" @choose="$event && !dims.includes($event) && setDims([...dims, $event])"></field-select>
          <field-select label="Colour" :runs="runs" :value="field('pc')" none="by run" @choose="set('pc', $event || 'none')"></field-select>
        </template>
        <template v-else-if="kind === 'contour'">
          <field-select label="Across" :runs="runs" :value="field('cx')" @choose="set('cx', $event)"></field-select>
          <field-select label="Up" :runs="runs" :value="field('cy')" @choose="set('cy', $event)"></field-select>
          <field-select label="Height" :runs="runs" :value="field('cz')" @choose="set('cz', $event)"></field-select>
        </template>
        <template v-else>
          <field-select label="Grouped by" :runs="runs" :value="field('bg')" @choose="set('bg', $event)"></field-select>
          <field-select label="Value" :runs="runs" :value="field('bv')" @choose="set('bv', $event)"></field-select>
        </template>
        <label v-if="kind === 'scatter' || kind === 'contour'" class="cmp-check"><input type="checkbox" :checked="log('lx')" @change="set(own + 'lx', $event.target.checked ? '1' : '0')"> log across</label>
        <label v-if="kind !== 'parallel'" class="cmp-check"><input type="checkbox" :checked="log('ly')" @change="set(own + 'ly', $event.target.checked ? '1' : '0')"> log up</label>
      </div>
      <div class="ts-panel ts-panel-body">
        <scatter-chart v-if="kind === 'scatter'" :runs="runs" :colours="colours" :x="field('sx')" :y="field('sy')" :colour="field('sc')" :log-x="log('lx')" :log-y="log('ly')" @open="open"></scatter-chart>
        <parallel-chart v-else-if="kind === 'parallel'" :runs="runs" :colours="colours" :fields="dims" :colour="field('pc')" @picked="picked = $event"></parallel-chart>
        <contour-chart v-else-if="kind === 'contour'" :runs="runs" :colours="colours" :x="field('cx')" :y="field('cy')" :z="field('cz')" :log-x="log('lx')" :log-y="log('ly')"></contour-chart>
        <box-chart v-else :runs="runs" :colours="colours" :group="field('bg')" :value="field('bv')" :log="log('ly')"></box-chart>
      </div>
      <div v-if="kind === 'parallel'" class="ts-row ts-small" role="status">
        <template v-if="picked.length"><span>{{ picked.length }} of {{ runs.length }} runs picked</span><button type="button" class="ts-button" @click="$emit('only', picked)">Show only these</button></template>
        <span v-else class="ts-faint">Drag along an axis to pick runs; click it to let go.</span>
      </div>
    </section>`,
  computed: {
    names: () => ({ scatter: "Scatter", parallel: "Parallel coordinates", contour: "Contour", box: "Box plot" }),
    own() {
      return this.kind[0];
    },
    chosen() {
      return defaults(this.runs);
    },
    dims() {
      return this.state.dims?.length ? this.state.dims : this.chosen.dims;
    },
  },
  watch: {
    kind() {
      this.picked = [];
    },
    runs() {
      this.picked = [];
    },
  },
  methods: {
    wordsFor,
    field(name) {
      const value = this.state[name] ?? this.chosen[name];
      return value === "none" ? "" : value;
    },
    // Logarithmic unless said otherwise where a param is spread over powers of ten.
    log(which) {
      const field = this.field({ slx: "sx", sly: "sy", clx: "cx", cly: "cy", bly: "bv" }[this.own + which]);
      const said = this.state[this.own + which];
      return said ? said === "1" : field.startsWith("params.") && isWide(this.runs, field);
    },
    set(name, value) {
      this.$emit("change", { [name]: value });
    },
    setDims(dims) {
      this.$emit("change", { dims });
    },
    move(at) {
      const dims = [...this.dims];
      [dims[at - 1], dims[at]] = [dims[at], dims[at - 1]];
      this.setDims(dims);
    },
    open(runId) {
      location.assign(window.Trackstream.place(["runs", runId]));
    },
  },
};
