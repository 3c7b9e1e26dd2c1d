// What the lines and signs of the picture mean: words above it, in as many lines as they need.
const DARK = "#10181d", TICK = "var(--muted,#5d6b75)";

const lineOf = (color, dark = 5) => `<path d="M2 7H18" stroke="${DARK}" stroke-opacity=".7" stroke-width="${dark}"/><path d="M2 7H18" stroke="${color}" stroke-width="2.4"/>`;
const shapeOf = (points, color, edge = DARK) => `<path d="M${points}Z" fill="${color}" stroke="${edge}" stroke-width="1.2"/>`;
const discOf = (radius, color, edge) => `<circle cx="10" cy="7" r="${radius}" fill="${color}" stroke="${edge}" stroke-width="2"/>`;
const CROSS = "M6 3L14 11M14 3L6 11", STAR = "10 1L11.6 5.1 16 5.3 12.6 8.1 13.7 12.4 10 10 6.3 12.4 7.4 8.1 4 5.3 8.4 5.1";

const MEANING = {
  early: times => lineOf(times[0]),
  late: times => lineOf(times.at(-1)),
  start: () => discOf(4, "#ffffff", DARK),
  now: () => discOf(5, "#ff5a36", "#ffffff"),
  "lowest on path": () => shapeOf(STAR, "#ffd84d"),
  "lowest on slice": () => `<path d="${CROSS}" stroke="${DARK}" stroke-width="4.4"/><path d="${CROSS}" stroke="#fff" stroke-width="2"/>`,
  point: () => shapeOf("10 1L15 7 10 13 5 7", "#5ad1ff"),
  "to the surface": () => `<path d="M10 1V13" stroke="var(--ink,${DARK})" stroke-width="1.2"/>`,
};

class Key {
  constructor(times) {
    this.el = document.createElement("div");
    this.el.className = "key";
    this.items = Object.entries(MEANING).map(([name, draw]) => {
      const item = document.createElement("span");
      item.style.cssText = "align-items:center;gap:3px;white-space:nowrap";
      item.innerHTML = `<svg viewBox="0 0 20 14" style="width:1.8em;height:1.27em" stroke-linecap="round" fill="none" aria-hidden="true">${draw(times)}</svg>${name}`;
      item.hidden = true;
      this.el.append(item);
      return [name, item];
    });
  }

  show(names, size) {
    this.el.style.cssText = `flex:none;display:flex;flex-wrap:wrap;justify-content:center;gap:0 ${8 * size}px;padding:2px 4px 0;color:${TICK};font:${11 * size}px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif`;
    for (const [name, item] of this.items) { item.hidden = !names.has(name); item.style.display = item.hidden ? "none" : "inline-flex"; }
  }
}

// What of the picture there is to explain.
function explained(frame, painter) {
  const names = new Set(), {signs, plumbs} = painter, there = place => place[0] !== 9;
  if (frame.past > 1) names.add("early").add("late");
  ["start", "lowest on slice", "now", "lowest on path", "point"].forEach((name, i) => { if (there(signs[i])) names.add(name); });
  if (plumbs) names.add("to the surface");
  return names;
}
