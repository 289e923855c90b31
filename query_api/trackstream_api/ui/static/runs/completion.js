// What could come next in a filter: pure, from the text before the cursor.

const TOKEN = /\s+|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[\w$@]+(?:\.(?:[\w$@]+|`(?:``|[^`])*`?|"(?:""|[^"])*"?)?)*|'(?:''|[^'])*'?|"(?:""|[^"])*"?|`(?:``|[^`])*`?|!=|<=|>=|[=<>(),]|./gsu;
const ATTRIBUTES = ["status", "run_name", "start_time", "end_time", "duration", "user_id", "run_id"];
const NUMERIC = new Set(["start_time", "end_time", "duration"]);
const STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"];
const MOST = 60;

const isSpace = (piece) => /^\s+$/.test(piece);

// {from, options: [{text, kind, hint}]}: each option replaces the text between `from` and the cursor.
// `known` has the sorted lists params, metrics, tags; `values(id)` values that are likely for a param or tag.
export function suggestions(text, cursor, known, values = () => []) {
  const before = text.slice(0, cursor);
  const pieces = before.match(TOKEN) || [];
  const last = pieces.at(-1);
  const isOpen = last !== undefined && !isSpace(last) && !/^[(),]$/.test(last) && !/^[=!<>]+$/.test(last);
  const written = isOpen ? last : "";
  const done = (isOpen ? pieces.slice(0, -1) : pieces).filter((piece) => !isSpace(piece));
  const wanted = expectation(done);
  const from = cursor - written.length;
  const options = {
    key: () => keys(known),
    operator: () => operators(wanted.key),
    value: () => literals(wanted.key, values),
    list: () => literals(wanted.key, values),
    and: () => [{ text: "AND ", kind: "word", hint: "and another condition" }],
    none: () => [],
  }[wanted.what]();
  // Who types a key does not think of its quotes.
  const plain = (words) => words.toLowerCase().replaceAll("`", "");
  const sought = plain(written);
  const starts = options.filter(({ text }) => plain(text).startsWith(sought));
  const holds = options.filter(({ text }) => !plain(text).startsWith(sought) && plain(text).includes(sought));
  const found = [...starts, ...(sought ? holds : [])].filter(({ text }) => text.trim() !== written);
  return { from, options: found.slice(0, MOST) };
}

function expectation(done) {
  let what = "key";
  let key = "";
  for (const piece of done) {
    const word = piece.toUpperCase();
    if (what === "key") {
      key = piece;
      what = "operator";
    } else if (what === "operator") {
      if (word === "IS") what = "null";
      else if (word === "NOT") what = "operator";
      else what = word === "IN" ? "open" : "value";
    } else if (what === "null") what = word === "NOT" ? "null" : "and";
    else if (what === "open") what = "list";
    else if (what === "list") what = piece === ")" ? "and" : "list";
    else if (what === "value") what = "and";
    else what = "key";
  }
  return { what: what === "null" || what === "open" ? "none" : what, key };
}

function keys(known) {
  const { identifier } = window.TrackstreamRuns;
  const of = (part, hint) => known[part].map((key) => ({ text: identifier(`${part}.${key}`) + " ", kind: hint, hint }));
  return [...of("metrics", "metric"), ...of("params", "param"), ...ATTRIBUTES.map((name) => ({ text: name + " ", kind: "attribute", hint: "of the run" })), ...of("tags", "tag")];
}

function operators(key) {
  const word = (text, hint = "") => ({ text: text + " ", kind: "operator", hint });
  const isKeyed = /^(params?|tags?)\./.test(key);
  if (/^metrics?\./.test(key) || NUMERIC.has(key)) return ["<", "<=", "=", "!=", ">", ">="].map((text) => word(text));
  const found = [word("="), word("!="), word("LIKE", "% stands for anything"), word("ILIKE", "in any case of letters")];
  if (isKeyed) found.push(word("IS NULL", "has none"), word("IS NOT NULL", "has one"));
  if (key === "run_id") found.push(word("IN ("));
  return found;
}

function literals(key, values) {
  const quoted = (value) => ({ text: window.TrackstreamRuns.literal(value) + " ", kind: "value", hint: "" });
  if (key === "status") return STATUSES.map(quoted);
  if (/^(params?|tags?)\./.test(key)) return values(key).map(quoted);
  return [];
}
