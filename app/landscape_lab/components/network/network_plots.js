// What has no units: the graph of a node classifier, the players of a game, a few parameters.

class Graph {
  constructor(stage, tools) {
    Object.assign(this, {stage, tools});
    this.canvas = stage.appendChild(Object.assign(document.createElement("canvas"), {className: "plot"}));
    this.canvas.setAttribute("role", "img");
    this.canvas.addEventListener("pointermove", e => this.#hover(e));
    this.canvas.addEventListener("pointerleave", () => tools.card(null));
  }

  show(frame) { this.frame = frame; this.resize(); }

  resize() {
    const {frame} = this, width = this.stage.clientWidth, height = this.stage.clientHeight, key = 20 * this.tools.size();
    if (!frame || width < 20 || height < 40) return;
    const pen = sized(this.canvas, width, height), dot = Math.max(2, Math.min(5, Math.sqrt(width * height / frame.x.length) / 6));
    this.at = frame.x.map((x, i) => [dot * 2 + (x + 1) / 2 * (width - 4 * dot), dot * 2 + (1 - frame.y[i]) / 2 * (height - key - 4 * dot)]);
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = .6; pen.strokeStyle = "#5d6b7540"; pen.beginPath();
    for (const [a, b] of frame.edge) { pen.moveTo(...this.at[a]); pen.lineTo(...this.at[b]); }
    pen.stroke();
    const wrong = i => frame.predicted[i] !== frame.label[i];
    for (const late of [false, true]) frame.label.forEach((label, i) => {
      if (wrong(i) !== late) return;
      pen.beginPath(); pen.arc(...this.at[i], dot, 0, 7);
      pen.fillStyle = frame.colors[label % frame.colors.length]; pen.fill();
      pen.lineWidth = late ? dot * .5 : .6;
      pen.strokeStyle = late ? frame.colors[frame.predicted[i] % frame.colors.length] : "#fff";
      if (late) { pen.beginPath(); pen.arc(...this.at[i], dot * 1.55, 0, 7); }
      pen.stroke();
    });
    pen.font = `${11 * this.tools.size()}px system-ui,sans-serif`; pen.fillStyle = "#5d6b75"; pen.textBaseline = "bottom";
    pen.fillText("Disc: class of the node. Ring: class it is misread as.", 2, height - 2, width - 4);
    this.canvas.setAttribute("aria-label", `${frame.title}. ${frame.notes.join(", ")}.`);
  }

  #hover(e) {
    const area = this.canvas.getBoundingClientRect(), x = e.clientX - area.left, y = e.clientY - area.top, {frame} = this;
    let best = -1, least = 10;
    this.at?.forEach((spot, i) => { const far = Math.hypot(spot[0] - x, spot[1] - y); if (far < least) { least = far; best = i; } });
    if (best < 0) { this.tools.card(null); return; }
    const read = `${frame.predicted[best] === frame.label[best] ? "read right" : `misread as ${frame.predicted[best]}`} (${percent(frame.probability[best])})`;
    this.tools.card({title: `Node ${best}: class ${frame.label[best]}`, more: `${frame.labelled[best] ? "training" : "test"} node, ${read}`, hint: "", x, y, size: 14});
  }
}

class Players {
  constructor(stage, tools) {
    Object.assign(this, {stage, tools});
    this.canvas = stage.appendChild(Object.assign(document.createElement("canvas"), {className: "plot"}));
    this.canvas.setAttribute("role", "img");
  }

  show(frame) { this.frame = frame; this.resize(); }

  resize() {
    const {frame} = this, width = this.stage.clientWidth, height = this.stage.clientHeight;
    if (!frame || width < 40 || height < 60) return;
    const pen = sized(this.canvas, width, height), half = Math.round(height * .56);
    pen.clearRect(0, 0, width, height);
    const first = frame.player.indexOf(1), second = frame.player.indexOf(2);
    this.#phase(pen, frame.value[first], frame.value[second], frame.now[first], frame.now[second], {x: 40, y: 8, width: width - 50, height: half - 50});
    this.#lines(pen, frame, {x: 40, y: half + 18, width: width - 50, height: height - half - 58});
    const words = `first player ${digitsOf(frame.now[first])}, second player ${digitsOf(frame.now[second])}`;
    this.canvas.setAttribute("aria-label", `${frame.title}: the first variable of each player, now ${words}.`);
  }

