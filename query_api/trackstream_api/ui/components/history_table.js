import { followRun, gathered } from "run_stream";

const PAGE = 100;
const LONG = 200;

const worded = (value) => {
  if (value === null || value === undefined) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONG ? `${text.slice(0, LONG)}…` : text;
};
const short = (position) => position.replace(/^trackstream\./, "");

// Everything that happened to a run, with where it stands on the log. All of it is text.
export default {
  template: `
    <div>
      <p v-if="failure" class="ts-wrong" role="alert">{{ failure }}</p>
      <div v-if="entries.length" class="ts-panel ts-scroll">
        <table class="ts-table ts-history" aria-label="Events">
          <thead><tr>
            <th scope="col">Position</th><th scope="col">Time (UTC)</th><th scope="col">Event</th>
            <th scope="col">What changed</th><th scope="col">By</th>
          </tr></thead>
          <tbody>
            <tr v-for="entry in entries" :key="entry.position">
              <td class="ts-history-place">
                <a class="ts-link ts-mono" :href="then(entry)" :title="'Show the run as of ' + entry.position">{{ short(entry.position) }}</a>
              </td>
              <td class="ts-history-time">{{ moment(entry.occurred_at) }}</td>
              <td>
                <details><summary>{{ entry.type }}</summary><pre class="ts-history-body">{{ JSON.stringify(entry.body, null, 2) }}</pre></details>
              </td>
              <td class="ts-history-changes">
                <div v-for="change in entry.changes" :key="change.field">
                  <span class="ts-mono">{{ change.field }}</span>
                  <template v-if="change.before !== null"> <s class="ts-quiet">{{ worded(change.before) }}</s> →</template>
                  {{ worded(change.after) }}
                </div>
                <span v-if="!entry.changes.length" class="ts-faint">nothing</span>
              </td>
              <td>{{ entry.actor || "–" }}</td>
            </tr>
          </tbody>
        </table>
      </div>
      <p v-else-if="busy" class="ts-quiet">Loading…</p>
      <button v-if="next" type="button" class="ts-button ts-history-more" :disabled="busy" @click="more">Show later events</button>
    </div>`,
  props: { runId: String, since: String },
  data: () => ({ entries: [], next: null, failure: "", busy: true }),
  async mounted() {
    this.begin = { token: null, count: 0 };
    await this.load();
    if (!this.since) return;
    this.hear = gathered((events) => {
      if (!this.next && events.some((event) => !event.topic.endsWith("metrics"))) this.load();
    }, 500);
    this.unfollow = followRun(this.runId, this.since, this.hear);
  },
  unmounted() {
    this.hear?.end();
    this.unfollow?.();
  },
  methods: {
    worded,
    short,
    moment: (ms) => window.Trackstream.moment(ms),
    then(entry) {
      return window.Trackstream.place(["runs", this.runId], { as_of: entry.position });
    },
    // The last page again, which may have grown.
    async load() {
      this.busy = true;
      try {
        const query = { limit: PAGE, page_token: this.begin.token, as_of: window.Trackstream.asOf };
        const found = await window.Trackstream.api(`/history/runs/${encodeURIComponent(this.runId)}`, { query });
        this.entries = [...this.entries.slice(0, this.begin.count), ...found.entries];
        this.next = found.next_page_token;
        this.failure = "";
      } catch (error) {
        this.failure = error.message;
      } finally {
        this.busy = false;
      }
    },
    more() {
      this.begin = { token: this.next, count: this.entries.length };
      return this.load();
    },
  },
};
