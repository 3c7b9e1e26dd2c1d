// The settings form, with native inputs for keyboard and screen reader support.
const STYLE = `
:host{width:calc(320px*var(--scale,1))!important;flex:none!important;z-index:40}
:host(.narrow){width:0!important}
.form-model{min-height:0!important}
.form{--size:calc(24px*var(--scale,1));--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#87959f);--tint:var(--accent,#0f6e84);
 font:calc(13px*var(--scale,1))/1.35 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);background:var(--surface,#fff);
 height:100%;overflow-y:auto;overflow-x:hidden;box-sizing:border-box;padding:2px 6px 12px 8px;scrollbar-width:thin}
@media (pointer:coarse){.form{--size:44px}}
[hidden]{display:none!important}
:host(.narrow) .form{position:absolute;left:0;top:0;width:min(calc(330px*var(--scale,1)),88vw);border-right:var(--edge,1px) solid var(--rim);box-shadow:4px 0 18px var(--shade,#1d2a3333)}
:host(.narrow:not(.open)) .form{display:none}
:host(.narrow){--bar:190px}
@media (orientation:portrait){:host(.narrow){position:sticky!important;top:0;height:0!important;min-height:0!important}:host(.narrow) .form{height:calc(100vh - var(--bar))}}
@container (min-width:640.1px){:host(.narrow){--bar:90px}}
.close{display:none}
:host(.narrow) .close{display:block;position:sticky;top:2px;float:right;z-index:3;width:max(32px,var(--size));height:max(32px,var(--size));font:inherit;font-size:1.3em;line-height:1;color:inherit;background:var(--surface,#fff);border:var(--edge,1px) solid var(--rim);border-radius:7px;padding:0;cursor:pointer}
details{border-bottom:var(--edge,1px) solid var(--line,#e7ecef);padding:5px 0 6px}
details:last-child{border:0}
summary{font-weight:600;font-size:.93em;letter-spacing:.02em;color:var(--tint);cursor:pointer;padding:2px 0 2px 6px;min-height:var(--size);box-sizing:border-box;list-style:none;display:flex;align-items:center;gap:6px}
summary::-webkit-details-marker{display:none}
summary::before{content:"";border:4px solid transparent;border-left-color:currentColor;border-right:0;transition:transform .12s}
details[open]>summary::before{transform:rotate(90deg)}
summary span{font-weight:400;color:var(--soft)}
.more{border:0;padding:0}
.more>summary{font-weight:400;color:var(--soft);font-size:.89em}
.row{display:grid;grid-template-columns:12px 7.3em 1fr;gap:2px 0;align-items:center;min-height:calc(var(--size) + 3px)}
.row>label{grid-column:2;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;padding-right:3px}
.control{grid-column:3;display:flex;gap:4px;align-items:center;min-width:0}.control:has(.about){gap:2px}
.dot{grid-column:1;grid-row:1;width:12px;height:var(--size);padding:0;border:0;background:none;cursor:pointer;display:flex;align-items:center;justify-content:center;position:relative}
.dot::before{content:"";width:.5em;height:.5em;border-radius:50%;background:var(--tint)}
.dot:hover::before{box-shadow:0 0 0 3px var(--track,#0f6e8433)}
@media (pointer:coarse){.dot::after{content:"";position:absolute;inset:0 -22px 0 -8px}}
select,input[type=text]{font:inherit;color:inherit;background:var(--surface,#fff);border:var(--edge,1px) solid var(--rim);border-radius:5px;height:var(--size);padding:0 4px;box-sizing:border-box;min-width:0;width:100%}
.file{font:inherit;color:inherit;background:var(--wash,#f1f5f6);border:var(--edge,1px) solid var(--rim);border-radius:5px;height:var(--size);padding:0 7px;min-width:0;width:100%;text-align:left;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;cursor:pointer}.file:hover{border-color:var(--tint)}
input.exact{width:4.9em;flex:none;text-align:right;font-variant-numeric:tabular-nums}
input[type=range]{flex:1;min-width:0;accent-color:var(--tint);height:var(--size);margin:0}
input[type=checkbox]{accent-color:var(--tint);width:calc(16px*var(--scale,1));height:calc(16px*var(--scale,1));margin:0}
@media (pointer:coarse){input[type=checkbox]{width:28px;height:28px}}
select{padding:0 0 0 3px}
select:hover,input:hover{border-color:var(--tint)}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px}
.error{grid-column:2/-1;background:none;color:var(--alert-ink,#a3200d);font-size:.93em;padding:0 0 4px}
.wrong select,.wrong input{border-color:var(--alert,#c0392b)}
.about{flex:none;font:italic 600 .85em/1 Georgia,"DejaVu Serif",serif;color:var(--soft);background:none;border:1px solid transparent;border-radius:50%;width:max(24px,var(--size));height:max(24px,var(--size));padding:0;margin:0 -5px 0 -6px;cursor:pointer}
.about:hover{border-color:var(--rim)}
.about[aria-expanded=true]{color:var(--tint);border-color:var(--tint)}
.card{grid-column:2/-1;font-size:.93em;line-height:1.4;border-left:2px solid var(--track,#9cc4cd);padding:1px 0 1px 8px;margin:2px 0 5px;overflow-wrap:anywhere}
.card p{margin:0 0 3px}.card p:last-child{margin:0}
.card .formula{font:italic 1.1em/1.45 "STIX Two Text","STIX Two Math",Cambria,Georgia,"DejaVu Serif",serif;overflow-wrap:break-word}
.card .formula span{display:block;padding-left:1em;text-indent:-1em}
.card .source{color:var(--soft);font-size:.92em}
.tip{pointer-events:none;position:fixed;inset:auto;margin:0;box-sizing:border-box;width:max-content;max-width:min(calc(280px*var(--scale,1)),calc(100vw - 16px));padding:6px 10px 7px;font:calc(12.5px*var(--scale,1))/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--on-accent,#fff);background:var(--ink,#1d2a33);border:0;border-radius:6px;box-shadow:0 3px 12px var(--shade,#1d2a3344)}
.tip b{display:block;font-weight:600}
.terms{margin-top:4px;pointer-events:auto}
.term{font:inherit;color:inherit;background:none;border:0;padding:0;margin-right:.8em;min-height:24px;text-decoration:underline;cursor:pointer}
.tip :focus-visible{outline-color:var(--surface,#fff)}
dialog.glossary{box-sizing:border-box;width:min(calc(560px*var(--scale,1)),calc(100vw - 24px));max-height:80vh;padding:0 18px 16px;border:var(--edge,1px) solid var(--control,#87959f);border-radius:9px;overflow-y:auto;background:var(--raised,#fff);font:calc(13.5px*var(--scale,1))/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33)}
dialog.glossary::backdrop{background:var(--shade,#1d2a3355)}
.glossary header{position:sticky;top:0;display:flex;justify-content:space-between;align-items:center;background:var(--raised,#fff);padding:10px 0 6px}
.glossary h2{font-size:1.15em;margin:0}
.glossary dl{margin:0}
.glossary dt{font-weight:600;margin-top:9px;scroll-margin-top:3.2em}
.glossary dd{margin:0}
.glossary dd p{margin:1px 0 0}
.glossary button{font:inherit;min-height:max(24px,var(--size,24px))}`;

