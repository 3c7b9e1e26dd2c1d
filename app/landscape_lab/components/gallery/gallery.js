// The gallery of labs: cards with a question and how long the lab takes, grouped by family.
const STYLE = `
.gallery{--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--line,#c9d2d8);--tint:var(--accent,#0f6e84);
 font:calc(13px*var(--scale,1))/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);background:#fff;height:100%;overflow-y:auto;box-sizing:border-box;scrollbar-width:thin}
header{display:flex;gap:12px;align-items:center;padding:10px 16px;border-bottom:var(--edge,1px) solid var(--line,#dfe6ea);position:sticky;top:0;background:#fff;z-index:1}
h1{font-size:1.23em;font-weight:650;margin:0}
header p{margin:0;color:var(--soft)}
button{font:inherit;color:inherit;background:#fff;border:var(--edge,1px) solid var(--rim);border-radius:7px;cursor:pointer}
button:hover{border-color:var(--tint)}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px}
button.back{height:calc(32px*var(--scale,1));padding:0 .75em;white-space:nowrap}
section{padding:4px 16px 10px}
h2{font-size:1.05em;font-weight:650;color:var(--tint);margin:10px 0 6px}
ul{list-style:none;margin:0;padding:0;display:grid;gap:10px;grid-template-columns:repeat(auto-fill,minmax(min(100%,calc(300px*var(--scale,1))),1fr))}
.card{display:flex;flex-direction:column;gap:3px;width:100%;height:100%;padding:10px 12px;text-align:left;line-height:1.4}
.card b{font-size:1.05em;font-weight:650}
.card small{color:var(--soft);font-size:.9em;margin-top:auto}
.message{margin:10px 16px 0;padding:6px 12px;border:var(--edge,1px) solid var(--rim);border-left:4px solid #b3261e;border-radius:7px;color:#7a1710}
[hidden]{display:none!important}
@media (pointer:coarse){button.back{min-height:44px}}`;

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};

const lasting = seconds => seconds < 90 ? `about ${Math.max(1, seconds)} s` : `about ${Math.round(seconds / 60)} min`;

export function render({model, el}) {
  const tell = message => model.send_msg(message);
  const back = make("button", {type: "button", className: "back", textContent: "← Landscape", title: "Back to the landscape"});
  back.onclick = () => tell({action: "leave"});
  const message = make("div", {className: "message", hidden: true});
  message.setAttribute("role", "alert");
  const lists = make("div");
  const gallery = make("div", {className: "gallery"},
    make("header", {}, back, make("h1", {textContent: "Labs"}), make("p", {textContent: "Claims of the literature to try yourself, each with its verdict."})),
    message, lists);
  gallery.setAttribute("role", "region"); gallery.setAttribute("aria-label", "Labs");
  el.style.height = "100%";
  el.append(make("style", {textContent: STYLE}), gallery);

  const card = lab => {
    const button = make("button", {type: "button", className: "card"}, make("b", {textContent: lab.title}),
      make("span", {textContent: lab.question}), make("small", {textContent: lasting(lab.seconds)}));
    button.dataset.lab = lab.name;
    button.onclick = () => tell({action: "open", name: lab.name});
    return make("li", {}, button);
  };
  const fill = () => lists.replaceChildren(...model.families.map(({family, labs}) =>
    make("section", {}, make("h2", {textContent: family}), make("ul", {}, ...labs.map(card)))));
  model.on("families", fill);
  model.on("msg:custom", event => {
    const said = (event.data ?? event).message;
    message.textContent = said;
    message.hidden = !said;
  });
  fill();
  tell({action: "ready"});
}
