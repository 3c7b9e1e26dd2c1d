// A small editor of the weights and the bias of one unit: which of them, a slider, a number, undo.

class Editor {
  constructor(root, {send, changed}) {
    const make = (tag, more) => Object.assign(document.createElement(tag), more);
    Object.assign(this, {send, changed, asked: null, sent: 0, timer: 0});
    this.el = make("div", {className: "editor", hidden: true});
    this.el.setAttribute("role", "group");
    this.title = make("b");
    this.which = make("select"); this.which.setAttribute("aria-label", "Which weight");
    this.slider = make("input", {type: "range"}); this.number = make("input", {type: "number"});
    this.number.step = "any";
    const undo = make("button", {type: "button", textContent: "Undo", title: "Undo the last value set by hand"});
    const close = make("button", {type: "button", textContent: "Close", title: "Close (Escape)"});
    const note = make("small", {textContent: "“Start here” continues training from these weights; the link holds them."});
    const row = make("div", {className: "row"}), buttons = make("div", {});
    row.append(this.slider, this.number);
    buttons.append(undo, " ", close);
    this.el.append(this.title, buttons, this.which, row, note);
    root.append(this.el);
    undo.dataset.network = "undo"; close.dataset.network = "close";
    undo.onclick = () => { this.held = null; if (undo.getAttribute("aria-disabled") !== "true") send({action: "undo"}); };
    this.undo = undo;
    close.onclick = () => this.close();
    this.which.onchange = () => { this.held = null; this.refresh(); this.#tell(); };
    this.slider.oninput = () => { this.number.value = this.slider.value; this.#set(this.slider); };
    this.number.onchange = () => { if (this.number.value !== "" && Number.isFinite(Number(this.number.value))) this.#set(this.number); };
    this.el.addEventListener("keydown", e => {
      if (e.key === "Escape") this.close();
      e.stopPropagation();  // keys of the page, such as R, are not meant
    });
  }

  get open() { return !this.el.hidden; }

  show(asked) {
    this.asked = asked;
    const entries = asked.entries();
    if (!entries.length) return;
    this.el.hidden = false;
    this.held = null;
    this.which.replaceChildren(...entries.map(entry => new Option(entry.name, entry.key)));
    this.which.value = entries.some(entry => entry.key === asked.key) ? asked.key : entries[0].key;
    this.span = asked.span;
    this.refresh();
    this.#tell();
    this.slider.focus({focusVisible: false});
    this.changed();
  }

  // The values of a new frame; what the hand holds stays.
  refresh(count = this.count ?? 0) {
    this.count = count;
    this.undo.setAttribute("aria-disabled", !count);
    if (!this.open) return;
    const entry = this.#entry();
    if (!entry) { this.close(false); return; }
    this.title.textContent = this.asked.title();
    this.el.setAttribute("aria-label", this.title.textContent);
    this.slider.setAttribute("aria-label", entry.name); this.number.setAttribute("aria-label", entry.name);
    if (this.holds(this.slider) || this.holds(this.number)) return;
    const span = Math.max(this.span, 1.5 * Math.abs(entry.value));
    Object.assign(this.slider, {min: -span, max: span, step: span / 400, value: entry.value});
    this.number.value = Number(entry.value.toPrecision(3));
  }

  holds(input) { return this.held === input && performance.now() - this.heldAt < 900; }

  // A value that the user sets; of many in a short time the last counts.
  set(input, change) {
    this.held = input; this.heldAt = performance.now();
    this.change = change;
    this.timer ||= setTimeout(() => { this.timer = 0; this.sent = performance.now(); this.send({action: "set", ...this.change}); }, Math.max(0, this.sent + 70 - performance.now()));
  }

  close(focus = true) {
    if (!this.open) return;
    this.el.hidden = true;
    this.asked.chosen(null);
    if (focus) this.asked.back?.focus();
    this.changed();
  }

  #entry() { return this.asked.entries().find(entry => entry.key === this.which.value); }
  #tell() { this.asked.chosen(this.#entry()); }
  #set(input) {
    const entry = this.#entry();
    this.set(input, {tensor: entry.tensor, index: entry.index, value: Number(input.value)});
  }
}
