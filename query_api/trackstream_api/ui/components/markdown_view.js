// Builds elements from [name, attributes, child, …]; the server allows a few names and attributes only.
const build = (node) => {
  if (typeof node === "string") return node;
  const [name, attributes, ...children] = node;
  return Vue.h(name, attributes, children.map(build));
};

export default {
  props: { nodes: Array },
  render() {
    return Vue.h("div", { class: "ts-markdown" }, this.nodes.map(build));
  },
};
