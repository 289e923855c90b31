const AT_ONCE = 100;
const FIRST_OPEN = 2;

// A number that JavaScript would write in another way, such as a long integer.
class Written {
  constructor(text) {
    this.text = text;
  }
}
const asWritten = (_, value, context) =>
  typeof value === "number" && context?.source && String(value) !== context.source ? new Written(context.source) : value;

const kind = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
const isOpenable = (value) => ["array", "object"].includes(kind(value)) && !(value instanceof Written) && Object.keys(value).length > 0;
const summary = (value) => {
  const count = Object.keys(value).length;
  const many = count.toLocaleString("en-US");
  return kind(value) === "array" ? `[ ${many} ]` : `{ ${many} }`;
};

// One value: what is in it is made once somebody opens it, some hundred at a time.
const JsonNode = {
  name: "JsonNode",
  props: { name: String, value: null, depth: Number },
  data() {
    return { open: this.depth < FIRST_OPEN, most: AT_ONCE };
  },
  render() {
    const name = this.name === undefined ? [] : [Vue.h("span", { class: "is-name" }, this.name), ": "];
    if (!isOpenable(this.value)) {
      const text = this.value instanceof Written ? this.value.text : JSON.stringify(this.value);
      const type = kind(this.value) === "string" ? "is-string" : "is-number";
      return Vue.h("div", { class: "ts-json-leaf" }, [...name, Vue.h("span", { class: type }, text)]);
    }
    const keys = this.open ? Object.keys(this.value) : [];
    const children = keys.slice(0, this.most).map((key) => Vue.h(JsonNode, { key, name: key, value: this.value[key], depth: this.depth + 1 }));
    if (keys.length > this.most) {
      const left = Math.min(AT_ONCE, keys.length - this.most);
      children.push(Vue.h("button", { type: "button", class: "ts-button", onClick: () => (this.most += AT_ONCE) }, `Show ${left} more`));
    }
    const head = Vue.h("summary", {}, [...name, Vue.h("span", { class: "ts-quiet" }, summary(this.value))]);
    const toggle = (event) => (this.open = event.target.open);
    return Vue.h("details", { class: "ts-json-node", open: this.open, onToggle: toggle }, [head, ...children]);
  },
};

// A JSON document as a tree.
export default {
  props: { text: String, label: String },
  render() {
    return Vue.h("div", { class: "ts-json", tabindex: 0, role: "region", "aria-label": this.label }, [Vue.h(JsonNode, { value: JSON.parse(this.text, asWritten), depth: 0 })]);
  },
};
