// The page's side of a surface, or of several under one camera: what the user does with it, and when it is painted.
const STYLE = `
.relief{position:relative;flex:1;min-height:0;overflow:hidden}
.relief canvas{position:absolute;inset:0;width:100%;height:100%}
.relief canvas:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--accent,#0f6e84);outline-offset:-3px}
.tools{position:absolute;right:8px;top:8px;display:flex;gap:4px}
.tools button{font:calc(12px*var(--scale,1)) ${FONT};height:calc(28px*var(--scale,1));min-width:calc(28px*var(--scale,1));padding:0 7px;border:1px solid var(--control,#87959f);border-radius:7px;background:var(--surface,#fff);color:var(--ink,#1d2a33);opacity:.86;cursor:pointer;display:inline-flex;align-items:center;justify-content:center;gap:5px}
.tools button:hover{border-color:var(--accent,#0f6e84);opacity:1}.tools button:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--accent,#0f6e84);outline-offset:1px;opacity:1}
.tools button[aria-pressed=true]{border-color:var(--accent,#0f6e84);color:var(--accent-ink,#0b5566);font-weight:600}
.tools svg{width:1.25em;height:1.25em;fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
@media (pointer:coarse){.tools button{height:44px;min-width:44px}}
.tip{position:absolute;transform:translate(-50%,calc(-100% - 12px));pointer-events:none;width:max-content;max-width:calc(100% - 12px);box-sizing:border-box;font:calc(12px*var(--scale,1))/1.35 ${FONT};background:var(--raised,#fff);color:var(--ink,#1d2a33);border:1px solid var(--frame,#c9d2d8);border-radius:6px;padding:2px 7px;box-shadow:0 2px 8px var(--shade,#1d2a3322)}
.tip[hidden],.tools button[hidden]{display:none}
.title{position:absolute;box-sizing:border-box;padding:6px 10px 0;font:calc(12px*var(--scale,1))/1.35 ${FONT};color:var(--ink,#1d2a33);pointer-events:none;overflow:hidden}`;
const HOUSE = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 8L8 2.5 14 8M4 6.8V13.5H12V6.8"/></svg>`, PLUMB = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 6L6 3 10 5 14 2M2 6V12M6 3V13M10 5V11M14 2V9"/></svg>`;
const RADIAN = Math.PI / 180, POINTS = 120, FEW_POINTS = 50, TITLE = 40;

const made = (tag, attributes = {}, ...children) => { const node = Object.assign(document.createElement(tag), attributes); node.append(...children); return node; };

// Where each of several pictures stands, in shares of the whole: in as many columns as make them largest.
function places(count, width, height) {
  const size = columns => Math.min(width / columns, 1.25 * (height / Math.ceil(count / columns) - TITLE));
  const columns = Array.from({length: count}, (_, i) => i + 1).reduce((best, n) => size(n) > size(best) ? n : best, 1), rows = Math.ceil(count / columns);
  return Array.from({length: count}, (_, i) => ({left: i % columns / columns, top: Math.floor(i / columns) / rows, width: 1 / columns, height: 1 / rows}));
}

export function render({model, el}) {
  el.style.height = "100%";
  const several = Boolean(model.several), alone = Boolean(model.alone), key = new Key(model.times);
  const {canvas, software} = newCanvas(), words = made("canvas"), tip = made("div", {className: "tip", hidden: true});
  const button = (icon, words_, help, act) => { const b = made("button", {type: "button", title: help, innerHTML: icon, onclick: act}); b.append(words_); b.setAttribute("aria-label", help); return b; };
  const home = button(HOUSE, "", "Reset the camera (0)", () => reset()), drop = button(PLUMB, "", "Show the loss after each step where it differs from the slice", () => { losses = !losses; tell_(); ask(); });
  const share = button("", "", "One scale of heights for all pictures, or one for each", () => model.send_msg({action: "shared", shared: !model.shared}));
  home.dataset.action = "camera-home"; drop.dataset.action = "plumbs"; share.dataset.action = "shared";
  const tools = made("div", {className: "tools"}, share, drop, home), area = made("div", {className: "relief"}, canvas, words, tools, tip);
  const box = made("div", {}, made("style", {textContent: STYLE}), key.el, area);
  box.style.cssText = "display:flex;flex-direction:column;width:100%;height:100%;min-height:120px;overflow:hidden;background:radial-gradient(ellipse at 50% 48%,var(--surface,#fff) 45%,var(--wash,#f1f5f7))";
  words.style.pointerEvents = "none";
  canvas.tabIndex = 0; canvas.style.touchAction = "none"; canvas.style.cursor = "grab";
  canvas.setAttribute("role", "img");
  el.append(box);
  let painter, look = lookOf(el, model);
  const refused = error => {
    box.textContent = `The 3-D view needs WebGL 2, which this browser does not offer (${error.message}). The 2-D view shows the same slice.`;
    box.style.cssText += ";display:grid;place-items:center;padding:2em;font:14px system-ui,sans-serif;color:var(--muted,#5d6b75)";
  };
  try { painter = new Painter(canvas, look); } catch (error) { return refused(error); }
  // As text: azimuth and elevation in degrees, distance; empty: the usual ones.
  const placed_ = text => { const [turn, lift, far] = text ? text.split(",").map(Number) : model.home; return {turn: turn * RADIAN, lift: lift * RADIAN, far}; };
  const told = () => {
    const azimuth = ((camera.turn / RADIAN + 180) % 360 + 360) % 360 - 180;
    const said = [azimuth.toFixed(1), (camera.lift / RADIAN).toFixed(1), camera.far.toFixed(2)].map(Number);
    return said.every((value, i) => Math.abs(value - model.home[i]) < .06) ? "" : said.join(", ");
  };
  let camera = placed_(model.camera), atHome = !model.camera, telling = 0, cells = [], fresh = false, waiting = 0, drawn = 0, painted = 0, losses = false;
  // Where painting is slow (no GPU), a moving picture has fewer pixels; at rest it is painted in full.
  let density = software ? .75 : 1, last = 0, rest = 0, points = 0, moved = 0, written = "", held = 0;

  const paint = () => {
    waiting = 0;
    const width = area.clientWidth, height = area.clientHeight, size = model.size * (cells.length > 1 ? .94 : 1);
    if (!cells.length || !width || !height || painter.lost) return;
    const now = performance.now();
    if (now < held) { waiting = setTimeout(paint, held - now); return; }
    if (ball.rolling) moved = now;
    const gap = last ? now - last : 0, moving = now - moved < resting(gap), full = Math.min(window.devicePixelRatio || 1, 2);
    if (moving && last) density = paced(density, gap);
    last = moving ? now : 0;
    clearTimeout(rest);
    if (moving) rest = setTimeout(() => { moved = 0; ask(); }, resting(gap));
    const scale = full * (orbit.going ? 1 : moving ? Math.round(8 * density) / 8 : software ? refinement(width * height * full * full) : 1);
    for (const [c, by] of [[canvas, scale], [words, full]]) if (c.width !== Math.round(width * by) || c.height !== Math.round(height * by)) { c.width = Math.round(width * by); c.height = Math.round(height * by); }
    const wanted = software && moving && !orbit.going ? FEW_POINTS : POINTS;
    if (fresh) canvas.dataset.frames = ++drawn;
    if (fresh || wanted !== points) { for (const cell of cells) cell.relief.load(cell.frame, wanted); ball.load(cells[0].relief, fresh, now); points = wanted; fresh = false; tell_(); }
    try { if (!painter.ready) return ask(); } catch (error) { return refused(error); }
    ball.step(cells[0].relief, now);
    painter.clear();
    const pen = words.getContext("2d"), said = JSON.stringify([width, height, full, size, camera, model.axes, model.labels, look, cells.map(({frame: {low, high, a0, a1, b0, b1, logged}, relief: {holes, cut}}) => [low, high, a0, a1, b0, b1, logged, holes, cut])]), writes = said !== written;
    if (writes) { written = said; pen.setTransform(full, 0, 0, full, 0, 0); pen.clearRect(0, 0, width, height); }
    const each = places(cells.length, width, height), head = several ? TITLE : 0;
    each.forEach((share_, i) => {
      const cell = cells[i], here = cell.place = {left: share_.left * width, top: share_.top * height + head, width: share_.width * width, height: share_.height * height - head};
      cell.seen = cameraAt(camera, here.width, here.height, marginsOf(size, here.width));
      painter.paint(cell.relief, cell.seen, {left: Math.round(here.left * scale), bottom: Math.round((height - here.top - here.height) * scale), width: Math.round(here.width * scale), height: Math.round(here.height * scale), scale: scale * size, losses});
    });
    if (painted) painter.done(); else painter.finished(() => { canvas.dataset.finished = ""; });
    key.show(explained(cells.map(c => c.relief), losses), model.size);
    each.forEach((share_, i) => {
      const {relief, seen, place, title} = cells[i];
      if (writes) label(pen, relief, seen, named_(i), place, size, look);
      if (title) title.style.cssText = `left:${place.left}px;top:${share_.top * height}px;width:${place.width - (share_.top || share_.left + share_.width < 1 ? 0 : tools.offsetWidth + 12)}px;max-height:${head + 4}px`;
    });
    const {frame, relief, seen, place} = cells[0], [x, y] = seenAt(seen, ...relief.current);
    const holes = cells.reduce((sum, c) => sum + c.relief.holes, 0);
    Object.assign(canvas.dataset, {renderer: "webgl2", paintings: ++painted, points: frame.rows * frame.columns, pictures: cells.length, holes, camera: JSON.stringify(camera), current: relief.current.map(v => v.toFixed(4)).join(","), place: `${((place.left + x) / width).toFixed(4)},${((place.top + y) / height).toFixed(4)}`});
  };
  const ask = () => { waiting ||= requestAnimationFrame(paint); };
  const ball = new Ball(ask, software);
  onSignal(el, ({asked}) => { if (asked && software) held = performance.now() + ANSWER; });

  const named_ = i => several && model.axes[i] || model.labels;

  // What there is to press, and what is read aloud.
  const tell_ = () => {
    drop.hidden = !cells.some(c => c.relief.plumbs); drop.setAttribute("aria-pressed", losses);
    share.hidden = !several || cells.length < 2; share.textContent = model.shared ? "shared scale" : "own scales"; share.setAttribute("aria-pressed", model.shared);
    const ends = ({low, high, logged}) => wordsOf([low, high], logged).join(" to ");
    const each = cells.map(({frame}, i) => `${several && model.titles[i] ? `${model.titles[i].slice(0, 2).join(" ")}: ` : ""}${model.labels[2]} ${ends(frame)}`).join("; ");
    canvas.setAttribute("aria-label", `${several ? "Loss surfaces in three dimensions, under one camera" : "Loss surface in three dimensions"}. ${each}. Drag or use the arrow keys to rotate, the wheel or plus and minus to zoom, 0 to reset the camera${alone || several ? "" : ", click to inspect a point, drag the mark of the run to start one elsewhere"}.`);
  };
  // Once the hand rests.
  const tell = () => { clearTimeout(telling); telling = setTimeout(() => model.send_msg({action: "turned", camera: told()}), 250); };
  const move = (turn, lift, zoom = 1) => {
    atHome = false; moved = performance.now();
    camera = {turn: camera.turn + turn, lift: clamp(camera.lift + lift, 3 * RADIAN, 86 * RADIAN), far: clamp(camera.far * zoom, 1.8, 9)};
    ask();
  };
  const byHand = (...how) => { touched(); move(...how); tell(); };
  const reset = () => { touched(); camera = placed_(""); atHome = true; ask(); tell(); };
  const orbit = new Orbit({software, turn: angle => move(angle, 0), ready: () => ({busy: Boolean(model.busy || grabbed), seen: !document.hidden && !alone && cells.length > 0 && area.clientWidth > 0 && canvas.checkVisibility()})});
  const touched = () => { gliding = 0; tip.hidden = true; if (orbit.touched()) tell(); };
  let gliding = 0, came = -9999;
  const glide = (turn, lift) => {
    const mine = gliding = performance.now();
    let done = 0;
    const step = () => {
      if (gliding !== mine) return;
      const now = glided(performance.now() - mine), share_ = now - done;
      done = now; move(share_ * turn, share_ * lift);
      if (now < .98) requestAnimationFrame(step); else tell();
    };
    if (!stillWanted() && Math.abs(turn) + Math.abs(lift) > .004) requestAnimationFrame(step);
  };

  // What lies under the pointer: the place on the surface, and the nearest point of the slice with its value.
  const pick = e => {
    const area_ = canvas.getBoundingClientRect(), px = e.clientX - area_.left, py = e.clientY - area_.top;
    const cell = cells.find(({place: p}) => p && px >= p.left && px < p.left + p.width && py >= p.top && py < p.top + p.height);
    if (!cell?.seen) return null;
    const {frame, seen, place} = cell, found = hit(seen, seen.ray(2 * (px - place.left) / place.width - 1, 1 - 2 * (py - place.top) / place.height), cell.relief.under);
    if (!found) return null;
    const [across, up] = [(found[0] + 1) / 2, (found[1] + 1) / 2], labels = named_(cells.indexOf(cell)), column = Math.round(across * (frame.columns - 1)), row = Math.round(up * (frame.rows - 1));
    const alphaAt = share => frame.a0 + share * (frame.a1 - frame.a0), betaAt = share => frame.b0 + share * (frame.b1 - frame.b0);
    const nearest = [alphaAt(column / (frame.columns - 1)), betaAt(row / (frame.rows - 1))];
    return {alpha: alphaAt(across), beta: betaAt(up), nearest, value: valueAt(frame.heights[row * frame.columns + column], frame.logged), labels, px, py, at: found};
  };
  // Whether the pointer is on the sign of the run, which then can be carried elsewhere.
  const grabs = e => {
    if (alone || several || !cells[0]?.seen) return false;
    const {relief, seen, place} = cells[0], area_ = canvas.getBoundingClientRect(), [x, y] = seenAt(seen, ...relief.current);
    return ball.within(relief, Math.hypot(e.clientX - area_.left - place.left - x, e.clientY - area_.top - place.top - y), e.pointerType);
  };
  const hover = (e, found = fingers.size ? null : pick(e)) => {
    const over = !fingers.size && grabs(e);
    if (!fingers.size) canvas.style.cursor = over ? "pointer" : "grab";
    tip.hidden = !found;
    glance(e, found);
    if (!found) return;
    const short = axis => found.labels[axis].split(" (")[0];
    tip.textContent = `${found.labels[2]} ${Number(found.value.toPrecision(3))} · ${short(0)} ${found.nearest[0].toPrecision(3)} · ${short(1)} ${found.nearest[1].toPrecision(3)}${over ? " · drag to start a run elsewhere" : ""}`;
    const half = tip.offsetWidth / 2 + 4;
    tip.style.left = `${clamp(found.px, half, Math.max(half, area.clientWidth - half))}px`; tip.style.top = `${Math.max(40, found.py - (over || grabbed ? 8 : 0))}px`;
  };
  // The network under a mouse is shown beside: the newest question alone, and not too many.
  let asking = 0, asked = 0, glances = false;
  const glance = (e, found) => {
    clearTimeout(asking);
    if (e.pointerType !== "mouse" && !grabbed || alone || several || !(found || glances)) return;
    asking = setTimeout(() => {
      asked = performance.now(); glances = Boolean(found);
      model.send_msg({action: found ? "hover" : "leave", alpha: found?.alpha ?? 0, beta: found?.beta ?? 0});
    }, found ? Math.max(0, asked + 60 - performance.now()) : 0);
  };
  const fingers = new Map();
  let pressed = null, grabbed = null, tapping = 0, speed = [0, 0, 0];
  // The hand lets go of the sign: a run starts there, unless it is brought back or beside the surface.
  const letGo = e => {
    const far = e && Math.hypot(e.clientX - grabbed.clientX, e.clientY - grabbed.clientY) > 4, found = far ? ball.held?.found : null;
    grabbed = null; tip.hidden = true;
    clearTimeout(asking);
    ball.leave(cells[0].relief, Boolean(found));
    if (found || glances) model.send_msg({action: found ? "drop" : "leave", alpha: found?.alpha ?? 0, beta: found?.beta ?? 0});
    glances = false;
  };
  canvas.addEventListener("pointerdown", e => { touched(); if (grabbed) letGo(); speed = [0, 0, 0]; pressed = fingers.size || e.button ? null : e; grabbed = pressed && grabs(e) ? e : null; fingers.set(e.pointerId, e); canvas.setPointerCapture(e.pointerId); canvas.style.cursor = "grabbing"; });
  canvas.addEventListener("pointermove", e => {
    const before = fingers.get(e.pointerId);
    if (pressed && Math.hypot(e.clientX - pressed.clientX, e.clientY - pressed.clientY) > 4) pressed = null;
    if (grabbed?.pointerId === e.pointerId && !pressed) { fingers.set(e.pointerId, e); orbit.touched(); const found = pick(e); ball.carry(cells[0].relief, found); hover(e, found); return; }
    if (!before || pressed) { if (orbit.going || gliding) touched(); else orbit.touched(); hover(e); return; }
    const other = [...fingers.values()].find(f => f.pointerId !== e.pointerId);
    if (other) byHand(0, 0, Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY) / Math.max(1, Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY)));
    else {
      const [turn, lift] = [(before.clientX - e.clientX) * .008, (e.clientY - before.clientY) * .008], time = Math.max(4, e.timeStamp - before.timeStamp);
      speed = [.5 * speed[0] + .5 * turn / time, .5 * speed[1] + .5 * lift / time, e.timeStamp];
      byHand(turn, lift);
    }
    fingers.set(e.pointerId, e);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, e => {
    const carried = grabbed?.pointerId === e.pointerId && !pressed, turned = fingers.size === 1 && !pressed && !carried && name === "pointerup";
    fingers.delete(e.pointerId);
    if (carried) letGo(name === "pointerup" ? e : null);
    grabbed = null; canvas.style.cursor = grabs(e) ? "pointer" : "grab";
    if (turned) glide(...speed.slice(0, 2).map(v => thrown(v, e.timeStamp - speed[2])));
    const found = pressed && name === "pointerup" ? pick(e) : null;
    pressed = null;
    clearTimeout(tapping);
    // Not at once: it may be the first half of a double click.
    if (found && !several) tapping = setTimeout(() => model.send_msg({action: "tapped", alpha: found.alpha, beta: found.beta}), 260);
  });
  canvas.addEventListener("pointerleave", e => { tip.hidden = true; glance(e, null); });
  canvas.addEventListener("wheel", e => { e.preventDefault(); byHand(0, 0, Math.exp(e.deltaY * .001)); }, {passive: false});
  canvas.addEventListener("dblclick", () => { clearTimeout(tapping); reset(); });
  const KEYS = {ArrowLeft: [-.1, 0], ArrowRight: [.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1], "+": [0, 0, .9], "=": [0, 0, .9], "-": [0, 0, 1.1]};
  canvas.addEventListener("keydown", e => {
    if (e.key === "Escape" && grabbed) { fingers.delete(grabbed.pointerId); pressed = null; letGo(); e.stopPropagation(); }
    else if (e.key === "0") reset(); else if (KEYS[e.key]) byHand(...KEYS[e.key]); else return;
    e.preventDefault();
  });
  const again = () => { for (const cell of cells) cell.relief = painter.relief(); fresh = cells.length > 0; };
  canvas.addEventListener("webglcontextlost", e => e.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => { painter = new Painter(canvas, look); again(); ask(); });
  new ResizeObserver(ask).observe(area);
  const dressed = () => { look = lookOf(el, model); painter.dress(look); ask(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dressed);
  onScheme(el, dressed);
  new MutationObserver(dressed).observe(document.documentElement, {attributes: true, attributeFilter: ["class", "style", "data-theme"]});
  const named = () => {
    cells.forEach((cell, i) => {
      if (!several || !model.titles[i]) return;
      if (!cell.title) { cell.title = made("div", {className: "title"}); area.append(cell.title); }
      const [letter, text, color] = model.titles[i], bold = made("b", {textContent: `${letter} `});
      bold.style.color = color;
      cell.title.replaceChildren(bold, text);
    });
    if (cells[0]?.relief.frame) tell_();
    ask();
  };
  for (const name of ["labels", "axes", "size"]) model.on(name, ask);
  for (const name of ["titles", "shared"]) model.on(name, named);
  model.on("home", () => { if (atHome) { camera = placed_(""); ask(); } });
  model.on("busy", () => { if (orbit.touched()) tell(); });
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (data && "camera" in data) { clearTimeout(telling); if (data.camera !== told()) { gliding = 0; camera = placed_(data.camera); atHome = !data.camera; } ask(); }
    if (data && "rolls" in data) { if (data.rolls) grabbed = null; ball.letRoll(data.rolls); }
    if (!data || data.byteLength === undefined) return;
    const frames = unpackedAll(data), count = cells.length;
    while (cells.length > frames.length) { const gone = cells.pop(); gone.relief.free(); gone.title?.remove(); }
    frames.forEach((frame, i) => { cells[i] ??= {relief: painter.relief()}; cells[i].frame = frame; });
    if (count !== cells.length) named();
    const now = performance.now();
    if (now - came < 1000 || software && !drawn) moved = now;  // the first picture comes soon, and is refined when it is at rest
    came = now; fresh = true; if (orbit.touched()) tell(); ask();
  });
  model.send_msg({action: "ready"});
}
