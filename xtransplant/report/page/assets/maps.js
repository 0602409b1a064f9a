// Heatmaps.
// On a dark cell a number is as light as the ground, on a light one as dark (page.css).
const paint = (button, at) => {
  const part = Math.min(1, Math.abs(at));
  button.style.background =
    `color-mix(in oklab, var(${at < 0 ? "--below" : "--above"}) ${Math.round(85 * part)}%, var(--cell))`;
  button.classList.toggle("high", at > 0.62);
  button.classList.toggle("low", at < -0.73);
};
const sorted = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

// Cells as a table to walk with the arrow keys; few pairs of many layers stand in one row.
const table = (cells, name, label, press) => {
  const pairs = cells.map((cell) => cell.pair);
  const down = sorted(pairs.map((pair) => pair[0])), across = sorted(pairs.map((pair) => pair[1]));
  const sparse = pairs.length === 1 || pairs.length < 0.4 * down.length * across.length;
  const place = new Map(cells.map((cell) => [key(cell.pair), cell]));
  const rows = sparse ? [pairs] : down.map((i) => across.map((j) => [i, j]));
  const heads = sparse ? pairs.map(([i, j]) => `${i}→${j}`) : across;
  const made = rows.map((row) => row.map((pair) => place.get(key(pair))));
  const buttons = made.map((row) => row.map((cell) => cell
    ? el("button", { type: "button", tabIndex: -1, onclick: (event) => press(cell, event.currentTarget) }, name(cell)) : null));
  made.forEach((row, y) => row.forEach((cell, x) => cell && label(cell, buttons[y][x])));
  const first = buttons.flat().find(Boolean);
  if (first) first.tabIndex = 0;
  const walk = (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!moves) return;
    event.preventDefault();
    const y = buttons.findIndex((row) => row.includes(event.target));
    for (let [b, a] = [y + moves[0], buttons[y].indexOf(event.target) + moves[1]];
      buttons[b] && a >= 0 && a < buttons[b].length; b += moves[0], a += moves[1]) {
      if (!buttons[b][a]) continue;
      event.target.tabIndex = -1;
      buttons[b][a].tabIndex = 0;
      buttons[b][a].focus();
      return;
    }
  };
  const body = buttons.map((row, y) => el("tr", {},
    sparse ? null : el("th", { scope: "row" }, String(down[y])),
    ...row.map((one) => one ? el("td", {}, one) : el("td", { className: "none" }))));
  return el("table", { onkeydown: walk },
    el("caption", { className: "quiet" }, sparse ? "source→target layer" : "source layer down, target layer across"),
    el("thead", {}, el("tr", {}, sparse ? null : el("td"), ...heads.map((head) => el("th", { scope: "col" }, String(head))))),
    el("tbody", {}, ...body));
};

const UNITS = { change: "change against vanilla, percentage points", right: "percent right",
  null: "percent right by another example's answer", share: "the answer's mean probability among the candidates, percent",
  logprob: "the answer's mean log-probability, nats", rank: "the answer's median rank among the candidates, 1 the likeliest",
  recovery: "median recovery of the source's log-probability of the answer, 0 the target's own, 1 the source's" };

// Pairs that differ from vanilla, tested together: over all examples, at the level of the report.
const marksOf = (one, strategy) => $("set").value === "all" && $("level").value === asked && one.marked[strategy]
  ? new Set((one.marked[strategy][$("lang").value] ?? []).map(key)) : new Set();

// Of null grids a page has how often they are right, and no more.
const isKnown = (one, strategy) => !one.nulls[strategy] || ["change", "right"].includes($("value").value);
const NOT_KNOWN = "Of a null grid this page has only what is right: under Shown, choose “right” or “change against vanilla”.";

// What is said of a cell beside its counts.
const measureOf = (cell, value) => {
  const measure = MEASURES[$("value").value];
  if (!measure) return "";
  if (Number.isNaN(value)) return "; not known";
  const bounds = cell.bounds ? `, ${cell.bounds} of them bounds` : "";
  return `; ${measure.says} ${value.toFixed(digits())} over ${cell.values.length}${$("value").value === "share" ? ", where it is no bound" : bounds}`;
};

