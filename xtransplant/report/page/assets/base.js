// What the other parts stand on. Texts are put in as text, never as HTML.
const LEVELS = ["strict", "match", "lenient"], SETS = ["gap", "shared", "target", "neither"];
const SAYS = { gap: "the source alone", shared: "both prompts", target: "the target alone", neither: "neither prompt" };
const SHOWN = 20; // examples at a time
const $ = (id) => document.getElementById(id);

const el = (tag, props = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "lang") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside.filter((one) => one !== null));
  return made;
};

const unpack = async (text) => {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
};

const { groups, level: asked } = await unpack($("records").textContent);
const opened = { pair: null, kind: "fixed", more: SHOWN };
// A list's options, those of null grids in a group of their own; what was chosen stays where it is there still.
const fill = (id, entries, nulls = []) => {
  const kept = $(id).value, options = (own) => own.map(([value, text]) => el("option", { value }, text));
  $(id).replaceChildren(...options(entries), ...(nulls.length ? [el("optgroup", { label: "null grids" }, ...options(nulls))] : []));
  if ([...entries, ...nulls].some(([value]) => value === kept)) $(id).value = kept;
};
