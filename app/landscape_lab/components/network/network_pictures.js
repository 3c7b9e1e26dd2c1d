// Networks on images: weights of the first layer, filters with their maps, and the misread examples.

class Pictures {
  constructor(stage, tools) {
    Object.assign(this, {stage, tools, shape: ""});
    stage.classList.add("rolls");
  }

  show(frame, bytes) {
    Object.assign(this, {frame, bytes});
    const misread = frame.misread, few = misread?.shape[0] ?? 0;
    const shape = JSON.stringify([frame.kind, frame.shape, frame.maps, few, misread?.split]);
    if (shape !== this.shape) { this.shape = shape; this.#build(few); }
    this.#paint();
    if (this.shown !== undefined) this.#point(this.shown);
  }

  resize() { if (this.frame) { this.#columns(); this.#paint(); } }

  #make(tag, className = "", ...children) {
    const node = Object.assign(document.createElement(tag), {className});
    node.append(...children);
    return node;
  }

  #group(title) {
    const words = this.#make("span"), grid = this.#make("div", "grid");
    this.stage.append(this.#make("section", "group", title ? this.#make("h4", "", title, words) : "", grid));
    return {words, grid};
  }

  #build(few) {
    const {frame} = this;
    this.stage.replaceChildren();
    this.units = []; this.maps = []; this.digits = []; this.first = this.wrong = this.input = null;
    if (frame.shape) {
      this.first = this.#group("");
      if (frame.maps) { this.input = this.#make("canvas"); this.first.grid.append(this.#make("figure", "digit", this.input, "the example")); }
      for (let i = 0; i < frame.shape[0]; i++) this.first.grid.append(this.#unit(i));
    }
    if (frame.misread) {
      this.wrong = this.#group("Misread ");
      for (let i = 0; i < few; i++) {
        const canvas = this.#make("canvas"), caption = this.#make("figcaption"), figure = this.#make("figure", "digit", canvas, caption);
        canvas.setAttribute("role", "img");
        this.digits.push({canvas, caption});
        this.wrong.grid.append(figure);
      }
    }
    this.#columns();
  }

  #unit(at) {
    const {frame} = this, strip = frame.shape[1] === 1, unit = this.#make("button", strip ? "unit strip" : "unit", this.#make("canvas"));
    unit.type = "button";
    unit.dataset.unit = at;
    unit.tabIndex = at ? -1 : 0;
    if (!this.tools.editable) unit.classList.add("still");
    for (const name of ["pointerenter", "focus"]) unit.addEventListener(name, () => this.#point(at));
    for (const name of ["pointerleave", "blur"]) unit.addEventListener(name, () => { this.shown = undefined; this.tools.card(null); });
    unit.addEventListener("click", () => this.#edit(at));
    unit.addEventListener("keydown", e => {
      const next = {ArrowLeft: -1, ArrowUp: -this.across, ArrowRight: 1, ArrowDown: this.across}[e.key];
      if (next && this.units[at + next]) { unit.tabIndex = -1; this.units[at + next].tabIndex = 0; this.units[at + next].focus(); e.preventDefault(); e.stopPropagation(); }
      if (e.key === "Escape" && this.tools.editing()) { this.tools.close(); e.stopPropagation(); }
    });
    this.units.push(unit);
    if (!frame.maps) return unit;
    const map = this.#make("canvas");
    this.maps.push(map);
    return this.#make("div", "pair", unit, map);
  }

  // As many columns as make the pictures fill the height without scrolling, if that can be.
  #columns() {
    const width = this.stage.clientWidth, height = this.stage.clientHeight, {frame} = this;
    if (width < 20 || height < 20) return;
    const strip = frame.shape?.[1] === 1, groups = [this.first, this.wrong].filter(Boolean), wordsHigh = 34 * this.tools.size();
    const high = (columns, group) => {
      const wide = (width - 5 * (columns - 1)) / columns, count = group.grid.childElementCount, rows = Math.ceil(count / columns);
      if (group === this.wrong) return rows * (frame.misread.shape[2] === 1 ? 60 : wide + wordsHigh);
      return rows * (strip ? 27 : frame.maps ? wide * .66 + 5 : wide + 5);
    };
    const choices = strip ? [1, 2, 3] : frame.maps ? [2, 3, 4, 5] : [4, 5, 6, 7, 8];
    const rest = [4, 5, 6, 7, 8];
    let best = null;
    for (const one of this.first ? choices : [0]) for (const other of this.wrong ? rest : [0]) {
      const used = (one ? high(one, this.first) : 0) + (other ? high(other, this.wrong) : 0) + groups.length * 18 * this.tools.size();
      const size = (one ? 1 / one : 0) + (other ? 1 / other : 0);
      if (!best || (used <= height ? size > best.size || best.used > height : used < best.used)) best = {one, other, used, size};
    }
    this.across = best.one || 1;
    if (this.first) this.first.grid.style.gridTemplateColumns = `repeat(${best.one},minmax(0,1fr))`;
    if (this.wrong) this.wrong.grid.style.gridTemplateColumns = `repeat(${best.other},minmax(0,1fr))`;
  }

  #paint() {
    const {frame, bytes, tools} = this;
    let at = 0;
    if (frame.shape) {
      const [count, rows, columns] = frame.shape, size = rows * columns;
      this.units.forEach((unit, i) => {
        const part = bytes.subarray(at + i * size, at + (i + 1) * size);
        this.#weights(unit.firstChild, part, rows, columns, unit.clientWidth || 40, unit.clientHeight || 40);
        unit.setAttribute("aria-label", this.#words(i).filter(Boolean).join(": "));
        unit.classList.toggle("set", (frame.set ?? []).some(one => one.startsWith(`${frame.weightTensor}[${i},`) || one === `${frame.biasTensor}[${i}]`));
      });
      at += count * size;
    }
    if (frame.maps) {
      const [, rows, columns] = frame.maps, size = rows * columns;
      this.maps.forEach((map, i) => paintMap(map, map.clientWidth || 60, (map.clientWidth || 60) * rows / columns, bytes.subarray(at + i * size, at + (i + 1) * size), rows, columns, tools.colors.shades));
      at += frame.maps[0] * size;
      const [, channels, high, wide] = frame.input, side = this.input.clientWidth || 60;
      paintPhoto(this.input, side, side * high / wide, bytes.subarray(at, at + channels * high * wide), channels, high, wide);
      at += channels * high * wide;
    }
    if (frame.misread) this.#misread(at);
  }

  #misread(from) {
    const {count, examined, split, shape, label, as, probability, labelProbability, index} = this.frame.misread, [, channels, rows, columns] = shape;
    this.wrong.words.textContent = count ? `${count} of ${examined} ${split} examples${count > shape[0] ? `, first ${shape[0]}` : ""}` : `none of ${examined} ${split} examples`;
    this.digits.forEach(({canvas, caption}, i) => {
      const at = from + i * channels * rows * columns, side = canvas.clientWidth || 40, high = rows === 1 ? 26 : side * rows / columns;
      const part = this.bytes.subarray(at, at + channels * rows * columns);
      if (rows === 1) paintCurve(canvas, side, high, part.map(v => Math.min(254, v)), this.tools.colors); else paintPhoto(canvas, side, high, part, channels, rows, columns);
      const words = `${label[i]} → ${as[i]}`;
      caption.replaceChildren(this.#make("b", "", words), this.#make("br"), this.#make("span", "", percent(probability[i])));
      canvas.setAttribute("aria-label", canvas.title = `Example ${index[i]}: label ${label[i]} (${percent(labelProbability[i])}), read as ${as[i]} (${percent(probability[i])})`);
    });
  }

  #weights(canvas, part, rows, columns, width, height) {
    if (rows === 1) paintCurve(canvas, width, height, part, this.tools.colors);
    else paintMap(canvas, width, height, part, rows, columns, this.tools.colors.shades);
  }

  #words(at) {
    const {frame} = this, bias = frame.bias[at] === null ? "" : `bias ${digitsOf(frame.bias[at])}`;
    const high = frame.high ? `highest activation ${digitsOf(frame.high[at])}` : "";
    return [`${frame.maps ? "Filter" : "Unit"} ${at + 1} of ${frame.units}`, [frame.function, bias, high].filter(Boolean).join(" · ")];
  }

  #point(at) {
    this.shown = at;
    const unit = this.units[at], {frame} = this, [, rows, columns] = frame.shape, size = rows * columns, [title, more] = this.#words(at);
    const area = unit.getBoundingClientRect(), whole = this.stage.getBoundingClientRect();
    const hint = this.tools.editable && this.#entries(at).length ? "click to change it" : "";
    this.tools.card({title, more, hint, x: area.left - whole.left, y: area.top - whole.top, size: area.width, paint: (canvas, side) => this.#weights(canvas, this.bytes.subarray(at * size, (at + 1) * size), rows, columns, side, rows === 1 ? side / 2 : side)});
  }

  #entries(at) {
    const {frame} = this, found = [], [, rows, columns] = frame.shape;
    if (frame.biasTensor && frame.bias[at] !== null) found.push({key: "bias", name: "Bias", tensor: frame.biasTensor, index: [at], value: frame.bias[at]});
    if (frame.weightTensor && frame.channels === 1) for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
      const place = rows === 1 ? `input ${c + 1}` : `row ${r + 1}, column ${c + 1}`;
      found.push({key: `${r},${c}`, name: `Weight of ${place}`, tensor: frame.weightTensor, index: frame.flat ? [at, r * columns + c] : [at, 0, r, c], value: frame.pattern[at][r][c]});
    }
    return found;
  }

  #edit(at) {
    if (!this.tools.editable || !this.#entries(at).length) return;
    const whole = Math.max(...this.frame.pattern.flat(2).map(v => Math.abs(v ?? 0)), .5);
    this.tools.edit({title: () => this.#words(at)[0], entries: () => this.#entries(at), key: "", span: 3 * whole, back: this.units[at], chosen: () => {}});
  }
}