const drawMap = ([one, strategy, all], scale, apart) => {
  const cells = [...all.cells.values()];
  const signed = (value) => ($("value").value === "change" && value > 0 ? "+" : "") + value.toFixed(digits());
  // As pairs are chosen: of those that are as good the smallest target, then the largest source layer.
  const [best] = cells.filter((cell) => cell.n).sort((a, b) =>
    b.right / b.n - a.right / a.n || a.pair[1] - b.pair[1] || b.pair[0] - a.pair[0]);
  const title = `${strategy}: ${one.task} ${one.split}, ${$("lang").value || "all languages"}, ${UNITS[$("value").value]}`;
  if (!all.of) return el("div", { className: "map" }, el("h3", {}, title), el("p", {}, "No such example is known here."));
  const about = one.nulls[strategy] ? el("p", { className: "quiet" }, `null grid; in its source's place: ${one.nulls[strategy]}`) : null;
  if (!isKnown(one, strategy)) return el("div", { className: "map" }, el("h3", {}, title), about, el("p", {}, NOT_KNOWN));
  const marks = marksOf(one, strategy);
  const made = table(cells,
    (cell) => short(valueOf(cell, all)),
    (cell, button) => {
      const value = valueOf(cell, all), judged = cell.null === null ? "not known" : (100 * cell.null / cell.n).toFixed(1) + "%";
      const said = `${cell.pair[0]}→${cell.pair[1]}: ${cell.right} of ${cell.n} right (${(100 * cell.right / cell.n).toFixed(1)}%), ` +
        `vanilla ${(100 * all.vanilla / all.of).toFixed(1)}%${about ? "" : `, null ${judged}`}${measureOf(cell, value)}`;
      if (marks.has(key(cell.pair))) button.classList.add("marked");
      button.title = said + (marks.has(key(cell.pair)) ? "; differs from vanilla, all cells tested together" : "");
      button.setAttribute("aria-label", button.title);
      button.setAttribute("aria-pressed", String(opened.pair === key(cell.pair) && opened.strategy === strategy && opened.group === one));
      if (!Number.isNaN(value)) paint(button, scale.at(value));
      if (cell === best && cells.length > 1) button.classList.add("best");
    },
    (cell, button) => {
      Object.assign(opened, { group: one, strategy, pair: key(cell.pair), kind: null, more: SHOWN });
      $("maps").querySelectorAll("[aria-pressed=true]").forEach((other) => other.setAttribute("aria-pressed", "false"));
      button.setAttribute("aria-pressed", "true");
      drawExamples();
    });
  const legend = el("p", { className: "legend" }, ...scale.ends.flatMap((end) => {
    const swatch = el("i"); paint(swatch, scale.at(end));
    return [swatch, signed(end)];
  }), el("span", {}, [
    cells.length > 1 ? `framed: most right of ${cells.length}${one.chosen ? "" : ", picked after seeing the answers"}` : "",
    marks.size ? "dot: differs from vanilla, all cells tested together (5% family-wise)" : "",
  ].filter(Boolean).join("; ")));
  const counted = el("p", { className: "quiet" }, `${apart ? `${one.run}: ` : ""}${all.of} examples; vanilla ${(100 * all.vanilla / all.of).toFixed(1)}% right`);
  return el("div", { className: "map" }, el("h3", {}, title), counted, made, legend, about);
};

// Which examples are counted, as one text; a null grid need not have all of them.
const examplesOf = (one, strategy) => [one.task, one.split, ...languages(one, strategy).flatMap(
  (own) => own.examples.map((example) => `${own.lang} ${example.number} ${example.id}`))].join("\n");

// What one has above the other, pair by pair, of the pairs and languages that both have.
const drawDifference = ([one, strategy, all], [other, beside, there]) => {
  const cells = [...all.cells.values()].filter((cell) => there.cells.has(key(cell.pair)));
  const apart = (cell) => valueOf(cell, all) - valueOf(there.cells.get(key(cell.pair)), there);
  const least = $("value").value === "recovery" ? 0.1 : 1;
  const limit = Math.max(least, ...cells.map(apart).filter((value) => !Number.isNaN(value)).map(Math.abs));
  const named = (group, name) => one === other ? name : `${name} (${group.run})`;
  const title = `${named(one, strategy)} minus ${named(other, beside)}: ${UNITS[$("value").value]}`;
  if (!cells.length || !all.of || !there.of) {
    const why = all.of && there.of ? "They have no layer pair in common." : "No such example is known of both.";
    return el("div", { className: "map" }, el("h3", {}, title), el("p", {}, why));
  }
  const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(digits());
  const made = table(cells,
    (cell) => short(apart(cell)),
    (cell, button) => {
      const value = apart(cell), its = there.cells.get(key(cell.pair));
      button.title = `${cell.pair[0]}→${cell.pair[1]}: ${Number.isNaN(value) ? "not known" : signed(value)}; ` +
        `${cell.right} of ${cell.n} right, and ${its.right} of ${its.n}`;
      button.setAttribute("aria-label", "difference, " + button.title);
      if (!Number.isNaN(value)) paint(button, ($("value").value === "rank" ? -value : value) / limit);
    }, () => {});
  const legend = el("p", { className: "legend" }, ...[-limit, 0, limit].flatMap((end) => {
    const swatch = el("i"); paint(swatch, ($("value").value === "rank" ? -end : end) / limit);
    return [swatch, signed(end)];
  }));
  const sizes = el("p", { className: "quiet" }, `over ${all.of} and ${there.of} examples` +
    (examplesOf(one, strategy) === examplesOf(other, beside) && all.of === there.of ? "" : ": not the same ones, so a difference need not be the strategies'"));
  return el("div", { className: "map difference" }, el("h3", {}, title), sizes, made, legend);
};

const drawMaps = () => {
  const shown = [[group(), $("strategy").value]];
  if ($("beside").value) {
    const [at, strategy] = JSON.parse($("beside").value);
    shown.push([groups[at], strategy]);
  }
  const counted = shown.map(([one, strategy]) => [one, strategy, totals(one, strategy)]);
  const scale = scaleOf(counted.flatMap(([, , all]) => [...all.cells.values()].map((cell) => valueOf(cell, all))));
  const apart = counted.length > 1 && counted.every(([one, strategy]) => isKnown(one, strategy)) ? [drawDifference(...counted)] : [];
  $("maps").replaceChildren(...counted.map((one) => drawMap(one, scale, shown.at(-1)[0] !== group())), ...apart);
};
