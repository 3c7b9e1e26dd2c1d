// The dialog of your own table. A file travels in parts, each asked for by Python; then come its columns.
const STYLE = `
dialog{font:13px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);background:var(--raised,#fff);box-sizing:border-box;
 border:1px solid var(--frame,#c9d2d8);border-radius:12px;box-shadow:0 12px 48px var(--shade,#1d2a3344);padding:0;width:min(620px,calc(100vw - 24px));max-height:min(88vh,720px);overflow:auto}
dialog::backdrop{background:var(--shade,#1d2a3355)}
[hidden]{display:none!important}
header{display:flex;align-items:center;gap:10px;padding:14px 18px 2px;position:sticky;top:0;background:var(--surface,#fff);z-index:1}
h2{font-size:16px;font-weight:650;margin:0;flex:1;letter-spacing:-.01em}
p{margin:0}.about{padding:0 18px 10px;color:var(--muted,#56636c)}
button,select,textarea{font:inherit;color:inherit;background:var(--surface,#fff);border:1px solid var(--control,#87959f);border-radius:7px}
button{cursor:pointer;min-height:32px;padding:0 12px}
button:hover:not(:disabled){border-color:var(--accent,#0f6e84)}button:active:not(:disabled){background:var(--wash,#eef4f6)}
button:disabled{cursor:default;opacity:.55}
button.main{background:var(--accent,#0f6e84);border-color:var(--accent,#0f6e84);color:var(--on-accent,#fff);font-weight:600}
button.main:hover:not(:disabled){background:var(--accent-hover,#0c5a6c)}
:focus-visible{outline:2px solid var(--accent,#0f6e84);outline-offset:1px}
.drop{margin:0 18px;padding:14px;border:1.5px dashed var(--control,#87959f);border-radius:9px;display:flex;flex-wrap:wrap;align-items:center;gap:6px 12px;color:var(--muted,#56636c)}
.drop.over{border-color:var(--accent,#0f6e84);background:var(--selected,#e3f0f3)}
details{margin:8px 18px 0}summary{cursor:pointer;padding:4px 0;color:var(--accent,#0f6e84)}
textarea{display:block;box-sizing:border-box;width:100%;height:104px;padding:6px 8px;margin:2px 0 6px;resize:vertical;
 font:12px/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;white-space:pre;overflow:auto}
.state{margin:10px 18px 0;min-height:20px;overflow-wrap:anywhere}.state:empty{margin:0;min-height:0}
.alert{color:var(--alert-ink,#a3200d)}
progress{width:100%;height:8px;accent-color:var(--accent,#0f6e84)}
.columns{margin:12px 18px 0;padding-top:10px;border-top:1px solid var(--line,#dfe6ea);display:grid;grid-template-columns:auto 1fr;gap:8px 12px;align-items:center}
.columns h3{grid-column:1/-1;font-size:13px;font-weight:600;margin:0;overflow-wrap:anywhere}
select{height:32px;padding:0 6px;min-width:0;width:100%}
fieldset{grid-column:1/-1;border:1px solid var(--frame,#c9d2d8);border-radius:7px;margin:0;padding:2px 10px 8px;min-width:0}
legend{padding:0 4px;font-weight:600}
.list{max-height:176px;overflow:auto;display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:0 12px}
.list label{display:flex;gap:6px;align-items:center;min-height:26px;min-width:0}
.list span{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.list small{color:var(--muted,#56636c);flex:none}.list .off{color:var(--muted,#56636c)}
input[type=checkbox]{width:16px;height:16px;margin:0;flex:none;accent-color:var(--accent,#0f6e84)}
.turn{display:flex;gap:8px;margin-top:6px}.turn button{min-height:26px;padding:0 9px}
footer{display:flex;gap:10px;align-items:center;padding:12px 18px 14px;position:sticky;bottom:0;background:var(--surface,#fff)}
footer p{flex:1;overflow-wrap:anywhere;min-width:0}
@media (pointer:coarse){button,select,.turn button{min-height:44px}.list label{min-height:44px}}
@media (prefers-reduced-motion:no-preference){dialog[open]{animation:rise .12s ease-out}@keyframes rise{from{transform:translateY(6px);opacity:0}}}`;

const TASKS = ["automatic", "classification", "regression"];

