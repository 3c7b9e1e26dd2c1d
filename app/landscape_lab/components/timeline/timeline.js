// The recorded steps of a run as a native slider, so that keyboard and screen readers work as everywhere.
const STYLE = `
.timeline{--size:calc(30px*var(--scale,1));--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#87959f);--tint:var(--accent,#0f6e84);
 font:calc(12.5px*var(--scale,1))/1.25 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);
 container-type:inline-size;height:calc(38px*var(--scale,1));font-variant-numeric:tabular-nums}
.strip{display:flex;align-items:center;gap:10px;height:100%;padding:0 10px;box-sizing:border-box}
@media (pointer:coarse){.timeline{--size:44px;height:max(48px,calc(38px*var(--scale,1)))}}
.buttons{display:flex;flex:none}
button{width:calc(var(--size) + 2px);height:var(--size);padding:0;border:var(--edge,1px) solid var(--rim);margin-left:-1px;background:var(--surface,#fff);color:inherit;cursor:pointer;display:flex;align-items:center;justify-content:center}
button:first-child{border-radius:7px 0 0 7px;margin:0}button:last-child{border-radius:0 7px 7px 0}
button:hover{border-color:var(--tint);z-index:1}
button:active{background:var(--wash,#eef4f6)}
button[aria-disabled=true]{color:var(--disabled,#6f7c85);border-color:var(--frame,#c9d2d8);cursor:default}button[aria-disabled=true] svg{opacity:.55}
svg{width:1em;height:1em}
input{flex:1 1 80px;min-width:60px;margin:0;height:var(--size);accent-color:var(--tint)}
:focus-visible{outline:calc(2px*var(--scale,1)) solid var(--tint);outline-offset:1px;z-index:2}
.said{flex:none;width:24.5em;max-width:50%;white-space:nowrap}
[hidden]{display:none}.said div,.loss{overflow:hidden;text-overflow:ellipsis}
.note{font-size:.88em;color:var(--soft)}
.short{display:none}
@container (max-width:51em){.said{width:15.5em}.strip{gap:6px;padding:0 4px}.loss{display:block}.note,.apart{display:none}.short{display:inline}}
@container (max-width:32em){.said{width:8em}}`;
const icon = path => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"><path d="${path}"/></svg>`;
const BUTTONS = [
  ["first", "First recorded step", "M2 2h2v12H2zM14 2v12L5 8z"],
  ["previous", "Previous recorded step (←)", "M12 2v12L3 8z"],
  ["next", "Next recorded step (→)", "M4 2v12l9-6z"],
  ["last", "Last step of the run", "M12 2h2v12h-2zM2 2v12l9-6z"],
];
const PACE = 66;  // milliseconds between two values while the handle is dragged
const PATIENCE = 1500;  // milliseconds after which the handle goes where the picture is, come what may

const spaced = step => step.toLocaleString("en").replaceAll(",", "\u202f");

export function render({model, el}) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  let steps = [], known = [], state = {seen: 0, playing: false, loss: null, called: "train loss"};
  let held = false, asked = null, asked_at = 0, sent_at = 0, timer = 0;

  const slider = make("input", {type: "range", min: 0, max: 0, value: 0, step: 1});
  slider.setAttribute("aria-label", "Recorded step");
  const buttons = make("div", {className: "buttons"});
  for (const [name, help, path] of BUTTONS) {
    const b = make("button", {type: "button", title: help, innerHTML: icon(path), onclick: () => go(name)});
    b.dataset.seek = name;
    b.setAttribute("aria-label", help);
    buttons.append(b);
  }
  const where = make("span"), short = make("span", {className: "short"}), loss = make("span", {className: "loss"});
  const apart = make("span", {className: "apart", textContent: " · "}), note = make("div", {className: "note"});
  const box = make("div", {className: "timeline"}, make("div", {className: "strip"}, buttons, slider, make("div", {className: "said"}, make("div", {}, where, short, apart, loss), note)));
  box.setAttribute("role", "group"); box.setAttribute("aria-label", "Time line");
  el.append(make("style", {textContent: STYLE}), box);

  const at = () => Number(slider.value), last = () => steps.length - 1;
  // The place of a step, or of the last recorded one before it.
  const place = step => Math.max(0, steps.findLastIndex(s => s <= step));

  const write = () => {
    const step = asked ?? state.seen, end = steps[last()] ?? 0;
    where.textContent = `step ${spaced(step)} of ${spaced(Math.max(end, step))}`;
    loss.textContent = step === state.seen && state.loss !== null ? `${state.called} ${state.loss.toPrecision(3)}` : "";
    note.textContent = step < end ? "earlier step: Play replays the record from here, then continues training" : "";
    short.textContent = note.textContent && ", looking back";
    short.title = note.textContent;
    apart.hidden = !loss.textContent;
    slider.setAttribute("aria-valuetext", where.textContent);
    for (const b of buttons.children) {
      const back = b.dataset.seek === "first" || b.dataset.seek === "previous";
      b.setAttribute("aria-disabled", back ? at() <= 0 : at() >= last());
    }
    box.dataset.seen = state.seen; box.dataset.steps = steps.length;
  };

  // The user's hand goes before what is state: no picture that is late moves the handle back.
  const settle = () => {
    if (held) return;
    if (asked !== null && state.seen !== asked && performance.now() - asked_at < PATIENCE) return;
    asked = null;
    steps = known;
    slider.max = Math.max(0, last());
    slider.value = place(state.seen);
    write();
  };

  const send = () => {
    timer = 0; sent_at = performance.now();
    model.send_msg({seek: asked});
    setTimeout(settle, PATIENCE + 10);
  };
  const seek = k => {
    asked = steps[k]; asked_at = performance.now();
    slider.value = k;
    write();
    if (!timer) timer = setTimeout(send, Math.max(0, sent_at + PACE - performance.now()));
  };
  const go = name => {
    const k = {first: 0, previous: at() - 1, next: at() + 1, last: last()}[name];
    if (k >= 0 && k <= last() && k !== at()) seek(k);
  };

  slider.addEventListener("input", () => seek(at()));
  slider.addEventListener("pointerdown", () => { held = true; });
  for (const end of ["pointerup", "pointercancel", "change", "blur"]) slider.addEventListener(end, () => { held = false; settle(); });
  // Notices stand above this strip.
  const measure = () => { if (box.clientHeight) signal(el, {floor: box.getBoundingClientRect()}); };
  new ResizeObserver(measure).observe(box);
  onSignal(el, detail => {
    if (detail.seek) go(detail.seek);
    if (detail.step !== undefined) seek(place(detail.step));
    if (detail === "floor") measure();
  });
  model.on("msg:custom", event => {
    const {kept, steps: more, ...news} = event.data ?? event;
    if (more) known = [...known.slice(0, kept), ...more];
    state = {...state, ...news};
    settle();
  });
  write();
  model.send_msg({ready: true});
}
