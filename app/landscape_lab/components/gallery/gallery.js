// The gallery of labs: cards with a picture, a question and how long the lab takes, grouped by family.
const STYLE = `
.gallery{--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#c9d2d8);--tint:var(--accent,#0f6e84);--gap:calc(18px*var(--scale,1));
 font:calc(13px*var(--scale,1))/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);background:var(--surface,#fff);height:100%;overflow-y:auto;box-sizing:border-box;scrollbar-width:thin;scroll-padding:calc(64px*var(--scale,1)) 0 16px}
header{display:flex;flex-wrap:wrap;gap:2px 12px;align-items:center;padding:8px 16px;border-bottom:var(--edge,1px) solid var(--line,#dfe6ea);position:sticky;top:0;background:var(--surface,#fff);z-index:1}
h1{font-size:1.23em;font-weight:650;margin:0}
h1:focus{outline:none}
header p{margin:0;color:var(--soft)}
button{font:inherit;color:inherit;background:var(--surface,#fff);border:var(--edge,1px) solid var(--rim);border-radius:7px;cursor:pointer}
button:hover{border-color:var(--tint)}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px}
button.back{height:calc(32px*var(--scale,1));padding:0 .75em;white-space:nowrap}
.families{display:grid;grid-template-columns:repeat(var(--columns,4),minmax(0,1fr));gap:calc(12px*var(--scale,1)) var(--gap);padding:10px 16px 20px}
section{grid-column:span var(--span);display:flex;flex-direction:column;min-width:0}
h2{font-size:1.05em;font-weight:650;color:var(--tint);margin:0 0 5px}
ul{list-style:none;margin:0;padding:0;flex:1;display:grid;gap:10px;grid-template-columns:repeat(var(--span),minmax(0,1fr))}
.card{display:flex;flex-direction:column;gap:3px;width:100%;height:100%;padding:8px 11px 9px;text-align:left;line-height:1.4;overflow-wrap:anywhere}
.card:hover{box-shadow:0 1px 7px var(--shade,#1d2a331f)}
.card img{filter:var(--thumbnail,none)}
.card img,.card .blank{width:100%;aspect-ratio:288/112;display:block;box-sizing:border-box;margin-bottom:4px}
.card .blank{border:1px solid var(--line,#d5dde2);border-width:0 0 1px 1px;background:linear-gradient(var(--wash,#f3f6f8),var(--surface,#f8fafb))}
.card b{font-size:1.05em;font-weight:650;line-height:1.25}
.card small{color:var(--soft);font-size:.92em;margin-top:auto;padding-top:2px}
.card small i{font-style:normal;font-weight:650;color:var(--fg)}
.message{margin:10px 16px 0;padding:6px 12px;border:var(--edge,1px) solid var(--rim);border-left:4px solid var(--alert,#b3261e);border-radius:7px;color:var(--alert-ink,#7a1710)}
[hidden]{display:none!important}
@media (pointer:coarse){button.back{min-height:44px}}`;
const LEAST = 225, MOST = 400;  // widths of a card in pixels, at the usual size of type
const GAP = 18, SIDES = 32;

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};

const lasting = seconds => seconds < 90 ? `about ${Math.max(1, seconds)} s` : `about ${Math.round(seconds / 60)} min`;

// Families in the rows of so many columns: each in the first row that has room. Sizes to lists of indices.
function packed(sizes, columns) {
  const rows = [];
  sizes.forEach((size, k) => {
    const span = Math.min(size, columns);
    const row = rows.find(one => one.room >= span);
    if (row) { row.room -= span; row.families.push(k); } else rows.push({room: columns - span, families: [k]});
  });
  const high = row => Math.max(...row.families.map(k => Math.ceil(sizes[k] / columns)));
  return {order: rows.flatMap(row => row.families), height: rows.reduce((sum, row) => sum + high(row), 0)};
}

