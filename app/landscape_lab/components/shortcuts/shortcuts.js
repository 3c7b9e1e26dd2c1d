// Keys for what is done often, and a dialog that lists them.
const STYLE = `
dialog{font:calc(14px*var(--scale,1))/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);background:var(--raised,#fff);
 border:var(--edge,1px) solid var(--control,#87959f);border-radius:10px;box-shadow:0 12px 40px var(--shade,#1d2a3355);padding:18px 22px 20px;max-width:calc(100vw - 32px);max-height:calc(100vh - 32px);box-sizing:border-box;overflow:auto}
dialog::backdrop{background:var(--shade,#1d2a3366)}
header{display:flex;align-items:center;justify-content:space-between;gap:20px;margin-bottom:8px}
h2{font-size:1.15em;margin:0}
button{font:inherit;color:inherit;min-height:max(32px,calc(32px*var(--scale,1)));border:var(--edge,1px) solid var(--control,#87959f);border-radius:7px;background:var(--surface,#fff);padding:0 .9em;cursor:pointer}
button:hover{border-color:var(--accent,#0f6e84)}
@media (pointer:coarse){button{min-height:44px}}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--accent,#0f6e84);outline-offset:1px}
.lists{columns:2 17em;column-gap:32px}
section{break-inside:avoid;margin-bottom:10px}
h3{font-size:.9em;margin:0 0 2px;color:var(--accent,#0f6e84)}
dl{display:grid;grid-template-columns:6.2em 1fr;gap:5px 8px;margin:0}
dt,dd{margin:0}
kbd{font:inherit;font-size:.9em;border:1px solid var(--control,#87959f);border-bottom-width:2px;border-radius:5px;padding:0 .42em;background:var(--wash,#f5f8f9);white-space:nowrap}`;

// What each key does: the action, and how the dialog says it. An action in `here` needs no Python.
const KEYS = {
  "Run": [
    ["play", ["Space"], "play or pause"], ["step", ["."], "one training step"],
    ["reset", ["R"], "reset to step 0"], ["previous", ["←"], "previous recorded step"],
    ["next", ["→"], "next recorded step"],
  ],
  "Changes": [["undo", ["Z"], "undo"], ["redo", ["Shift Z", "Y"], "redo"]],
  "View": [
    ["2d", ["2"], "2-D view (contours)"], ["3d", ["3"], "3-D view (surface)"],
    ["compare", ["C"], "compare with the kept runs"], ["keep", ["K"], "keep this run"],
    ["projector", ["P"], "large type for a projector"],
  ],
  "More": [
    ["settings", ["S"], "settings"], ["search", ["/"], "find a setting"],
    ["examples", ["X"], "examples: all presets"], ["export", ["E"], "export"],
    ["help", ["?"], "this list"],
  ],
  "In the 3-D view": [
    [null, ["← → ↑ ↓"], "rotate"], [null, ["+", "−"], "zoom in, zoom out"],
    [null, ["0"], "reset the camera"],
  ],
};
const ACTIONS = {
  " ": "play", ".": "step", r: "reset", z: "undo", Z: "redo", y: "redo", 2: "2d", 3: "3d", c: "compare",
  k: "keep", e: "export", p: "projector", s: "settings", "/": "search", x: "examples", "?": "help", ArrowLeft: "previous", ArrowRight: "next",
};
const HERE = {
  help: "help", settings: "settings", search: "search", examples: "examples", previous: {seek: "previous"}, next: {seek: "next"},
};

const anywhere = (root, test) => [...root.querySelectorAll("*")].some(
  node => test(node) || (node.shadowRoot && anywhere(node.shadowRoot, test)));

// Whether a key is the focused element's own business.
function taken(key, [target]) {
  if (target.isContentEditable || /^(SELECT|TEXTAREA)$/.test(target.tagName)) return true;
  const press = target.tagName === "INPUT" ? target.type : "";
  if (press && !/^(range|checkbox|radio|button)$/.test(press)) return true;
  if (key === " ") return /^(BUTTON|SUMMARY|A|INPUT)$/.test(target.tagName);
  return key.startsWith("Arrow") && /^(INPUT|CANVAS)$/.test(target.tagName);
}

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const offered = action => action === null || action in HERE || model.names.includes(action);
  const close = make("button", {type: "button", textContent: "Close", onclick: () => dialog.close()});
  const terms = make("button", {type: "button", textContent: "Glossary", onclick: () => { dialog.close(); signal(el, "glossary"); }});
  const title = make("h2", {textContent: "Keyboard shortcuts", id: "shortcuts-title"});
  const lists = make("div", {className: "lists"});
  for (const [heading, keys] of Object.entries(KEYS)) {
    const rows = keys.filter(([action]) => offered(action)).flatMap(([, names, text]) => [
      make("dt", {}, ...names.flatMap((name, k) => [...(k ? [" "] : []), make("kbd", {textContent: name})])),
      make("dd", {textContent: text}),
    ]);
    if (rows.length) lists.append(make("section", {}, make("h3", {textContent: heading}), make("dl", {}, ...rows)));
  }
  const dialog = make("dialog", {className: "shortcuts"}, make("header", {}, title, terms, close), lists);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });  // beside it
  el.append(make("style", {textContent: STYLE}), dialog);

  const pressed = e => {
    if (!el.isConnected) return document.removeEventListener("keydown", pressed);
    const key = e.key.length === 1 && !e.shiftKey ? e.key.toLowerCase() : e.key, action = ACTIONS[key];
    if (!action || !offered(action) || e.ctrlKey || e.altKey || e.metaKey || e.isComposing || e.defaultPrevented) return;
    if (!model.everywhere && !e.composedPath().includes(outermost(el))) return;
    if (taken(e.key, e.composedPath()) || anywhere(document, node => node.tagName === "DIALOG" && node.open)) return;
    if (e.repeat && !e.key.startsWith("Arrow") && key !== ".") return e.preventDefault();
    e.preventDefault();
    if (action in HERE) signal(el, HERE[action]); else model.send_msg({action});
  };
  document.addEventListener("keydown", pressed);
  onSignal(el, detail => { if (detail === "help") dialog.showModal(); });
  // A notebook has keys of its own; JupyterLab leaves alone what says so.
  requestAnimationFrame(() => { if (!model.everywhere) outermost(el).dataset.lmSuppressShortcuts = "true"; });
}
