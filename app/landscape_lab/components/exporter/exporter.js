// The dialog of files to take away. What is asked for comes as a message of words, then its bytes.
const STYLE = `
dialog{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);background:var(--raised,#fff);
 border:1px solid var(--frame,#c9d2d8);border-radius:12px;box-shadow:0 12px 48px var(--shade,#1d2a3344);padding:0;width:min(720px,calc(100vw - 24px));max-height:min(86vh,720px);overflow:auto}
dialog::backdrop{background:var(--shade,#1d2a3355)}
header{z-index:2;display:flex;align-items:center;gap:10px;padding:14px 18px 2px;position:sticky;top:0;background:var(--raised,#fff)}
h2{font-size:16px;font-weight:650;margin:0;flex:1;letter-spacing:-.01em}
p{margin:0}header+p{padding:0 18px 8px;color:var(--muted,#56636c)}
button{font:inherit;color:inherit;border:1px solid var(--frame,#c9d2d8);border-radius:7px;background:var(--surface,#fff);cursor:pointer;min-height:32px;padding:0 12px}
button:hover:not(:disabled){border-color:var(--accent,#0f6e84)}button:active:not(:disabled){background:var(--wash,#eef4f6)}
button:disabled{cursor:default;opacity:.55}.kind.lacks{opacity:1;border-style:dashed;background:none}.kind.lacks b{color:var(--muted,#56636c);font-weight:500}
:focus-visible{outline:2px solid var(--accent,#0f6e84);outline-offset:1px}
ul{list-style:none;margin:0;padding:4px 18px 12px;display:grid;gap:5px}
.kind{width:100%;display:grid;grid-template-columns:132px 1fr;gap:0 12px;align-items:baseline;text-align:left;padding:6px 12px}
.kind b{font-weight:600}.kind span{color:var(--muted,#56636c)}
.kind[aria-busy=true]{border-color:var(--accent,#0f6e84);background:var(--selected,#e3f0f3);opacity:1}
.state{position:sticky;bottom:0;z-index:1;background:var(--raised,#fff);border-top:1px solid var(--line,#dfe6ea);padding:8px 18px 12px;min-height:22px;max-height:min(60vh,460px);overflow:auto;display:grid;gap:5px}.state:empty{display:none}
.state.alert{color:var(--alert-ink,#7a1710)}
progress{width:100%;height:8px;accent-color:var(--accent,#0f6e84)}
pre{margin:0;padding:10px 12px;background:var(--wash,#f4f7f8);border:1px solid var(--line,#dfe6ea);border-radius:7px;overflow:auto;max-height:260px;
 font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;white-space:pre;tab-size:4}pre.prose{white-space:pre-wrap}
.row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.copies{padding:0 18px 4px}
h3{font-size:13px;font-weight:650;margin:6px 18px 0;color:var(--accent,#0f6e84)}
.styles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:5px 12px;padding:6px 18px 2px}
.styles label{display:grid;grid-template-columns:56px 1fr auto;gap:6px;align-items:center}
select,input{font:inherit;color:inherit;background:var(--surface,#fff);border:1px solid var(--control,#87959f);border-radius:6px;min-height:28px;min-width:0;padding:0 4px}
input[type=number]{width:4.6em}
[hidden]{display:none!important}
.picture{max-width:100%;max-height:300px;object-fit:contain;justify-self:start;border:1px solid var(--line,#dfe6ea)}
@media (pointer:coarse){select,input,button{min-height:44px}}
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
  const buttons = {}, lists = {}, styles = new Styles(make), groups = make("div");
  const listOf = group => {
    if (lists[group]) return lists[group];
    groups.append(make("h3", {textContent: group}), ...(group === "Picture" ? [styles.el] : []), lists[group] = make("ul"));
    return lists[group];
  };
  for (const kind of model.kinds) {
    const button = make("button", {type: "button", className: kind.lacks ? "kind lacks" : "kind", onclick: () => ask(kind.name)}, make("b", {textContent: kind.label}), make("span", {textContent: kind.help}));
    button.dataset.kind = kind.name;
    button.disabled = Boolean(kind.lacks);  // it says what it would need
    buttons[kind.name] = button;
    listOf(kind.group ?? "File").append(make("li", {}, button));
  }
  const copyLink = make("button", {type: "button", textContent: "Copy link"}), copyPicture = make("button", {type: "button", textContent: "Copy picture"});
  copyLink.dataset.action = "copy_link"; copyPicture.dataset.action = "copy_picture";
  const copies = make("div", {className: "row copies"}, copyLink, copyPicture);
  const title = make("h2", {id: "export-title", textContent: "Export"});
  const about = make("p", {id: "export-about", textContent: "Export the current view with all its settings."});
  const dialog = make("dialog", {}, make("header", {}, title, close), about, copies, groups, state);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.setAttribute("aria-describedby", about.id);
  el.append(make("style", {textContent: STYLE}), dialog);

  let coming = null, picture = null;
  const working = name => {
    for (const {name: own, lacks} of model.kinds) {
      buttons[own].disabled = Boolean(lacks) || Boolean(name) && own !== name;
      buttons[own].setAttribute("aria-busy", own === name);
    }
  };
  const say = (words, ...more) => {
    state.className = "state";
    state.replaceChildren(make("p", {textContent: words}), ...more);
  };
  const ask = name => {
    if (buttons[name].getAttribute("aria-busy") === "true") return false;
    working(name);
    progress(0, 0);
    model.send_msg({kind: name, style: styles.asked});
    return true;
  };
  const cancel = () => {
    model.send_msg({cancel: true});
    coming = picture = null;
    working("");
    say("Cancelled; no file was made.");
  };
  copyLink.hidden = !model.own_page;
  copyLink.onclick = async () => {
    if (await copiedText(location.href, dialog)) return say("The link is copied.");
    const line = make("input", {value: location.href, readOnly: true, className: "link"});
    line.setAttribute("aria-label", "Link");
    say(`${MAY_NOT}. Copy the link from here:`, line);
    line.select();
  };
  // The picture is made first; the browser is told at once, while it knows of the press.
  copyPicture.onclick = async () => {
    if (!ask("png")) return;
    const made = new Promise(resolve => { picture = resolve; });
    const copied = await copiedPicture(made), blob = await made;
    const shown = make("img", {src: URL.createObjectURL(blob), alt: "The picture", className: "picture"});
    shown.onload = () => { dialog.dataset.copied = copied; };
    if (copied) say("The picture is copied.", shown);
    else say(`${MAY_NOT}. Right-click the picture, or press it long, and choose Copy image:`, shown);
  };
  const progress = (done, total) => {
    if (state.lastChild?.tagName !== "PROGRESS") say("", make("progress"));
    const words = state.firstChild, bar = state.lastChild;
    if (!state.querySelector("button")) words.after(make("button", {type: "button", textContent: "Cancel", onclick: cancel}));
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
    button.textContent = await copiedText(text, dialog) ? "Copied" : "Select it and copy";
    button.focus();
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  const receive = bytes => {
    const {name, mime, text} = coming;
    coming = null;
    const blob = new Blob([bytes], {type: mime});
    working("");
    if (picture) {
      picture(blob);
      picture = null;
      return;
    }
    dialog.dataset.delivered = name;
    const is_text = mime.startsWith("text/") || mime === "application/json";
    if (text !== null && !is_text) save(name, blob);
    if (text === null) {
      save(name, blob);
      say(`${name} is saved by the browser.`);
      return;
    }
    const copy = make("button", {type: "button", textContent: "Copy"});
    copy.onclick = () => copied(text, copy);
    const down = make("button", {type: "button", textContent: "Download", onclick: () => save(name, blob)});
    const words = make("pre", {textContent: text, tabIndex: 0, className: is_text ? "" : "prose"});
    words.setAttribute("aria-label", is_text ? name : "Caption");
    say(is_text ? name : `${name} is saved by the browser. Its caption:`, words, make("div", {className: "row"}, copy, ...(is_text ? [down] : [])));
    copy.focus();
  };
  const HEARD = {
    open: () => {
      if (dialog.open) return;
      dialog.showModal();
      if (!groups.querySelector("[aria-busy=true]")) state.replaceChildren();
      groups.querySelector("button:enabled")?.focus();
    },
    progress: data => { if (dialog.open) progress(data.done, data.total); },
    deliver: data => { coming = data; },
    fail: data => { picture = null; working(""); say(data.text); state.classList.add("alert"); },
  };
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  // Keys pressed here are not for the page beneath.
  dialog.addEventListener("keydown", event => event.stopPropagation());
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (data?.byteLength !== undefined) { if (coming) receive(data); } else HEARD[data.action]?.(data);
  });
}
