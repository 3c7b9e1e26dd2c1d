// The column of controls. Native inputs, so that keyboard and screen readers work as everywhere.
const STYLE = `
.form{font:13px/1.35 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1d2a33;
 height:100%;overflow-y:auto;overflow-x:hidden;box-sizing:border-box;padding:2px 12px 12px 14px;scrollbar-width:thin}
details{border-bottom:1px solid #e7ecef;padding:5px 0 6px}
details:last-child{border:0}
summary{font-weight:600;font-size:12px;letter-spacing:.02em;color:#0f6e84;cursor:pointer;padding:2px 0;list-style:none;display:flex;align-items:baseline;gap:6px}
summary::-webkit-details-marker{display:none}
summary::before{content:"";border:4px solid transparent;border-left-color:#8fa0aa;border-right:0;transition:transform .12s;align-self:center}
details[open]>summary::before{transform:rotate(90deg)}
summary span{font-weight:400;color:#5d6b75}
.more{border:0;padding:0}
.more>summary{font-weight:400;color:#5d6b75;font-size:11.5px}
.row{display:grid;grid-template-columns:104px 1fr;gap:2px 8px;align-items:center;min-height:26px}
.row>label{color:#33424c;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.control{display:flex;gap:6px;align-items:center;min-width:0}
select,input[type=number],input[type=text]{font:inherit;color:inherit;background:#fff;border:1px solid #c9d2d8;border-radius:5px;height:23px;padding:0 4px;box-sizing:border-box;min-width:0;width:100%}
input[type=number],input.exact{width:62px;flex:none;text-align:right;font-variant-numeric:tabular-nums}
input[type=range]{flex:1;min-width:0;accent-color:#0f6e84;height:18px;margin:0}
input[type=checkbox]{accent-color:#0f6e84;width:15px;height:15px;margin:0}
select:hover,input:hover{border-color:#8fa0aa}
:focus-visible{outline:2px solid #0f6e84;outline-offset:1px}
.error{grid-column:1/-1;color:#a3200d;font-size:12px;padding:0 0 4px}
.wrong select,.wrong input{border-color:#c0392b}
.about{flex:none;font:italic 600 11px/1 Georgia,"DejaVu Serif",serif;color:#5d6b75;background:none;border:1px solid transparent;border-radius:50%;width:18px;height:18px;padding:0;margin:0 -3px 0 -4px;cursor:pointer}
.about:hover{border-color:#8fa0aa}
.about[aria-expanded=true]{color:#0f6e84;border-color:#0f6e84}
.card{grid-column:1/-1;color:#33424c;font-size:12px;line-height:1.4;border-left:2px solid #9cc4cd;padding:1px 0 1px 8px;margin:2px 0 5px;overflow-wrap:anywhere}
.card[hidden]{display:none}
.card p{margin:0 0 3px}.card p:last-child{margin:0}
.card .formula{font:italic 13.5px/1.45 "STIX Two Text","STIX Two Math",Cambria,Georgia,"DejaVu Serif",serif;color:#1d2a33;overflow-wrap:break-word}
.card .formula span{display:block;padding-left:1em;text-indent:-1em}
.card .source{color:#5d6b75;font-size:11px}`;

const RANGE = 1000;

function toSlider(field, value) {
  const {low, high, scale} = field;
  const share = scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.round(RANGE * Math.min(1, Math.max(0, share)));
}

function fromSlider(field, position) {
  const {low, high, scale, kind} = field, share = position / RANGE;
  const value = scale === "log" ? low * Math.pow(high / low, share) : low + (high - low) * share;
  if (kind === "integer") return Math.round(value);
  return Number(value.toPrecision(scale === "log" ? 2 : 3));
}

function shown(value) {
  if (typeof value !== "number") return value;
  return Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential().replace("e-0", "e-") : String(value);
}

// A control: its element, and how a value from Python is put into it.
function control(field, id, send) {
  const box = document.createElement("div");
  box.className = "control";
  if (field.kind === "choice") {
    const select = document.createElement("select");
    select.id = id; select.dataset.path = field.path;
    const groups = new Map();
    for (const option of field.options) {
      const item = new Option(option.label, option.value);
      item.title = option.help || "";
      if (option.group && !groups.has(option.group)) {
        const group = document.createElement("optgroup");
        group.label = option.group;
        groups.set(option.group, group);
        select.append(group);
      }
      (groups.get(option.group) ?? select).append(item);
    }
    select.addEventListener("change", () => send(select.value));
    box.append(select);
    return {box, input: select, set: v => { select.value = v; }};
  }
  const input = document.createElement("input");
  input.id = id; input.dataset.path = field.path;
  if (field.kind === "switch") {
    input.type = "checkbox";
    input.addEventListener("change", () => send(input.checked));
    box.append(input);
    return {box, input, set: v => { input.checked = v; }};
  }
  input.type = "text";
  const commit = () => { if (input.value !== input.dataset.sent) { input.dataset.sent = input.value; send(input.value); } };
  input.addEventListener("change", commit);
  input.addEventListener("keydown", e => { if (e.key === "Enter") { input.dataset.sent = null; commit(); } });
  if (field.kind === "text") {
    box.append(input);
    return {box, input, set: v => { input.value = input.dataset.sent = v; }};
  }
  input.className = "exact"; input.inputMode = "decimal";
  const slider = document.createElement("input");
  slider.type = "range"; slider.min = 0; slider.max = RANGE; slider.dataset.slider = field.path;
  slider.setAttribute("aria-label", field.label);
  let timer = 0, last = null;
  slider.addEventListener("input", () => {  // while dragging: at most 15 values a second, the last one always
    const value = fromSlider(field, Number(slider.value));
    input.value = input.dataset.sent = shown(value);
    last = value;
    if (!timer) timer = setTimeout(() => { timer = 0; send(last); }, 66);
  });
  box.append(slider, input);
  return {box, input, slider, set: v => {
    if (document.activeElement !== slider && slider.getRootNode().activeElement !== slider) slider.value = toSlider(field, v);
    input.value = input.dataset.sent = shown(v);
  }};
}

