// Asks Python every two seconds whether it is there, and covers the page when it is not.
const EVERY = 2000;

// In a kernel's page every change that Python has made would be sent back to it: some ten messages a
// picture. Bokeh marks such changes as not to be sent, which jupyter_bokeh does not look at.
function withoutEchoes(document) {
  const kind = Object.getPrototypeOf(document), tell = kind._trigger_on_change;
  if (!tell || kind.tellsNoEchoes) return Boolean(tell);
  kind._trigger_on_change = function (event) {
    const heard = event.sync === false && (event.events ?? [event]).every(one => one.kind === "ModelChanged");
    if (!heard) tell.call(this, event);
  };
  kind.tellsNoEchoes = true;
  return true;
}

export function render({model, el, view}) {
  if (model.in_kernel && withoutEchoes(view.model.document)) model.send_msg({echoes: false});
  let last = performance.now(), answered = false, overlay = null;
  const timer = setInterval(() => {
    if (!el.isConnected) { clearInterval(timer); overlay?.remove(); return; }
    try { model.send_msg({ping: true}); } catch { /* the connection is gone: the clock below says so */ }
    if (document.hidden) { last = performance.now(); return; }  // browsers slow hidden pages down
    if (answered && !overlay && performance.now() - last > 1000 * model.patience) overlay = cover();
  }, EVERY);
  model.on("msg:custom", () => {
    last = performance.now(); answered = true;
    overlay?.remove(); overlay = null;
  });
}

function cover() {
  const overlay = document.createElement("div"), box = document.createElement("div"), button = document.createElement("button");
  overlay.className = "landscape-gone"; overlay.setAttribute("role", "alert");
  overlay.style.cssText = "position:fixed;inset:0;z-index:99999;background:rgba(255,255,255,.72);display:grid;place-items:center;font:15px system-ui,sans-serif;color:#1d2a33";
  box.style.cssText = "background:#fff;border:1px solid #c9d2d8;border-top:4px solid #b3261e;border-radius:9px;box-shadow:0 8px 32px #1d2a3333;padding:20px 26px;max-width:420px";
  box.innerHTML = "<b>The connection to Python is lost.</b><p style='margin:.5em 0 1em'>What you see is the last picture. Reload to start again from this page's link.</p>";
  button.textContent = "Reload";
  button.style.cssText = "font:inherit;padding:7px 18px;border:0;border-radius:7px;background:#0f6e84;color:#fff;cursor:pointer";
  button.onclick = () => location.reload();
  box.append(button); overlay.append(box); document.body.append(overlay); button.focus();
  return overlay;
}
