// Finds runs by name or id and adds them.

const WAIT_MS = 200;
const MOST = 20;

// A text of the filter grammar; a name cannot have both kinds of quotes there.
const quoted = (text) => (text.includes("'") ? `"${text.replaceAll('"', "")}"` : `'${text}'`);

export const RunPicker = {
  name: "RunPicker",
  emits: ["add"],
  props: { taken: { type: Array, default: () => [] }, open: Boolean },
  data: () => ({ words: "", found: [], shown: false, state: "", at: -1 }),
  template: `
    <div class="cmp-picker" data-search>
      <input class="ts-input" type="search" role="combobox" aria-label="Find runs to add" aria-autocomplete="list" aria-controls="cmp-found"
        :aria-expanded="String(isShown)" placeholder="Add runs by name or id" v-model="words" @input="soon" @focus="focused" @blur="blurred" @keydown="pressed">
      <ul v-if="isShown" id="cmp-found" class="cmp-found" role="listbox" aria-label="Runs found" @pointerdown.prevent>
        <li v-if="state" class="cmp-found-state" role="status">{{ state }}</li>
        <li v-for="(run, place) in found" :key="run.run_id" role="option" class="cmp-found-run" :class="{ 'is-at': place === at }"
          :aria-selected="String(taken.includes(run.run_id))" @click="choose(run)">
          <span class="ts-cut cmp-found-name">{{ run.name || run.run_id }}</span>
          <span class="ts-cut ts-faint">{{ run.experiment_name }}</span>
          <span class="ts-faint">{{ taken.includes(run.run_id) ? "added" : "add" }}</span>
        </li>
      </ul>
    </div>`,
  computed: {
    isShown() {
      return this.open || this.shown;
    },
  },
  mounted() {
    if (this.open) this.find();
  },
  methods: {
    soon() {
      clearTimeout(this._later);
      this._later = setTimeout(this.find, WAIT_MS);
    },
    focused() {
      this.shown = true;
      if (!this.found.length) this.find();
    },
    blurred() {
      this.shown = false;
      this.at = -1;
    },
    async find() {
      this._stop?.abort();
      const stop = (this._stop = new AbortController());
      const words = this.words.trim();
      const isId = /^[0-9a-f]{32}$/.test(words);
      const filter = isId ? `attributes.run_id = '${words}'` : words ? `attributes.run_name ILIKE ${quoted(`%${words}%`)}` : "";
      try {
        const body = { filter, limit: MOST, order_by: ["start_time DESC"], as_of: window.Trackstream.asOf };
        const { runs } = await window.Trackstream.api("/runs/search", { body, query: { consistency: "eventual" }, signal: stop.signal });
        this.found = runs;
        this.at = -1;
        this.state = runs.length ? "" : words ? `No run has “${words}” in its name` : "There are no runs yet";
      } catch (error) {
        if (!stop.signal.aborted) this.state = error.message;
      }
    },
    choose(run) {
      if (!this.taken.includes(run.run_id)) this.$emit("add", run);
    },
    pressed(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && this.found.length) this.at = (this.at + step + this.found.length) % this.found.length;
      else if (event.key === "Enter" && this.found[this.at]) this.choose(this.found[this.at]);
      else if (event.key === "Escape") event.target.blur();
      else return;
      event.preventDefault();
    },
  },
};
