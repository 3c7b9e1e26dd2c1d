// The dialog of files to take away. What is asked for comes as a message of words, then its bytes.
const STYLE = `
dialog{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);background:var(--raised,#fff);
 border:1px solid var(--frame,#c9d2d8);border-radius:12px;box-shadow:0 12px 48px var(--shade,#1d2a3344);padding:0;width:min(680px,calc(100vw - 24px));max-height:min(86vh,720px);overflow:auto}
dialog::backdrop{background:var(--shade,#1d2a3355)}
header{display:flex;align-items:center;gap:10px;padding:14px 18px 2px;position:sticky;top:0;background:var(--raised,#fff)}
h2{font-size:16px;font-weight:650;margin:0;flex:1;letter-spacing:-.01em}
p{margin:0}header+p{padding:0 18px 8px;color:var(--muted,#56636c)}
button{font:inherit;color:inherit;border:1px solid var(--frame,#c9d2d8);border-radius:7px;background:var(--surface,#fff);cursor:pointer;min-height:32px;padding:0 12px}
button:hover:not(:disabled){border-color:var(--accent,#0f6e84)}button:active:not(:disabled){background:var(--wash,#eef4f6)}
button:disabled{cursor:default;opacity:.55}
:focus-visible{outline:2px solid var(--accent,#0f6e84);outline-offset:1px}
ul{list-style:none;margin:0;padding:4px 18px 12px;display:grid;gap:5px}
.kind{width:100%;display:grid;grid-template-columns:132px 1fr;gap:0 12px;align-items:baseline;text-align:left;padding:6px 12px}
.kind b{font-weight:600}.kind span{color:var(--muted,#56636c)}
.kind[aria-busy=true]{border-color:var(--accent,#0f6e84);background:var(--selected,#e3f0f3);opacity:1}
.state{padding:0 18px 14px;min-height:22px;display:grid;gap:5px}.state:empty{display:none}
.state.alert{color:var(--alert-ink,#7a1710)}
progress{width:100%;height:8px;accent-color:var(--accent,#0f6e84)}
pre{margin:0;padding:10px 12px;background:var(--wash,#f4f7f8);border:1px solid var(--line,#dfe6ea);border-radius:7px;overflow:auto;max-height:260px;
 font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;white-space:pre;tab-size:4}
.row{display:flex;gap:8px;align-items:center}
@media (max-width:480px){.kind{grid-template-columns:1fr}}
@media (prefers-reduced-motion:no-preference){dialog[open]{animation:rise .12s ease-out}@keyframes rise{from{transform:translateY(6px);opacity:0}}}`;

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const close = make("button", {type: "button", textContent: "Close", onclick: () => dialog.close()});
  const state = make("div", {className: "state"});
  state.setAttribute("role", "status");
  const buttons = {};
  const list = make("ul");
  for (const kind of model.kinds) {
    const button = make("button", {type: "button", className: "kind", onclick: () => ask(kind.name)}, make("b", {textContent: kind.label}), make("span", {textContent: kind.help}));
    button.dataset.kind = kind.name;
    buttons[kind.name] = button;
    list.append(make("li", {}, button));
  }
  const title = make("h2", {id: "export-title", textContent: "Export"});
  const about = make("p", {id: "export-about", textContent: "Export the current view with all its settings."});
  const dialog = make("dialog", {}, make("header", {}, title, close), about, list, state);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.setAttribute("aria-describedby", about.id);
  el.append(make("style", {textContent: STYLE}), dialog);

  let coming = null;
  const working = name => {
    for (const [own, button] of Object.entries(buttons)) {
      button.disabled = Boolean(name) && own !== name;
      button.setAttribute("aria-busy", own === name);
    }
  };
  const say = (words, ...more) => {
    state.className = "state";
    state.replaceChildren(make("p", {textContent: words}), ...more);
    state.scrollIntoView({block: "nearest"});
  };
  const ask = name => {
    if (buttons[name].getAttribute("aria-busy") === "true") return;
    working(name);
    progress(0, 0);
    model.send_msg({kind: name});
  };
  const progress = (done, total) => {
    if (state.lastChild?.tagName !== "PROGRESS") say("", make("progress"));
    const [words, bar] = state.children;
    words.textContent = total > 1 ? `Exporting: ${done} of ${total}` : "Exporting…";
    bar.setAttribute("aria-label", "Export progress");
    if (total > 1) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
  };
  const save = (name, blob) => {
    const link = make("a", {href: URL.createObjectURL(blob), download: name});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };
  const copied = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // no leave to use the clipboard: an older way
      const area = make("textarea", {value: text});
      dialog.append(area); area.select(); document.execCommand("copy"); area.remove(); button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  const receive = bytes => {
    const {name, mime, text} = coming;
    coming = null;
    const blob = new Blob([bytes], {type: mime});
    working("");
    dialog.dataset.delivered = name;
    if (text === null) {
      save(name, blob);
      say(`${name} is saved by the browser.`);
      return;
    }
    const copy = make("button", {type: "button", textContent: "Copy"});
    copy.onclick = () => copied(text, copy);
    const down = make("button", {type: "button", textContent: "Download", onclick: () => save(name, blob)});
    const words = make("pre", {textContent: text, tabIndex: 0});
    words.setAttribute("aria-label", name);
    say(name, words, make("div", {className: "row"}, copy, down));
    copy.focus();
  };
  const HEARD = {
    open: () => {
      if (dialog.open) return;
      dialog.showModal();
      if (!list.querySelector("[aria-busy=true]")) state.replaceChildren();
      list.querySelector("button:enabled")?.focus();
    },
    progress: data => { if (dialog.open) progress(data.done, data.total); },
    deliver: data => { coming = data; },
    fail: data => { working(""); say(data.text); state.classList.add("alert"); },
  };
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  // Keys pressed here are not for the page beneath.
  dialog.addEventListener("keydown", event => event.stopPropagation());
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (data?.byteLength !== undefined) { if (coming) receive(data); } else HEARD[data.action]?.(data);
  });
}
