import { copyText } from "clipboard";

export default {
  template: `
    <button type="button" class="ts-icon-button ts-copy" :aria-label="words" :title="words" @click.stop.prevent="copy">
      <q-icon :name="done === null ? 'content_copy' : done ? 'check' : 'error_outline'" aria-hidden="true" />
    </button>`,
  props: { text: String, label: String },
  data: () => ({ done: null }),
  computed: {
    words() {
      return this.done === null ? this.label : this.done ? "Copied" : "The browser did not allow it";
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    async copy() {
      this.done = await copyText(this.text);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => (this.done = null), 1500);
    },
  },
};
