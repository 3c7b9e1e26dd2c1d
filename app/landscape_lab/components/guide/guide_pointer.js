// The ring around the control that a "Show me" is about to use.
const POINTED = 1600;  // milliseconds from pointing at a control to using it
const POINTER_STYLE = `
.ring{position:fixed;inset:auto;margin:0;padding:0;border:calc(3px*var(--scale,1)) solid var(--accent,#0f6e84);border-radius:10px;background:#0f6e8422;box-sizing:border-box;pointer-events:none;overflow:visible;animation:ring .8s ease-in-out infinite alternate}
@keyframes ring{from{box-shadow:0 0 0 2px #0f6e8444}to{box-shadow:0 0 0 9px #0f6e8411}}
@media (prefers-reduced-motion:reduce){.ring{animation:none}}`;

// The first node that a selector finds below a root, through shadow trees.
function anywhereBelow(root, selector) {
  const found = root.querySelector(selector);
  if (found) return found;
  for (const node of root.querySelectorAll("*")) {
    const inside = node.shadowRoot && anywhereBelow(node.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

// Points at the control of a step, and calls `act` a little later; `stop` ends it before.
function pointing(el, act) {
  const ring = document.createElement("div");
  ring.className = "ring"; ring.popover = "manual"; ring.setAttribute("aria-hidden", true);
  el.append(ring);
  let timer = 0, frame = 0;
  const stop = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    if (ring.matches(":popover-open")) ring.hidePopover();
  };
  const follow = node => {  // it may still move, as the drawer of the settings opens
    const at = node.getBoundingClientRect(), around = 5;
    if (at.width) Object.assign(ring.style, {left: `${at.left - around}px`, top: `${at.top - around}px`, width: `${at.width + 2 * around}px`, height: `${at.height + 2 * around}px`});
    frame = requestAnimationFrame(() => follow(node));
  };
  const at = step => {
    stop();
    if (step.path) signal(el, {reveal: step.path});
    const selector = step.path ? `[data-path="${CSS.escape(step.path)}"]` : `[data-action="${CSS.escape(step.action)}"]`;
    let node = anywhereBelow(document, selector);
    if (step.path && node) node = node.closest(".control") ?? node;
    if (node?.getClientRects().length) {
      ring.showPopover();
      follow(node);
    }
    timer = setTimeout(() => { stop(); act(step.at); }, POINTED);
  };
  return {at, stop};
}