function encoded(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const {bytes: most, part, endings} = model.limits;
  const size = `${Math.floor(most / 2 ** 20)} MB`;
  const title = make("h2", {id: "table-title", textContent: "Your own table"});
  const about = make("p", {id: "table-about", className: "about", textContent: "A row for each example, as CSV, NPZ or Parquet. The table stays in this session, and a link to the run holds none of it."});
  const close = make("button", {type: "button", textContent: "Cancel", onclick: () => dialog.close()});

  // What is taken: a file that is chosen or dropped, or text that is pasted.
  const picked = make("input", {type: "file", accept: endings.join(","), hidden: true});
  const pick = make("button", {type: "button", textContent: "Choose a file…", onclick: () => picked.click()});
  const drop = make("div", {className: "drop"}, pick, picked, make("span", {textContent: `or drop one here, up to ${size}`}));
  const text = make("textarea", {spellcheck: false, placeholder: "height,weight,species\n1.2,3.4,cat\n0.9,2.1,dog"});
  text.setAttribute("aria-label", "Table as text");
  const read = make("button", {type: "button", textContent: "Read this text", disabled: true});
  const paste = make("details", {}, make("summary", {textContent: "Paste a table"}), text, read);
  const state = make("div", {className: "state"});
  state.setAttribute("role", "status");

  // What is chosen of it.
  const named = make("h3"), target = make("select", {id: "table-target"}), task = make("select", {id: "table-task"});
  for (const each of TASKS) task.append(new Option(each, each));
  const list = make("div", {className: "list"});
  const turn = on => { for (const box of boxes()) if (!box.disabled && (!on || box.dataset.complete)) box.checked = on; ask(false); };
  const features = make("fieldset", {}, make("legend", {textContent: "Features"}), list, make("div", {className: "turn"},
    make("button", {type: "button", textContent: "All", onclick: () => turn(true)}),
    make("button", {type: "button", textContent: "None", onclick: () => turn(false)})));
  const columns = make("div", {className: "columns", hidden: true}, named,
    make("label", {htmlFor: "table-target", textContent: "Target"}), target,
    make("label", {htmlFor: "table-task", textContent: "Task"}), task, features);
  const verdict = make("p"), use = make("button", {type: "button", className: "main", textContent: "Use this table", disabled: true});
  verdict.setAttribute("role", "status");
  const footer = make("footer", {}, verdict, close, use);
  const dialog = make("dialog", {className: "uploader"}, make("header", {}, title), about, drop, paste, state, columns, footer);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.setAttribute("aria-describedby", about.id);
  el.append(make("style", {textContent: STYLE}), dialog);

  let content = null;
  const boxes = () => list.querySelectorAll("input");
  const say = (words, alert = false, ...more) => {
    state.className = alert ? "state alert" : "state";
    state.replaceChildren(...(words ? [make("p", {textContent: words})] : []), ...more);
  };
  const idle = on => { pick.disabled = !on; read.disabled = !on || !text.value.trim(); };
  const begin = (name, bytes) => {
    if (!bytes.length || bytes.length > most) {
      say(bytes.length ? `${name} has ${(bytes.length / 2 ** 20).toFixed(1)} MB; at most ${size} are taken.` : `${name} is empty.`, true);
      return;
    }
    content = bytes;
    idle(false);
    columns.hidden = use.disabled = true;
    verdict.textContent = "";
    say("Reading…", false, make("progress", {max: bytes.length, value: 0}));
    model.send_msg({begin: name, size: bytes.length});
  };
  const take = async file => {
    if (!file) return;
    // The size is looked at before the content.
    begin(file.name, file.size > most ? {length: file.size} : new Uint8Array(await file.arrayBuffer()));
  };
  const ask = use => model.send_msg({target: target.value, task: task.value, use,
    features: [...boxes()].filter(box => box.checked && !box.disabled).map(box => box.value)});
  const mark = () => {  // the target is no feature
    for (const box of boxes()) {
      box.disabled = !box.dataset.numeric || box.value === target.value;
      if (box.disabled) box.checked = false;
      box.parentNode.classList.toggle("off", box.disabled);
    }
  };
  const show = data => {
    say("");
    idle(true);
    paste.open = false;
    named.textContent = data.title;
    target.replaceChildren(...data.columns.map(column => new Option(column.name, column.name)));
    target.value = data.target; task.value = data.task;
    list.replaceChildren(...data.columns.map(column => {
      const box = make("input", {type: "checkbox", value: column.name, checked: data.features.includes(column.name)});
      if (column.numeric) box.dataset.numeric = "yes";
      if (column.complete) box.dataset.complete = "yes";
      return make("label", {title: column.name}, box, make("span", {textContent: column.name}), make("small", {textContent: column.note}));
    }));
    mark();
    columns.hidden = false;
    target.focus();
  };
  const HEARD = {
    open: () => { if (!dialog.open) { say(""); idle(true); dialog.showModal(); pick.focus(); } },
    close: () => dialog.close(),
    more: data => {
      if (!content) return;
      const bar = state.querySelector("progress");
      if (bar) bar.value = data.done;
      model.send_msg({part: encoded(content.subarray(data.done, data.done + part))});
    },
    table: data => { content = null; show(data); },
    verdict: data => { verdict.textContent = data.text; verdict.className = data.fits ? "" : "alert"; use.disabled = !data.fits; },
    fail: data => { content = null; idle(true); say(data.text, true); },
  };
  picked.addEventListener("change", () => { take(picked.files[0]); picked.value = ""; });
  text.addEventListener("input", () => { read.disabled = !text.value.trim(); });
  read.addEventListener("click", () => begin("pasted.csv", new TextEncoder().encode(text.value)));
  target.addEventListener("change", () => {
    mark();
    ask(false);
  });
  task.addEventListener("change", () => ask(false));
  list.addEventListener("change", () => ask(false));
  use.addEventListener("click", () => { use.disabled = true; ask(true); });
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    drop.addEventListener(name, event => { event.preventDefault(); drop.classList.toggle("over", over); });
  drop.addEventListener("drop", event => take(event.dataTransfer.files[0]));
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  // Keys pressed here are not for the page beneath.
  dialog.addEventListener("keydown", event => event.stopPropagation());
  dialog.addEventListener("close", () => { content = null; text.value = ""; model.send_msg({closed: true}); });
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    HEARD[data.action]?.(data);
  });
}
