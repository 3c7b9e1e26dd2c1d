// Words over the picture, what the user does with it, and when it is painted.

function ticks(low, high, count = 4) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw * .85);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-6) * step; v <= high + 1e-9 * Math.abs(high); v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

const number = v => Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(1) : String(Number(v.toPrecision(4)));

function label(pen, frame, camera, labels, {width, height, holes, size, under}) {
  pen.clearRect(0, 0, width, height);
  const at = (x, y, z) => {
    const w = camera[3] * x + camera[7] * y + camera[11] * z + camera[15];
    return [(camera[0] * x + camera[4] * y + camera[8] * z + camera[12]) / w * width / 2 + width / 2, height / 2 - (camera[1] * x + camera[5] * y + camera[9] * z + camera[13]) / w * height / 2, w];
  };
  const text = (words, x, y, bold, turn = 0) => {
    pen.save();
    pen.font = `${(bold ? 12 : 11) * size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    pen.lineWidth = 3; pen.strokeStyle = "rgba(255,255,255,.85)"; pen.fillStyle = bold ? "#33424c" : "#5d6b75";
    pen.textAlign = "center"; pen.textBaseline = "middle";
    // No word is cut: where it would be, it is moved inwards.
    const long = pen.measureText(words).width / 2, high = 8 * size;
    const across = Math.abs(Math.cos(turn)) * long + Math.abs(Math.sin(turn)) * high, up = Math.abs(Math.sin(turn)) * long + Math.abs(Math.cos(turn)) * high;
    pen.translate(clamp(x, Math.min(across, width / 2), Math.max(width - across, width / 2)), clamp(y, Math.min(up, height / 2), Math.max(height - up, height / 2)));
    pen.rotate(turn);
    pen.strokeText(words, 0, 0); pen.fillText(words, 0, 0); pen.restore();
  };
  // The floor's edges that face the viewer carry the ticks; the corner farthest left carries the heights.
  const front = at(0, -1, FLOOR)[2] < at(0, 1, FLOOR)[2] ? -1 : 1, side = at(-1, 0, FLOOR)[2] < at(1, 0, FLOOR)[2] ? -1 : 1;
  const middle = at(0, 0, FLOOR);
  const outward = (p, by) => { const dx = p[0] - middle[0], dy = p[1] - middle[1], l = Math.hypot(dx, dy) || 1; return [p[0] + dx / l * by, p[1] + dy / l * by]; };
  for (const v of ticks(frame.a0, frame.a1)) text(number(v), ...outward(at(2 * (v - frame.a0) / (frame.a1 - frame.a0) - 1, front, FLOOR), 14 * size));
  for (const v of ticks(frame.b0, frame.b1)) text(number(v), ...outward(at(side, 2 * (v - frame.b0) / (frame.b1 - frame.b0) - 1, FLOOR), 16 * size));
  const name = (words, p, q) => {
    const [x, y] = outward([(p[0] + q[0]) / 2, (p[1] + q[1]) / 2], 36 * size);
    let turn = Math.atan2(q[1] - p[1], q[0] - p[0]);
    if (turn > Math.PI / 2) turn -= Math.PI; else if (turn < -Math.PI / 2) turn += Math.PI;
    text(words, x, y, true, turn);
  };
  name(labels[0], at(-1, front, FLOOR), at(1, front, FLOOR));
  name(labels[1], at(side, -1, FLOOR), at(side, 1, FLOOR));
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(c => [at(...c, 0)[0], c]).sort((a, b) => a[0] - b[0]);
  const [left] = [corners[0][1]];
  const foot = at(...left, -.5), top = at(...left, HEIGHT - .5);
  pen.strokeStyle = "#8fa0aa"; pen.lineWidth = 1;
  pen.beginPath(); pen.moveTo(foot[0], foot[1]); pen.lineTo(top[0], top[1]); pen.stroke();
  for (const v of ticks(frame.low, frame.high)) {
    const p = at(...left, (v - frame.low) / (frame.high - frame.low) * HEIGHT - .5);
    pen.beginPath(); pen.moveTo(p[0], p[1]); pen.lineTo(p[0] - 4, p[1]); pen.stroke();
    text(number(v), p[0] - 22 * size, p[1]);
  }
  text(labels[2], Math.max(top[0], 60 * size), top[1] - 14 * size, true);
  if (holes) text(`${holes} points not finite: left out of the surface, grey on the floor`, width / 2, 14 * size, true);
  if (under) text(under.words, clamp(under.x, 90 * size, width - 90 * size), Math.max(12 * size, under.y - 18 * size), true);
}

export function render({model, el}) {
  const box = document.createElement("div"), canvas = document.createElement("canvas"), words = document.createElement("canvas");
  el.style.height = "100%";
  const area = document.createElement("div"), key = new Key(model.times);
  box.style.cssText = "display:flex;flex-direction:column;width:100%;height:100%;min-height:120px;overflow:hidden;background:#fff";
  area.style.cssText = "position:relative;flex:1;min-height:0;overflow:hidden";
  for (const c of [canvas, words]) c.style.cssText = "position:absolute;inset:0;width:100%;height:100%";
  words.style.pointerEvents = "none";
  canvas.style.touchAction = "none"; canvas.style.cursor = "grab"; canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Loss surface in three dimensions. Drag or use the arrow keys to rotate, the wheel or plus and minus to zoom, 0 to reset the camera${model.alone ? "" : ", click to inspect a point"}.`);
  area.append(canvas, words); box.append(key.el, area); el.append(box);
  let painter;
  const software = paintsInSoftware();
  try { painter = new Painter(canvas, model.colors, model.times, software); } catch (error) {
    box.textContent = `The 3-D view needs WebGL 2, which this browser does not offer (${error.message}). The 2-D view shows the same slice.`;
    box.style.cssText += ";display:grid;place-items:center;padding:2em;font:14px system-ui,sans-serif;color:#5d6b75";
    return;
  }
  // As text: azimuth and elevation in degrees, distance; empty: the usual ones.
  const RADIAN = Math.PI / 180;
  const placed = text => {
    const [turn, lift, far] = text ? text.split(",").map(Number) : model.home;
    return {turn: turn * RADIAN, lift: lift * RADIAN, far};
  };
  const told = () => {
    const azimuth = ((camera.turn / RADIAN + 180) % 360 + 360) % 360 - 180;
    const words = [azimuth.toFixed(1), (camera.lift / RADIAN).toFixed(1), camera.far.toFixed(2)].map(Number);
    return words.every((value, i) => Math.abs(value - model.home[i]) < .06) ? "" : words.join(", ");
  };
  let camera = placed(model.camera), telling = 0, frame = null, fresh = false, waiting = 0, drawn = 0, holes = 0, seen = null, under = null;
  // Where painting is slow (no GPU), a moving picture has fewer pixels; at rest it is painted in full.
  let density = software ? .75 : 1, last = 0, rest = 0, mesh = 0;

  const paint = () => {
    waiting = 0;
    const width = area.clientWidth, height = area.clientHeight;
    if (!frame || !width || !height) return;
    const now = performance.now(), moving = now - last < 250;
    if (moving && now - last > 34) density = Math.max(.5, density * .9);
    else if (moving && now - last < 20) density = Math.min(1, density * 1.03);
    last = now;
    clearTimeout(rest);
    if (moving) rest = setTimeout(ask, 300);
    const full = Math.min(window.devicePixelRatio || 1, 2), scale = moving ? full * Math.round(8 * density) / 8 : software ? 2 * full : full;
    for (const [c, by] of [[canvas, scale], [words, full]]) if (c.width !== Math.round(width * by) || c.height !== Math.round(height * by)) { c.width = Math.round(width * by); c.height = Math.round(height * by); }
    const finer = software && moving ? 1 : FINER;
    if (fresh) canvas.dataset.frames = ++drawn;
    if (fresh || finer !== mesh) { holes = painter.load(frame, finer); fresh = false; mesh = finer; }
    key.show(explained(frame, painter), model.size);
    seen = cameraAt(camera, width / height);
    painter.paint(seen, scale * model.size);
    write();
    Object.assign(canvas.dataset, {renderer: "webgl2", points: frame.rows * frame.columns, holes, camera: JSON.stringify(camera), current: painter.current.map(v => v.toFixed(4)).join(","), place: placeOf(painter.current)});
  };
  const write = () => {
    const full = Math.min(window.devicePixelRatio || 1, 2), pen = words.getContext("2d");
    pen.setTransform(full, 0, 0, full, 0, 0);
    label(pen, frame, seen.matrix, model.labels, {width: area.clientWidth, height: area.clientHeight, holes, size: model.size, under});
  };
  // Where a point of the box is seen, as shares of the width and the height.
  const placeOf = ([x, y, z]) => {
    const [across, up, , w] = [0, 1, 2, 3].map(r => seen.matrix[r] * x + seen.matrix[4 + r] * y + seen.matrix[8 + r] * z + seen.matrix[12 + r]);
    return `${((1 + across / w) / 2).toFixed(4)},${((1 - up / w) / 2).toFixed(4)}`;
  };
  const ask = () => { waiting ||= requestAnimationFrame(paint); };
  const move = (turn, lift, zoom = 1) => {
    camera = {turn: camera.turn + turn, lift: clamp(camera.lift + lift, 3 * RADIAN, 86 * RADIAN), far: clamp(camera.far * zoom, 1.8, 9)};
    ask();
    tell();
  };
  // Once the hand rests.
  const tell = () => { clearTimeout(telling); telling = setTimeout(() => model.send_msg({action: "turned", camera: told()}), 250); };

  // What lies under the pointer: coordinates and height, or null.
  const pick = e => {
    if (!seen) return null;
    const area = canvas.getBoundingClientRect();
    const found = hit(seen, seen.ray(2 * (e.clientX - area.left) / area.width - 1, 1 - 2 * (e.clientY - area.top) / area.height), painter.under);
    return found && {
      alpha: frame.a0 + (found[0] + 1) / 2 * (frame.a1 - frame.a0), beta: frame.b0 + (found[1] + 1) / 2 * (frame.b1 - frame.b0),
      height: frame.low + (found[2] + .5) / HEIGHT * (frame.high - frame.low),
    };
  };
  const hover = e => {
    const found = fingers.size ? null : pick(e), area = canvas.getBoundingClientRect();
    if (!found && !under) return;
    const short = axis => model.labels[axis].split(" (")[0];
    const [, logged, name] = /^(log₁₀ )?(.*)$/.exec(model.labels[2]), value = found && (logged ? 10 ** found.height : found.height);
    under = found && {x: e.clientX - area.left, y: e.clientY - area.top, words: `${name} ${Number(value.toPrecision(3))} · ${short(0)} ${found.alpha.toPrecision(3)} · ${short(1)} ${found.beta.toPrecision(3)}`};
    if (seen) write();
    glance(e, found);
  };
  // The network under a mouse is shown beside: the newest question alone, and not too many.
  let asking = 0, asked = 0, glances = false;
  const glance = (e, found) => {
    clearTimeout(asking);
    if (e.pointerType !== "mouse" || model.alone || !(found || glances)) return;
    asking = setTimeout(() => {
      asked = performance.now(); glances = Boolean(found);
      model.send_msg({action: found ? "hover" : "leave", alpha: found?.alpha ?? 0, beta: found?.beta ?? 0});
    }, found ? Math.max(0, asked + 60 - performance.now()) : 0);
  };
  const fingers = new Map();
  let pressed = null, tapping = 0;
  canvas.addEventListener("pointerdown", e => { pressed = fingers.size || e.button ? null : e; fingers.set(e.pointerId, e); canvas.setPointerCapture(e.pointerId); canvas.style.cursor = "grabbing"; });
  canvas.addEventListener("pointermove", e => {
    const before = fingers.get(e.pointerId);
    if (pressed && Math.hypot(e.clientX - pressed.clientX, e.clientY - pressed.clientY) > 4) pressed = null;
    if (!before || pressed) { hover(e); return; }
    const other = [...fingers.values()].find(f => f.pointerId !== e.pointerId);
    if (other) move(0, 0, Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY) / Math.max(1, Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY)));
    else move((before.clientX - e.clientX) * .008, (e.clientY - before.clientY) * .008);
    fingers.set(e.pointerId, e);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, e => {
    fingers.delete(e.pointerId); canvas.style.cursor = "grab";
    const found = pressed && name === "pointerup" ? pick(e) : null;
    pressed = null;
    clearTimeout(tapping);
    // Not at once: it may be the first half of a double click.
    if (found) tapping = setTimeout(() => model.send_msg({action: "tapped", alpha: found.alpha, beta: found.beta}), 260);
  });
  canvas.addEventListener("pointerleave", hover);
  canvas.addEventListener("wheel", e => { e.preventDefault(); move(0, 0, Math.exp(e.deltaY * .001)); }, {passive: false});
  const reset = () => { camera = placed(""); ask(); tell(); };
  canvas.addEventListener("dblclick", () => { clearTimeout(tapping); reset(); });
  const KEYS = {ArrowLeft: [-.1, 0], ArrowRight: [.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1], "+": [0, 0, .9], "=": [0, 0, .9], "-": [0, 0, 1.1]};
  canvas.addEventListener("keydown", e => {
    if (e.key === "0") reset(); else if (KEYS[e.key]) move(...KEYS[e.key]); else return;
    e.preventDefault();
  });
  canvas.addEventListener("webglcontextlost", e => e.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => { painter = new Painter(canvas, model.colors, model.times, software); fresh = Boolean(frame); ask(); });
  new ResizeObserver(ask).observe(area);
  model.on("labels", ask);
  model.on("size", ask);
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (data && "camera" in data) { clearTimeout(telling); camera = placed(data.camera); ask(); }
    if (!data || data.byteLength === undefined) return;
    frame = unpacked(data); fresh = true; ask();
  });
  model.send_msg({action: "ready"});
}
