// A recorded run while Python starts. The live page takes its place as soon as it has drawn the same step
// in the same view; if it never comes, the recording stays.
const KEPT = "landscape-lab-stage";
const FRESH = 90000;  // milliseconds for which a page that is loaded again goes on where it was
const LOOK = 200;  // between two looks at the live page
const PACE = 60;  // between two pictures of the run, so that Python has the processor to start
const REST = 350;  // without a new picture, after which the live one is complete
const HAND = 500;  // after an input, while which the user may go on
const PREPARED = 1500;  // for which the live page's scripts wait at most until a drag turns the run
const PATIENCE = 20000;  // after which a page says that the live one is late
const AGAIN = 2500;  // between two requests for the same step
const ALIGNED = 560;  // pixels of a picture above which the axes of run and live page lie on each other: the player has few words below
const STUBBORN = 8000;  // after which the live page is shown whatever it shows

class Stage {
  constructor(element, config) {
    Object.assign(this, {element, config, place: element.querySelector("#stage_place"), said: element.querySelector("#stage_said"), more: element.querySelector("#stage_more"), touchedAt: -1e9, pressed: false, since: 0, frame: 0, asked: null, askedAt: -1e9, drawnAt: 0});
  }

  async open() {
    const chosen = choice(location.hash.slice(1), this.config.presets, this.config.first);
    if (!chosen) return false;
    const recording = chosen.name === this.config.first ? this.config.recording
      : await fetch(`${this.config.recordings}${chosen.name}.json`).then(answer => answer.ok ? answer.json() : null).catch(() => null);
    if (!recording) return false;
    this.steps = new Uint32Array(Uint8Array.from(atob(recording.steps), c => c.charCodeAt(0)).buffer);
    const end = this.steps.at(-1), kept = this.kept(chosen.name);
    if (!ends(chosen, end)) return false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const placed = chosen.step !== null || chosen.seen !== null || calm;
    for (const [id, text] of [["title", recording.title], ["question", recording.question], ["watch", recording.watch]]) document.getElementById(`stage_${id}`).textContent = text;
    const from = {step: placed ? chosen.seen ?? end : 0, view: chosen.view, camera: chosen.camera, autoplay: !placed, pace: PACE, ...kept && {...kept, autoplay: kept.playing}};
    this.player = landscapePlayer.createPlayer(document.getElementById("stage_player"), recording, from);
    this.prepared = Promise.race([new Promise(done => this.player.addEventListener("prepared", done)), new Promise(done => setTimeout(done, PREPARED))]);
    this.name = chosen.name; this.view = chosen.view; this.camera = this.player.state.camera;
    this.listen();
    return true;
  }

  listen() {
    const touched = () => { this.touchedAt = performance.now(); };
    for (const kind of ["pointerdown", "pointermove", "keydown", "input", "wheel"]) this.element.addEventListener(kind, e => { if (kind !== "pointermove" || e.buttons) touched(); }, {capture: true, passive: true});
    this.released = new AbortController();
    const on = (kind, act) => addEventListener(kind, act, {capture: true, signal: this.released.signal});
    on("pointerdown", e => { this.pressed = this.element.contains(e.target); if (!this.pressed && this.over) this.give(); });
    for (const kind of ["pointerup", "pointercancel"]) on(kind, () => { this.pressed = false; });
    on("keydown", e => { if (this.over && !this.element.contains(e.target) && e.target !== document.body) this.give(); });
    on("pagehide", () => this.keep());
    on("resize", () => this.lie());
    this.timer = setInterval(() => this.look(), LOOK);
    this.late = setTimeout(() => this.say("The live app is not there yet. The recording stays.", true), PATIENCE);
  }

  // One line below the run, with a way to try again where the live page may not come by itself.
  say(text, again = false) {
    this.said.textContent = text;
    this.more.hidden = !again;
    if (again && !this.more.firstChild) this.more.append(Object.assign(document.createElement("a"), {href: "", textContent: "Load the page again", onclick: e => { e.preventDefault(); location.reload(); }}));
  }

