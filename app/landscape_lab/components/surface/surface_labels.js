// Words over a picture: the axes of the floor, and the losses along a bar of colours that is the axis of heights.
const BAR = 8, SHORTEST = 120;

// Pixels that the words need on each side of a picture.
const marginsOf = (size, width) => ({left: Math.min(66 * size, .16 * width), right: 22 * size, top: 26 * size, bottom: 44 * size});

// Writes words, each unless there is one in its place already.
class Writer {
  constructor(pen, {left, top, width, height}, size, look) {
    Object.assign(this, {pen, left, top, width, height, size, look, taken: []});
  }

  // Squares that a line of words covers, at an angle.
  cover(x, y, long, turn) {
    const half = 6.5 * this.size, count = Math.max(1, Math.ceil(long / (2 * half))), found = [];
    for (let i = 0; i < count; i++) { const s = count > 1 ? (i / (count - 1) - .5) * Math.max(0, long - 2 * half) : 0; found.push([x + s * Math.cos(turn), y + s * Math.sin(turn), half]); }
    return found;
  }

  write(words, x, y, {bold = false, turn = 0, align = "center", must = false} = {}) {
    const {pen, size, width, height, look} = this;
    pen.font = `${bold ? 600 : 400} ${(bold ? 12 : 11) * size}px ${FONT}`;
    const long = pen.measureText(words).width, high = 7 * size, half = long / 2;
    if (align === "right") x -= half; else if (align === "left") x += half;
    // No word is cut: where it would be, it is moved inwards.
    const across = Math.abs(Math.cos(turn)) * half + Math.abs(Math.sin(turn)) * high + 2, up = Math.abs(Math.sin(turn)) * half + Math.abs(Math.cos(turn)) * high + 2;
    x = clamp(x, Math.min(across, width / 2), Math.max(width - across, width / 2)); y = clamp(y, Math.min(up, height / 2), Math.max(height - up, height / 2));
    const own = this.cover(x, y, long, turn), clash = own.some(([a, b, r]) => this.taken.some(([c, d, q]) => Math.abs(a - c) < r + q && Math.abs(b - d) < .8 * (r + q)));
    if (clash && !must) return false;
    this.taken.push(...own);
    pen.save();
    pen.translate(this.left + x, this.top + y);
    pen.rotate(turn);
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
    pen.lineWidth = 3.5 * size; pen.strokeStyle = look.stage; pen.fillStyle = bold ? look.ink : look.muted;
    pen.globalAlpha = .8; pen.strokeText(words, 0, 0); pen.globalAlpha = 1; pen.fillText(words, 0, 0);
    pen.restore();
    return true;
  }
}

function label(pen, relief, seen, labels, place, size, look) {
  const {frame} = relief, writer = new Writer(pen, place, size, look), at = (x, y, z) => seenAt(seen, x, y, z);
  if (relief.holes) writer.write(`${relief.holes} points not finite: left out of the surface, grey on the floor`, place.width / 2, 12 * size, {bold: true});
  heightAxis(writer, relief, at, labels[2]);
  floorAxes(writer, frame, at, labels);
}

// The floor's edges that face the viewer carry names and numbers.
function floorAxes(writer, frame, at, labels) {
  const {size} = writer, front = at(0, -1, FLOOR)[2] < at(0, 1, FLOOR)[2] ? -1 : 1, side = at(-1, 0, FLOOR)[2] < at(1, 0, FLOOR)[2] ? -1 : 1, middle = at(0, 0, FLOOR);
  const outward = (p, by) => { const dx = p[0] - middle[0], dy = p[1] - middle[1], l = Math.hypot(dx, dy) || 1; return [p[0] + dx / l * by, p[1] + dy / l * by]; };
  const edge = (words, p, q, low, high, place, near) => {
    const along = [q[0] - p[0], q[1] - p[1]], long = Math.hypot(...along);
    if (long < 40 * size) return;
    let [nx, ny] = [-along[1] / long, along[0] / long];
    const half = [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
    if ((half[0] - middle[0]) * nx + (half[1] - middle[1]) * ny < 0) { nx = -nx; ny = -ny; }
    let turn = Math.atan2(along[1], along[0]);
    if (turn > Math.PI / 2) turn -= Math.PI; else if (turn < -Math.PI / 2) turn += Math.PI;
    writer.write(words, half[0] + nx * 32 * size, half[1] + ny * 32 * size, {bold: true, turn});
    for (const v of ticks(low, high, long > 260 * size ? 4 : 2)) {
      const s = (v - low) / (high - low), [x, y] = place(s), text = number(v);
      if (Math.abs(s - near) < .06) continue;  // the corner belongs to both edges
      writer.write(text, x + nx * 14 * size, y + ny * 14 * size);
    }
  };
  edge(labels[0], at(-1, front, FLOOR), at(1, front, FLOOR), frame.a0, frame.a1, s => at(2 * s - 1, front, FLOOR), side > 0 ? 1 : 0);
  edge(labels[1], at(side, -1, FLOOR), at(side, 1, FLOOR), frame.b0, frame.b1, s => at(side, 2 * s - 1, FLOOR), front > 0 ? 1 : 0);
}

// A bar of colours along the corner farthest left; fixed where the box is seen from so far above that this is short.
function heightAxis(writer, {frame, cut}, at, title) {
  const {pen, size, look, left, top, height} = writer, wide = BAR * size;
  const [corner] = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(c => [at(...c, 0)[0], c]).sort((a, b) => a[0] - b[0])[0].slice(1);
  let [fx, fy] = at(...corner, -.5), [tx, ty] = at(...corner, HEIGHT - .5);
  if (fy - ty < SHORTEST * size) [fx, fy, tx, ty] = [64 * size, .68 * height, 64 * size, .3 * height];
  fx = Math.max(fx - 12 * size, 48 * size); tx = Math.max(tx - 12 * size, 48 * size);
  const paint = pen.createLinearGradient(left + fx, top + fy, left + tx, top + ty);
  look.colors.forEach((color, i) => paint.addColorStop(i / (look.colors.length - 1), color));
  pen.save();
  pen.fillStyle = paint;
  pen.beginPath(); pen.moveTo(left + fx, top + fy); pen.lineTo(left + fx - wide, top + fy); pen.lineTo(left + tx - wide, top + ty); pen.lineTo(left + tx, top + ty); pen.closePath(); pen.fill();
  writer.write(title, Math.max(tx - wide / 2, 4), ty - 15 * size, {bold: true, must: true});
  const span = frame.high - frame.low || 1, few = ticksOf(frame.low, frame.high, frame.logged, cut).reverse(), every = Math.max(1, Math.ceil(few.length / Math.max(2, (fy - ty) / (19 * size))));
  pen.strokeStyle = look.stage; pen.lineWidth = 1;
  few.forEach(([v, words], i) => {
    if (i % every) return;
    const s = (v - frame.low) / span, x = fx + s * (tx - fx), y = fy + s * (ty - fy);
    if (!writer.write(words.replace("-", "−"), x - wide - 5 * size, y, {align: "right"})) return;
    pen.globalAlpha = .7; pen.beginPath(); pen.moveTo(left + x, top + y); pen.lineTo(left + x - wide, top + y); pen.stroke(); pen.globalAlpha = 1;
  });
  pen.restore();
}
