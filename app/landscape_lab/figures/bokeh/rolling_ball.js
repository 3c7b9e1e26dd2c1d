// The mark of the run rolls from one picture to the next; at rest it is the picture's own sign.
// `now` has the columns x, y, size and rolls; `sign` draws it. Where motion is to be reduced, or the
// figure is not found, the sign stays.
const {fill, line} = look, frame = 2, FAST = 45, LONGEST = 300;
const view = cb_context.index.find_one(plot), quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
const {x, y, size, rolls} = now.data, layer = view?.canvas_view?.overlays_el;
const moves = Boolean(layer) && !quiet && x.length > 0 && rolls[0] > 0;
const ball = layer?.querySelector(".rolling-ball");
const shown = visible => sign.setv({visible}, {sync: false});
if (!moves) {
  ball?.remove();
  if (!sign.visible) shown(true);
  if (layer && x.length) now.rolled = {x: x[0], y: y[0], at: performance.now()};
  return;
}
const before = now.rolled ?? {x: x[0], y: y[0], at: performance.now()}, at = performance.now();
const place = (a, b) => `translate(${view.frame.x_scale.compute(a)}px, ${view.frame.y_scale.compute(b)}px)`;
const box = view.frame.bbox, inside = box.contains(view.frame.x_scale.compute(x[0]), view.frame.y_scale.compute(y[0]));
let drawn = ball;
if (!drawn) {
  drawn = document.createElement("div");
  drawn.className = "rolling-ball";
  const wide = `${size[0] + frame}px`, half = `${-(size[0] + frame) / 2}px`;
  Object.assign(drawn.style, {
    position: "absolute", left: half, top: half, width: wide, height: wide, boxSizing: "border-box", borderRadius: "50%",
    border: `${frame}px solid ${line}`, background: fill, pointerEvents: "none", willChange: "transform", transform: place(before.x, before.y),
  });
  layer.append(drawn);
  drawn.getBoundingClientRect();  // where it was: from there it rolls
}
// As long as the picture before was shown: it arrives as the next one comes.
// Where they come as fast as the eye asks for, it only goes to its place: painting between costs.
const lasted = Math.min(LONGEST, at - before.at);
drawn.style.transition = lasted < FAST ? "none" : `transform ${lasted}ms linear`;
drawn.style.transform = place(x[0], y[0]);
drawn.style.opacity = inside ? 1 : 0;
if (sign.visible) shown(false);
now.rolled = {x: x[0], y: y[0], at};
