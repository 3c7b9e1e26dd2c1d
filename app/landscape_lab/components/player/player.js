// A recorded run that plays, is scrubbed and turned, without a server.
//
// createPlayer(element, recording, options) fills the element and returns an EventTarget with
//   play() pause() toggle() seek(step) view("2d" | "3d") valueAt(alpha, beta) destroy(), and
//   step, state: {step, frame, playing, view, camera, ended}, area: {left, top, width, height} of the picture
// and the events `interactive` (once: it is seen and can be read), `prepared` (once: a drag turns it at once), `step` and `view` (detail: state),
// `playing`, `ended`. Options, each with its usual value:
//   pace 0 (least milliseconds between two pictures while it plays); view "2d"; autoplay true (never where less motion is asked for); step 0; seconds for the run;
//   sentence, over the picture until something is pressed ("" for none; by default only where it
//   holds: every point is a network, and training goes downhill); controls true;
//   camera "" ("azimuth, elevation, distance" in degrees, as in links of the app).
const SENTENCE = "Every point is a network. Height is its error. Training rolls downhill.";
const ICONS = {
  play: `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5.2v13.6L19 12z" fill="currentColor"/></svg>`,
  pause: `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 5h3.6v14H7zM13.4 5H17v14h-3.6z" fill="currentColor"/></svg>`,
};
const DRAGGED = 6;  // pixels after which a press is a drag
const AT_ONCE = 900;  // milliseconds for which the start is seen before the run plays itself

const markup = (controls, sentence) => `
<div class="stage">
  <canvas class="flat" role="img" tabindex="0"></canvas>
  <div class="deep" hidden></div>
  <p class="sentence" ${sentence ? "" : "hidden"}></p>
  <output class="tip" hidden></output>
  <button type="button" class="large" hidden>${ICONS.play}<span>Play</span></button>
</div>
<div class="controls" ${controls ? "" : "hidden"}>
  <button type="button" class="play" aria-label="Play"></button>
  <div class="track">
    <p class="reading"><span class="at"></span><span class="losses"></span></p>
    <div class="curve"><canvas aria-hidden="true"></canvas><input type="range" step="any" min="0" aria-label="Training step"></div>
  </div>
  <div class="views" role="group" aria-label="View">
    <button type="button" data-view="2d">2-D</button><button type="button" data-view="3d" title="or drag the picture">3-D</button>
  </div>
</div>`;

// Once what is drawn now has been seen.
const afterPicture = act => requestAnimationFrame(() => setTimeout(act));

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

class Player {
  // Whether the run ends below where it began.
  get falls() { return this.frames.train.at(-1) < this.frames.train[0]; }

  constructor(element, recording, options) {
    Object.assign(this, {element, recording, options, events: new EventTarget(), frames: new Frames(recording), place: 0, shown: "2d", playing: false, ended: false, asked: 0, timers: [], watchers: []});
    this.seconds = options.seconds ?? Math.max(4, Math.min(9, 3 + .08 * this.frames.last));
    const said = options.sentence ?? (recording.network && recording.minimized && this.falls ? SENTENCE : "");
    element.classList.add("landscape-player");
    element.innerHTML = markup(options.controls ?? true, said);
    for (const name of ["stage", "flat", "deep", "sentence", "tip", "large", "losses", "views"]) this[name] = element.querySelector(`.${name}`);
    // A line for each of its sentences.
    this.sentence.replaceChildren(...said.split(/(?<=[.?!]) /).map(text => { const line = document.createElement("span"); line.textContent = `${text} `; return line; }));
    this.slider = element.querySelector("input");
    this.button = element.querySelector(".play");
    this.reading = element.querySelector(".at");
    this.slider.max = this.frames.last;
    this.plane = new Plane(this.flat, recording, this.frames, MAPS);
    this.curve = new Curve(element.querySelector(".curve canvas"), this.frames);
    this.flat.setAttribute("aria-label", `${recording.measure} over a plane of two directions, with the path of training. Question: ${recording.question}`);
    this.listen();
    this.place = this.frames.frameOf(options.step ?? 0);
    this.show(options.view ?? "2d");
    this.draw();
    if (this.shown === "3d") this.space.painted.then(() => this.seen()); else this.seen();
    afterPicture(() => this.prepare());
    if ((options.autoplay ?? true) && !calm()) this.timers.push(setTimeout(() => this.play(), AT_ONCE));
    else this.offer(true);
  }

  seen() {
    this.tell("interactive");
    performance.mark("landscape-interactive");
  }

  get step() { return Math.round(this.frames.stepOf(this.place)); }
  get state() { return {step: this.step, frame: this.place, playing: this.playing, view: this.shown, camera: this.space?.camera ?? this.options.camera ?? "", ended: this.ended}; }

  tell(name) { this.events.dispatchEvent(new CustomEvent(name, {detail: this.state})); }

