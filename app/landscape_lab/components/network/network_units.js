// Units over one or two inputs: columns of thumbnails with their weights as edges, and the answer.

const INPUTS = ["x₁", "x₂"];
const digitsOf = v => v === null || v === undefined ? "–" : String(Number(v.toPrecision(3))).replace("-", "−");
const percent = v => v === null ? "not a number" : `${Math.round(100 * v)} %`;

class Units {
  constructor(stage, tools) {
    Object.assign(this, {stage, tools, units: [], names: [], spot: [1, 0], chosen: null, near: null, quiet: 0});
    this.edges = stage.appendChild(Object.assign(document.createElement("canvas"), {className: "edges"}));
    this.edges.setAttribute("aria-hidden", "true");
    this.answer = stage.appendChild(this.#unit(null));
    this.caption = stage.appendChild(Object.assign(document.createElement("div"), {className: "name caption"}));
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", "Units of the network; arrow keys go from one to another, Enter changes weights");
    this.edges.addEventListener("pointermove", e => this.#hover(e));
    this.edges.addEventListener("pointerleave", () => this.#point(null));
    this.edges.addEventListener("click", e => {
      const edge = this.#edgeAt(e);
      if (edge) this.#edit(edge.layer + 1, edge.unit, `${edge.source}`); else tools.close();
    });
  }

  show(frame, bytes) {
    Object.assign(this, {frame, bytes});
    const size = frame.size.reduce((a, b) => a * b, 1);
    this.counts = [frame.size.length, ...frame.layers.map(layer => layer.shown)];
    this.images = [this.#inputs()];
    let at = 0;
    for (const layer of frame.layers) {
      this.images.push(Array.from({length: layer.shown}, (_, i) => bytes.subarray(at + i * size, at + (i + 1) * size)));
      at += layer.shown * size;
    }
    this.shades = frame.output?.size ? bytes.subarray(at, at + frame.output.size[0] * frame.output.size[1]) : null;
    this.#populate();
    this.resize();
  }

  resize() {
    const width = this.stage.clientWidth, height = this.stage.clientHeight - (this.tools.editing() ? this.tools.editorHeight() : 0), frame = this.frame;
    if (!frame || width < 20 || height < 20) return;
    this.layout = placed(width, height, this.counts, {answer: Boolean(frame.output), size: this.tools.size()});
    this.drawn = edgesOf(frame.layers, this.layout);
    this.strongest = Math.max(1e-9, ...this.drawn.map(edge => Math.abs(edge.value)));
    this.edges.style.height = `${this.stage.clientHeight}px`;
    const {thumb, spots} = this.layout;
    this.units.forEach((column, c) => column.forEach((unit, i) => {
      const spot = spots[c][i];
      unit.style.cssText = `left:${spot.x}px;top:${spot.y}px;width:${thumb}px;height:${thumb}px`;
      this.#paint(unit.firstChild, c, i, thumb - 2);
    }));
    this.#place();
    this.#mark();
    this.#edgesAgain();
    if (this.shown) this.#point(this.shown, true);
  }

  #place() {
    const {thumb, spots, names, picture} = this.layout, texts = ["in", ...this.frame.layers.map((layer, i) => i === this.frame.layers.length - 1 ? "out" : `${layer.number}`)];
    texts.forEach((text, c) => {
      const name = this.names[c], wide = this.layout.gap + thumb > 54 * this.tools.size();
      const worded = {in: "inputs", out: "outputs"}[text] ?? `layer ${text}`;
      name.textContent = wide ? worded : text;
      const middle = spots[c][0].x + thumb / 2;
      const start = middle < 30, end = middle > this.stage.clientWidth - 30;
      name.style.cssText = `top:0;left:${start ? spots[c][0].x : end ? spots[c][0].x + thumb - 60 : middle - 30}px;width:60px;text-align:${start ? "left" : end ? "right" : "center"}`;
    });
    this.caption.hidden = this.answer.hidden = !picture;
    if (!picture) return;
    const {below, caption} = this.layout, wide = below ? this.stage.clientWidth : picture.size + 10;
    this.answer.style.cssText = `left:${picture.x}px;top:${picture.y}px;width:${picture.size}px;height:${picture.size}px`;
    this.caption.style.cssText = `bottom:${this.stage.clientHeight - picture.y + 3}px;left:${below ? 0 : picture.x - 5}px;width:${wide}px;max-height:${below ? caption : picture.y}px`;
    this.#enlarge(null);
  }

  // The answers, or a unit in their place, with the data over it and what it is above it.
  #enlarge(what) {
    const {picture} = this.layout, {output} = this.frame, canvas = this.answer.firstChild, size = picture.size - 2;
    const words = what ? [what.title, [what.more, what.hint].filter(Boolean).join(" · ")] : ["", output.curve ? "fitted curve" : "decision boundary"];
    this.caption.replaceChildren(...words.filter(Boolean).map((text, i) => Object.assign(document.createElement(what && !i ? "b" : "div"), {textContent: text})));
    if (!what?.place) { paintAnswer(canvas, size, output, this.shades, this.tools.colors); return; }
    this.#paint(canvas, ...what.place, size);
    if (!output.curve) paintData(canvas, size, output);
  }

  #paint(canvas, column, at, size) {
    const bytes = this.images[column][at], [rows, columns] = this.frame.size;
    if (columns === undefined) paintCurve(canvas, size, size, bytes, this.tools.colors);
    else paintMap(canvas, size, size, bytes, rows, columns, this.tools.colors.shades, {upwards: true, smooth: true});
  }

  // What the inputs themselves are, over the inputs.
  #inputs() {
    const [rows, columns] = this.frame.size, share = (i, n) => Math.round(254 * i / (n - 1));
    if (columns === undefined) return [Uint8Array.from({length: rows}, (_, i) => share(i, rows))];
    const over = of => Uint8Array.from({length: rows * columns}, (_, i) => of(i % columns, Math.floor(i / columns)));
    return [over(c => share(c, columns)), over((c, r) => share(r, rows))];
  }

