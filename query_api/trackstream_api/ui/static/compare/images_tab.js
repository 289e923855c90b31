// The same image of each run, side by side.

import { fileAt, grouped } from "./image_paths.js";

export const ImagesTab = {
  name: "ImagesTab",
  emits: ["change"],
  props: { runs: Array, colours: Object, state: Object },
  data: () => ({ groups: null, problem: "", more: false, broken: {} }),
  template: `
    <section class="cmp-tab" aria-label="Images">
      <div v-if="problem" class="ts-state is-failed" role="alert"><div class="ts-state-title">The artifacts could not be listed</div><div>{{ problem }}</div></div>
      <div v-else-if="!groups" class="ts-state" role="status">Loading…</div>
      <div v-else-if="!groups.length" class="ts-state"><div class="ts-state-title">No images</div><div class="ts-quiet">What runs log with log_figure, log_image or as a picture file can be seen here.</div></div>
      <template v-else>
        <div class="ts-toolbar cmp-controls">
          <label class="cmp-field">Image <select class="ts-select" :value="group.name" @change="$emit('change', { image: $event.target.value, step: '' })">
            <option v-for="one in groups" :key="one.name" :value="one.name">{{ one.name }} ({{ one.runs.size }} {{ one.runs.size === 1 ? "run" : "runs" }})</option></select></label>
          <label v-if="group.steps.length > 1" class="cmp-field cmp-steps">Step <input type="range" min="0" :max="group.steps.length - 1" step="1" :value="group.steps.indexOf(step)" :aria-valuetext="'step ' + step" @input="$emit('change', { step: group.steps[Number($event.target.value)] })">
            <output class="ts-number cmp-output">{{ step }}</output></label>
          <label class="cmp-field">Size <input type="range" min="120" max="720" step="20" :value="size" aria-label="Size of the images" @input="$emit('change', { size: $event.target.value === '260' ? '' : $event.target.value })"></label>
          <span v-if="more" class="ts-faint ts-small">Only the first 10,000 images were looked at</span>
        </div>
        <div class="cmp-images" :style="{ '--cmp-image': size + 'px' }">
          <figure v-for="one in pictures" :key="one.run.run_id" class="ts-panel cmp-image">
            <figcaption><i :style="{ background: colours[one.run.run_id] }"></i><a class="ts-cut" :href="address(one.run)" :title="one.run.name">{{ one.run.name || one.run.run_id.slice(0, 8) }}</a>
              <span v-if="one.file && one.file.step !== undefined && one.file.step !== step" class="ts-faint">step {{ one.file.step }}</span></figcaption>
            <img v-if="one.file && !broken[one.source]" :src="one.source" :alt="group.name + ' of ' + one.run.name" loading="lazy" decoding="async" @error="broken[one.source] = true">
            <div v-else class="cmp-image-none">{{ one.file ? "cannot be shown" : "has none" }}</div>
          </figure>
        </div>
      </template>
    </section>`,
  computed: {
    group() {
      return this.groups.find(({ name }) => name === this.state.image) ?? this.groups[0];
    },
    step() {
      const wanted = Number(this.state.step);
      return this.state.step !== undefined && this.group.steps.includes(wanted) ? wanted : this.group.steps.at(-1);
    },
    size() {
      return Math.min(720, Math.max(120, Number(this.state.size) || 260));
    },
    pictures() {
      return this.runs.map((run) => {
        const file = fileAt(this.group, run.run_id, this.step);
        return { run, file, source: file && contentOf(run, file) };
      });
    },
    asked() {
      return this.runs.map((run) => run.run_id).join();
    },
  },
  watch: { asked: { immediate: true, handler: "load" } },
  methods: {
    address: (run) => window.Trackstream.place(["runs", run.run_id], { tab: "artifacts" }),
    async load() {
      const asked = this.asked;
      if (!asked) {
        this.groups = [];
        return;
      }
      try {
        const ids = asked.split(",");
        const parts = [];
        for (let from = 0; from < ids.length; from += 100) {
          const body = { run_ids: ids.slice(from, from + 100), content_types: ["image/"], as_of: window.Trackstream.asOf };
          parts.push(window.Trackstream.api("/artifacts/search", { body }));
        }
        const found = await Promise.all(parts);
        if (asked !== this.asked) return;
        this.more = found.some(({ more }) => more);
        this.groups = grouped(found.flatMap(({ artifacts }) => artifacts));
        this.problem = "";
      } catch (error) {
        this.problem = error.message;
      }
    },
  },
};

// The digest is there for the browser's cache only: another content has another address.
function contentOf(run, file) {
  const query = new URLSearchParams({ path: file.path, inline: "true", digest: file.sha256.slice(0, 12) });
  if (window.Trackstream.asOf) query.set("as_of", window.Trackstream.asOf);
  return `/api/v1/runs/${encodeURIComponent(run.run_id)}/artifacts/content?${query}`;
}
