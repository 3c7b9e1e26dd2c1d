// The controls of a row, and the card on what is chosen.
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
  if (field.kind === "file") {
    const button = document.createElement("button");
    button.type = "button"; button.id = id; button.dataset.path = field.path; button.className = "file";
    button.addEventListener("click", () => send(""));
    box.append(button);
    return {box, input: button, set: (_, shown) => { button.textContent = shown; button.title = shown; }};
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
  input.addEventListener("keydown", e => { if (e.key === "Enter") { input.dataset.sent = null; commit(); input.blur(); } });  // keys are shortcuts again
  if (field.kind === "text") {
    box.append(input);
    return {box, input, set: v => { input.value = input.dataset.sent = v; }};
  }
  input.className = "exact"; input.inputMode = "decimal";
  const slider = document.createElement("input");
  slider.type = "range"; slider.min = 0; slider.max = RANGE; slider.dataset.slider = field.path;
  slider.setAttribute("aria-label", field.label);
  let timer = 0, last = null;
  slider.addEventListener("input", () => {  // while dragging: at most 15 values a second, always the last one
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

// The card of the selected part, folded until its info button is pressed.
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
  return {button, text, fold: () => { if (!text.hidden) button.click(); }, set: card => {
    button.title = `about ${card.title}`;
    button.setAttribute("aria-label", button.title);
    for (const [name, part] of parts) part.textContent = card[name];
    parts.find(([name]) => name === "formula")[1].replaceChildren(...card.formula.split(/(?<=;) /).map(line => {
      const step = document.createElement("span");  // each step of a rule on a line of its own
      step.textContent = line;
      return step;
    }));
    text.replaceChildren(...parts.filter(([name]) => card[name]).map(([, part]) => part));
  }};
}
