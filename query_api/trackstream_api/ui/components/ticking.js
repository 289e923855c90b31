// How long something has taken so far, or took.
export default {
  template: `<span class="ts-ticking">{{ shown }}</span>`,
  props: { start: Number, end: Number },
  data: () => ({ shown: "" }),
  watch: {
    start() {
      this.show();
    },
    end() {
      this.show();
    },
  },
  mounted() {
    this.show();
    this.timer = setInterval(() => this.end || this.show(), 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  methods: {
    show() {
      this.shown = window.Trackstream.duration(Math.max(0, (this.end || Date.now()) - this.start));
    },
  },
};
