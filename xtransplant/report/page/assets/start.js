// Choices.
const named = (one) => `${one.run}: ${one.task} ${one.split}`;
const refill = () => {
  const one = group();
  fill("strategy", one.strategies.map((name) => [name, name]), Object.keys(one.nulls).map((name) => [name, name]));
  fill("lang", [["", "all languages"], ...one.languages.map((own) => [own.lang, own.lang])]);
  const others = (names) => groups.flatMap((other, at) => names(other).map((name) => [JSON.stringify([at, name]), `${name}, ${named(other)}`]));
  // Of texts that were generated nothing is known of an answer's candidates.
  for (const option of $("value").options) {
    option.disabled = Boolean(MEASURES[option.value]) && one.mode !== "score";
    if (option.disabled && option.selected) $("value").value = "change";
  }
  fill("beside", [["", "nothing"], ...others((other) => other.strategies)], others((other) => Object.keys(other.nulls)));
};
if (!groups.length) return;
fill("group", groups.map((one, at) => [String(at), named(one)]));
$("level").value = asked;
refill();
$("choices").addEventListener("change", (event) => {
  if (event.target.id === "group") { refill(); opened.pair = null; }
  drawMaps();
  drawExamples();
});
$("choices").addEventListener("submit", (event) => event.preventDefault());
$("choices").hidden = false;
drawMaps();
