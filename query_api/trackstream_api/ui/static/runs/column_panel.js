// Chooses columns: which, in what order, which stay at the left; and keeps sets of them under names.

import { ATTRIBUTES, heading, partOf } from "./columns.js";
import { removeSet, savedSets, saveSet } from "./column_sets.js";

const PARTS = [["", "Run"], ["metrics", "Metrics"], ["params", "Params"], ["tags", "Tags"]];
const MOST = 200;

export default {
  props: { columns: Array, known: Object },
  emits: ["change", "suit", "close"],
  template: `
    <dialog ref="dialog" class="ts-ask ts-columns" aria-labelledby="ts-columns-title" @close="$emit('close')" @click.self="$refs.dialog.close()">
      <div class="ts-ask-head"><h2 id="ts-columns-title">Columns</h2><div class="ts-grow"></div>
        <button class="ts-icon-button" type="button" aria-label="Close" title="Close" @click="$refs.dialog.close()"><i class="q-icon notranslate material-icons" aria-hidden="true">close</i></button></div>
      <div class="ts-columns-body">
        <section aria-label="All columns">
          <input class="ts-input ts-columns-search" type="search" aria-label="Search columns" placeholder="Search params, metrics, tags" v-model="sought">
          <div class="ts-columns-list">
            <template v-for="group in groups" :key="group.name">
              <h3 v-if="group.ids.length">{{ group.name }} <span class="ts-faint">{{ group.count }}</span></h3>
              <label v-for="id in group.ids" :key="id" class="ts-columns-entry"><input type="checkbox" :checked="chosen.has(id)" @change="toggle(id)"><span class="ts-cut" :title="id">{{ heading(id) }}</span></label>
            </template>
            <p v-if="!groups.some((group) => group.ids.length)" class="ts-quiet">No column has “{{ sought }}” in its name.</p>
          </div>
        </section>
        <section aria-label="Columns that are shown">
          <h3>Shown, in this order</h3>
          <ol class="ts-columns-list ts-columns-shown">
            <li v-for="(column, index) in columns" :key="column.id">
              <span class="ts-cut" :title="column.id">{{ heading(column.id) }}</span><span class="ts-faint ts-small">{{ partOf(column.id)[0] }}</span><span class="ts-grow"></span>
              <button class="ts-icon-button" type="button" :disabled="index === 0" :aria-label="'Move ' + column.id + ' forward'" title="Forward" @click="move(index, -1)"><i class="q-icon notranslate material-icons" aria-hidden="true">arrow_upward</i></button>
              <button class="ts-icon-button" type="button" :disabled="index === columns.length - 1" :aria-label="'Move ' + column.id + ' back'" title="Back" @click="move(index, 1)"><i class="q-icon notranslate material-icons" aria-hidden="true">arrow_downward</i></button>
              <button class="ts-icon-button" :class="{'is-on': column.pinned}" type="button" :aria-pressed="String(!!column.pinned)" :aria-label="'Pin ' + column.id" title="Keep at the left" @click="pin(index)"><i class="q-icon notranslate material-icons" aria-hidden="true">push_pin</i></button>
              <button class="ts-icon-button" type="button" :disabled="columns.length === 1" :aria-label="'Hide ' + column.id" title="Hide" @click="toggle(column.id)"><i class="q-icon notranslate material-icons" aria-hidden="true">visibility_off</i></button>
            </li>
          </ol>
        </section>
      </div>
      <div class="ts-columns-sets">
        <span class="ts-quiet">Sets in this browser:</span>
        <span v-if="!sets.length" class="ts-faint">none yet</span>
        <span v-for="set in sets" :key="set.name" class="ts-columns-set"><button class="ts-button" type="button" @click="$emit('change', set.columns)">{{ set.name }}</button><button class="ts-icon-button" type="button" :aria-label="'Forget the set ' + set.name" title="Forget this set" @click="forget(set.name)"><i class="q-icon notranslate material-icons" aria-hidden="true">close</i></button></span>
        <div class="ts-grow"></div>
        <form class="ts-row" @submit.prevent="save"><input class="ts-input" aria-label="Name of the set" placeholder="Name of a new set" maxlength="60" v-model="name"><button class="ts-button" type="submit" :disabled="!name.trim()">Save as set</button></form>
        <button class="ts-button" type="button" title="The columns that suit these runs" @click="$emit('suit')">Reset</button>
      </div>
    </dialog>`,
  data() {
    return { sought: "", name: "", sets: savedSets() };
  },
  computed: {
    chosen() {
      return new Set(this.columns.map(({ id }) => id));
    },
    groups() {
      const all = { "": Object.keys(ATTRIBUTES) };
      for (const part of ["metrics", "params", "tags"]) {
        const shown = this.columns.map(({ id }) => id).filter((id) => partOf(id)[0] === part);
        all[part] = [...new Set([...this.known[part].map((key) => `${part}.${key}`), ...shown])].sort();
      }
      const sought = this.sought.trim().toLowerCase();
      return PARTS.map(([part, name]) => {
        const ids = all[part].filter((id) => !sought || heading(id).toLowerCase().includes(sought));
        return { name, ids: ids.slice(0, MOST), count: ids.length };
      });
    },
  },
  mounted() {
    this.$refs.dialog.showModal();
  },
  methods: {
    heading,
    partOf,
    toggle(id) {
      const left = this.columns.filter((column) => column.id !== id);
      if (left.length) this.$emit("change", left.length < this.columns.length ? left : [...this.columns, { id, pinned: false }]);
    },
    move(index, by) {
      const changed = [...this.columns];
      changed.splice(index + by, 0, ...changed.splice(index, 1));
      this.$emit("change", changed);
    },
    pin(index) {
      this.$emit("change", this.columns.map((column, at) => (at === index ? { ...column, pinned: !column.pinned } : column)));
    },
    save() {
      saveSet(this.name.trim(), this.columns);
      this.name = "";
      this.sets = savedSets();
    },
    forget(name) {
      removeSet(name);
      this.sets = savedSets();
    },
  },
};
