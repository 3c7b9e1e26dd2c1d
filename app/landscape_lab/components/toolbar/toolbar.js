// The bar above the pictures. What is shown comes as messages of what has changed, up to 30 a second.
// In a narrow window things go one after another, by what is there, not by what fits some screen.
const STYLE = `
.top{--size:calc(32px*var(--scale,1));--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#87959f);--tint:var(--accent,#0f6e84);
 font:calc(13px*var(--scale,1))/1.3 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);position:relative;z-index:45}
@media (pointer:coarse){.top{--size:max(44px,calc(32px*var(--scale,1)))}}
.bar{display:flex;align-items:center;gap:8px;min-height:max(52px*var(--scale,1),var(--size) + 8px);padding:0 14px;box-sizing:border-box;border-bottom:var(--edge,1px) solid var(--line,#dfe6ea);background:var(--surface,#fff);white-space:nowrap}
.bar>*{flex:none}
[hidden]{display:none!important}
h1{font-size:1.23em;font-weight:650;margin:0 4px 0 0;display:flex;align-items:center;gap:8px;letter-spacing:-.01em}
svg{width:1em;height:1em;flex:none}h1 svg{width:1.5em;height:1.5em}
button,select{font:inherit;color:inherit;height:var(--size);min-width:var(--size);border:var(--edge,1px) solid var(--rim);border-radius:7px;background:var(--surface,#fff);padding:0 .75em;cursor:pointer;display:inline-flex;align-items:center;justify-content:center;gap:6px}
select{padding:0 .4em}
button.bare{padding:0}button.bare span{display:none}
button:hover,select:hover{border-color:var(--tint)}
button:active{background:var(--wash,#eef4f6)}
button[aria-disabled=true]{color:var(--disabled,#6f7c85);border-color:var(--frame,#c9d2d8);cursor:default}button[aria-disabled=true] svg{opacity:.55}
button.play,button.first{background:var(--tint);border-color:var(--tint);color:var(--on-accent,#fff);font-weight:600}
button.play{min-width:6.8em}.face{display:inline-flex;align-items:center;gap:6px;font-weight:inherit}
button.play:hover,button.first:hover{background:var(--accent-hover,#0b5566)}
.group{display:inline-flex}.group>*{border-radius:0;margin-left:-1px}.group>:first-child{border-radius:7px 0 0 7px;margin:0}.group>:last-child{border-radius:0 7px 7px 0}.group>:first-child:has(+[hidden]){border-radius:7px}
[aria-pressed=true]:not(.play){background:var(--selected,#e3f0f3);border-color:var(--tint);color:var(--accent-ink,#0b5566);font-weight:600;z-index:1}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px;z-index:2}
.count{background:var(--tint);color:var(--on-accent,#fff);border-radius:9px;padding:0 .45em;font-size:.85em;font-weight:600}
.readings{display:flex;gap:14px;margin-left:auto;font-variant-numeric:tabular-nums}
.readings div{display:flex;flex-direction:column;min-width:3.4em}
.readings [data-of$=loss],.readings [data-of$=accuracy]{min-width:4.2em}
.readings b{font-weight:500}
small{font-size:.82em;color:var(--soft)}
.status b{font-weight:600}.status[data-status=running] b{color:var(--tint)}.status[data-status=diverged] b{color:var(--alert,#b3261e)}
.readings .status{min-width:4.8em}
.wide{width:17.5em;justify-content:flex-start}.wide .named{overflow:hidden;text-overflow:ellipsis;font-weight:600}.wide svg{color:var(--tint)}
.more{position:relative}.more.left .menu{left:0;right:auto}.menu{position:absolute;right:0;top:calc(100% + 6px);z-index:60;display:flex;flex-direction:column;gap:4px;padding:8px;background:var(--raised,#fff);border:var(--edge,1px) solid var(--rim);border-radius:9px;box-shadow:0 4px 16px var(--shade,#1d2a3333)}
.menu button{justify-content:flex-start;padding:0 .75em;gap:10px}.menu button.bare span{display:inline}
.f1 h1 span,.f2 [data-of=epoch],.f3 [data-of=time],.f9 .worded span:not(.count),.f10 [data-of=test_loss],.f11 [data-of=test_accuracy]{display:none}
.f4{gap:6px;padding:0 10px}.f4 .wide{width:max(16.2em,210px)}.f4 .readings{gap:9px}.f4 button{padding:0 .6em}.f4 button.bare{padding:0}.f4 .menu button{padding:0 .75em}.f4 .readings .status{min-width:4.4em}
.f6 .worded svg{display:none}.f9 .worded svg{display:block}.f9 .worded{padding:0 .5em}
.f10{padding:0 8px}.f10 .wide{width:11em}.f11 .play{min-width:var(--size)}
.f12{flex-wrap:wrap;padding:6px 8px}.f12 [data-of]{display:flex!important}
@container (max-width:640px){.f12 [data-of=epoch],.f12 [data-of=time]{display:none!important}.f12 .readings{width:100%;justify-content:space-between;gap:6px}}
.line{position:absolute;left:0;right:0;bottom:0;height:calc(3px*var(--scale,1));background:var(--track,#d6e6ea);overflow:hidden}
.line i{display:block;height:100%;width:100%;background:var(--tint);transform-origin:0 0;transition:transform .2s linear}
.line.endless i{width:30%;animation:run 1.4s linear infinite;transition:none}
@keyframes run{from{transform:translateX(-100%)}to{transform:translateX(434%)}}
@keyframes appear{from{opacity:0}to{opacity:1}}
.line,.work{animation:appear .15s .4s both}
@media (prefers-reduced-motion:reduce){.line.endless i{animation:none;width:100%}}
.work{position:absolute;right:var(--work-right,8px);top:var(--floor,calc(100% + 40px));transform:translateY(var(--rise,0));z-index:2;display:flex;align-items:center;gap:8px;background:var(--raised,#fff);border:var(--edge,1px) solid var(--rim);border-radius:7px;box-shadow:0 2px 8px var(--shade,#1d2a3322);padding:2px 3px 2px 10px;color:var(--fg);font-variant-numeric:tabular-nums;white-space:nowrap}
.below{display:flex;padding:0 14px}
.message,.point{background:var(--raised,#fff);border:var(--edge,1px) solid var(--rim);border-left:4px solid var(--tint);border-radius:7px;box-shadow:0 4px 16px var(--shade,#1d2a3322);padding:6px 8px 6px 12px;max-width:min(100%,640px*var(--scale,1));box-sizing:border-box;white-space:normal}
.message{margin:5px 0}
.message.alert{border-left-color:var(--alert,#b3261e);color:var(--alert-ink,#7a1710)}
.message button,.work button,.point button{height:calc(24px*var(--scale,1));min-width:24px;padding:0 .55em;flex:none}.message button{margin-left:10px}
.point{position:absolute;left:var(--left,8px);top:var(--floor,calc(100% + 4px));transform:translateY(var(--rise,0));display:flex;gap:6px;align-items:center;max-width:calc(var(--room,100%) - 12px);padding:2px 3px 2px 8px;font-size:.93em;white-space:nowrap}.point span{min-width:0;overflow:hidden;text-overflow:ellipsis}
@media (forced-colors:active){[aria-pressed=true]{outline:2px solid Highlight;outline-offset:-3px}.line i{background:Highlight}}
@media (pointer:coarse){.message button,.work button,.point button{height:44px;min-width:44px}}`;
const SPEEDS = [1, 2, 5, 10, 25, 50];
const FITS = 12, MENUS = {5: ["projector", "appearance", "help"], 7: ["seed"], 8: ["history"]};  // steps of getting narrower; what goes into the menu at them
const NARROW = 900;  // pixels below which the settings are a drawer, at the usual size of type

