// Which recorded run shows what a link names, and how; null where none surely does: a link to a lab, to
// other settings than the preset's, to another step or to runs that are compared.
const LOOKS = ["display.show", "display.camera", "display.speed", "display.side_panel"];
const WORDS = ["preset", "step", "seen", "strategy", "tour", "at", ...LOOKS];

function choice(link, presets, first) {
  const words = new URLSearchParams(link.replace(/^[#?]+/, ""));
  const name = words.get("preset") ?? first, preset = Object.hasOwn(presets, name) ? presets[name] : null;
  const other = [...words.keys()].some(word => !WORDS.includes(word));
  if (!preset || other || words.has("tour") && !words.has("preset")) return null;
  const look = word => words.get(`display.${word}`) ?? preset[`display.${word}`];
  const view = look("show") ?? "2d", whole = word => words.has(word) ? Number(words.get(word)) : null;
  if (!["2d", "3d"].includes(view)) return null;
  return {name, view, camera: look("camera") ?? "", step: whole("step"), seen: whole("seen")};
}

// Whether a recorded run, of which the last step is `end`, is the run of the link.
const ends = (chosen, end) => chosen.step === null || chosen.step === end;

// The scheme of the page from its beginning: what the user chose before, else what the system asks for.
function dress() {
  let chosen = null;
  try { chosen = localStorage.getItem("landscape-lab-appearance"); } catch { /* nothing was chosen */ }
  const dark = ["light", "dark"].includes(chosen) ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.scheme = dark ? "dark" : "light";
}
