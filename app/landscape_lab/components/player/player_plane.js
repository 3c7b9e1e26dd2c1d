// The plane from above: colours, lines of equal height, the path, and the ball that rolls.

const HALO = "#10181d", BALL = "#ff5a36", INK = "#1d2a33", MUTED = "#5d6b75";

// Drawn by the processor: without a graphics card six times as fast, with one fast enough.
const SOFT = {willReadFrequently: true};

// A canvas with as many pixels as its place has.
function fitted(canvas, width, height, ratio) {
  const [across, up] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== up) { canvas.width = across; canvas.height = up; }
}

class Plane {
  constructor(canvas, recording, frames, maps, {bare = false} = {}) {
    Object.assign(this, {canvas, recording, frames, bare, pen: canvas.getContext("2d", SOFT), picture: document.createElement("canvas"), still: document.createElement("canvas")});
    this.colors = maps.colors.map(text => [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16)));
    this.times = maps.times;
    this.levels = levelsOf(...recording.limits, frames.logged);
    // A weaker line between each two.
    this.heights = this.levels.flatMap((level, i) => i ? [(this.levels[i - 1] + level) / 2, level] : [level]);
    this.drawn = null;
  }

  // Colours as an image of few pixels, and the lines as one path in columns and rows.
  shade(heights) {
    if (this.drawn === heights) return;
    this.drawn = heights;
    const {rows, columns} = this.frames, {fine, N, M} = refined(heights, rows, columns, Math.max(2, Math.round(100 / columns)));
    const [low, high] = this.recording.limits, image = new ImageData(M, N), last = this.colors.length - 1;
    for (let r = 0; r < N; r++) for (let c = 0; c < M; c++) {
      const height = fine[r * M + c], o = 4 * ((N - 1 - r) * M + c), level = Math.max(0, Math.min(1, (height - low) / (high - low))) * last, k = Math.min(Math.floor(level), last - 1);
      for (let i = 0; i < 3; i++) image.data[o + i] = height === height ? mix(this.colors[k][i], this.colors[k + 1][i], level - k) : 185;
      image.data[o + 3] = 255;
    }
    this.picture.width = M; this.picture.height = N;
    this.picture.getContext("2d", SOFT).putImageData(image, 0, 0);
    this.lines = {N, M, segments: this.heights.map(level => segmentsOf(fine, N, M, level))};
  }

  // Where the plane lies on the canvas, in CSS pixels.
  get box() {
    const {clientWidth: width, clientHeight: height} = this.canvas, narrow = width < 560;
    if (this.bare) return {left: 0, top: 0, width, height};
    return {left: narrow ? 40 : 60, top: 12, width: width - (narrow ? 88 : 142), height: height - (narrow ? 46 : 58)};
  }

  paint(place) {
    const {canvas, pen, frames} = this, ratio = Math.min(window.devicePixelRatio || 1, 2), {clientWidth: width, clientHeight: height} = canvas;
    if (!width || !height) return;
    fitted(canvas, width, height, ratio);
    this.settle(frames.heights(place), width, height, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.drawImage(this.still, 0, 0, width, height);
    const box = this.box;
    pen.save();
    pen.beginPath(); pen.rect(box.left, box.top, box.width, box.height); pen.clip();
    this.path(box, place);
    pen.restore();
  }

  // What stays while the ball rolls is drawn once: colours, lines, axes.
  settle(heights, width, height, ratio) {
    const looks = [width, height, ratio, this.style("--ink", INK), this.style("--muted", MUTED)].join();
    if (this.drawn === heights && this.looks === looks) return;
    this.shade(heights);
    this.looks = looks;
    const {still, box} = this, pen = this.ink = still.getContext("2d", SOFT);
    fitted(still, width, height, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.save();
    pen.beginPath(); pen.roundRect(box.left, box.top, box.width, box.height, this.bare ? 0 : 6); pen.clip();
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, box.left, box.top, box.width, box.height);
    this.contours(box);
    pen.restore();
    if (!this.bare) { this.axes(box); this.bar(box); }
  }

  contours(box) {
    const {ink: pen} = this, {N, M, segments} = this.lines;
    pen.lineWidth = this.bare ? .7 : 1;
    segments.forEach((points, i) => {
      pen.strokeStyle = `rgba(255,255,255,${i % 2 ? .22 : .5})`;
      pen.beginPath();
      for (let k = 0; k < points.length; k += 4) {
        pen.moveTo(box.left + points[k] / (M - 1) * box.width, box.top + (1 - points[k + 1] / (N - 1)) * box.height);
        pen.lineTo(box.left + points[k + 2] / (M - 1) * box.width, box.top + (1 - points[k + 3] / (N - 1)) * box.height);
      }
      pen.stroke();
    });
  }

  // Coordinates of the plane to pixels, and back.
  seen([alpha, beta], box = this.box) {
    const {a0, a1, b0, b1} = this.frames;
    return [box.left + (alpha - a0) / (a1 - a0) * box.width, box.top + (1 - (beta - b0) / (b1 - b0)) * box.height];
  }
  under(x, y) {
    const {a0, a1, b0, b1} = this.frames, box = this.box;
    return [a0 + (x - box.left) / box.width * (a1 - a0), b0 + (1 - (y - box.top) / box.height) * (b1 - b0)];
  }

  path(box, place) {
    const {pen, frames} = this, points = [], size = this.bare ? .55 : Math.max(.8, Math.min(1.5, box.width / 800));
    for (let i = 0; i <= Math.min(Math.floor(place), frames.last); i++) points.push(this.seen([frames.alpha[i], frames.beta[i]], box));
    points.push(this.seen(frames.where(place), box));
    pen.lineJoin = pen.lineCap = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
    pen.strokeStyle = HALO; pen.globalAlpha = .75; pen.lineWidth = 5.4 * size; pen.stroke();
    pen.globalAlpha = 1; pen.lineWidth = 2.8 * size;
    for (let i = 1; i < points.length; i++) {
      pen.strokeStyle = this.times[Math.round(Math.min(1, i / Math.max(1, frames.last)) * (this.times.length - 1))];
      pen.beginPath(); pen.moveTo(...points[i - 1]); pen.lineTo(...points[i]); pen.stroke();
    }
    const disc = ([x, y], radius, fill, edge, wide) => { pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.fillStyle = fill; pen.fill(); pen.lineWidth = wide; pen.strokeStyle = edge; pen.stroke(); };
    if (points.length > 2) disc(points[0], 4.5 * size, "#fff", HALO, 1.6 * size);
    const [x, y] = points.at(-1), radius = 10 * size, shine = pen.createRadialGradient(x - radius * .35, y - radius * .4, radius * .1, x, y, radius);
    shine.addColorStop(0, "#ffd9cc"); shine.addColorStop(.35, "#ff7a58"); shine.addColorStop(1, "#e23c17");
    const shade = pen.createRadialGradient(x, y + radius * .3, radius * .6, x, y + radius * .3, radius * 1.9);
    shade.addColorStop(0, "rgba(0,0,0,.5)"); shade.addColorStop(1, "rgba(0,0,0,0)");
    disc([x, y + radius * .3], radius * 1.9, shade, "transparent", 0);
    disc([x, y], radius, shine, "transparent", 0);
    disc([x, y], radius, "transparent", "#fff", 2 * size);
  }

  // The colours of the page around it, which may be dark.
  style(name, usual) { return getComputedStyle(this.canvas).getPropertyValue(name).trim() || usual; }

  axes(box) {
    const {ink: pen, frames, recording} = this, narrow = this.canvas.clientWidth < 560, gray = this.style("--muted", MUTED);
    pen.font = `${narrow ? 11 : 13}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    pen.fillStyle = gray; pen.textBaseline = "middle";
    const spaced = (low, high, count) => { const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find(m => m * power >= .99 * rough); return Array.from({length: Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1}, (_, i) => (Math.ceil(low / step - 1e-9) + i) * step); };
    pen.textAlign = "center";
    for (const v of spaced(frames.a0, frames.a1, narrow ? 4 : 8)) pen.fillText(worded(v), Math.min(this.seen([v, 0], box)[0], box.left + box.width - 6), box.top + box.height + (narrow ? 11 : 14));
    pen.textAlign = "right";
    for (const v of spaced(frames.b0, frames.b1, narrow ? 4 : 6)) pen.fillText(worded(v), box.left - 7, Math.max(box.top + 6, Math.min(this.seen([0, v], box)[1], box.top + box.height - 6)));
    pen.fillStyle = this.style("--ink", INK); pen.textAlign = "center";
    const name = axis => narrow ? recording.axes[axis].split(" (")[0] : recording.axes[axis];
    pen.fillText(name(0), box.left + box.width / 2, box.top + box.height + (narrow ? 27 : 35));
    pen.save(); pen.translate(narrow ? 8 : 14, box.top + box.height / 2); pen.rotate(-Math.PI / 2); pen.fillText(name(1), 0, 0); pen.restore();
  }

  // What the colours mean, in real values.
  bar(box) {
    const {ink: pen, recording, frames} = this, [low, high] = recording.limits, narrow = this.canvas.clientWidth < 560, x = box.left + box.width + (narrow ? 8 : 14), wide = narrow ? 9 : 13;
    const fill = pen.createLinearGradient(0, box.top + box.height, 0, box.top);
    this.colors.forEach((color, i) => fill.addColorStop(i / (this.colors.length - 1), `rgb(${color})`));
    pen.fillStyle = fill;
    pen.beginPath(); pen.roundRect(x, box.top, wide, box.height, 4); pen.fill();
    pen.font = `${narrow ? 10 : 12}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    pen.fillStyle = this.style("--muted", MUTED); pen.textAlign = "left"; pen.textBaseline = "middle";
    let last = Infinity;
    for (const level of this.levels) {
      const y = box.top + box.height * (1 - (level - low) / (high - low));
      if (last - y < 18 || y < box.top + 6 || y > box.top + box.height - 4) continue;
      pen.fillText(worded(frames.real(level), 2), x + wide + 4, y);
      last = y;
    }
  }
}
