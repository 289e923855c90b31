// What can be done with the runs that are selected.

const MOST = 1000;
const PAST = "Nothing is changed while a past moment is shown: go back to now first";

export default {
  props: { runs: Array, view: String },
  emits: ["done", "failed", "clear"],
  template: `
    <div class="ts-selection" role="toolbar" aria-label="Selected runs">
      <strong>{{ runs.length }} selected</strong>
      <a class="ts-button is-main" :class="{'is-off': runs.length < 2}" :href="runs.length < 2 ? null : compared" :aria-disabled="String(runs.length < 2)" :title="runs.length < 2 ? 'Select a second run to compare' : null">Compare</a>
      <button class="ts-button" type="button" :disabled="past || !active.length" :title="past" @click="ask('tags')">Tag…</button>
      <button v-if="view !== 'deleted'" class="ts-button is-danger" type="button" :disabled="past || !active.length" :title="past" @click="ask('delete')">Delete…</button>
      <button v-if="view !== 'active'" class="ts-button" type="button" :disabled="past || !deleted.length" :title="past" @click="act('restore', deleted)">Restore</button>
      <div class="ts-grow"></div>
      <button class="ts-button" type="button" @click="$emit('clear')">Clear the selection</button>
      <dialog ref="dialog" class="ts-ask" aria-labelledby="ts-act-title" @click.self="$refs.dialog.close()">
        <form method="dialog" class="ts-column" @submit.prevent="confirmed">
          <h2 id="ts-act-title">{{ asked === 'delete' ? 'Delete ' + words(active) + '?' : 'Tag ' + words(active) }}</h2>
          <p v-if="asked === 'delete'" class="ts-quiet">What is deleted can be restored until garbage collection removes it for good.</p>
          <template v-else>
            <label class="ts-field">Key <input class="ts-input" required maxlength="250" v-model="key" ref="key"></label>
            <label class="ts-field">Value <input class="ts-input" maxlength="5000" v-model="value"></label>
            <p class="ts-quiet">Runs that have a tag of this key get the new value.</p>
          </template>
          <div class="ts-row"><div class="ts-grow"></div>
            <button class="ts-button" type="button" @click="$refs.dialog.close()">Cancel</button>
            <button class="ts-button is-main" type="submit" :disabled="busy">{{ asked === 'delete' ? 'Delete' : 'Set the tag' }}</button></div>
        </form>
      </dialog>
    </div>`,
  data() {
    return { asked: "", key: "", value: "", busy: false, past: Trackstream.asOf ? PAST : null };
  },
  computed: {
    active() {
      return this.runs.filter((run) => run.lifecycle_stage === "active");
    },
    deleted() {
      return this.runs.filter((run) => run.lifecycle_stage === "deleted");
    },
    compared() {
      // place() takes one value a name; the compare page takes `runs` repeated.
      const to = new URL(Trackstream.place(["compare"]), location.origin);
      for (const run of this.runs) to.searchParams.append("runs", run.run_id);
      return to.pathname + to.search;
    },
  },
  methods: {
    words: (runs) => (runs.length === 1 ? "1 run" : `${Trackstream.count(runs.length)} runs`),
    ask(what) {
      this.asked = what;
      this.$refs.dialog.showModal();
    },
    confirmed() {
      this.act(this.asked, this.active);
    },
    async act(what, runs) {
      this.busy = true;
      try {
        const ids = runs.map((run) => run.run_id);
        for (let begin = 0; begin < ids.length; begin += MOST) {
          const body = { run_ids: ids.slice(begin, begin + MOST) };
          await Trackstream.api(`/runs/${what}`, { body: what === "tags" ? { ...body, tags: { [this.key]: this.value } } : body });
        }
        this.$refs.dialog.close();
        const meaning = { delete: "deleted", restore: "restored", tags: "tagged" }[what];
        this.$emit("done", what, `${this.words(runs)} ${meaning}.`);
      } catch (failure) {
        this.$refs.dialog.close();
        this.$emit("failed", failure);
      } finally {
        this.busy = false;
      }
    },
  },
};
