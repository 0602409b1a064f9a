// Examples of a cell.
const isRight = (bits, level) => bits < 0 ? null : Boolean(bits >> LEVELS.indexOf(level) & 1);
const KINDS = { fixed: "fixed", broken: "broken", right: "right in both", wrong: "wrong in both" };
const kindOf = (before, after) => after ? (before ? "right" : "fixed") : before ? "broken" : "wrong";

const rowsOf = (one, strategy, pair) => languages(one, strategy).flatMap((own) => {
  const level = $("level").value, set = $("set").value, found = gridOf(own, strategy);
  const at = found.inside.findIndex((inside) => key(inside) === pair);
  if (at < 0) return [];
  return own.examples.map((example, k) => {
    const row = k * found.inside.length + at, bits = found.records.right[row];
    if (bits === undefined || bits < 0 || !within(own, k, level, set)) return null;
    const before = isRight(own.vanilla.right[k], level), after = isRight(bits, level);
    return { own, example, k, row, found, before, after, kind: kindOf(before, after) };
  }).filter(Boolean);
});

const saidBy = (one, example, columns, at, spelled) => {
  const said = columns.said[at];
  if (said === undefined || said < 0) return "not stored";
  return one.mode === "generate" ? one.words[said] : (spelled.length ? spelled : example.candidates)[said];
};

const text = (lang, words) => el("div", { className: "text", dir: "auto", lang }, words);

const drawExamples = () => {
  const { group: one, strategy, pair } = opened, into = $("opened");
  if (!pair) return into.replaceChildren();
  const rows = rowsOf(one, strategy, pair), [i, j] = pair.split(",");
  const head = el("h3", { tabIndex: -1 }, `${strategy} ${i}→${j}${one.nulls[strategy] ? "" : ": what it does to each example"}`);
  if (!rows.length) {
    const why = one.nulls[strategy] ? "A null grid's examples are not in this page, only its counts; the run's records have them." :
      one.every_pair ? "No example is left by these choices." :
      "There are too many records for one page: of this run, only each strategy's best pair can be opened.";
    return into.replaceChildren(head, el("p", {}, why));
  }
  const counts = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, rows.filter((row) => row.kind === kind).length]));
  if (!counts[opened.kind]) opened.kind = Object.keys(KINDS).find((kind) => counts[kind]);
  const chips = el("div", { className: "chips" }, ...Object.entries(KINDS).map(([kind, says]) => el("button", {
    type: "button", disabled: !counts[kind], "aria-pressed": String(kind === opened.kind),
    onclick: () => { Object.assign(opened, { kind, more: SHOWN }); drawExamples(); },
  }, `${says}: ${counts[kind]}`)));
  const chosen = rows.filter((row) => row.kind === opened.kind);
  const more = chosen.length > opened.more ? el("button", { type: "button", onclick: () => { opened.more += SHOWN; drawExamples(); } },
    `${chosen.length - opened.more} more`) : null;
  into.replaceChildren(head, chips, ...chosen.slice(0, opened.more).map((row) => drawExample(one, strategy, pair, row)), ...(more ? [more] : []));
};

const drawExample = (one, strategy, pair, row) => {
  const { own, example, k, found } = row, lang = own.lang;
  const set = own.sets[$("level").value][k];
  const fact = (name, value, from) => [el("dt", {}, name), el("dd", { dir: "auto", lang: from }, value)];
  const grid = el("div");
  const ways = el("div");
  return el("article", {},
    el("header", {}, el("strong", {}, `${lang} ${example.number}`), el("span", { className: row.kind }, KINDS[row.kind]),
      el("span", { className: "quiet" }, `${example.id}${set >= 0 ? `; without a transplant right after ${SAYS[SETS[set]]}` : ""}`)),
    el("div", { className: "sides" },
      el("div", {}, el("div", { className: "quiet" }, "source"), text("", example.source)),
      el("div", {}, el("div", { className: "quiet" }, "target"), text(lang, example.target))),
    el("dl", {}, ...fact("right answer", example.answer, lang),
      ...fact("source says", saidBy(one, example, own.source, k, example.source_candidates), ""),
      ...fact("target says", saidBy(one, example, own.vanilla, k, []), lang),
      ...fact("transplanted", saidBy(one, example, found.records, row.row, []), lang)),
    el("button", { type: "button", onclick: () => drawOwn(grid, one, strategy, row) }, "its own grid"), " ",
    el("button", { type: "button", onclick: () => drawWays(ways, one, strategy, pair, row) }, "do it again"), grid, ways);
};

// One example's cells: the answer's probability where candidates were scored, else right or not.
const drawOwn = (into, one, strategy, { own, k, found }) => {
  const width = found.inside.length, level = $("level").value;
  const cells = found.inside.map((pair, at) => ({ pair, bits: found.records.right[k * width + at], share: found.records.share[k * width + at],
    below: found.records.below[k * width + at], rank: found.records.rank[k * width + at], bound: found.records.bound[k * width + at] }))
    .filter((cell) => cell.bits !== undefined && cell.bits >= 0);
  const scored = cells.some((cell) => cell.share >= 0);
  const made = table(cells, (cell) => isRight(cell.bits, level) ? "✓" : "·", (cell, button) => {
    const said = `${cell.pair[0]}→${cell.pair[1]}: ${isRight(cell.bits, level) ? "right" : "wrong"}` +
      (cell.share >= 0 ? `, the answer has ${(cell.share / 10).toFixed(1)}% among the candidates` : "") +
      (cell.below >= 0 ? `, log-probability ${cell.bound & 1 ? "at most " : ""}${(-cell.below / 1000).toFixed(2)} nats` : "") +
      (cell.rank > 0 ? `, rank ${cell.bound & 2 ? "at least " : ""}${cell.rank}` : "");
    button.title = said;
    button.setAttribute("aria-label", said);
    paint(button, scored ? Math.max(0, cell.share) / 1000 : isRight(cell.bits, level) ? 1 : 0);
  }, () => {});
  const says = scored ? "colour: the answer's probability among the candidates; ✓: right" : "✓: right";
  into.replaceChildren(el("div", { className: "map" }, made, el("p", { className: "quiet" }, says)));
};

// The same by hand.
const quoted = (words) => /^[\w./:@=,+-]+$/.test(words) ? words : `'${words.replaceAll("'", `'\\''`)}'`;
const drawWays = (into, one, strategy, pair, { own, example }) => {
  const [i, j] = pair.split(",");
  const words = [...one.trace, "-s", strategy, "--lang", own.lang, "--example", String(example.number), "--source-layers", i, "--target-layers", j];
  const candidates = example.candidates.length
    ? [`    candidates=${JSON.stringify(example.candidates)},`, `    answer=${JSON.stringify(example.answer)},`] : [];
  const python = ["import xtransplant as xt", ...one.load,
    "example = xt.Example(", `    source=${JSON.stringify(example.source)},`, `    target=${JSON.stringify(example.target)},`, ...candidates, ")",
    `grid = xt.transplant(model, example, ${JSON.stringify(strategy)}, source_layers=[${i}], target_layers=[${j}]${one.more})`];
  into.replaceChildren(el("pre", {}, words.map(quoted).join(" ")), el("pre", {}, python.join("\n")));
};
