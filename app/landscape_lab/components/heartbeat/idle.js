// Calls `act` once there was neither a run nor an input for so many seconds; 0: never.
function whenIdle(el, seconds, act) {
  const LOOKS = 10, INPUTS = ["pointerdown", "pointermove", "wheel", "keydown", "touchstart"];
  if (!seconds) return;
  let last = Date.now();
  const note = () => { last = Date.now(); };
  const runs = root => [...root.querySelectorAll("*")].some(
    one => one.dataset?.status === "running" || (one.shadowRoot && runs(one.shadowRoot)));
  const stop = () => {
    clearInterval(timer);
    for (const kind of INPUTS) removeEventListener(kind, note, {capture: true});
  };
  for (const kind of INPUTS) addEventListener(kind, note, {capture: true, passive: true});
  const timer = setInterval(() => {
    if (!el.isConnected) { stop(); return; }
    if (runs(document)) note();
    if (Date.now() - last < 1000 * seconds) return;
    stop();
    act();
  }, 1000 * seconds / LOOKS);
}