const digits = (value, n) => Number.isFinite(value) ? value.toPrecision(n) : value === undefined || value === null ? "–" : "NaN";
const percent = value => Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–";
const signed = value => (Math.abs(value) < 1e6 ? value.toFixed(2) : value.toPrecision(3)).replaceAll("-", "−");
const READINGS = {
  step: ["step", v => v.toLocaleString("en").replaceAll(",", "\u202f")],
  epoch: ["epoch", v => v.toFixed(1)],
  time: ["time", v => `${v.toFixed(1)} s`],
  train_loss: ["train loss", v => digits(v, 3)],
  test_loss: ["test loss", v => digits(v, 3)],
  test_accuracy: ["test acc.", percent],
};

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const tell = (action, value) => model.send_msg(value === undefined ? {action} : {action, value});
  // A button with a word that goes when room is short (`worded`), without one (`bare`), or with one that stays.
  const button = (name, word, help, act, className = "") => {
    const b = make("button", {type: "button", title: help, className, innerHTML: ICONS[name] ?? ""});
    if (word) b.append(make("span", {textContent: word}));
    b.dataset.action = name;
    b.setAttribute("aria-label", help);
    b.onclick = () => { if (b.getAttribute("aria-disabled") !== "true") act(); };
    return b;
  };
  const simple = (name, word, help, className) => button(name, word, help, () => tell(name), className);
  const allow = (b, allowed) => b.setAttribute("aria-disabled", !allowed);  // a disabled button would lose the focus
  let state = {};
  const title = make("h1", {innerHTML: `${MARK}<span>Landscape Lab</span>`, title: "Landscape Lab"});
  title.setAttribute("aria-label", "Landscape Lab");
  const settings = button("settings", "Settings", "Show or hide the settings (S)", () => signal(el, "settings"), "worded");
  settings.hidden = true; settings.setAttribute("aria-expanded", false);
  const preset = button("examples", "", EXAMPLES, () => signal(el, {examples: state.preset}), "wide");
  const named = make("span", {className: "named", textContent: "Examples"});
  preset.append(named); preset.setAttribute("aria-haspopup", "dialog");
  const restore = simple("restore", "Restore", "Restore all settings of the preset", "bare");
  const opening = make("div", {className: "group", hidden: model.presets.length === 0}, preset, restore);
  const play = button("play", "Play", "Play or pause (space)", () => { show({playing: !state.playing}); tell("play", state.playing); }, "play");  // at once: a second press means the other
  const face = (icon, word) => make("b", {className: "face", innerHTML: `${ICONS[icon]}<span>${word}</span>`});
  const playFace = face("play", "Play"), pauseFace = face("pause", "Pause");
  play.replaceChildren(playFace, pauseFace);
  const step = simple("step", "Step", "One training step (.)", "worded");
  const reset = simple("reset", "Reset", "Reset to step 0 with the same seed (R)", "worded");
  const seed = simple("seed", "New seed", "Restart with another random seed", "bare");
  const undo = simple("undo", "Undo", "Undo the last change (Z)", "bare"), redo = simple("redo", "Redo", "Redo the change (Shift+Z)", "bare");
  const history = make("div", {className: "group"}, undo, redo);
  const speed = make("select", {title: "Training steps per frame"});
  speed.setAttribute("aria-label", "Training steps per frame"); speed.dataset.action = "speed";
  for (const n of SPEEDS) speed.add(new Option(`× ${n}`, n));
  speed.onchange = () => tell("speed", Number(speed.value));
  const views = make("div", {className: "group"});
  views.setAttribute("role", "group"); views.setAttribute("aria-label", "View");
  for (const [name, text, help] of [["2d", "2-D", "2-D view: contour plot (2)"], ["3d", "3-D", "3-D view: surface plot (3)"], ["compare", "Compare", "Compare with the kept runs (C)"]]) {
    const b = button(`view-${name}`, text, help, () => tell("view", name));
    b.dataset.view = name;
    views.append(b);
  }
  const compare = views.lastChild, count = make("span", {className: "count", hidden: true});
  const mode = make("select", {hidden: true, title: "How the runs are compared"});
  mode.setAttribute("aria-label", mode.title); mode.dataset.action = "comparison";
  for (const [name, text] of Object.entries(model.comparisons)) mode.add(new Option(text, name));
  mode.onchange = () => tell("comparison", mode.value);
  const keep = simple("keep", "Keep", "", "worded");
  keep.append(count);
  const forget = simple("forget", "", "Discard the kept runs", "bare");
  forget.innerHTML = ICONS.close;
  const keeping = make("div", {className: "group"}, keep, forget);
  const save = simple("export", "Export", "Export the figure, its data or its code (E)", "worded");
  const projector = button("projector", "Projector", "Large type for a projector (P)", () => tell("projector", !state.projector), "bare");
  const appearance = button("system", "Light or dark", "Colours", () => signal(el, "appearance"), "bare");
  const help = button("help", "Keys", "Keyboard shortcuts (?)", () => signal(el, "help"), "bare");
  const menu = make("div", {className: "menu", hidden: true, tabIndex: -1}), dots = button("more", "", "More", () => unfold(menu.hidden), "bare");
  const more = make("div", {className: "more", hidden: true}, dots, menu);
  const status = make("div", {className: "status"}, make("small", {textContent: "status"}), make("b"));
  const readings = make("div", {className: "readings"}, status);
  const cells = {};
  for (const [name, [label]] of Object.entries(READINGS)) {
    cells[name] = make("b", {textContent: "–"});
    cells[name].dataset.reading = name;
    const cell = make("div", {}, make("small", {textContent: label}), cells[name]);
    cell.dataset.of = name;
    readings.append(cell);
  }
  const parts = [title, settings, opening, play, step, reset, seed, history, speed, views, mode, keeping, save, projector, appearance, help, more, readings];
  const seldom = {seed, history, projector, appearance, help};
  const bar = make("div", {className: "bar"}, ...parts);
  const line = make("div", {className: "line", hidden: true}, make("i")), words = make("span"), stop = simple("stop", "Stop", "Stop this; what is there stays");
  line.setAttribute("role", "progressbar"); line.setAttribute("aria-label", "Progress");
  const work = make("div", {className: "work", hidden: true}, words, stop);
  const message = make("div", {className: "message", hidden: true});
  const place = make("span"), point = make("div", {className: "point", hidden: true}, place,
    simple("start_here", "Start here", "Start training from this point", "first"), simple("leave_point", "Back", "Back to the trajectory: inspect the run's current point"));
  place.setAttribute("role", "status");
  const top = make("div", {className: "top"}, bar, line, make("div", {className: "below"}, message), point, work);
  top.setAttribute("role", "region"); top.setAttribute("aria-label", "Run");
  el.append(make("style", {textContent: STYLE}), top);

  // `panel serve` leaves it out; a tablet then shows a page 980 pixels wide, made small.
  if (!document.querySelector("meta[name=viewport]")) document.head.append(make("meta", {name: "viewport", content: "width=device-width, initial-scale=1"}));

  const unfold = open => {
    menu.hidden = !open;
    more.classList.toggle("left", more.offsetLeft < top.clientWidth / 2);
    dots.setAttribute("aria-expanded", open);
  };
  unfold(false);
  menu.addEventListener("click", () => { unfold(false); dots.focus(); });
  top.addEventListener("keydown", e => { if (e.key === "Escape" && !menu.hidden) { unfold(false); dots.focus(); } });
  top.addEventListener("focusout", e => { if (!more.contains(e.relatedTarget)) unfold(false); });

  // As little as must go goes: the first of FITS at which all that is left fits on the line.
  const fit = () => {
    settings.hidden = top.clientWidth >= (parseFloat(getComputedStyle(top).getPropertyValue("--drawer")) || NARROW);
    const had = bar.getRootNode().activeElement;
    let folded = [];
    preset.style.width = "";
    for (let k = 0; k <= FITS; k++) {
      bar.className = ["bar", ...Array.from({length: k}, (_, n) => `f${n + 1}`)].join(" ");
      folded = [...(MENUS[k] ?? []).map(name => seldom[name]), ...folded];
      more.hidden = !folded.length;
      if (folded.length !== menu.childElementCount) {
        bar.replaceChildren(...parts.filter(part => !folded.includes(part)));
        menu.replaceChildren(...folded);
      }
      if (bar.scrollWidth <= bar.clientWidth) break;
    }
    widen(preset, named, readings);
    if (bar.contains(had)) had.focus({preventScroll: true});  // what is moved loses it
  };
  const later = () => { if (el.isConnected && top.clientWidth) fit(); };
  new ResizeObserver(later).observe(top);

  // The status; while the run is on its way to where it is wanted, that.
  const stand = () => {
    const said = state.progress?.training ? "training" : state.status ?? "";
    status.dataset.status = said === "training" ? "running" : said;
    status.lastChild.textContent = said;
  };

  // Messages stand under the bar and move the page down. Work and a point stand on the line of words
  // between the picture and the time line, so that they cover nothing of the picture.
  const placed = floor => {
    const at = top.getBoundingClientRect(), put = (name, value) => top.style.setProperty(name, value);
    put("--left", `${floor.left - at.left + 8}px`);
    put("--room", `${floor.width}px`);
    put("--floor", `${floor.top - at.top}px`);
    put("--rise", "-100%");
    put("--work-right", `${at.right - floor.right + 8}px`);
  };

  const SHOWN = {
    playing: v => {  // shown and hidden, not replaced: a click ends where it began
      for (const [face, is] of [[playFace, !v], [pauseFace, v]]) face.hidden = !is;
      play.setAttribute("aria-pressed", Boolean(v));
    },
    preset: v => {
      entitle(preset, named, model.presets.find(one => one.name === v)?.title ?? "");
      later();
      preset.dataset.preset = v;
    },
    speed: v => {
      if (![...speed.options].some(o => Number(o.value) === v)) speed.add(new Option(`× ${v}`, v));
      speed.value = v;
    },
    view: v => {
      for (const b of views.children) b.setAttribute("aria-pressed", b.dataset.view === v);
      mode.hidden = v !== "compare";
      later();
    },
    comparison: v => { mode.value = v; },
    status: stand,
    // What this problem does not have, as a test set, has no place on the bar.
    absent: v => { for (const [name, cell] of Object.entries(cells)) cell.parentNode.hidden = v.includes(name); later(); },
    value_name: v => { cells.train_loss.previousSibling.textContent = v; },
    can_undo: v => allow(undo, v), can_redo: v => allow(redo, v), changed: v => allow(restore, v),
    kept: v => {
      count.hidden = forget.hidden = !v;
      allow(compare, v > 0);
      compare.title = v ? "Compare with the kept runs (C)" : "Keep a run first (K), then change a setting";
      compare.setAttribute("aria-label", `Compare: ${compare.title}`);
      count.textContent = v;
      allow(keep, v < model.most_kept);
      keep.title = v < model.most_kept ? "Keep this run to compare with (K)" : `${model.most_kept} runs are kept, the maximum`;
      keep.setAttribute("aria-label", v ? `${keep.title}; ${v} kept` : keep.title);
      later();
    },
    stale: v => paled(el, v),
    projector: v => {
      const root = document.documentElement;
      root.classList.toggle("projector", Boolean(v));
      for (const [name, value] of Object.entries(model.projector)) v ? root.style.setProperty(name, value) : root.style.removeProperty(name);
      projector.setAttribute("aria-pressed", Boolean(v));
      later();
      signal(el, "scaled");
    },
    progress: v => {
      line.hidden = work.hidden = !v;
      stand();
      if (!v) return;
      words.textContent = working(v);
      line.classList.toggle("endless", !v.total);
      line.firstChild.style.transform = v.total ? `scaleX(${Math.min(1, v.done / v.total)})` : "";
      if (v.total) line.setAttribute("aria-valuenow", Math.floor(100 * v.done / v.total)); else line.removeAttribute("aria-valuenow");
      line.setAttribute("aria-valuetext", words.textContent);
    },
    point: v => { point.hidden = !v; place.textContent = place.title = v ? standing(v, state.value_name ?? READINGS.train_loss[0]) : ""; },
    message: v => {
      message.hidden = !v;
      message.className = state.alert ? "message alert" : "message";
      message.setAttribute("role", state.alert ? "alert" : "status");
      message.replaceChildren(v || "", button("dismiss", "×", "Close this message", () => { message.hidden = true; signal(el, "floor"); }));
    },
    frame: v => requestAnimationFrame(() => { bar.dataset.frame = v; tell("drawn", v); }),
  };
  const show = news => {
    state = {...state, ...news};
    if ("alert" in news) news = {message: state.message, ...news};
    if (news.progress || news.point || "message" in news) requestAnimationFrame(() => signal(el, "floor"));
    for (const [name, value] of Object.entries(news)) {
      if (name in READINGS) cells[name].textContent = value === null ? "–" : READINGS[name][1](value);
      else SHOWN[name]?.(value);
    }
    if (Object.keys(news).some(name => name in READINGS) && bar.scrollWidth > bar.clientWidth) later();  // a number became longer
  };
  onSignal(el, detail => {
    const {drawer, floor} = detail;
    if (floor) placed(floor);
    if (detail === "examples" && !opening.hidden) preset.click();
    if (drawer) settings.setAttribute("aria-expanded", drawer === "open");
    if (drawer === "closed") settings.focus();
  });
  onAppearance(appearance);
  model.on("msg:custom", event => show(event.data ?? event));
  show({playing: false, kept: 0, can_undo: false, can_redo: false, changed: false, projector: false});
  tell("ready");
}
