// Where AG Grid gets its rows: blocks of a search, one asked for at a time, those that nobody waits for given up.

const { searchBody, first } = window.TrackstreamRuns;

// Ask for one block. The very first of a page has been asked for before this module was loaded.
let waiting = first;
export async function block(body, signal) {
  const early = waiting;
  waiting = null;
  if (early && early.asked === JSON.stringify(body)) {
    const answer = await early.answer.catch(() => null);
    if (answer?.ok) return answer.json();
  }
  return Trackstream.api("/runs/search", { body, signal });
}

// A datasource of AG Grid's infinite row model. `state()` is what the page shows now, `extra` a further condition;
// `ready` is a first block that is there already. Calls `failed` with what the API refused, `came` with rows.
export function blocks({ state, extra = "", ready = null, failed = () => {}, came = () => {} }) {
  let controller = null;
  let asked = "";
  return {
    async getRows({ startRow, sortModel, successCallback, failCallback }) {
      const sort = sortModel.map(({ colId, sort }) => ({ column: colId, descending: sort === "desc" }));
      const shown = { ...state(), sort };
      // Where nobody has chosen columns, the first rows tell which suit: they are asked for whole.
      if (shown.unchosen && startRow === 0 && !extra) shown.columns = null;
      const body = searchBody(shown, { offset: startRow, extra });
      const query = JSON.stringify([body.filter, body.order_by, body.view]);
      // Rows in an order that is not shown any more.
      if (query !== asked) controller?.abort();
      asked = query;
      controller = new AbortController();
      const { signal } = controller;
      try {
        let found = startRow === 0 ? ready : null;
        ready = null;
        found ||= await block(body, signal);
        const runs = found.runs;
        const last = found.next_page_token ? undefined : startRow + runs.length;
        successCallback(runs, last);
        came(runs, startRow, last);
      } catch (failure) {
        failCallback();
        if (!signal.aborted) failed(failure);
      }
    },
    destroy() {
      controller?.abort();
    },
  };
}