  kept(name) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
      return kept?.name === name && Date.now() - kept.at < FRESH ? kept : null;
    } catch { return null; }
  }
  keep() {
    const {step, view, camera, playing} = this.player.state;
    try { sessionStorage.setItem(KEPT, JSON.stringify({name: this.name, at: Date.now(), step, view, camera, playing})); } catch { /* it begins anew */ }
  }

  look() {
    const now = performance.now(), live = livePage();
    if (!live) return;
    this.lie(live);
    if (live.frame !== this.frame) { this.frame = live.frame; this.since = now; }
    const {playing, view, camera} = this.player.state;
    const busy = playing || this.pressed || now - this.touchedAt < HAND;
    if (!live.frame || live.running || busy || now - this.since < REST) return;
    this.drawnAt ||= now;
    const step = this.steps.reduce((one, other) => Math.abs(other - this.player.step) < Math.abs(one - this.player.step) ? other : one);
    const turned = view === "3d" && camera !== this.camera;
    if (step === live.step && view === live.view && !turned || now - this.drawnAt > STUBBORN) return this.give();
    if (this.player.step !== step) this.player.seek(step);
    if (now - this.askedAt < AGAIN) return;
    this.askedAt = now;
    if (view === live.view && !turned) return lookAt(live, step);
    this.camera = camera;
    openPlace({preset: this.name, step: this.steps.at(-1), seen: step, "display.show": view, ...view === "3d" && camera && {"display.camera": camera}});
  }

  // Lie where the live picture will be, so that its axes are those of the run.
  lie(live = this.over && livePage()) {
    if (!live) return;
    const {left, top, width} = live.box, {style} = this.place, wanted = {left, top, width, height: live.bottom - top};
    if (live.box.width < 300) return;  // a narrow page, whose picture is small
    if (!this.over) this.begin();
    if (live.area && live.view === this.player.state.view && live.box.width >= ALIGNED) {
      const own = this.player.area, now = this.place.getBoundingClientRect();
      wanted.left = now.left + live.area.left - own.left; wanted.top = now.top + live.area.top - own.top;
      wanted.width = now.width + live.area.width - own.width; wanted.height = now.height + live.area.height - own.height;
    }
    for (const [side, value] of Object.entries(wanted)) if (Math.abs(parseFloat(style[side]) - value) > .5 || !style[side]) style[side] = `${value}px`;
    style.setProperty("--above", `${Math.max(0, wanted.top - live.box.top)}px`);  // what is above the live picture stays whole
    const note = this.said.parentElement.style, {left: x, top: y, height: high} = live.area ?? live.box;
    note.left = `${x + 10}px`; note.top = `${y + high - 34}px`;
  }

  // From the page of the run alone to a run over the live page.
  begin() {
    const {left, top, width, height} = this.place.getBoundingClientRect();
    Object.assign(this.place.style, {left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`});
    this.over = true;
    this.element.classList.add("over");
    this.place.getBoundingClientRect();
    this.element.classList.add("moves");
    clearTimeout(this.late);
    this.say("A recorded run. The live one follows.");
    this.late = setTimeout(() => this.say("The live app is not there yet. The recording stays.", true), PATIENCE);
  }

  // The live page is there: what is seen stays, and is its own from now on.
  give() {
    if (this.given) return;
    this.given = true;
    clearInterval(this.timer); clearTimeout(this.late); this.released.abort();
    try { sessionStorage.removeItem(KEPT); } catch { /* nothing was kept */ }
    if (this.element.contains(document.activeElement)) found("button[data-action='play']")?.focus({preventScroll: true});
    this.element.classList.add("gone");
    performance.mark("landscape-handed-over", {detail: {area: this.player.area, step: this.player.step}});
    setTimeout(() => { this.player.destroy(); this.element.remove(); }, 220);
  }
}

// The live page's scripts, in their order: not before the run is seen, nor while it is being turned.
async function startLive(held, stage) {
  for (const one of held.content.querySelectorAll("script[src]")) document.head.append(Object.assign(document.createElement("link"), {rel: "preload", as: "script", href: one.getAttribute("src")}));
  await stage?.prepared;
  const frame = () => new Promise(done => { requestAnimationFrame(done); setTimeout(done, 100); });
  await frame(); await frame();
  for (const node of [...held.content.children]) {
    while (stage?.pressed) await frame();
    if (node.localName !== "script") { document.body.append(node); continue; }
    const script = document.createElement("script");
    for (const {name, value} of node.attributes) script.setAttribute(name, value);
    script.textContent = node.textContent;
    script.async = false;
    const done = script.src ? new Promise(end => { script.onload = script.onerror = end; }) : null;
    document.body.append(script);
    await done;
  }
  held.remove();
}

dress();
const element = document.getElementById("stage"), config = JSON.parse(document.getElementById("stage_config").textContent);
const stage = new Stage(element, config);
const opened = stage.open().catch(error => { console.warn(error); return false; }).then(there => {
  if (there) window.landscapeStage = stage; else element.remove();
  return there;
});
window.landscapeOpened = opened.then(there => there ? stage : null);

// The body of a live page, from the document that holds it, takes the place of what waits.
window.landscapeLive = async page => {
  const there = await opened, held = document.getElementById("stage_live") ?? document.adoptNode(page.getElementById("stage_live"));
  if (page !== document) {
    document.querySelector("body > main")?.remove();
    document.title = page.title;
    document.head.append(...[...page.head.querySelectorAll("style")].map(style => document.adoptNode(style)));
    document.body.append(...[...page.body.querySelectorAll("[data-root-id]")].map(root => document.adoptNode(root)));
  }
  await startLive(held, there ? stage : null);
};

if (config.waits) document.querySelector("body > main").inert = true;
opened.then(there => { if (!there && config.waits) document.querySelector("body > main").inert = false; });
addEventListener("load", async () => {
  if (config.streams && await opened && !document.getElementById("rendered_cells")) {
    stage.say("The live app did not start. It is tried again in 20 seconds.", true);
    setTimeout(() => location.reload(), PATIENCE);
  }
  if (document.getElementById("stage_live")) window.landscapeLive(document);
});
