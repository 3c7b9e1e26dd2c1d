// Asks Python every two seconds whether it is there, and covers the page when it is not. In a notebook
// it covers its own cell only: Python may be at work on another, and the notebook is not ours. A page
// without a run or an input for `idle` seconds asks Python to end its session, and says so.
const EVERY = 2000;
const BEFORE = 4;  // so many times more patience before the first answer, while Python still starts

export function render({model, el}) {
  let last = performance.now(), answered = false, ended = false, overlay = null;
  const beat = () => {
    if (!el.isConnected) { clearInterval(timer); overlay?.remove(); return; }
    if (ended) { clearInterval(timer); return; }
    try { model.send_msg({ping: true}); } catch { /* the connection is gone: the clock below says so */ }
    if (document.hidden) { last = performance.now(); return; }  // browsers slow hidden pages down
    if (!overlay && performance.now() - last > 1000 * model.patience * (answered ? 1 : BEFORE))
      overlay = cover(model.in_cell ? SILENT : GONE, model.in_cell ? outermost(el).parentNode : null);
  };
  const timer = setInterval(beat, EVERY);
  whenIdle(el, model.idle, () => {
    ended = true;
    for (const one of globalThis.Bokeh?.documents ?? []) one.config.reconnect_session = false;
    try { model.send_msg({idle: true}); } catch { /* the connection is gone, and the session soon */ }
    overlay?.remove();
    overlay = cover(IDLE, null);
  });
  model.on("msg:custom", () => {
    if (ended) return;
    last = performance.now(); answered = true;
    overlay?.remove(); overlay = null;
  });
}

const GONE = `<b>The connection to Python is lost.</b>
<p style='margin:.5em 0 1em'>What you see is the last picture. Reload to start again from this page's link.</p>`;
const IDLE = `<b>This page has ended.</b>
<p style='margin:.5em 0 1em'>There was no run and no input for a while, so its place was given to others. Reload to start again from this page's link.</p>`;
const SILENT = `<b>Python does not answer.</b>
<p style='margin:.5em 0 0'>It may be busy with another cell. If it was restarted, run this cell again.</p>`;

// A text over a cell, or over the whole page with a button that reloads it.
function cover(text, cell) {
  const overlay = document.createElement("div"), box = document.createElement("div"), button = document.createElement("button");
  overlay.className = "landscape-gone"; overlay.setAttribute("role", "alert");
  overlay.style.cssText = `position:${cell ? "absolute" : "fixed"};inset:0;z-index:${cell ? 99 : 99999};background:var(--shade,#ffffffb8);display:grid;place-items:center;font:15px system-ui,sans-serif;color:var(--ink,#1d2a33)`;
  box.style.cssText = "background:var(--raised,#fff);border:1px solid var(--frame,#c9d2d8);border-top:4px solid var(--alert,#b3261e);border-radius:9px;box-shadow:0 8px 32px var(--shade,#1d2a3333);padding:20px 26px;max-width:420px";
  box.innerHTML = text;
  overlay.append(box);
  if (cell) {
    cell.style.position = "relative";
    cell.append(overlay);
    return overlay;
  }
  button.textContent = "Reload";
  button.style.cssText = "font:inherit;padding:7px 18px;border:0;border-radius:7px;background:var(--accent,#0f6e84);color:var(--on-accent,#fff);cursor:pointer";
  button.onclick = () => location.reload();
  box.append(button); document.body.append(overlay); button.focus();
  return overlay;
}