// The number of columns between the least and the most that leaves the fewest places empty.
function fitting(sizes, width) {
  const inside = width - SIDES + GAP;
  const most = Math.max(1, Math.floor(inside / (LEAST + GAP))), least = Math.min(most, Math.max(1, Math.ceil(inside / (MOST + GAP))));
  let best = null;
  for (let columns = most; columns >= least; columns--) {
    const {order, height} = packed(sizes, columns);
    if (!best || columns * height < best.places) best = {columns, order, places: columns * height};
  }
  return best;
}

export function render({model, el}) {
  const tell = message => model.send_msg(message);
  const back = make("button", {type: "button", className: "back", textContent: "← Landscape", title: "Back to the landscape"});
  back.onclick = () => { signal(el, "labs left"); tell({action: "leave"}); };
  const title = make("h1", {textContent: "Labs", tabIndex: -1});
  const message = make("div", {className: "message", hidden: true});
  message.setAttribute("role", "alert");
  const families = make("div", {className: "families"});
  const gallery = make("div", {className: "gallery"},
    make("header", {}, back, title, make("p", {textContent: "Claims of the literature to try yourself, each with its verdict."})),
    message, families);
  gallery.setAttribute("role", "region"); gallery.setAttribute("aria-label", "Labs");
  el.style.height = "100%";
  el.append(make("style", {textContent: STYLE}), gallery);

  const cards = new Map();
  let sections = [];
  const picture = svg => svg
    ? make("img", {alt: "", src: `data:image/svg+xml,${encodeURIComponent(svg)}`}) : make("span", {className: "blank"});
  const card = lab => {
    const button = make("button", {type: "button", className: "card"}, picture(lab.picture), make("b", {textContent: lab.title}),
      make("span", {textContent: lab.question}), make("small", {textContent: lasting(lab.seconds)}));
    button.dataset.lab = lab.name;
    button.onclick = () => tell({action: "open", name: lab.name});
    cards.set(lab.name, {button, seconds: lab.seconds});
    return make("li", {}, button);
  };
  const sizes = () => model.families.map(one => one.labs.length);
  const fit = () => {
    const scale = parseFloat(getComputedStyle(gallery).getPropertyValue("--scale")) || 1;
    const {columns, order} = fitting(sizes(), gallery.clientWidth / scale);
    families.style.setProperty("--columns", columns);
    sections.forEach((one, k) => one.style.setProperty("--span", Math.min(columns, sizes()[k])));
    const wanted = order.map(k => sections[k]), focused = gallery.getRootNode().activeElement;
    if (wanted.some((one, k) => one !== families.children[k])) {
      families.replaceChildren(...wanted);
      if (families.contains(focused)) focused.focus();
    }
  };
  const fill = () => {
    cards.clear();
    sections = model.families.map(({family, labs}) => make("section", {}, make("h2", {textContent: family}), make("ul", {}, ...labs.map(card))));
    families.replaceChildren(...sections);
    fit();
  };
  // A lab that was run here: its own picture, and what it found.
  const show = ({name, picture: svg, verdict}) => {
    const {button, seconds} = cards.get(name) ?? {};
    if (!button) return;
    if (svg) button.firstChild.replaceWith(picture(svg));
    button.lastChild.replaceChildren(`${lasting(seconds)} · your run: `, make("i", {textContent: verdict}));
  };
  model.on("families", fill);
  model.on("msg:custom", event => {
    const {message: said, runs, arrived} = event.data ?? event;
    if (said !== undefined) { message.textContent = said; message.hidden = !said; }
    (runs ?? []).forEach(show);
    if (arrived !== undefined) { focusOnceSeen(cards.get(arrived)?.button ?? title); tell({action: "arrived"}); }
  });
  new ResizeObserver(() => { if (el.isConnected && gallery.clientWidth) fit(); }).observe(gallery);
  onSignal(el, detail => { if (detail === "scaled") fit(); });
  fill();
  tell({action: "ready"});
}