const NARROW = 900;  // pixels of the page below which the form is a drawer, at the usual size of type

export function render({model, el}) {
  const style = document.createElement("style"), form = document.createElement("div");
  style.textContent = STYLE + FIRST_STYLE + SEARCH_STYLE;
  form.className = "form"; form.setAttribute("role", "form"); form.setAttribute("aria-label", "Settings");
  el.style.width = el.style.height = "100%";
  const close = document.createElement("button");
  close.type = "button"; close.className = "close"; close.textContent = "×";
  close.title = "Close the settings"; close.setAttribute("aria-label", close.title);
  el.append(style, form);
  const words = glossary(JSON.parse(model.glossary), el);
  const rows = new Map(), open = new Map(), help = helper(words), {ask, answered} = asking(el, model);
  // Show a control: its groups opened, in sight, with the focus and for a moment marked.
  const reveal = (path, focus = true) => {
    const found = rows.get(path);
    if (!found) return;
    if (host.matches(".narrow:not(.open)")) pull(true);
    unfold(found.row);
    found.row.scrollIntoView({block: "center"});
    if (focus) found.input.focus({preventScroll: true});
    if (focus) flash(found.row);
  };
  const search = searching(() => JSON.parse(model.sections), words, reveal);
  let structure = "", count = 0;

  const focused = () => form.getRootNode().activeElement;
  const build = sections => {
    const had = focused()?.dataset?.path, top = form.scrollTop;
    rows.clear();
    const filled = (section, into, more) => {
      for (const field of section.fields) {
        const row = document.createElement("div"), label = document.createElement("label");
        const id = `field-${++count}`;
        row.className = "row";
        label.htmlFor = id; label.textContent = field.label;
        const send = value => { ask(field.path); model.send_msg({path: field.opens ?? field.path, value}); };
        const made = control(field, id, send);
        const dot = document.createElement("button");
        dot.type = "button"; dot.className = "dot"; dot.title = "differs from the preset; click to restore";
        dot.setAttribute("aria-label", `${field.label}: ${dot.title}`);
        dot.addEventListener("click", () => { made.input.focus(); ask(field.path); model.send_msg({path: field.path, restore: true}); });
        row.append(dot, label, made.box);
        if (field.help) help.attach(row, label, made, field, id);
        if (field.card) {
          made.card = card(id, !open.get(field.path), folded => open.set(field.path, !folded));
          made.box.append(made.card.button);
          row.append(made.card.text);
        }
        if (!more) first(row, field, made, model.pictures, words, send);
        (field.detail && more ? more : into).append(row);
        rows.set(field.path, {...made, row, dot});
      }
    };
    const group = section => {
      const details = document.createElement("details"), title = document.createElement("summary");
      details.open = open.get(section.title) ?? !section.closed;
      details.addEventListener("toggle", () => open.set(section.title, details.open));
      const about = document.createElement("span");
      about.textContent = section.help; title.append(section.title, about);
      details.append(title);
      const more = document.createElement("details"), word = document.createElement("summary");
      more.className = "more"; word.textContent = "more";
      more.open = open.get(section.title + " more") ?? false;
      more.addEventListener("toggle", () => open.set(section.title + " more", more.open));
      more.append(word);
      filled(section, details, more);
      if (more.childElementCount > 1) details.append(more);
      return details;
    };
    const parts = sections.map(section => {
      if (section.title) return group(section);
      const box = document.createElement("div");
      box.className = "first";
      filled(section, box, null);
      return box;
    });
    help.hide();
    search.box.hidden = !model.searched;
    form.replaceChildren(close, search.box, ...parts);
    form.scrollTop = top;
    if (had && rows.has(had)) rows.get(had).input.focus({preventScroll: true});
  };

  const update = () => {
    const sections = JSON.parse(model.sections);
    const now = JSON.stringify(sections.map(s => [s.title, s.fields.map(f => [f.path, f.kind, f.options?.map(o => o.value), f.low, f.high, f.detail])]));
    if (now !== structure) { structure = now; build(sections); }
    for (const section of sections) for (const field of section.fields) {
      const row = rows.get(field.path);
      const edited = row.input === focused() && row.input.value !== row.input.dataset.sent && !["choice", "file"].includes(field.kind);
      if (!edited) row.set(field.value, field.shown);
      row.card?.set(field.card);
      row.dot.hidden = !field.changed;
    }
    complain();
  };

  const complain = () => {
    for (const [path, {row, input}] of rows) {
      const text = model.errors[path];
      let said = row.querySelector(".error");
      row.classList.toggle("wrong", Boolean(text));
      input.setAttribute("aria-invalid", Boolean(text));
      if (!text) { said?.remove(); continue; }
      if (!said) {
        said = document.createElement("div");
        said.className = "error"; said.setAttribute("role", "alert");
        row.append(said);
      }
      said.textContent = text;
      unfold(row);
    }
  };

  const wait = () => { form.setAttribute("aria-busy", model.busy); answered(model.busy ? 200 : 0); };

  // The drawer. It opens over the page, and returns the focus when it closes.
  const host = el.getRootNode().host;
  const pull = opened => {
    host.classList.toggle("open", opened);
    help.hide();
    if (opened) form.querySelector("select,input[type=range],summary")?.focus();
    signal(el, {drawer: opened ? "open" : "closed"});
  };
  close.addEventListener("click", () => pull(false));
  form.addEventListener("keydown", e => {
    if (e.key !== "Escape") return;
    const read = [...rows.values()].map(row => row.card).filter(card => card && !card.text.hidden);
    if (read.length) read.forEach(card => card.fold());
    else if (host.matches(".narrow.open")) pull(false);
  });
  form.addEventListener("scroll", help.hide);
  onSignal(el, detail => {
    if (detail?.reveal) reveal(detail.reveal, false);
    else if (detail === "search") { if (host.matches(".narrow:not(.open)")) pull(true); if (search.box.hidden) reveal([...rows.keys()][0]); else search.focus(); }
    else if (detail === "scaled") measure();
    else if (detail === "glossary") words.open();
    else if (detail !== "settings") return;
    else if (host.matches(".narrow")) pull(!host.matches(".open"));
    else form.querySelector(".first select,.first input,summary")?.focus();
  });
  const measure = () => {
    const limit = parseFloat(getComputedStyle(el).getPropertyValue("--drawer")) || NARROW;
    host.classList.toggle("narrow", outermost(el).clientWidth < limit);
  };
  requestAnimationFrame(() => {
    new ResizeObserver(measure).observe(outermost(el));
    // The rest of the page is the main part; a notebook has its own.
    if (!document.querySelector("main,[role=main]")) host.getRootNode().host?.setAttribute("role", "main");
  });

  model.on("busy", wait);
  model.on("sections", update);
  model.on("msg:custom", update);
  model.on("errors", () => { complain(); answered(0); });
  update();
  wait();
}
