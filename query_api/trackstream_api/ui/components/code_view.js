// Lines of a text with their numbers; each line is a list of [class, text] or [text].
const part = (piece) => (piece.length === 2 ? Vue.h("span", { class: `is-${piece[0]}` }, piece[1]) : piece[0]);

export default {
  props: { lines: Array, label: String },
  render() {
    const lines = this.lines.map((line) => Vue.h("span", { class: "ts-code-line" }, [...line.map(part), "\n"]));
    // In reach of the keyboard, so that it can be scrolled.
    return Vue.h("pre", { class: "ts-code", tabindex: 0, role: "region", "aria-label": this.label }, lines);
  },
};
