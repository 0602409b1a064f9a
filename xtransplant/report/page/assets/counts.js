// Counts.
const group = () => groups[Number($("group").value)];
const languages = (one, strategy) => one.languages.filter(
  (own) => ($("lang").value === "" || own.lang === $("lang").value) && own.strategies[strategy]);
const key = ([i, j]) => i + "," + j;

// Per pair, over the languages that are chosen: right, n, null; and what vanilla gives there.
const totals = (one, strategy) => {
  const level = $("level").value, set = $("set").value, cells = new Map();
  let vanilla = 0, of = 0;
  for (const own of languages(one, strategy)) {
    const found = own.strategies[strategy], counts = found.counts[level][set];
    if (!counts) continue;
    const [right, n] = own.vanilla_rates[level];
    vanilla += set === "all" ? right : set === "shared" ? Math.max(...counts.n) : 0;
    of += set === "all" ? n : Math.max(...counts.n);
    const shares = $("value").value === "share" ? sharesOf(own, strategy, level, set) : null;
    found.pairs.forEach((pair, at) => {
      const cell = cells.get(key(pair)) ?? { pair, right: 0, n: 0, null: 0, share: 0, shared: 0 };
      cell.right += counts.right[at];
      cell.n += counts.n[at];
      cell.null = counts.null[at] === null || cell.null === null ? null : cell.null + counts.null[at];
      const mean = shares && shares.get(key(pair));
      if (mean) { cell.share += mean[0]; cell.shared += mean[1]; }
      cells.set(key(pair), cell);
    });
  }
  return { cells, vanilla, of };
};

// The answer's probability among the candidates: its sum in percent, and over how many.
const sharesOf = (own, strategy, level, set) => {
  const found = own.strategies[strategy], sums = new Map();
  own.examples.forEach((_, k) => {
    if (!within(own, k, level, set)) return;
    found.inside.forEach((pair, at) => {
      const value = found.records.share[k * found.inside.length + at];
      if (value === undefined || value < 0) return;
      const sum = sums.get(key(pair)) ?? [0, 0];
      sums.set(key(pair), [sum[0] + value / 10, sum[1] + 1]);
    });
  });
  return sums;
};
const within = (own, k, level, set) => set === "all" || SETS[own.sets[level][k]] === set;

const valueOf = (cell, all) => {
  if (!cell.n) return NaN;
  switch ($("value").value) {
    case "right": return 100 * cell.right / cell.n;
    case "null": return cell.null === null ? NaN : 100 * cell.null / cell.n;
    case "share": return cell.shared ? cell.share / cell.shared : NaN;
    default: return 100 * (cell.right / cell.n - all.vanilla / all.of);
  }
};
