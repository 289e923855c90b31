// The one field of the filter grammar: completes what could come next, and marks where the API found a mistake.

import { suggestions } from "./completion.js";

let fields = 0;

export default {
  props: { text: String, failure: Object, known: Object, values: Function, busy: Boolean },
  emits: ["apply", "focused"],
  template: `
    <div class="ts-filter" data-search>
      <div class="ts-filter-box">
        <i class="q-icon notranslate material-icons ts-filter-icon" aria-hidden="true">filter_alt</i>
        <div class="ts-filter-text"><div class="ts-filter-under" aria-hidden="true" ref="under"><span>{{ marked[0] }}</span><span class="ts-filter-mark">{{ marked[1] }}</span></div>
        <input ref="input" class="ts-input ts-filter-input" :class="{'is-wrong': failure}" type="text" role="combobox"
          aria-label="Filter runs" aria-autocomplete="list" :aria-expanded="String(open)" :aria-controls="id"
          :aria-activedescendant="open && chosen >= 0 ? id + '-' + chosen : null" :aria-invalid="String(!!failure)"
          :aria-describedby="failure ? id + '-failure' : null"
          placeholder="metrics.val_loss < 0.3 AND params.lr = '0.01'" spellcheck="false" autocomplete="off" autocapitalize="off"
          v-model="draft" @input="suggest" @focus="focused" @click="suggest" @keydown="key" @blur="left" @scroll="scrolled">
        </div>
        <button v-if="draft" class="ts-icon-button ts-filter-clear" type="button" aria-label="Clear the filter" title="Clear the filter" @click="clear">
          <i class="q-icon notranslate material-icons" aria-hidden="true">close</i></button>
        <button class="ts-button ts-filter-apply" type="button" :disabled="busy" @click="apply">Filter</button>
      </div>
      <ul v-show="open" :id="id" class="ts-options" role="listbox" aria-label="What could come next" ref="list">
        <li v-for="(option, index) in options" :key="option.text" :id="id + '-' + index" role="option" :aria-selected="String(index === chosen)"
          :class="{'is-chosen': index === chosen}" @mousedown.prevent="take(index)">
          <span class="ts-mono">{{ option.text }}</span><span class="ts-faint">{{ option.hint }}</span></li>
      </ul>
      <p v-if="failure" :id="id + '-failure'" class="ts-wrong ts-filter-failure" role="alert">{{ failure.message }}</p>
    </div>`,
  data() {
    return { draft: this.text, open: false, options: [], chosen: -1, from: 0, id: `ts-filter-${++fields}` };
  },
  computed: {
    // What lies under the field's text, letter for letter: the mistake is underlined there.
    marked() {
      const at = this.failure?.position;
      if (!(at >= 0) || this.failure.field !== "filter" || this.draft !== this.failure.text) return ["", ""];
      const wrong = this.draft.slice(at).match(/^('[^']*'?|\S+)?/)[0];
      return [this.draft.slice(0, at), wrong || "  "];
    },
  },
  watch: {
    text(text) {
      this.draft = text;
    },
    failure(failure) {
      if (!(failure?.position >= 0)) return;
      this.$refs.input.focus();
      this.$refs.input.setSelectionRange(failure.position, failure.position);
      this.open = false;
    },
    known() {
      if (document.activeElement === this.$refs.input && this.open) this.suggest();
    },
  },
  methods: {
    focused() {
      this.$emit("focused");
      this.suggest();
    },
    suggest() {
      const { from, options } = suggestions(this.draft, this.$refs.input.selectionStart ?? this.draft.length, this.known, this.values);
      Object.assign(this, { from, options, chosen: -1, open: options.length > 0 });
      this.scrolled();
    },
    key(event) {
      const steps = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in steps) {
        event.preventDefault();
        if (!this.open) this.suggest();
        else this.chosen = (this.chosen + steps[event.key] + this.options.length) % this.options.length;
        this.$nextTick(() => this.$refs.list.children[this.chosen]?.scrollIntoView({ block: "nearest" }));
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (this.open && this.chosen >= 0) this.take(this.chosen);
        else this.apply();
      } else if (event.key === "Tab" && this.open && this.chosen >= 0) {
        event.preventDefault();
        this.take(this.chosen);
      } else if (event.key === "Escape" && this.open) {
        event.stopPropagation();
        this.open = false;
      }
    },
    take(index) {
      const input = this.$refs.input;
      const cursor = input.selectionStart;
      const text = this.options[index].text;
      this.draft = this.draft.slice(0, this.from) + text + this.draft.slice(cursor).replace(/^\s+/, "");
      this.$nextTick(() => {
        input.focus();
        input.setSelectionRange(this.from + text.length, this.from + text.length);
        this.suggest();
      });
    },
    clear() {
      this.draft = "";
      this.apply();
    },
    apply() {
      this.open = false;
      this.draft = this.draft.trim();
      this.$emit("apply", this.draft);
    },
    left() {
      this.open = false;
    },
    scrolled() {
      this.$nextTick(() => {
        if (this.$refs.under) this.$refs.under.scrollLeft = this.$refs.input.scrollLeft;
      });
    },
  },
};
