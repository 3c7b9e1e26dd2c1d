// What a mouse asks of a picture: the network under it, or a run that starts where the run's sign is
// dropped. `asked` has the columns what, x and y; newer questions replace older ones.
const view = cb_context.index.find_one(plot), root = view?.canvas_view?.shadow_el, PAUSE = 60, REACH = 14;
if (!root || root.asks) return;
root.asks = true;
let waiting = 0, asked_at = 0, hovers = false, dragged = null;
const spot = event => {
  const area = view.canvas_view.events_el.getBoundingClientRect();
  const [left, top] = [event.clientX - area.left, event.clientY - area.top];
  return {left, top, inside: view.frame.bbox.contains(left, top), x: view.frame.x_scale.invert(left), y: view.frame.y_scale.invert(top)};
};
const ask = (what, {x, y}) => { asked_at = performance.now(); hovers = what === "hover"; asked.data = {what: [what], x: [x], y: [y]}; };
const rests = () => now.data.x.length > 0 && !now.data.rolls[0];
const grabs = ({left, top}) => rests() && Math.hypot(left - view.frame.x_scale.compute(now.data.x[0]), top - view.frame.y_scale.compute(now.data.y[0])) < REACH;
const leave = () => { clearTimeout(waiting); if (hovers) ask("leave", {x: NaN, y: NaN}); };
const put = ({left, top}) => { dragged.style.transform = `translate(${left}px, ${top}px)`; };
const drop = () => { dragged?.remove(); dragged = null; };
root.addEventListener("pointerdown", event => {
  const here = spot(event);
  if (event.pointerType !== "mouse" || event.button || !grabs(here)) return;
  event.stopImmediatePropagation();  // neither a pan nor a tap
  leave();
  dragged = document.createElement("div");
  dragged.className = "dragged-ball";
  Object.assign(dragged.style, {
    position: "absolute", left: "-9px", top: "-9px", width: "18px", height: "18px", boxSizing: "border-box", borderRadius: "50%",
    border: `2px solid ${look.line}`, background: look.fill, pointerEvents: "none", boxShadow: "0 1px 6px #0008",
  });
  dragged.from = here;
  view.canvas_view.overlays_el.append(dragged);
  put(here);
  event.target.setPointerCapture(event.pointerId);
}, true);
root.addEventListener("pointermove", event => {
  const here = spot(event);
  if (dragged) put(here);
  else if (event.pointerType !== "mouse" || event.buttons) return;
  else if (grabs(here)) setTimeout(() => { view.canvas_view.events_el.style.cursor = "grab"; });
  if (!here.inside || !rests()) { leave(); return; }
  clearTimeout(waiting);
  waiting = setTimeout(() => { if (rests()) ask("hover", here); }, Math.max(0, asked_at + PAUSE - performance.now()));
}, true);
root.addEventListener("pointerup", event => {
  if (!dragged) return;
  event.stopImmediatePropagation();
  const here = spot(event), far = Math.hypot(here.left - dragged.from.left, here.top - dragged.from.top) > 4;
  drop();
  if (far && here.inside) ask("drop", here);
}, true);
root.addEventListener("pointercancel", drop, true);
root.addEventListener("keydown", event => { if (event.key === "Escape") drop(); }, true);
view.canvas_view.events_el.addEventListener("pointerleave", leave);
