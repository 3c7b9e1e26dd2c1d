// The bar above the pictures. Readings come as messages of what has changed, up to 30 a second.
const STYLE = `
.bar{font:13px/1.3 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:#1d2a33;background:#fff;
 display:flex;align-items:center;gap:8px;height:52px;padding:0 14px;box-sizing:border-box;border-bottom:1px solid #dfe6ea;position:relative;white-space:nowrap}
h1{font-size:16px;font-weight:650;margin:0 6px 0 0;display:flex;align-items:center;gap:8px;letter-spacing:-.01em}
button,select{font:inherit;color:inherit;height:32px;border:1px solid #c9d2d8;border-radius:7px;background:#fff;padding:0 10px;cursor:pointer;display:inline-flex;align-items:center;gap:6px}
button:hover,select:hover{border-color:#0f6e84}
button:active{background:#eef4f6}
button.play{background:#0f6e84;border-color:#0f6e84;color:#fff;font-weight:600;min-width:88px;justify-content:center}
button.play:hover{background:#0c5c6f}
.group{display:inline-flex}.group button{border-radius:0;margin-left:-1px}.group button:first-child{border-radius:7px 0 0 7px;margin:0}.group button:last-child{border-radius:0 7px 7px 0}
.group [aria-pressed=true]{background:#e3f0f3;border-color:#0f6e84;color:#0b5566;font-weight:600;z-index:1}
:focus-visible{outline:2px solid #0f6e84;outline-offset:1px}
.readings{display:flex;gap:14px;margin-left:auto;font-variant-numeric:tabular-nums}
.readings div{display:flex;flex-direction:column;min-width:44px}
.readings small{font-size:10.5px;color:#5d6b75}
.status{min-width:66px!important}
.status b{font-weight:600}.status[data-status=running] b{color:#0f6e84}.status[data-status=diverged] b{color:#b3261e}
.message{position:absolute;left:50%;top:58px;transform:translateX(-50%);z-index:50;background:#fff;border:1px solid #c9d2d8;border-left:4px solid #0f6e84;border-radius:7px;box-shadow:0 4px 16px #1d2a3322;padding:9px 14px;max-width:640px;white-space:normal}
.message.alert{border-left-color:#b3261e;color:#7a1710}
.message button{height:22px;padding:0 7px;margin-left:10px}
label.speed{color:#5d6b75;display:inline-flex;gap:6px;align-items:center}
.wide{max-width:190px}
@media (max-width:1180px){.extra{display:none!important}.readings{gap:9px}.bar{gap:6px;padding:0 8px}h1 span{display:none}}`;
const MARK = `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke-width="1.7" aria-hidden="true"><ellipse cx="12" cy="12" rx="10.5" ry="8.5" stroke="#440154" transform="rotate(-24 12 12)"/><ellipse cx="12.6" cy="12.4" rx="7" ry="5.2" stroke="#21918c" transform="rotate(-24 12 12)"/><ellipse cx="13.2" cy="12.8" rx="3.4" ry="2.3" stroke="#5ec962" transform="rotate(-24 12 12)"/></svg>`;
const icon = path => `<svg xmlns="http://www.w3.org/2000/svg" width="13" height="13" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d="${path}"/></svg>`;
const PLAY = icon("M3 1.5v13l11-6.5z"), PAUSE = icon("M3 1.5h3.6v13H3zM9.4 1.5H13v13H9.4z");
const STEP = icon("M2 1.5v13L10 8zM11.5 1.5H14v13h-2.5z"), RESET = icon("M8 2.2a5.8 5.8 0 1 1-5.6 4.3l1.9.5A3.9 3.9 0 1 0 8 4.1v2.4L3.9 3.2 8 0z");
const DICE = icon("M3 1h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2zm1.7 2.2a1.5 1.5 0 1 0 .01 0zm6.6 0a1.5 1.5 0 1 0 .01 0zM8 6.5a1.5 1.5 0 1 0 .01 0zM4.7 9.800a1.5 1.5 0 1 0 .01 0zm6.6 0a1.5 1.5 0 1 0 .01 0z");
const SPEEDS = [1, 2, 5, 10, 25, 50];

