// Runs in AG Grid's infinite row model: only the blocks that are looked at are asked for, a million scroll as ten do.

import * as AgGrid from "nicegui-aggrid";
import { blocks } from "./blocks.js";
import { definition } from "./columns.js";

AgGrid.ModuleRegistry.registerModules([AgGrid.AllCommunityModule]);

const THEME = AgGrid.themeQuartz.withPart(AgGrid.colorSchemeVariable).withParams({
  fontFamily: "var(--ts-font)",
  fontSize: "var(--ts-m)",
  headerFontSize: "var(--ts-s)",
  headerFontWeight: 600,
  rowHeight: 30,
  headerHeight: 32,
  cellHorizontalPadding: 9,
  backgroundColor: "var(--ts-surface)",
  foregroundColor: "var(--ts-text)",
  headerBackgroundColor: "var(--ts-surface)",
  headerTextColor: "var(--ts-quiet)",
  borderColor: "var(--ts-line)",
  rowHoverColor: "var(--ts-sunk)",
  selectedRowBackgroundColor: "var(--ts-main-soft)",
  accentColor: "var(--ts-main)",
  wrapperBorderRadius: "var(--ts-radius)",
  wrapperBorder: true,
  columnBorder: false,
});
const NARROW = 760;

export default {
  // `state` is what the page shows, its columns decided; `ready` a first block that is there already, `extra` a
  // further condition, `best` the id of the best run, `total` how many runs there are, null while that is not known.
  props: { state: Object, ready: Object, extra: { type: String, default: "" }, best: String, total: Number, label: String },
  emits: ["sort", "columns", "selection", "came", "failed"],
  template: `<div class="ts-run-table" role="region" :aria-label="label"></div>`,
  watch: {
    best() {
      this.grid.redrawRows();
    },
    total(total) {
      this.setTotal(total);
    },
    "state.columns"(columns, before) {
      this.grid.setGridOption("columnDefs", this.definitions());
      const had = new Set(before.map(({ id }) => id));
      if (columns.some(({ id }) => !had.has(id))) this.grid.refreshInfiniteCache();
    },
  },
  mounted() {
    this.selected = new Map();
    const isBest = ({ data }) => Boolean(data) && data.run_id === this.best;
    this.grid = AgGrid.createGrid(this.$el, {
      theme: THEME,
      columnDefs: this.definitions(),
      rowModelType: "infinite",
      cacheBlockSize: window.TrackstreamRuns.BLOCK,
      maxBlocksInCache: 12,
      cacheOverflowSize: 1,
      maxConcurrentDatasourceRequests: 1,
      blockLoadDebounceMillis: 25,
      rowBuffer: 6,
      // Not a page of empty rows first, which would be drawn for nothing.
      infiniteInitialRowCount: 1,
      datasource: this.datasource(this.ready),
      getRowId: ({ data }) => data.run_id,
      rowSelection: { mode: "multiRow", headerCheckbox: false, enableClickSelection: false },
      selectionColumnDef: { width: 38, pinned: this.isNarrow() ? null : "left", resizable: false, suppressHeaderMenuButton: true },
      rowClassRules: { "is-best": isBest },
      animateRows: false,
      multiSortKey: "ctrl",
      suppressDragLeaveHidesColumns: true,
      enableCellTextSelection: true,
      ensureDomOrder: true,
      tooltipShowDelay: 400,
      overlayNoRowsTemplate: "<span></span>",
      onSortChanged: ({ source }) => {
        // Who sorts wants to see what comes first.
        if (source === "uiColumnSorted") this.grid.ensureIndexVisible(0, "top");
        this.tellSort();
      },
      onColumnMoved: ({ finished, source }) => finished && source === "uiColumnMoved" && this.tellColumns(),
      onColumnPinned: ({ source }) => source !== "api" && source !== "gridOptionsChanged" && this.tellColumns(),
      onRowSelected: ({ node, data }) => this.tellSelected(node, data),
    });
  },
  unmounted() {
    this.grid.destroy();
  },
  methods: {
    isNarrow: () => window.innerWidth < NARROW,
    definitions() {
      const isBest = (run) => run.run_id === this.best;
      const made = this.state.columns.map((column) => definition({ ...column, pinned: column.pinned && !this.isNarrow() }, this.state.sort, isBest));
      // The last one takes what is left of the width.
      const last = made.findLast(({ pinned }) => !pinned);
      if (last) Object.assign(last, { flex: 1, minWidth: last.width });
      return made;
    },
    datasource(ready) {
      return blocks({
        state: () => this.state,
        extra: this.extra,
        ready,
        failed: (failure) => this.$emit("failed", failure),
        came: (runs, start, last) => this.$emit("came", runs, start, last),
      });
    },
    // Show another query, whose first block is there.
    show(ready) {
      this.clearSelection();
      this.grid.setGridOption("columnDefs", this.definitions());
      this.grid.setGridOption("datasource", this.datasource(ready));
      this.grid.ensureIndexVisible(0);
    },
    // Ask again for what is shown, without emptying it.
    refresh() {
      this.grid.refreshInfiniteCache();
    },
    setTotal(total) {
      if (total !== null && total !== undefined) this.grid.setRowCount(total, true);
    },
    clearSelection() {
      this.grid.deselectAll();
      this.selected.clear();
      this.$emit("selection", []);
    },
    tellSort() {
      const sorted = this.grid.getColumnState().filter(({ sort }) => sort).sort((one, other) => one.sortIndex - other.sortIndex);
      const sort = sorted.map(({ colId, sort }) => ({ column: colId, descending: sort === "desc" }));
      if (JSON.stringify(sort) !== JSON.stringify(this.state.sort)) this.$emit("sort", sort);
    },
    tellColumns() {
      if (this.isNarrow()) return;
      const shown = this.grid.getAllDisplayedColumns().filter((column) => this.state.columns.some(({ id }) => id === column.getColId()));
      this.$emit("columns", shown.map((column) => ({ id: column.getColId(), pinned: Boolean(column.getPinned()) })));
    },
    tellSelected(node, run) {
      if (!run) return;
      if (node.isSelected()) this.selected.set(run.run_id, run);
      else this.selected.delete(run.run_id);
      this.$emit("selection", [...this.selected.values()]);
    },
  },
};
