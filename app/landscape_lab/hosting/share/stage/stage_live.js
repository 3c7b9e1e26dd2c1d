// The live page below the recorded run: where its picture is, what it shows, and how it is told.

// The roots of the page and of all shadow trees in it, those of the stage left out.
function trees() {
  const roots = [document];
  for (const root of roots)
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot && !node.closest("#stage")) roots.push(node.shadowRoot);
  return roots;
}

// The first element outside the stage that matches and is laid out.
function found(selector, roots = trees()) {
  for (const root of roots)
    for (const node of root.querySelectorAll(selector)) if (!node.closest("#stage") && node.getClientRects().length) return node;
  return null;
}

const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;

// The axes of the first figure in a box, without what is written beside them.
function axesIn(box) {
  const views = [...globalThis.Bokeh?.index ?? []];
  for (const view of views) {
    views.push(...view.child_views ?? []);
    if (view.model?.type !== "Figure" || !view.frame) continue;
    const figure = view.el.getBoundingClientRect(), {left, top, width, height} = view.frame.bbox;
    if (width > 20 && inside(figure, box)) return {left: figure.left + left, top: figure.top + top, width, height};
  }
  return null;
}

// What the live page shows, or null while it is not laid out. `frame` counts its pictures.
function livePage() {
  const roots = trees(), [bar, landscape, line] = [".bar", ".landscape", ".timeline"].map(selector => found(selector, roots));
  if (!bar || !landscape || !line) return null;
  const box = landscape.getBoundingClientRect(), canvas = found("canvas[data-frames]", roots);
  return {
    bar, line, box, bottom: line.getBoundingClientRect().bottom, frame: Number(bar.dataset.frame ?? 0),
    step: Number(line.dataset.seen), steps: Number(line.dataset.steps), running: found(".status", roots)?.dataset.status === "running",
    view: canvas ? "3d" : "2d", area: canvas ? canvas.getBoundingClientRect() : axesIn(box),
  };
}

// Look at a recorded step, as the handle of the time line does.
const lookAt = (live, step) => live.line.dispatchEvent(new CustomEvent("landscape", {detail: {step}, bubbles: true, composed: true}));

// Open a place that the address names from now on.
function openPlace(words) {
  const link = new URLSearchParams(location.hash.slice(1));
  for (const [word, value] of Object.entries(words)) link.set(word, value);
  const text = [...link].map(([word, value]) => `${word}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&");
  history.replaceState(null, "", `#${text}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
