// The bar above a lab. What is shown comes as messages of what has changed, ten a second at most.
const STYLE = `
.lab{--size:calc(32px*var(--scale,1));--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#87959f);--tint:var(--accent,#0f6e84);
 font:calc(13px*var(--scale,1))/1.35 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);background:var(--surface,#fff);position:relative}
@media (pointer:coarse){.lab{--size:max(44px,calc(32px*var(--scale,1)))}}
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px 8px;padding:8px 14px;border-bottom:var(--edge,1px) solid var(--line,#dfe6ea)}
h1{font-size:1.23em;font-weight:650;margin:0 6px 0 4px;letter-spacing:-.01em}
h1:focus{outline:none}
button,select,input[type=number]{font:inherit;color:inherit;height:var(--size);border:var(--edge,1px) solid var(--rim);border-radius:7px;background:var(--surface,#fff);padding:0 .75em;box-sizing:border-box;white-space:nowrap}
button,select{cursor:pointer}
input[type=number]{width:5em;padding:0 .4em}
label>select,label>input[type]{color:var(--fg)}
button:hover,select:hover{border-color:var(--tint)}
button.play{background:var(--tint);border-color:var(--tint);color:var(--on-accent,#fff);font-weight:600;min-width:6em}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px}
label{display:inline-flex;align-items:center;gap:5px;color:var(--soft)}
.state{margin-left:auto;color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}
.words{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline;padding:6px 16px 2px}
.question{font-weight:600;font-size:1.08em;margin:0;flex:1 1 20em}
.verdict{flex:1 1 26em;margin:0;min-height:1.35em}
.verdict b{display:inline-block;border-radius:5px;padding:0 .5em;margin-right:.5em;color:var(--surface,#fff);background:var(--muted,#5d6b75)}
.verdict[data-word=PASS] b{background:#1c6b3c;color:#fff}.verdict[data-word="NOT REPRODUCED"] b{background:#9a2f14;color:#fff}
.verdict small{color:var(--soft);font-size:.92em}
.looks{display:flex;flex-wrap:wrap;gap:4px 18px;align-items:center;padding:2px 16px 4px}
.looks select{height:calc(24px*var(--scale,1));padding:0 .3em}
@media (pointer:coarse){.looks select{height:44px}}
.looks input[type=range]{width:clamp(120px,22vw,320px);accent-color:var(--tint)}
.looks output{color:var(--fg);font-variant-numeric:tabular-nums;min-width:4em}
.asked{display:flex;flex-wrap:wrap;align-items:center}
.asked .bar,.asked .message{flex:1 0 100%;order:-1;box-sizing:border-box}.asked .message{margin:2px 0;flex-basis:calc(100% - 32px)}
.asked .question{display:none}.asked .words{flex:1 1 30em}.asked .looks{flex:none;max-width:100%;box-sizing:border-box}
.message{margin:0 16px 4px;padding:4px 12px;border:var(--edge,1px) solid var(--rim);border-left:4px solid var(--alert,#b3261e);border-radius:7px;color:var(--alert-ink,#7a1710)}
.line{position:absolute;left:0;right:0;top:0;height:calc(3px*var(--scale,1));background:var(--track,#d6e6ea)}
.line i{display:block;height:100%;background:var(--tint);transform-origin:0 0;transition:transform .2s linear}
[hidden]{display:none!important}`;
const NARROW = 900;  // pixels below which the settings are a drawer, at the usual size of type

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const tell = (action, value) => model.send_msg(value === undefined ? {action} : {action, value});
  const button = (action, word, help, act, className = "") => {
    const b = make("button", {type: "button", textContent: word, title: help, className, onclick: act ?? (() => tell(action))});
    b.dataset.action = `lab-${action}`;
    return b;
  };
  let state = {};
  const title = make("h1", {tabIndex: -1});
  const settings = button("settings", "Settings", "Show or hide the settings (S)", () => signal(el, "settings"));
  const play = button("play", "Play", "Compute all seeds, or pause (space)", () => { show({playing: !state.playing}); tell("play", state.playing); }, "play");  // at once: a second press means the other
  const step = button("step", "Step", "Compute the next seed, show it, and pause; when all are computed, show the next one (.)");
  const count = make("input", {type: "number", min: 1, max: model.most, title: "How many seeds the claim is tried on"});
  count.dataset.action = "lab-count";
  count.onchange = () => { const n = Math.round(Number(count.value)); if (n >= 1) tell("count", Math.min(n, model.most)); else count.value = state.count; };
  const standing = make("span", {className: "state"});
  standing.setAttribute("role", "status");
  const bar = make("div", {className: "bar"}, button("leave", "← Labs", "Back to all labs"), title, settings, play, step,
    make("label", {}, "seeds", count), button("again", "Again", "Compute these seeds anew"),
    button("fresh", "Fresh seeds", "Try seeds that were not used before"), button("export", "Export", "Figure, data or program (E)"), standing);
  const question = make("p", {className: "question"}), verdict = make("p", {className: "verdict"});
  verdict.setAttribute("aria-live", "polite");
  const seed = make("select", {title: "The seed that pictures of one run show"});
  seed.dataset.action = "lab-seed";
  seed.onchange = () => tell("seed", Number(seed.value));
  const slider = make("input", {type: "range", min: 0}), place = make("output"), name = make("span");
  slider.dataset.action = "lab-frame";
  slider.oninput = () => tell("frame", Number(slider.value));
  slider.onchange = () => tell("settled");  // the address follows now, not at each move
  const open = button("open_run", "Open this run in the landscape", "Shows the loss landscape of the network that is trained here with the seed shown", undefined, "open");
  const moving = make("label", {hidden: true}, name, slider, place);
  const message = make("div", {className: "message", hidden: true});
  message.setAttribute("role", "alert");
  const line = make("div", {className: "line", hidden: true}, make("i"));
  line.setAttribute("role", "progressbar"); line.setAttribute("aria-label", "Seeds computed");
  const lab = make("div", {className: "lab"}, line, bar, make("div", {className: "words"}, question, verdict),
    message, make("div", {className: "looks"}, make("label", {}, "seed shown", seed), moving, open));
  lab.setAttribute("role", "region"); lab.setAttribute("aria-label", "Lab");
  el.append(make("style", {textContent: STYLE}), lab);

  const fit = () => { settings.hidden = lab.clientWidth >= (parseFloat(getComputedStyle(lab).getPropertyValue("--drawer")) || NARROW); };
  new ResizeObserver(() => { if (el.isConnected && lab.clientWidth) fit(); }).observe(lab);

  const stand = () => {
    const {playing, done, count: all} = state;
    line.hidden = !playing;
    line.firstChild.style.transform = `scaleX(${all ? done / all : 0})`;
    line.setAttribute("aria-valuenow", all ? Math.floor(100 * done / all) : 0);
    standing.textContent = all === undefined ? "" : playing ? `computing seed ${Math.min(done + 1, all)} of ${all}` : `${done} of ${all} seeds computed`;
    play.textContent = playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", Boolean(playing));
  };
  const SHOWN = {
    title: v => { title.textContent = v; },
    question: v => { question.textContent = v; },
    playing: stand, done: stand,
    count: v => { count.value = v; stand(); },
    seeds: v => { seed.replaceChildren(...v.map((one, i) => new Option(one, i))); seed.value = state.seed ?? 0; },
    seed: v => { seed.value = v; },
    stale: v => paled(el, v),
    has_run: v => { open.hidden = !v; },
    frame: v => {
      moving.hidden = !v;
      if (!v) return;
      name.textContent = v.name; slider.max = v.count - 1; place.textContent = v.value;
      slider.setAttribute("aria-valuetext", `${v.name} ${v.value}`);
      if (slider.getRootNode().activeElement !== slider || state.playing) slider.value = v.index;
    },
    verdict: v => {
      verdict.dataset.word = v?.word ?? "";
      if (!v) verdict.replaceChildren(make("small", {textContent: "The verdict appears when all seeds are computed."}));
      else verdict.replaceChildren(make("b", {textContent: v.word}), v.text, make("small", {textContent: ` Expected: ${v.expected}.`}));
    },
    asked: v => { lab.classList.toggle("asked", v); },
    arrived: () => focusOnceSeen(title),
    message: v => { message.hidden = !v; message.textContent = v; },
    number: v => requestAnimationFrame(() => { lab.dataset.number = v; tell("drawn", v); }),
  };
  const show = news => {
    state = {...state, ...news};
    for (const [key, value] of Object.entries(news)) SHOWN[key]?.(value);
  };
  model.on("msg:custom", event => show(event.data ?? event));
  show({verdict: null, has_run: false, ...model.first});
  fit();
  tell("ready");
}
