// The runs that are compared: their colours, and which of them are shown.

import { RunPicker } from "./run_picker.js";

export const RunList = {
  name: "RunList",
  components: { RunPicker },
  emits: ["add", "remove", "hide", "recolour", "showAll", "only"],
  props: { runs: Array, hidden: Array, colours: Object, missing: Array },
  template: `
    <aside class="cmp-runs ts-panel" aria-label="Runs compared">
      <div class="cmp-runs-head">
        <strong>{{ runs.length }} {{ runs.length === 1 ? "run" : "runs" }}</strong>
        <span class="ts-faint" v-if="hidden.length">{{ hidden.length }} hidden</span>
        <span class="ts-grow"></span>
        <button v-if="hidden.length" type="button" class="ts-chart-act" @click="$emit('showAll')">Show all</button>
      </div>
      <run-picker :taken="runs.map((run) => run.run_id)" @add="$emit('add', $event)"></run-picker>
      <ul class="cmp-run-list">
        <li v-for="run in runs" :key="run.run_id" class="cmp-run" :class="{ 'is-hidden': hidden.includes(run.run_id), 'is-deleted': run.lifecycle_stage === 'deleted' }">
          <input type="color" class="cmp-colour" :value="colours[run.run_id]" :aria-label="'Colour of ' + label(run)" title="Change the colour"
            @change="$emit('recolour', run.run_id, $event.target.value)">
          <a class="ts-cut cmp-run-name" :href="address(run)" :title="run.name + ' · ' + run.experiment_name + ' · ' + run.run_id + (run.lifecycle_stage === 'deleted' ? ' · deleted' : '')">{{ label(run) }}</a>
          <span v-if="run.status !== 'FINISHED'" class="cmp-status" :class="'is-' + run.status.toLowerCase()" :title="run.status.toLowerCase()" role="img" :aria-label="run.status.toLowerCase()"></span>
          <button type="button" class="cmp-run-act" :aria-label="(hidden.includes(run.run_id) ? 'Show ' : 'Hide ') + label(run)" :aria-pressed="String(hidden.includes(run.run_id))"
            :title="hidden.includes(run.run_id) ? 'Show' : 'Hide (double click: show only this)'" @click="$emit('hide', run.run_id)" @dblclick="$emit('only', run.run_id)">
            <i class="q-icon notranslate material-icons" aria-hidden="true">{{ hidden.includes(run.run_id) ? "visibility_off" : "visibility" }}</i></button>
          <button type="button" class="cmp-run-act" :aria-label="'Remove ' + label(run)" title="Remove from this comparison" @click="$emit('remove', run.run_id)">
            <i class="q-icon notranslate material-icons" aria-hidden="true">close</i></button>
        </li>
      </ul>
      <p v-if="missing.length" class="cmp-missing" role="status">{{ missing.length === 1 ? "One run is" : missing.length + " runs are" }} not in this store{{ past ? " at that moment" : "" }}: {{ missing.map((id) => id.slice(0, 8)).join(", ") }}</p>
    </aside>`,
  computed: { past: () => Boolean(window.Trackstream.asOf) },
  methods: {
    label: (run) => run.name || run.run_id.slice(0, 8),
    address: (run) => window.Trackstream.place(["runs", run.run_id]),
  },
};