  #axes(pen, area, [x0, x1], [y0, y1], across, up) {
    pen.font = `${11 * this.tools.size()}px system-ui,sans-serif`; pen.fillStyle = "#5d6b75"; pen.lineWidth = 1;
    for (const [low, high, turn] of [[x0, x1, false], [y0, y1, true]]) for (const v of round(low, high)) {
      const share = (v - low) / (high - low), at = turn ? area.y + area.height * (1 - share) : area.x + area.width * share;
      pen.strokeStyle = Math.abs(v) < 1e-12 ? "#aab5bc" : "#e4e9ec";
      pen.beginPath();
      if (turn) { pen.moveTo(area.x, at); pen.lineTo(area.x + area.width, at); } else { pen.moveTo(at, area.y); pen.lineTo(at, area.y + area.height); }
      pen.stroke();
      pen.textAlign = turn ? "right" : "center"; pen.textBaseline = turn ? "middle" : "top";
      pen.fillText(digitsOf(v), turn ? area.x - 5 : at, turn ? at : area.y + area.height + 4);
    }
    pen.textAlign = "center"; pen.textBaseline = "top";
    pen.fillText(across, area.x + area.width / 2, area.y + area.height + 17);
    pen.save(); pen.translate(2, area.y + area.height / 2); pen.rotate(-Math.PI / 2); pen.fillText(up, 0, 0); pen.restore();
  }

  #phase(pen, xs, ys, nowX, nowY, area) {
    const known = values => values.filter(v => v !== null), across = ends([...known(xs), nowX ?? 0, 0]), up = ends([...known(ys), nowY ?? 0, 0]);
    this.#axes(pen, area, across, up, "first player (minimizes)", "second (maximizes)");
    const at = (x, y) => [area.x + (x - across[0]) / (across[1] - across[0]) * area.width, area.y + (1 - (y - up[0]) / (up[1] - up[0])) * area.height];
    pen.lineWidth = 1.8; pen.lineJoin = "round";
    for (let i = 1; i < xs.length; i++) {
      if ([xs[i], ys[i], xs[i - 1], ys[i - 1]].includes(null)) continue;
      pen.strokeStyle = `rgba(15,110,132,${.25 + .75 * i / xs.length})`;
      pen.beginPath(); pen.moveTo(...at(xs[i - 1], ys[i - 1])); pen.lineTo(...at(xs[i], ys[i])); pen.stroke();
    }
    if (nowX === null || nowY === null) return;
    pen.beginPath(); pen.arc(...at(nowX, nowY), 5, 0, 7); pen.fillStyle = this.tools.colors.now; pen.fill();
    pen.lineWidth = 1.5; pen.strokeStyle = "#fff"; pen.stroke();
  }

  #lines(pen, frame, area) {
    const across = [frame.step[0], Math.max(frame.step.at(-1), frame.step[0] + 1)], up = ends([...frame.value.flat().filter(v => v !== null), 0]);
    this.#axes(pen, area, across, up, "step", "variables");
    frame.value.forEach((values, k) => {
      pen.strokeStyle = frame.player[k] === 1 ? this.tools.colors.below : this.tools.colors.above;
      pen.lineWidth = 1.6; pen.beginPath();
      values.forEach((v, i) => { if (v !== null) pen.lineTo(area.x + (frame.step[i] - across[0]) / (across[1] - across[0]) * area.width, area.y + (1 - (v - up[0]) / (up[1] - up[0])) * area.height); });
      pen.stroke();
    });
    pen.textBaseline = "bottom"; pen.textAlign = "left";
    pen.fillStyle = this.tools.colors.below; pen.fillText("first", area.x, area.y - 2);
    pen.fillStyle = "#b4540a"; pen.fillText("second", area.x + 34 * this.tools.size(), area.y - 2);
  }
}

const ends = values => {
  const low = Math.min(...values), high = Math.max(...values), more = .06 * (high - low || 1);
  return [low - more, high + more];
};

function round(low, high, count = 3) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw * .85);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-6) * step; v <= high + 1e-9; v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

// A few parameters as sliders.
class Parameters {
  constructor(stage, tools) {
    Object.assign(this, {stage, tools, rows: []});
    stage.classList.add("rolls");
    this.bars = stage.appendChild(Object.assign(document.createElement("div"), {className: "bars"}));
  }

  show(frame) {
    this.frame = frame;
    if (this.rows.length !== frame.now.length) this.#build();
    frame.now.forEach((value, i) => {
      const {slider, output} = this.rows[i];
      output.textContent = digitsOf(value);
      if (this.tools.held(slider) || value === null) return;
      const span = Math.max(2, 2 ** Math.ceil(Math.log2(Math.abs(value) * 1.5 || 1)));
      Object.assign(slider, {min: -span, max: span, step: span / 500, value});
    });
  }

  resize() {}

  #build() {
    const {frame, tools} = this;
    this.bars.replaceChildren();
    this.rows = frame.now.map((_, i) => {
      const named = `${frame.tensor[i]}[${frame.index[i]}]`, label = document.createElement("label"), name = Object.assign(document.createElement("span"), {textContent: named});
      const slider = Object.assign(document.createElement("input"), {type: "range", disabled: !tools.editable}), output = document.createElement("output");
      slider.setAttribute("aria-label", named);
      slider.addEventListener("input", () => { output.textContent = digitsOf(Number(slider.value)); tools.set(slider, {tensor: frame.tensor[i], index: frame.index[i].split(",").map(Number), value: Number(slider.value)}); });
      label.append(name, slider, output);
      this.bars.append(label);
      return {slider, output};
    });
  }
}

// Nothing to show, and why.
class Why {
  constructor(stage) { this.words = stage.appendChild(Object.assign(document.createElement("p"), {className: "why"})); }
  show(frame) { this.words.textContent = frame.notes[0] ?? ""; }
  resize() {}
}