const digits = (value, n) => Number.isFinite(value) ? value.toPrecision(n) : value === undefined || value === null ? "–" : "NaN";
const READINGS = {
  step: ["step", v => v.toLocaleString("en").replaceAll(",", "\u202f")],
  epoch: ["epoch", v => v.toFixed(1)],
  time: ["time", v => `${v.toFixed(1)} s`],
  train_loss: ["train loss", v => digits(v, 3)],
  test_loss: ["test loss", v => digits(v, 3)],
  test_accuracy: ["test acc.", v => Number.isFinite(v) ? `${(100 * v).toFixed(1)} %` : "–"],
};

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const tell = (action, value) => model.send_msg(value === undefined ? {action} : {action, value});
  const button = (name, html, help, act) => {
    const b = make("button", {type: "button", innerHTML: html, title: help, onclick: act});
    b.dataset.action = name;
    b.setAttribute("aria-label", help);
    return b;
  };
  let told = {};
  const title = make("h1", {innerHTML: `${MARK}<span>Landscape Lab</span>`});
  const preset = make("select", {className: "wide", title: "Presets, each with something to watch"});
  preset.setAttribute("aria-label", "Preset"); preset.dataset.action = "preset";
  for (const p of model.presets) preset.add(Object.assign(new Option(p.title, p.name), {title: p.question}));
  preset.onchange = () => tell("preset", preset.value);
  const play = button("play", "", "Play or pause (space)", () => tell("play", !told.playing));
  play.className = "play";
  const step = button("step", STEP + "Step", "One training step", () => tell("step"));
  const reset = button("reset", RESET + "Reset", "Back to the start, with the same seed", () => tell("reset"));
  const seed = button("seed", DICE, "Start anew with another seed", () => tell("seed"));
  const speed = make("select", {title: "Training steps between two pictures"});
  speed.setAttribute("aria-label", "Training steps between two pictures"); speed.dataset.action = "speed";
  for (const n of SPEEDS) speed.add(new Option(`× ${n}`, n));
  speed.onchange = () => tell("speed", Number(speed.value));
  const views = make("div", {className: "group"});
  for (const [name, text] of [["2d", "2-D"], ["3d", "3-D"]]) {
    const b = button(`view-${name}`, text, `Show the landscape in ${text}`, () => tell("view", name));
    b.dataset.view = name;
    views.append(b);
  }
  const status = make("div", {className: "status"}, make("small", {textContent: "status"}), make("b"));
  const readings = make("div", {className: "readings"}, status);
  const cells = {};
  for (const [name, [label]] of Object.entries(READINGS)) {
    cells[name] = make("b", {textContent: "–"});
    cells[name].style.fontWeight = 500;
    cells[name].dataset.reading = name;
    const cell = make("div", {className: ["epoch", "time", "test_loss"].includes(name) ? "extra" : ""}, make("small", {textContent: label}), cells[name]);
    readings.append(cell);
  }
  const message = make("div", {className: "message", hidden: true});
  const bar = make("div", {className: "bar"}, title, preset, play, step, reset, seed, speed, views, readings, message);
  bar.setAttribute("role", "toolbar"); bar.setAttribute("aria-label", "Run");
  el.append(make("style", {textContent: STYLE}), bar);

  const show = news => {
    told = {...told, ...news};
    if ("playing" in news) {
      play.innerHTML = told.playing ? PAUSE + "Pause" : PLAY + "Play";
      play.setAttribute("aria-pressed", Boolean(told.playing));
    }
    if ("preset" in news) preset.value = told.preset;
    if ("speed" in news) {
      if (![...speed.options].some(o => Number(o.value) === told.speed)) speed.add(new Option(`× ${told.speed}`, told.speed));
      speed.value = told.speed;
    }
    if ("view" in news) for (const b of views.children) b.setAttribute("aria-pressed", b.dataset.view === told.view);
    if ("status" in news) { status.dataset.status = told.status; status.lastChild.textContent = told.status; }
    for (const [name, [, word]] of Object.entries(READINGS)) if (name in news) cells[name].textContent = told[name] === null ? "–" : word(told[name]);
    if ("message" in news || "alert" in news) {
      message.hidden = !told.message;
      message.className = told.alert ? "message alert" : "message";
      message.setAttribute("role", told.alert ? "alert" : "status");
      message.replaceChildren(told.message || "", button("dismiss", "×", "Close this message", () => { message.hidden = true; }));
    }
    if ("frame" in news) requestAnimationFrame(() => { bar.dataset.frame = told.frame; tell("drawn", told.frame); });
  };
  const space = e => {
    if (!el.isConnected) return document.removeEventListener("keydown", space);
    const at = e.composedPath()[0];
    if (e.code !== "Space" || /^(INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY)$/.test(at.tagName)) return;
    e.preventDefault();
    tell("play", !told.playing);
  };
  document.addEventListener("keydown", space);
  model.on("msg:custom", event => show(event.data ?? event));
  show({playing: false});
  tell("ready");
}
