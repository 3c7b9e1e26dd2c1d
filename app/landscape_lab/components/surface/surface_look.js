// The colours of a surface, from the style sheet around it: a dark page sets the same properties.
const PROPERTIES = {
  ink: ["--ink", "#1d2a33"], muted: ["--muted", "#5d6b75"], line: ["--frame", "#b7c0c7"], stage: ["--surface", "#ffffff"],
  paper: ["--wash", "#e4e9ec"], floor: ["--relief-shadow", "#1d2a33"], hole: ["--relief-hole", "#b9c0c5"], dark: ["--relief-outline", "#10181d"],
};
const SHADOW = .26;
const FONT = `system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;

const hex = (text, usual) => {
  const found = text.trim();
  if (/^#[0-9a-f]{6}$/i.test(found)) return found;
  return /^#[0-9a-f]{3}$/i.test(found) ? `#${[...found.slice(1)].map(c => c + c).join("")}` : usual;
};

function lookOf(element, {colors, times}) {
  const style = getComputedStyle(element), read = ([name, usual]) => hex(style.getPropertyValue(name), usual);
  return {colors, times, shadow: SHADOW, ...Object.fromEntries(Object.entries(PROPERTIES).map(([name, property]) => [name, read(property)]))};
}
