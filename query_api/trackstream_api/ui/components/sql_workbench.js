import * as CM from "nicegui-codemirror";
import * as AgGrid from "nicegui-aggrid";
import { echarts, guess, isNumber, options, MOST_POINTS, MOST_SERIES } from "sql_result_chart";
import { savedQueries, saveQuery, forgetQuery } from "sql_saved";

AgGrid.ModuleRegistry.registerModules([AgGrid.AllCommunityModule]);

const CHART_KINDS = [["line", "Line"], ["bar", "Bars"], ["scatter", "Points"]];
const asked = new URLSearchParams(location.search);

// A column's width for these texts, pixels.
const fitting = (texts) => Math.min(420, Math.max(80, 26 + 7.4 * Math.max(...texts.map((text) => text.length))));

export default {
  template: `
  <div class="ts-sql">
    <aside class="ts-sql-side ts-panel" aria-label="Views and saved queries">
      <div class="ts-sql-tabs" role="tablist">
        <button v-for="[name, words] in [['views', 'Views'], ['saved', 'Saved'], ['examples', 'Examples']]" :key="name" role="tab" type="button"
          class="ts-tab" :class="{ 'is-current': side === name }" :aria-selected="side === name" @click="side = name">{{ words }}</button>
      </div>
      <div v-if="side === 'views'" class="ts-sql-views">
        <input class="ts-input" type="search" placeholder="Find a view or column" aria-label="Find a view or column" v-model="wanted" />
        <details v-for="view in shownViews" :key="view.name" :open="wanted.length > 1">
          <summary :title="view.meaning"><span class="ts-mono">{{ view.name }}</span></summary>
          <p class="ts-quiet ts-small">{{ view.meaning }}
            <button type="button" class="ts-sql-insert" :aria-label="'Query ' + view.name" @click="begin(view)">query it</button></p>
          <ul>
            <li v-for="column in view.columns" :key="column.name">
              <button type="button" class="ts-sql-column" :title="column.meaning + ' (' + column.type + ')'" @click="insert(column.name)">
                <span class="ts-mono">{{ column.name }}</span> <span class="ts-faint">{{ column.type }}</span></button>
              <span class="ts-quiet ts-small">{{ column.meaning }}</span>
            </li>
          </ul>
        </details>
        <p v-if="!shownViews.length" class="ts-faint">No view or column is called so.</p>
      </div>
      <ul v-else-if="side === 'saved'" class="ts-sql-list">
        <li v-for="one in saved" :key="one.name">
          <button type="button" class="ts-sql-column" :title="one.query" @click="show(one.query)">{{ one.name }}</button>
          <button type="button" class="ts-icon-button" :aria-label="'Forget ' + one.name" :title="'Forget ' + one.name" @click="saved = forget(one.name)">×</button>
        </li>
        <li v-if="!saved.length" class="ts-faint">None yet. They are kept in this browser; a query's address can be shared.</li>
      </ul>
      <ul v-else class="ts-sql-list">
        <li v-for="one in examples" :key="one.title"><button type="button" class="ts-sql-column" :title="one.query" @click="show(one.query)">{{ one.title }}</button></li>
      </ul>
    </aside>
    <div class="ts-sql-main">
      <section class="ts-panel" aria-label="Query">
        <div ref="editor" class="ts-sql-editor" data-search></div>
        <div class="ts-sql-acts ts-row">
          <button type="button" class="ts-button is-main" :disabled="running" @click="run">{{ running ? "Running …" : "Run" }}</button>
          <span class="ts-faint ts-small"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
          <button v-if="running" type="button" class="ts-button" @click="stop">Stop</button>
          <div class="ts-grow"></div>
          <form v-if="naming" class="ts-row" @submit.prevent="save">
            <input ref="name" class="ts-input" v-model="name" placeholder="Name of the query" aria-label="Name of the query" required />
            <button class="ts-button" type="submit">Save</button>
          </form>
          <button v-else type="button" class="ts-button" @click="askName">Save</button>
          <button type="button" class="ts-button" :disabled="!result || downloading" @click="download">{{ downloading ? "Downloading …" : "Download CSV" }}</button>
        </div>
      </section>
      <section v-if="failure" class="ts-panel ts-sql-failure" role="alert">
        <strong>{{ failure.title }}</strong>
        <p class="ts-pre">{{ failure.message }}</p>
      </section>
      <section v-if="result" class="ts-panel ts-sql-result" aria-label="Result">
        <div class="ts-panel-head">
          <button type="button" class="ts-tab" :class="{ 'is-current': !charting }" @click="drawTable">Table</button>
          <button type="button" class="ts-tab" :class="{ 'is-current': charting }" :disabled="!chart" :title="chart ? '' : 'No column holds numbers'" @click="draw">Chart</button>
          <div class="ts-grow"></div>
          <span class="ts-quiet ts-small" role="status">{{ told }}</span>
        </div>
        <div v-if="charting" class="ts-sql-chart-acts ts-row">
          <label class="ts-small">Kind <select class="ts-select" v-model="chart.kind"><option v-for="[kind, words] in kinds" :key="kind" :value="kind">{{ words }}</option></select></label>
          <label class="ts-small">Right <select class="ts-select" v-model.number="chart.x"><option v-for="(column, index) in result.columns" :key="index" :value="index">{{ column.name }}</option></select></label>
          <label class="ts-small">Up <select class="ts-select" v-model.number="chart.y[0]"><option v-for="index in numbers" :key="index" :value="index">{{ result.columns[index].name }}</option></select></label>
          <label class="ts-small">One each <select class="ts-select" v-model.number="chart.by"><option :value="-1">–</option><option v-for="(column, index) in result.columns" :key="index" :value="index">{{ column.name }}</option></select></label>
          <span v-if="chartNote" class="ts-faint ts-small">{{ chartNote }}</span>
        </div>
        <div v-show="charting" ref="chart" class="ts-sql-chart" role="img" aria-label="Chart of the result"></div>
        <div v-show="!charting" ref="grid" class="ts-sql-grid"></div>
      </section>
      <section v-else-if="!failure" class="ts-panel"><div class="ts-state">
        <span class="ts-state-title">{{ running ? "Running …" : "Nothing has been asked yet" }}</span>
        <span class="ts-quiet">{{ running ? "The first rows are on their way." : "Write a SELECT over the views, or take an example; Ctrl-Enter runs it." }}</span>
      </div></section>
    </div>
  </div>`,
  props: { views: Array, examples: Array },
  data: () => ({
    side: "views", wanted: "", saved: savedQueries(), running: false, downloading: false, naming: false, name: "",
    result: null, failure: null, took: 0, charting: asked.get("show") === "chart", chart: null, kinds: CHART_KINDS,
  }),
  computed: {
    shownViews() {
      const part = this.wanted.trim().toLowerCase();
      if (!part) return this.views;
      return this.views.filter((view) => view.name.includes(part) || view.columns.some((column) => column.name.toLowerCase().includes(part)));
    },
    numbers() {
      return this.result.columns.map((_, index) => index).filter((index) => isNumber(this.result.columns[index].type));
    },
    told() {
      const { count } = window.Trackstream;
      return `${count(this.result.rows.length)} ${this.result.rows.length === 1 ? "row" : "rows"} · ${this.result.columns.length} columns · ${this.took} ms`;
    },
    chartNote() {
      if (this.result.rows.length > MOST_POINTS) return `the first ${window.Trackstream.count(MOST_POINTS)} rows`;
      const series = this.chart.by >= 0 ? new Set(this.result.rows.map((row) => row[this.chart.by])).size : 1;
      return series > MOST_SERIES ? `the first ${MOST_SERIES} of ${series}` : "";
    },
  },
  watch: {
    chart: {
      deep: true,
      handler() {
        if (this.charting && this.chart) this.draw();
      },
    },
  },
  mounted() {
    this.theme = new CM.Compartment();
    this.language = new CM.Compartment();
    this.editor = new CM.EditorView({
      doc: asked.get("query") || this.examples[0].query,
      parent: this.$refs.editor,
      extensions: [
        CM.Prec.highest(CM.keymap.of([{ key: "Mod-Enter", run: () => (this.run(), true) }])),
        CM.basicSetup,
        CM.EditorView.lineWrapping,
        CM.EditorView.contentAttributes.of({ "aria-label": "SQL query" }),
        CM.EditorState.languageData.of(() => [{ autocomplete: (context) => this.complete(context) }]),
        this.theme.of(this.look()),
        this.language.of([]),
      ],
    });
    const sql = CM.languages.find((one) => one.name === "SQL");
    sql.load().then((found) => this.editor?.dispatch({ effects: this.language.reconfigure(found) }));
    this.restyle = () => {
      this.editor.dispatch({ effects: this.theme.reconfigure(this.look()) });
      if (this.charting && this.result) this.draw();
    };
    document.addEventListener("trackstream:scheme", this.restyle);
    if (asked.get("query")) this.run();
  },
  unmounted() {
    document.removeEventListener("trackstream:scheme", this.restyle);
    this.stop();
    this.sizes?.disconnect();
    this.drawn?.dispose();
    this.grid?.destroy();
    this.editor.destroy();
    this.editor = null;
  },
  methods: {
    forget: forgetQuery,
    look() {
      return window.Trackstream.isDark() ? [CM.oneDark] : [CM.syntaxHighlighting(CM.defaultHighlightStyle)];
    },
    text() {
      return this.editor.state.doc.toString();
    },
    show(query) {
      this.editor.dispatch({ changes: { from: 0, to: this.editor.state.doc.length, insert: query } });
      this.editor.focus();
    },
    insert(words) {
      this.editor.dispatch(this.editor.state.replaceSelection(words));
      this.editor.focus();
    },
    begin(view) {
      this.show(`SELECT *\nFROM ${view.name}\nLIMIT 100`);
      this.run();
    },
    complete(context) {
      const word = context.matchBefore(/[\w.]*/);
      if (!word || (word.from === word.to && !context.explicit)) return null;
      const text = this.text();
      const used = this.views.filter((view) => new RegExp(`\\b${view.name}\\b`).test(text));
      const options = this.views.map((view) => ({ label: view.name, type: "class", info: view.meaning, boost: 1 }));
      for (const view of used.length ? used : []) {
        for (const column of view.columns) options.push({ label: column.name, type: "property", detail: column.type, info: column.meaning, boost: 2 });
      }
      // Behind an alias's dot it is a column.
      const dot = word.text.lastIndexOf(".");
      return { from: word.from + dot + 1, options, validFor: /^\w*$/ };
    },
    remember(more = {}) {
      const address = new URL(location.href);
      for (const [name, value] of Object.entries({ query: this.text(), show: this.charting ? "chart" : null, ...more })) {
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
      history.replaceState(history.state, "", address);
    },
    stop() {
      this.request?.abort();
    },
    async run() {
      this.stop();
      const request = (this.request = new AbortController());
      this.running = true;
      this.failure = null;
      this.remember();
      const began = performance.now();
      try {
        const answer = await window.Trackstream.api("/sql", { body: { query: this.text() }, signal: request.signal });
        if (this.request !== request) return;
        this.took = Math.round(performance.now() - began);
        const same = this.result && JSON.stringify(this.result.columns) === JSON.stringify(answer.columns);
        this.result = Object.freeze(answer);
        if (!same || !this.chart) this.chart = guess(answer.columns);
        if (!this.chart) this.charting = false;
        await this.$nextTick();
        this.fill();
        if (this.charting) this.draw();
      } catch (error) {
        if (error.name === "AbortError" || this.request !== request) return;
        this.result = null;
        this.grid?.destroy();
        this.grid = null;
        this.refused(error);
      } finally {
        if (this.request === request) this.running = false;
      }
    },
    refused(error) {
      // Counted in characters there, in units of UTF-16 here.
      const where = error.position === undefined ? -1 : [...this.text()].slice(0, error.position).join("").length;
      let title = "The query was refused";
      if (where >= 0 && where <= this.editor.state.doc.length) {
        const line = this.editor.state.doc.lineAt(where);
        title = `Line ${line.number}, column ${where - line.from + 1}`;
        const to = Math.min(line.to, where + Math.max(1, (/^\w+/.exec(line.text.slice(where - line.from)) ?? [""])[0].length));
        this.editor.dispatch({ selection: { anchor: where, head: Math.max(where, to) }, scrollIntoView: true });
        this.editor.focus();
      } else if (error.status === 503) title = "No answer";
      this.failure = { title, message: error.message };
    },
    fill() {
      const shown = (value) => (value === null ? "NULL" : typeof value === "object" ? JSON.stringify(value) : String(value));
      const columns = this.result.columns.map((column, index) => ({
        width: fitting([column.name + "  ", ...this.result.rows.slice(0, 100).map((row) => shown(row[index]))]),
        headerName: column.name,
        headerTooltip: column.type,
        field: String(index),
        colId: String(index),
        type: isNumber(column.type) ? "rightAligned" : undefined,
        cellClass: isNumber(column.type) ? "ts-number" : "",
        valueGetter: (cell) => cell.data[index],
        valueFormatter: ({ value }) => shown(value),
        comparator: isNumber(column.type) ? (a, b) => Number(a) - Number(b) : undefined,
      }));
      const last = columns.at(-1);
      // Rows reach the right edge; a number stays beside its neighbours.
      if (!last.type) Object.assign(last, { flex: 1, minWidth: 160 });
      const rows = this.result.rows;
      // Anew: widths are those of this result.
      this.grid?.destroy();
      this.grid = AgGrid.createGrid(this.$refs.grid, {
        theme: AgGrid.themeQuartz.withPart(AgGrid.colorSchemeVariable),
        columnDefs: columns,
        rowData: rows,
        rowHeight: 28,
        headerHeight: 32,
        defaultColDef: { resizable: true, sortable: true, minWidth: 70 },
        enableCellTextSelection: true,
        suppressFieldDotNotation: true,
        suppressCellFocus: false,
        overlayNoRowsTemplate: "No rows",
      });
    },
    drawTable() {
      this.charting = false;
      this.remember();
    },
    async draw() {
      this.charting = true;
      this.remember();
      await this.$nextTick();
      if (!this.$refs.chart) return;
      if (this.drawn && this.drawn.getDom() !== this.$refs.chart) {
        this.drawn.dispose();
        this.drawn = null;
      }
      if (!this.drawn) {
        this.drawn = echarts.init(this.$refs.chart);
        this.sizes?.disconnect();
        this.sizes = new ResizeObserver(() => this.drawn?.resize());
        this.sizes.observe(this.$refs.chart);
      }
      this.drawn.setOption(options(this.result, this.chart), { notMerge: true });
    },
    async askName() {
      this.naming = true;
      await this.$nextTick();
      this.$refs.name.focus();
    },
    save() {
      this.saved = saveQuery(this.name.trim(), this.text());
      this.naming = false;
      this.name = "";
      this.side = "saved";
    },
    async download() {
      this.downloading = true;
      try {
        const answer = await fetch("/api/v1/sql", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ query: this.text(), format: "csv" }),
        });
        if (!answer.ok) throw new Error((await answer.json()).message);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(await answer.blob());
        link.download = "query.csv";
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      } catch (error) {
        this.failure = { title: "The download failed", message: error.message };
      } finally {
        this.downloading = false;
      }
    },
  },
};
