// Counts.
const group = () => groups[Number($("group").value)];
// A strategy's own grid, or a null grid: counts alone, of those examples that it has.
const gridOf = (own, name) => own.strategies[name] ?? own.nulls[name];
const languages = (one, strategy) => one.languages.filter(
  (own) => ($("lang").value === "" || own.lang === $("lang").value) && gridOf(own, strategy));
const key = ([i, j]) => i + "," + j;

// Per pair, over the languages that are chosen: right, n, null; and what vanilla gives there.
const totals = (one, strategy) => {
  const level = $("level").value, set = $("set").value, cells = new Map();
  let vanilla = 0, of = 0;
  for (const own of languages(one, strategy)) {
    const found = gridOf(own, strategy), counts = found.counts[level][set];
    if (!counts) continue;
    const [right, n] = (found.vanilla_rates ?? own.vanilla_rates)[level];
    vanilla += set === "all" ? right : set === "shared" ? Math.max(...counts.n) : 0;
    of += set === "all" ? n : Math.max(...counts.n);
    const measured = MEASURES[$("value").value] ? measuredOf(own, strategy, level, set) : null;
    found.pairs.forEach((pair, at) => {
      const cell = cells.get(key(pair)) ?? { pair, right: 0, n: 0, null: 0, values: [], bounds: 0 };
      cell.right += counts.right[at];
      cell.n += counts.n[at];
      cell.null = counts.null[at] === null || cell.null === null ? null : cell.null + counts.null[at];
      const more = measured && measured.get(key(pair));
      if (more) { cell.values.push(...more.values); cell.bounds += more.bounds; }
      cells.set(key(pair), cell);
    });
  }
  return { cells, vanilla, of };
};

const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;
const median = (values) => {
  const own = Float64Array.from(values).sort(), half = own.length >> 1;
  return own.length % 2 ? own[half] : (own[half - 1] + own[half]) / 2;
};

// What scored candidates say of the answer in one record, by what is shown: its value, what is made
// of those of several examples, and which bit of its bound says that it is no more than one.
const MEASURES = {
  share: { of: (found, at) => found.share[at] < 0 ? NaN : found.share[at] / 10, over: mean, says: "mean", bit: 0 },
  logprob: { of: (found, at) => found.below[at] < 0 ? NaN : -found.below[at] / 1000, over: mean, says: "mean", bit: 1 },
  rank: { of: (found, at) => found.rank[at] < 0 ? NaN : found.rank[at], over: median, says: "median", bit: 2 },
  recovery: { of: (found, at, own, k) => {
    const [with_, target, source] = [found.below[at], own.vanilla.below[k], own.source.right[k] < 0 ? -1 : own.source.below[k]];
    return with_ < 0 || target < 0 || source < 0 || source >= target ? NaN : (target - with_) / (target - source);
  }, over: median, says: "median", bit: 1 },
};

// By pair, of the examples of a set: the values that are known, and how many are bounds.
const measuredOf = (own, strategy, level, set) => {
  const { of, bit } = MEASURES[$("value").value];
  const { inside, records } = gridOf(own, strategy), found = new Map(inside.map((pair) => [key(pair), { values: [], bounds: 0 }]));
  if (!inside.length || !records.below.length) return found;
  own.examples.forEach((_, k) => {
    if (!within(own, k, level, set)) return;
    inside.forEach((pair, place) => {
      const at = k * inside.length + place, value = of(records, at, own, k), into = found.get(key(pair));
      if (Number.isNaN(value)) return;
      into.values.push(value);
      if (records.bound[at] & bit) into.bounds += 1;
    });
  });
  return found;
};
const within = (own, k, level, set) => set === "all" || SETS[own.sets[level][k]] === set;

const valueOf = (cell, all) => {
  if (!cell.n) return NaN;
  const measure = MEASURES[$("value").value];
  if (measure) return cell.values.length ? measure.over(cell.values) : NaN;
  switch ($("value").value) {
    case "right": return 100 * cell.right / cell.n;
    case "null": return cell.null === null ? NaN : 100 * cell.null / cell.n;
    default: return 100 * (cell.right / cell.n - all.vanilla / all.of);
  }
};

// Where on a scale from -1 to 1 a value is painted, and the ends that its legend names.
const scaleOf = (values) => {
  const known = values.filter((value) => !Number.isNaN(value)), least = Math.min(...known), most = Math.max(...known);
  const span = (from, to) => ({ at: (value) => (value - from) / ((to - from) || 1), ends: [from, to] });
  switch (known.length ? $("value").value : "") {
    case "logprob": return span(least, most);
    case "rank": return span(Math.max(2, most), 1);
    case "change": case "recovery": {
      const limit = Math.max(1, ...known.map(Math.abs));
      return { at: (value) => value / limit, ends: least < 0 ? [-limit, 0, limit] : [0, limit] };
    }
    default: return span(0, 100);
  }
};
const DIGITS = { logprob: 2, recovery: 2 };
const digits = () => DIGITS[$("value").value] ?? 1;
// In a cell: short.
const short = (value) => Number.isNaN(value) ? "–" : value.toFixed(DIGITS[$("value").value] ? 1 : 0).replace(/^-(0(\.0)?)$/, "$1");