  listen() {
    const on = (target, name, act) => target.addEventListener(name, act);
    on(this.button, "click", () => { this.touched(); this.toggle(); });
    on(this.large, "click", () => { this.touched(); this.play(); this.button.focus(); });
    on(this.slider, "input", () => { this.touched(); this.pause(); this.move(Number(this.slider.value)); });
    on(this.slider, "keydown", e => {
      const by = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10}[e.key];
      if (!by) return;
      e.preventDefault(); this.touched(); this.pause();
      this.move(Math.max(0, Math.min(this.frames.last, Math.round(this.place) + by)));
    });
    for (const button of this.views.children) on(button, "click", () => { this.touched(); this.view(button.dataset.view); });
    on(this.element, "keydown", e => {
      if (e.key !== " " || e.target.closest("button")) return;
      e.preventDefault(); this.touched(); this.toggle();
    });
    on(this.flat, "pointermove", e => { if (!this.turn(e)) this.hover(e); });
    on(this.flat, "pointerdown", e => { this.hover(e); this.pressed = e.pointerType === "touch" || e.button ? null : e; });
    on(this.flat, "pointerleave", () => { this.tip.hidden = true; });
    on(this.deep, "pointerdown", () => this.touched());
    const watcher = new ResizeObserver(() => { if (this.size !== this.drawnSize) this.ask(); });
    watcher.observe(this.stage); watcher.observe(this.curve.canvas);
    this.watchers.push(watcher);
  }

  // A mouse that draws the flat picture along turns it: in three dimensions, in the very next picture. A finger scrolls the page.
  turn(e) {
    const {pressed} = this;
    if (!pressed || !(e.buttons & 1) || Math.hypot(e.clientX - pressed.clientX, e.clientY - pressed.clientY) < DRAGGED) return false;
    this.pressed = null;
    this.touched();
    this.show("3d");
    this.space.paint(this.place);
    for (const {type, pointerId, pointerType, isPrimary, buttons, clientX, clientY} of [pressed, e]) this.space.canvas?.dispatchEvent(new PointerEvent(type, {pointerId, pointerType, isPrimary, buttons, clientX, clientY, button: 0}));
    return true;
  }

  // The sentence and the large button make room once something is pressed.
  touched() {
    this.timers.splice(0).forEach(clearTimeout);
    this.sentence.classList.add("gone");
    this.offer(false);
  }

  offer(shown) {
    this.large.hidden = !shown;
    this.large.querySelector("span").textContent = this.ended ? "Play again" : "Play";
  }

  play() {
    if (this.playing) return;
    if (this.place >= this.frames.last) this.place = 0;
    this.playing = true; this.ended = false;
    this.offer(false);
    this.last = performance.now();
    this.tell("playing");
    this.ask();
  }

  pause() { this.timers.splice(0).forEach(clearTimeout); if (this.playing) { this.playing = false; this.ask(); this.tell("playing"); } }
  toggle() { this.playing ? this.pause() : this.play(); }
  seek(step) { this.pause(); this.move(this.frames.frameOf(step)); }

  move(place) {
    this.place = place; this.ended = false;
    this.tell("step");
    this.ask();
  }

  // The surface is made and painted once where nobody sees it, so that the first drag turns it at once.
  prepare() {
    if (!this.element.isConnected) return;
    this.raise();
    this.space.paint(this.place);
    this.space.finished.then(() => this.tell("prepared"));
  }

  raise() {
    if (this.space) return;
    this.deep.hidden = false;
    this.space = new Space(this.deep, this.recording, this.frames, MAPS, this.options.camera ?? "");
    this.space.painted.then(() => { this.deep.hidden = this.shown !== "3d"; });
  }

  view(name) {
    this.show(name);
    this.ask();
  }

  show(name) {
    if (name === "3d") this.raise();
    this.shown = name;
    this.flat.hidden = name !== "2d"; this.tip.hidden = true;
    this.deep.classList.toggle("unseen", name !== "3d");
    this.deep.hidden = name !== "3d";
    for (const button of this.views.children) button.setAttribute("aria-pressed", String(button.dataset.view === name));
    this.element.dataset.view = name;
    this.tell("view");
  }

  ask() { this.asked ||= requestAnimationFrame(now => {
    this.asked = 0;
    if (this.playing && now - (this.drawnAt ?? 0) < (this.options.pace ?? 0)) return this.ask();
    this.drawnAt = now;
    this.advance(now); this.draw();
  }); }

  advance(now) {
    if (!this.playing) return;
    // A page that was hidden goes on where it was.
    this.place = Math.min(this.frames.last, this.place + Math.max(0, Math.min(now - this.last, 250)) / 1000 / this.seconds * Math.max(1, this.frames.last));
    this.last = now;
    if (this.place < this.frames.last) { this.tell("step"); this.ask(); return; }
    this.playing = false; this.ended = true;
    this.offer(true);
    this.tell("step");
    this.tell("ended");
  }

  // Of the picture and of the curve, as they are laid out.
  get size() { return [this.stage, this.curve.canvas].map(one => `${one.clientWidth}x${one.clientHeight}`).join(" "); }

  draw() {
    const {place} = this;
    this.read();
    this.drawnSize = this.size;
    (this.shown === "3d" ? this.space : this.plane).paint(place);
    this.curve.paint(place);
  }

  // The words and buttons below the picture, which take a part of its height.
  read() {
    const {frames, place} = this, nearest = Math.round(place), narrow = this.element.clientWidth < 560, {minimized, measure} = this.recording;
    const first = minimized ? narrow ? "train" : "training loss" : narrow ? measure.split(" ")[0] : measure;
    const losses = [[first, frames.train, "train"], [narrow ? "test" : "test loss", frames.test, "test"]].filter(([, numbers]) => numbers);
    this.reading.textContent = `step ${this.step} of ${frames.steps.at(-1)}`;
    this.losses.innerHTML = losses.map(([name, numbers, kind]) => `<span class="${kind}">${name} <b>${steady(numbers[nearest])}</b></span>`).join("");
    this.slider.value = place;
    this.slider.setAttribute("aria-valuetext", `step ${this.step}, training loss ${worded(frames.train[nearest])}`);
    const name = this.playing ? "pause" : "play";
    if (this.button.dataset.icon !== name) { this.button.dataset.icon = name; this.button.innerHTML = ICONS[name]; this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play"); }
    Object.assign(this.element.dataset, {step: this.step, playing: this.playing, view: this.shown});
  }

  valueAt(alpha, beta) { return this.frames.value(this.place, alpha, beta); }

  hover(e) {
    const area = this.flat.getBoundingClientRect(), x = e.clientX - area.left, y = e.clientY - area.top, [alpha, beta] = this.plane.under(x, y), value = this.valueAt(alpha, beta);
    this.tip.hidden = Number.isNaN(value) && !this.inside(alpha, beta);
    if (this.tip.hidden) return;
    const short = axis => this.recording.axes[axis].split(" (")[0];
    this.tip.innerHTML = `<b>${worded(value)}</b> ${this.recording.measure}<br>${short(0)} ${worded(alpha)} · ${short(1)} ${worded(beta)}`;
    this.tip.dataset.value = value;
    this.tip.style.left = `${Math.min(Math.max(x, 80), area.width - 90)}px`;
    this.tip.style.top = `${y < 80 ? y + 58 : y - 18}px`;
  }

  // Where the picture lies on the page: the plane without its axes, or the canvas of the surface.
  get area() {
    const {left, top, width, height} = (this.shown === "3d" ? this.deep : this.flat).getBoundingClientRect();
    if (this.shown === "3d") return {left, top, width, height};
    const {box} = this.plane;
    return {left: left + box.left, top: top + box.top, width: box.width, height: box.height};
  }

  inside(alpha, beta) { const {a0, a1, b0, b1} = this.frames; return alpha >= a0 && alpha <= a1 && beta >= b0 && beta <= b1; }

  destroy() {
    this.timers.splice(0).forEach(clearTimeout);
    cancelAnimationFrame(this.asked);
    this.playing = false;
    this.watchers.forEach(watcher => watcher.disconnect());
    this.element.replaceChildren();
    this.element.classList.remove("landscape-player");
  }
}