  #unit(place) {
    const unit = Object.assign(document.createElement(place ? "button" : "div"), {className: place ? "unit" : "unit still"});
    unit.append(Object.assign(document.createElement("canvas")));
    if (!place) { unit.setAttribute("role", "img"); return unit; }
    Object.assign(unit, {type: "button", tabIndex: -1});
    const [column] = place;
    if (!column || !this.tools.editable) unit.classList.add("still");
    unit.dataset.unit = place.join("-");
    // Units that come to lie under a resting pointer, as the editor opens, were not pointed at.
    unit.addEventListener("pointerenter", () => { if (performance.now() > this.quiet) this.#point(place); });
    unit.addEventListener("focus", () => this.#point(place));
    for (const name of ["pointerleave", "blur"]) unit.addEventListener(name, () => this.#point(null));
    unit.addEventListener("focus", () => this.#rove(place));
    unit.addEventListener("click", () => this.#edit(...place));
    unit.addEventListener("keydown", e => {
      const next = neighbour(this.counts, place, e.key);
      if (next) { this.units[next[0]][next[1]].focus(); e.preventDefault(); e.stopPropagation(); }
      if (e.key === "Escape" && this.tools.editing()) { this.tools.close(); e.stopPropagation(); }
    });
    return unit;
  }

  #rove([column, at]) {
    const old = this.units[this.spot[0]]?.[this.spot[1]];
    if (old) old.tabIndex = -1;
    this.spot = [column, at];
    this.units[column][at].tabIndex = 0;
  }

  #populate() {
    const shape = this.counts.join();
    if (shape === this.shape) return;
    this.shape = shape;
    for (const node of [...this.units.flat(), ...this.names]) node.remove();
    this.units = this.counts.map((count, column) => Array.from({length: count}, (_, at) => this.stage.appendChild(this.#unit([column, at]))));
    this.names = Array.from({length: this.counts.length}, () => this.stage.appendChild(Object.assign(document.createElement("div"), {className: "name"})));
    this.spot = [Math.min(1, this.counts.length - 1), 0];
    this.units[this.spot[0]][0].tabIndex = 0;
  }

  // What a unit is: for the card, and in one sentence for screen readers.
  #words(column, at) {
    if (!column) return [`Input ${this.counts[0] > 1 ? INPUTS[at] : "x"}`, ""];
    const layer = this.frame.layers[column - 1], last = column === this.frame.layers.length;
    const title = last ? `Output ${at + 1} of ${layer.units}` : `Layer ${layer.number}, unit ${at + 1} of ${layer.units}`;
    const bias = layer.bias[at] === null ? "" : ` · bias ${digitsOf(layer.bias[at])}`;
    return [title, `${layer.function || "linear"} · from ${digitsOf(layer.lowest[at])} to ${digitsOf(layer.highest[at])}${bias}`];
  }

  #mark() {
    const set = new Set(this.frame.set ?? []), now = performance.now(), aloud = now - (this.aloud ?? -1e9) > 800;
    if (aloud) this.aloud = now;
    this.units.forEach((column, c) => column.forEach((unit, i) => {
      if (c) {
        const {weightTensor: w, biasTensor: b} = this.frame.layers[c - 1];
        unit.classList.toggle("set", set.has(`${b}[${i}]`) || [...set].some(one => one.startsWith(`${w}[${i},`)));
        unit.classList.toggle("chosen", this.chosen?.layer === c - 1 && this.chosen.unit === i);
      }
      if (aloud) unit.setAttribute("aria-label", this.#words(c, i).filter(Boolean).join(": "));
    }));
    if (aloud && this.frame.output) this.answer.setAttribute("aria-label", this.frame.output.curve ? "The fitted curve with the data" : "The decision boundary with the data");
  }

  #point(place, again = false) {
    this.shown = place;
    if (!place) { this.#tell(null); if (!again) this.#edgesAgain(); return; }
    const [column, at] = place, {thumb, spots} = this.layout, spot = spots[column][at], [title, more] = this.#words(column, at);
    const hint = column && this.tools.editable && this.entries(column, at).length ? "click to change it" : "";
    this.#tell({title, more, hint, place, x: spot.x, y: spot.y, size: thumb, paint: (canvas, size) => this.#paint(canvas, column, at, size)});
    if (!again && column) this.#edgesAgain({layer: column - 1, unit: at});
  }

  #tell(what) {
    if (this.layout?.picture) this.#enlarge(what); else this.tools.card(what);
  }

  #into({layer, unit}) { return `${layer === this.frame.layers.length - 1 ? "output" : "unit"} ${unit + 1}`; }

  #edgeAt(e) {
    const area = this.edges.getBoundingClientRect();
    return nearest(this.drawn ?? [], e.clientX - area.left, e.clientY - area.top);
  }

  #hover(e) {
    const edge = this.#edgeAt(e), area = this.edges.getBoundingClientRect();
    this.edges.classList.toggle("near", Boolean(edge) && this.tools.editable);
    if (edge === this.near) return;
    this.near = edge;
    this.#edgesAgain(edge);
    this.#tell(edge && {title: `${this.#edge(edge)} to ${this.#into(edge)}`, more: digitsOf(edge.value), hint: this.tools.editable ? "click to change it" : "", x: e.clientX - area.left, y: e.clientY - area.top, size: 14});
  }

  #edge({layer, source}) {
    const from = layer ? `unit ${source + 1}` : this.counts[0] > 1 ? INPUTS[source] : "x";
    return `Weight from ${from}`;
  }

  #edgesAgain(marked = this.near ?? this.chosen) {
    if (!this.layout) return;
    paintEdges(this.edges, this.stage.clientWidth, this.stage.clientHeight, this.drawn, this.strongest, marked, this.tools.colors);
  }

  // The weights and the bias of a unit, as they are now.
  entries(column, at) {
    const layer = this.frame.layers[column - 1], found = [];
    if (layer.biasTensor && layer.bias[at] !== null) found.push({key: "bias", name: "Bias", tensor: layer.biasTensor, index: [at], value: layer.bias[at]});
    if (layer.weightTensor) layer.weight[at].forEach((value, source) => {
      if (value !== null) found.push({key: `${source}`, name: this.#edge({layer: column - 1, source}), tensor: layer.weightTensor, index: [at, source], value});
    });
    return found;
  }

  #edit(column, at, key = "") {
    if (!column || !this.tools.editable) return;
    this.quiet = performance.now() + 400;
    const whole = Math.max(...this.frame.layers[column - 1].weight.flat().map(v => Math.abs(v ?? 0)), 1);
    this.tools.edit({
      title: () => this.#words(column, at)[0], entries: () => this.entries(column, at), key, span: 2 * whole, back: this.units[column][at],
      chosen: entry => { this.chosen = entry && {layer: column - 1, unit: at, source: entry.key === "bias" ? undefined : Number(entry.key)}; this.#mark(); this.#edgesAgain(); },
    });
  }
}
