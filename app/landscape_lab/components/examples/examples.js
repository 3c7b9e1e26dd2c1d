// The gallery of presets: a dialog with a card for each, with its picture and the sentence of its point.
const STYLE = `
dialog{font:calc(13px*var(--scale,1))/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);background:var(--raised,#fff);
 border:var(--edge,1px) solid var(--control,#c9d2d8);border-radius:14px;box-shadow:0 18px 60px var(--shade,#1d2a3366);padding:0 20px 18px;width:min(calc(1240px*var(--scale,1)),calc(100vw - 24px));max-height:calc(100vh - 24px);box-sizing:border-box;overflow:auto;scrollbar-width:thin}
dialog::backdrop{background:var(--shade,#1d2a3366)}
header{position:sticky;top:0;z-index:1;display:flex;align-items:center;gap:12px;background:var(--raised,#fff);padding:14px 0 10px}
h2{font-size:1.4em;font-weight:650;letter-spacing:-.01em;margin:0;flex:1}
button{font:inherit;color:inherit;background:var(--surface,#fff);border:var(--edge,1px) solid var(--control,#c9d2d8);border-radius:8px;cursor:pointer}
header button{min-height:max(32px,calc(32px*var(--scale,1)));padding:0 .9em}
button.new{background:var(--accent,#0f6e84);border-color:var(--accent,#0f6e84);color:var(--on-accent,#fff);font-weight:600}
button:hover{border-color:var(--accent,#0f6e84)}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--accent,#0f6e84);outline-offset:2px}
ul{list-style:none;margin:0;padding:3px;display:grid;grid-template-columns:repeat(auto-fill,minmax(calc(200px*var(--scale,1)),1fr));gap:12px}
li{display:flex}
.example{display:flex;flex-direction:column;gap:3px;width:100%;padding:0 0 9px;text-align:left;overflow:hidden;border-radius:10px}
.example:hover{box-shadow:0 4px 16px var(--shade,#1d2a3330)}
.example[aria-current]{border-color:var(--accent,#0f6e84);box-shadow:inset 0 0 0 1px var(--accent,#0f6e84)}
.example img,.example .blank{display:block;width:100%;aspect-ratio:240/126;object-fit:cover;background:var(--wash,#f3f6f8)}
.example b{font-size:1.04em;font-weight:650;line-height:1.25;padding:5px 11px 0}
.example span.gist{color:var(--muted,#5d6b75);padding:0 11px;line-height:1.35}
@media (pointer:coarse){header button{min-height:44px}}`;

const SOON = 4000;  // milliseconds

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  let asked = false, current = "";
  const cards = new Map();
  const card = ({name, title, point}) => {
    const button = make("button", {type: "button", className: "example"}, make("span", {className: "blank"}), make("b", {textContent: title}), make("span", {className: "gist", textContent: point}));
    button.dataset.example = name;
    button.onclick = () => { dialog.close(); model.send_msg({action: "open", name}); };
    cards.set(name, button);
    return make("li", {}, button);
  };
  const ask = () => { if (!asked) { asked = true; model.send_msg({action: "pictures"}); } };
  setTimeout(ask, SOON);  // after the first picture of the page, which they would delay
  const close = make("button", {type: "button", textContent: "Close", onclick: () => dialog.close()});
  const begin = make("button", {type: "button", className: "new", textContent: "New here? Ten minutes", onclick: () => { dialog.close(); signal(el, "first tour"); }});
  const title = make("h2", {textContent: "Examples", id: "examples-title"});
  const dialog = make("dialog", {className: "examples"}, make("header", {}, title, begin, close), make("ul", {}, ...model.presets.map(card)));
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
  el.append(make("style", {textContent: STYLE}), dialog);
  // Arrows lead from card to card, as the eye does.
  dialog.addEventListener("keydown", e => {
    const all = [...cards.values()], at = all.indexOf(e.composedPath()[0]);
    const across = getComputedStyle(dialog.querySelector("ul")).gridTemplateColumns.split(" ").length;
    const by = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across}[e.key];
    if (at < 0 || !by) return;
    e.preventDefault();
    all[Math.min(all.length - 1, Math.max(0, at + by))].focus();
  });
  model.on("msg:custom", event => {
    for (const [name, svg] of Object.entries((event.data ?? event).pictures ?? {}))
      cards.get(name)?.firstChild.replaceWith(make("img", {alt: "", src: `data:image/svg+xml,${encodeURIComponent(svg)}`}));
  });
  onSignal(el, detail => {
    if (detail?.examples === undefined) return;
    current = detail.examples;
    for (const [name, button] of cards) if (name === current) button.setAttribute("aria-current", true); else button.removeAttribute("aria-current");
    ask();
    dialog.showModal();
    (cards.get(current) ?? close).focus();
  });
}