// What is to be known of the chosen part, folded until its button beside the menu is pressed.
function card(id, folded, turned) {
  const button = document.createElement("button"), text = document.createElement("div");
  button.type = "button"; button.className = "about"; button.textContent = "i";
  text.className = "card"; text.id = `${id}-card`;
  button.setAttribute("aria-controls", text.id);
  const fold = hidden => { text.hidden = hidden; button.setAttribute("aria-expanded", !hidden); };
  button.addEventListener("click", () => { fold(!text.hidden); turned(text.hidden); });
  fold(folded);
  const parts = ["text", "formula", "source"].map(name => {
    const part = document.createElement("p");
    part.className = name;
    return [name, part];
  });
  return {button, text, set: told => {
    button.title = `about ${told.title}`;
    button.setAttribute("aria-label", button.title);
    for (const [name, part] of parts) part.textContent = told[name];
    parts.find(([name]) => name === "formula")[1].replaceChildren(...told.formula.split(/(?<=;) /).map(line => {
      const step = document.createElement("span");  // each step of a rule on a line of its own
      step.textContent = line;
      return step;
    }));
    text.replaceChildren(...parts.filter(([name]) => told[name]).map(([, part]) => part));
  }};
}

export function render({model, el}) {
  const style = document.createElement("style"), form = document.createElement("div");
  style.textContent = STYLE;
  form.className = "form"; form.setAttribute("role", "form"); form.setAttribute("aria-label", "Settings");
  el.style.height = "100%";
  el.append(style, form);
  const rows = new Map(), open = new Map();
  let structure = "", count = 0;

  const focused = () => form.getRootNode().activeElement;
  const build = sections => {
    const had = focused()?.dataset?.path, top = form.scrollTop;
    rows.clear();
    const parts = sections.map(section => {
      const details = document.createElement("details"), title = document.createElement("summary");
      details.open = open.get(section.title) ?? !section.closed;
      details.addEventListener("toggle", () => open.set(section.title, details.open));
      const help = document.createElement("span");
      help.textContent = section.help; title.append(section.title, help);
      details.append(title);
      const more = document.createElement("details"), word = document.createElement("summary");
      more.className = "more"; word.textContent = "more";
      more.open = open.get(section.title + " more") ?? false;
      more.addEventListener("toggle", () => open.set(section.title + " more", more.open));
      more.append(word);
      for (const field of section.fields) {
        const row = document.createElement("div"), label = document.createElement("label");
        const id = `field-${++count}`;
        row.className = "row"; row.title = field.help;
        label.htmlFor = id; label.textContent = field.label;
        const made = control(field, id, value => model.send_msg({path: field.path, value}));
        made.input.setAttribute("aria-description", field.help);
        row.append(label, made.box);
        if (field.card) {
          made.card = card(id, !open.get(field.path), folded => open.set(field.path, !folded));
          made.box.append(made.card.button);
          row.append(made.card.text);
        }
        (field.detail ? more : details).append(row);
        rows.set(field.path, {...made, row});
      }
      if (more.childElementCount > 1) details.append(more);
      return details;
    });
    form.replaceChildren(...parts);
    form.scrollTop = top;
    if (had && rows.has(had)) rows.get(had).input.focus({preventScroll: true});
  };

  const update = () => {
    const sections = model.sections;
    const now = JSON.stringify(sections.map(s => [s.title, s.fields.map(f => [f.path, f.kind, f.options?.map(o => o.value), f.low, f.high, f.detail])]));
    if (now !== structure) { structure = now; build(sections); }
    for (const section of sections) for (const field of section.fields) {
      const row = rows.get(field.path);
      const edited = row.input === focused() && row.input.value !== row.input.dataset.sent && field.kind !== "choice";
      if (!edited) row.set(field.value);
      row.card?.set(field.card);
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
      row.closest(".more")?.setAttribute("open", "");
    }
  };

  const wait = () => form.setAttribute("aria-busy", model.busy);

  model.on("busy", wait);
  model.on("sections", update);
  model.on("errors", complain);
  update();
  wait();
}
