// Chooses a field of the runs: a param, a metric's last value, an attribute.

import { ATTRIBUTES, keysOf } from "trackstream-charts/fields.js";

export const FieldSelect = {
  name: "FieldSelect",
  emits: ["choose"],
  props: { label: String, runs: Array, value: String, kinds: { type: Array, default: () => ["params", "metrics", "attributes"] }, none: { type: String, default: "" } },
  template: `
    <label class="cmp-field">{{ label }} <select class="ts-select" :value="value" @change="$emit('choose', $event.target.value)">
      <option v-if="none" value="">{{ none }}</option>
      <optgroup v-for="group in groups" :key="group.name" :label="group.name"><option v-for="one in group.fields" :key="one.field" :value="one.field">{{ one.words }}</option></optgroup>
    </select></label>`,
  computed: {
    groups() {
      const names = { params: "Params", metrics: "Metrics (last value)", attributes: "Run" };
      return this.kinds.map((kind) => ({
        name: names[kind],
        fields: (kind === "attributes" ? Object.keys(ATTRIBUTES) : keysOf(this.runs, kind)).map((key) => ({ field: `${kind}.${key}`, words: kind === "attributes" ? ATTRIBUTES[key] : key })),
      })).filter(({ fields }) => fields.length);
    },
  },
};
