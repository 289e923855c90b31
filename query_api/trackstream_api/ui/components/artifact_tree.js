import { followRun, gathered } from "run_stream";

const AT_ONCE = 500;
const parentOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const nameOf = (path) => path.slice(path.lastIndexOf("/") + 1);
const sized = (bytes) => {
  let left = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (left < 1024) return unit === "B" ? `${left} B` : `${left.toFixed(1)} ${unit}`;
    left /= 1024;
  }
  return `${left.toFixed(1)} TiB`;
};

// The files of a run. A level is asked for when it is opened first; emits "choose" with a file, or null.
export default {
  template: `
    <div class="ts-tree-holder">
      <p v-if="failure" class="ts-wrong" role="alert">{{ failure }}</p>
      <p v-if="levels[''] && !levels[''].length" class="ts-quiet ts-values-none">No files yet.</p>
      <ul v-else class="ts-tree" role="tree" aria-label="Files" @keydown="moved">
        <li v-for="row in visible" :key="row.path + (row.more ? ' more' : '')" role="none">
          <button v-if="row.more" type="button" class="ts-link ts-tree-more" :style="indent(row)" @click="most[row.path] += ${AT_ONCE}">
            Show {{ Math.min(${AT_ONCE}, row.more) }} more of {{ row.more.toLocaleString("en-US") }}
          </button>
          <div v-else class="ts-tree-row" role="treeitem" :style="indent(row)" :data-path="row.path" :aria-level="row.depth + 1"
            :aria-expanded="row.is_dir ? String(row.path in opened) : undefined" :aria-selected="String(row.path === chosen)"
            :class="{ 'is-chosen': row.path === chosen }" :tabindex="row.path === reachable ? 0 : -1" @click="act(row)">
            <q-icon :name="row.is_dir ? (row.path in opened ? 'folder_open' : 'folder') : 'description'" aria-hidden="true" />
            <span class="ts-tree-name">{{ row.name }}</span>
            <span v-if="!row.is_dir" class="ts-tree-size">{{ row.shownSize }}</span>
          </div>
        </li>
      </ul>
    </div>`,
  props: { runId: String, path: String, since: String },
  emits: ["choose"],
  data: () => ({ levels: {}, opened: {}, most: {}, chosen: null, focused: null, failure: "" }),
  computed: {
    visible() {
      const rows = [];
      const walk = (directory, depth) => {
        const level = this.levels[directory] ?? [];
        const most = this.most[directory] ?? AT_ONCE;
        for (const entry of level.slice(0, most)) {
          rows.push({ ...entry, depth, name: nameOf(entry.path), shownSize: entry.is_dir ? "" : sized(entry.size) });
          if (entry.is_dir && entry.path in this.opened) walk(entry.path, depth + 1);
        }
        if (level.length > most) rows.push({ path: directory, more: level.length - most, depth });
      };
      walk("", 0);
      return rows;
    },
    // The one row that the tab key reaches.
    reachable() {
      const there = (path) => path !== null && this.visible.some((row) => row.path === path && !row.more);
      return there(this.focused) ? this.focused : there(this.chosen) ? this.chosen : this.visible[0]?.path;
    },
  },
  async mounted() {
    if (this.since) {
      this.hear = gathered((events) => {
        const changed = events.map((event) => event.body?.path).filter((path) => path !== undefined);
        if (changed.length) this.again(changed);
      });
      this.unfollow = followRun(this.runId, this.since, this.hear);
    }
    await this.load("");
    if (this.path) await this.reveal(this.path);
  },
  unmounted() {
    this.hear?.end();
    this.unfollow?.();
  },
  methods: {
    indent: (row) => ({ paddingLeft: `${8 + row.depth * 16}px` }),
    async load(directory) {
      try {
        const query = { path: directory, as_of: window.Trackstream.asOf };
        const found = await window.Trackstream.api(`/runs/${encodeURIComponent(this.runId)}/artifacts`, { query });
        this.most[directory] ??= AT_ONCE;
        this.levels[directory] = found.artifacts;
        this.failure = "";
      } catch (error) {
        this.failure = error.message;
      }
    },
    async again(changed) {
      const shown = new Set();
      for (const path of changed) for (let at = parentOf(path); ; at = parentOf(at)) {
        if (at in this.levels) shown.add(at);
        if (!at) break;
      }
      await Promise.all([...shown].map((directory) => this.load(directory)));
      if (this.chosen !== null && changed.includes(this.chosen)) this.choose(this.entry(this.chosen));
    },
    entry(path) {
      return this.levels[parentOf(path)]?.find((entry) => entry.path === path) ?? null;
    },
    async reveal(path) {
      const parts = path.split("/");
      for (let depth = 1; depth < parts.length; depth++) await this.open(parts.slice(0, depth).join("/"));
      const found = this.entry(path);
      if (found?.is_dir) await this.open(path);
      else this.choose(found ?? { path, missing: true });
    },
    async open(path) {
      this.opened[path] = true;
      if (!(path in this.levels)) await this.load(path);
    },
    act(row) {
      this.focused = row.path;
      if (!row.is_dir) this.choose(row);
      else if (row.path in this.opened) delete this.opened[row.path];
      else this.open(row.path);
    },
    choose(entry) {
      this.chosen = entry?.path ?? null;
      const to = new URL(location.href);
      if (this.chosen) to.searchParams.set("path", this.chosen);
      history.replaceState(history.state, "", to);
      const { path, size, sha256, content_type, logged_at, missing = false } = entry ?? {};
      this.$emit("choose", entry ? { path, size, sha256, content_type, logged_at, missing } : null);
    },
    moved(event) {
      const rows = this.visible.filter((row) => !row.more);
      const at = rows.findIndex((row) => row.path === event.target.dataset.path);
      if (at < 0) return;
      const row = rows[at];
      const to = {
        ArrowDown: () => rows[at + 1],
        ArrowUp: () => rows[at - 1],
        Home: () => rows[0],
        End: () => rows[rows.length - 1],
        ArrowRight: () => (row.is_dir && !(row.path in this.opened) ? (this.open(row.path), row) : rows[at + 1]),
        ArrowLeft: () => {
          if (row.is_dir && row.path in this.opened) delete this.opened[row.path];
          else return rows.find((other) => other.path === parentOf(row.path));
          return row;
        },
        Enter: () => (this.act(row), row),
        " ": () => (this.act(row), row),
      }[event.key];
      if (!to) return;
      event.preventDefault();
      this.focused = (to() ?? row).path;
      this.$nextTick(() => this.$el.querySelector(`[data-path="${CSS.escape(this.focused)}"]`)?.focus());
    },
  },
};