export function createPlayer(element, recording, options = {}) {
  const inner = new Player(element, recording, options), outer = inner.events;
  for (const name of ["play", "pause", "toggle", "seek", "view", "valueAt", "destroy"]) outer[name] = (...args) => { if (name === "play" || name === "pause" || name === "seek") inner.timers.splice(0).forEach(clearTimeout); return inner[name](...args); };
  Object.defineProperties(outer, {step: {get: () => inner.step}, state: {get: () => inner.state}, area: {get: () => inner.area}});
  return outer;
}

// A small picture of a run, which rolls while `roll(true)`.
export function createThumbnail(canvas, recording) {
  const frames = new Frames(recording), plane = new Plane(canvas, recording, frames, MAPS, {bare: true});
  let rolling = 0, place = frames.last, last = 0;
  const paint = () => plane.paint(place);
  const roll = now => {
    place += Math.max(0, Math.min(now - last, 250)) / 2400 * Math.max(1, frames.last);
    last = now;
    if (place >= frames.last) place = frames.last;
    paint();
    rolling = place < frames.last ? requestAnimationFrame(roll) : 0;
  };
  new ResizeObserver(paint).observe(canvas);
  paint();
  return {roll: () => { if (calm()) return; cancelAnimationFrame(rolling); place = 0; last = performance.now(); rolling = requestAnimationFrame(roll); }};
}
