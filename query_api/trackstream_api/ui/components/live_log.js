import { gathered } from "run_stream";

// What a launch prints, from /api/v1/launches/ID/logs: the whole once, then what is new. Text only: a program's
// output is never markup. Its colours (ANSI) are left out.
const MOST = 2_000_000;
const KEPT = 1_500_000;
// An operating system command ends with a bell or with ESC \, and never goes on behind its line.
const escapes = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|\u001b[@-_]/g;

// A line that is written over (a progress bar) shows what was written last.
function settled(text) {
  if (!text.includes("\r")) return text;
  return text.split("\n").map((line) => {
    const shown = line.endsWith("\r") ? line.slice(0, -1) : line;
    return shown.slice(shown.lastIndexOf("\r") + 1);
  }).join("\n");
}

export default {
  template: `
    <div class="ts-log">
      <div class="ts-panel-head">
        <h2>Output</h2>
        <span class="ts-chip" :class="live ? 'is-live' : 'is-idle'">{{ live ? "live" : "complete" }}</span>
        <span class="ts-quiet ts-small">{{ told }}</span>
        <div class="ts-grow"></div>
        <label class="ts-row ts-small"><input type="checkbox" v-model="wrapped" /> Wrap</label>
        <label class="ts-row ts-small"><input type="checkbox" v-model="following" /> Follow</label>
        <a class="ts-button ts-small-button" :href="address" :download="launchId + '.log'">Download</a>
      </div>
      <p v-if="cut" class="ts-log-cut">The beginning is not shown: download it to read all.</p>
      <pre ref="text" tabindex="0" class="ts-log-text" :class="{ 'is-wrapped': wrapped }" aria-label="What the launch prints"
        @scroll="scrolled">{{ text || (loaded ? none : "Reading …") }}</pre>
    </div>`,
  props: { launchId: String, runId: String, live: Boolean, none: String },
  data: () => ({ text: "", size: 0, loaded: false, cut: false, wrapped: true, following: true, failure: "" }),
  computed: {
    address() {
      return `/api/v1/launches/${encodeURIComponent(this.launchId)}/logs`;
    },
    told() {
      if (this.failure) return this.failure;
      const lines = this.text ? this.text.split("\n").length - (this.text.endsWith("\n") ? 1 : 0) : 0;
      return this.loaded ? `${window.Trackstream.count(lines)} lines` : "";
    },
  },
  watch: {
    live() {
      // The last words come with the end.
      this.read();
      if (!this.live) this.close();
    },
    following() {
      this.toEnd();
    },
  },
  mounted() {
    this.hear = gathered(() => this.read());
    this.seen = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.seen);
    this.read();
    this.open();
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.seen);
    this.hear.end();
    this.close();
  },
  methods: {
    open() {
      if (this.source || !this.live) return;
      this.source = new EventSource(`/api/v1/stream?${new URLSearchParams({ run: this.runId, topic: "artifacts" })}`);
      // What was printed since it was read last.
      this.source.onopen = () => this.hear({});
      this.source.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (event.body?.path === `launches/${this.launchId}/output.log`) this.hear(event);
      };
      this.source.onerror = () => {
        if (this.source?.readyState !== EventSource.CLOSED) return;
        this.close();
        this.again = setTimeout(() => document.hidden || this.open(), 3000);
      };
    },
    close() {
      clearTimeout(this.again);
      this.source?.close();
      this.source = null;
    },
    async read() {
      if (this.reading) {
        this.missed = true;
        return;
      }
      this.reading = true;
      try {
        do {
          this.missed = false;
          await this.readOnce();
        } while (this.missed);
        this.failure = "";
      } catch (error) {
        this.failure = `cannot be read: ${error.message}`;
      } finally {
        this.reading = false;
        this.loaded = true;
      }
    },
    async readOnce() {
      const { api } = window.Trackstream;
      const folder = `launches/${this.launchId}`;
      const listed = await api(`/runs/${encodeURIComponent(this.runId)}/artifacts`, { query: { path: folder } });
      const file = listed.artifacts.find((one) => one.path === `${folder}/output.log`);
      if (!file || file.size === this.size) return;
      // Shorter than before: another attempt has begun anew.
      const from = file.size < this.size ? 0 : this.size;
      const begin = file.size - from > MOST ? file.size - KEPT : from;
      const answer = await fetch(this.address, { headers: begin > 0 ? { Range: `bytes=${begin}-` } : {} });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      const whole = answer.status === 200;
      const anew = whole || begin > from || from === 0;
      if (anew) this.decoder = new TextDecoder();
      let text = (anew ? "" : this.raw) + this.decoder.decode(bytes, { stream: true });
      this.size = (whole ? 0 : begin) + bytes.byteLength;
      if (anew) this.cut = !whole && begin > from;
      if (text.length > MOST) {
        text = text.slice(text.indexOf("\n", text.length - KEPT) + 1);
        this.cut = true;
      }
      this.raw = text;
      this.text = settled(text.replace(escapes, ""));
      await this.$nextTick();
      this.toEnd();
    },
    toEnd() {
      if (this.following && this.$refs.text) this.$refs.text.scrollTop = this.$refs.text.scrollHeight;
    },
    scrolled() {
      const shown = this.$refs.text;
      this.following = shown.scrollTop + shown.clientHeight >= shown.scrollHeight - 24;
    },
  },
};
