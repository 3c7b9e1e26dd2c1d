// The strip above the landscape: a preset's words or a step of a tour, and the list of tours.
const STYLE = `
.guide{font:calc(13px*var(--scale,1))/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink,#1d2a33);
 position:relative;box-sizing:border-box;padding:4px 8px 3px 10px;display:flex;flex-direction:column;max-height:34vh}
.holds{container:guide/inline-size}
.top{display:flex;gap:4px 8px;align-items:flex-start;flex:none}
.story .top{flex:0 1 auto;min-height:0;align-items:stretch}
@container guide (max-width:760px){.story:not(.pointing) .top{flex-wrap:wrap}.story:not(.pointing) .text{flex:1 1 100%}}
.story .more,.story .labs{align-self:flex-start}
.tour .top{align-items:center;flex-wrap:wrap;padding-bottom:2px}
.top .name{flex:1;min-width:4.5em;color:var(--muted,#5d6b75);overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.93em}
.text{overflow-y:auto;min-height:0;scrollbar-width:thin;overflow-wrap:anywhere;flex:1}
.text p,.text ul,.text ol,.text pre{margin:0 0 .35em}
.text :last-child{margin-bottom:0}
.text ul,.text ol{padding-left:1.5em}
.text h2{font-size:1.08em;font-weight:650;margin:0 0 .15em;color:var(--accent-ink,#0b5566)}
.text code{font-size:.95em;background:var(--wash,#eef4f6);border-radius:3px;padding:0 .25em}
.text a{color:var(--accent,#0f6e84)}
blockquote{margin:.2em 0 .3em;padding-left:8px;border-left:2px solid var(--frame,#c9d2d8)}
blockquote.question,blockquote.exercise{border-color:var(--accent,#0f6e84)}
blockquote.question{font-weight:600}
blockquote.exercise{margin-top:.55em}
.answer{border-left:2px solid #5ec962;padding-left:8px;margin-top:.3em}
.answer[hidden],.list[hidden],.story .name,.story nav{display:none}
button{font:inherit;color:inherit;background:var(--surface,#fff);border:1px solid var(--frame,#c9d2d8);border-radius:6px;padding:0 .6em;height:1.75em;line-height:1;cursor:pointer;white-space:nowrap;flex:none}
button:hover{border-color:var(--accent,#0f6e84)}
button[aria-disabled=true]{color:var(--disabled,#95a2ab);border-color:var(--line,#e4e9ec);cursor:default}
button.next{background:var(--accent,#0f6e84);border-color:var(--accent,#0f6e84);color:var(--on-accent,#fff)}
button.next:hover{background:var(--accent-hover,#0c5c6f)}
button.ask{border:0;background:none;color:var(--accent,#0f6e84);padding:0;text-decoration:underline;text-underline-offset:2px;font-weight:600}
button.ask+button.lab{margin-left:.9em}
button.lab{white-space:normal;height:auto;line-height:inherit;text-align:left}
button.quiet{border-color:transparent;background:none;padding:0 .35em;color:var(--muted,#5d6b75)}
:focus-visible{outline:2px solid var(--accent,#0f6e84);outline-offset:1px}
nav{display:flex;flex-wrap:wrap;gap:3px 6px;align-items:center}
.dots{display:inline-flex;flex-wrap:wrap}
.dots button{border:0;background:none;width:14px;height:22px;padding:0}
.dots button::before{content:"";display:block;width:7px;height:7px;border-radius:50%;margin:auto;background:var(--frame,#c9d2d8)}
.dots button:hover::before{background:var(--muted,#5d6b75)}
.dots [aria-current]::before{background:var(--accent,#0f6e84)}
.list{position:absolute;right:8px;top:calc(8px + 1.75em);z-index:60;background:var(--raised,#fff);border:1px solid var(--frame,#c9d2d8);border-radius:8px;box-shadow:0 6px 22px var(--shade,#1d2a3326);width:min(420px,calc(100% - 16px));max-height:62vh;overflow-y:auto;margin:0;padding:4px;box-sizing:border-box;list-style:none}
.list button{display:block;width:100%;height:auto;text-align:left;white-space:normal;line-height:1.4;border-color:transparent;padding:5px 8px}
.list button:hover{background:var(--wash,#eef4f6)}
.list b,.list small{display:block}.list small{color:var(--muted,#5d6b75);font-size:.9em}
button.new{background:var(--accent,#0f6e84);border-color:var(--accent,#0f6e84);color:var(--on-accent,#fff);font-weight:600;align-self:flex-start}
button.new:hover{background:var(--accent-hover,#0c5c6f)}
button.show{margin-left:.5em;border-color:var(--accent,#0f6e84);color:var(--accent-ink,#0b5566);font-weight:600;vertical-align:baseline}
.pointing .text b{color:var(--accent-ink,#0b5566)}
.list .broken{padding:5px 8px;color:var(--alert-ink,#8a1c0d);font-size:.93em;overflow-wrap:anywhere}`;

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};

// A button that unfolds what it names; what is unfolded stays in the reading order after it.
function unfolding(word, html) {
  const answer = make("div", {className: "answer", innerHTML: html, hidden: true});
  const button = make("button", {type: "button", className: "ask", textContent: word});
  const turn = folded => { answer.hidden = folded; button.setAttribute("aria-expanded", !folded); };
  button.onclick = () => { turn(!answer.hidden); if (!answer.hidden) answer.scrollIntoView({block: "nearest"}); };
  turn(true);
  return [button, answer];
}

const spoken = minutes => ({5: "Five minutes", 10: "Ten minutes", 15: "Fifteen minutes"})[minutes] ?? (minutes ? `${minutes} minutes` : "A tour");

function entry(tour, open) {
  if (tour.error) return make("li", {className: "broken"}, make("b", {textContent: `${tour.title} cannot be opened`}), tour.error);
  const length = [tour.level, `${tour.steps} ${tour.steps === 1 ? "step" : "steps"}`, tour.minutes && `${tour.minutes} min`].filter(Boolean).join(" · ");
  const button = make("button", {type: "button", onclick: open}, make("b", {textContent: tour.title}), tour.summary, make("small", {textContent: length}));
  button.dataset.tour = tour.name;
  return make("li", {}, button);
}

export function render({model, el}) {
  const tell = message => model.send_msg(message);
  let state = {};
  const enter = step => { if (step >= 1 && step <= state.heads.length) tell({action: "tour", name: state.tour, step}); };
  const button = (className, text, act, help = "") => make("button", {type: "button", className, textContent: text, title: help, onclick: act});
  const name = make("span", {className: "name"}), text = make("div", {className: "text"});
  text.setAttribute("aria-live", "polite");
  const dots = make("span", {className: "dots"});
  const back = button("back", "Back", () => enter(state.step - 1));
  const next = button("next", "Next", () => state.step < state.heads.length ? enter(state.step + 1) : close.click());
  const close = button("quiet close", "×", () => { tell({action: "close"}); more.focus(); }, "Leave the tour");
  close.setAttribute("aria-label", close.title);
  const steps = make("nav", {}, dots, back, next, close);
  steps.setAttribute("aria-label", "Steps of the tour");
  const more = button("more", "Tours", () => turn(!list.hidden), "Guided tours, step by step");
  const labs = button("labs", "Labs", () => tell({action: "labs"}), "Claims of the literature to try yourself");
  onSignal(el, detail => { if (detail === "labs left") focusOnceSeen(labs); });
  const list = make("ul", {className: "list", hidden: true});
  const easiest = model.tours.find(tour => !tour.error);
  const begin = button("new", easiest ? `New here? ${spoken(easiest.minutes)}` : "", () => tell({action: "tour", name: easiest.name, step: 1}), easiest ? `The tour “${easiest.title}”: ${easiest.summary}` : "");
  begin.hidden = !easiest;
  onSignal(el, detail => { if (detail === "first tour" && easiest) begin.click(); });
  const demonstrate = () => button("show", "Show me", () => tell({action: "show"}), "Does it step by step; a click anywhere stops it");
  const stopped = () => { point.stop(); tell({action: "stop"}); };
  const halt = button("halt", "Stop", stopped);
  const point = pointing(el, at => tell({action: "act", at}));
  const top = make("div", {className: "top"}), guide = make("section", {className: "guide story"});
  guide.setAttribute("aria-label", "Guide");
  guide.append(top, list);
  el.append(make("style", {textContent: STYLE + POINTER_STYLE}), make("div", {className: "holds"}, guide));

  const turn = folded => {
    list.hidden = folded;
    more.setAttribute("aria-expanded", !folded);
    if (!folded) list.querySelector("button")?.focus();
  };
  const fill = () => list.replaceChildren(...model.tours.map(tour => entry(tour, () => {
    turn(true);
    tell({action: "tour", name: tour.name, step: 1});
    more.focus();
  })));
  guide.addEventListener("keydown", e => {
    if (e.key !== "Escape" || list.hidden) return;
    e.stopPropagation();
    turn(true);
    more.focus();
  });
  const outside = e => {
    if (!el.isConnected) return document.removeEventListener("pointerdown", outside);
    const path = e.composedPath();
    if (!list.hidden && !path.includes(list) && !path.includes(more)) turn(true);
  };
  document.addEventListener("pointerdown", outside);
  // Whatever the user does themselves ends what is shown.
  const interrupted = e => {
    if (!el.isConnected) return ["pointerdown", "keydown"].forEach(name => document.removeEventListener(name, interrupted, true));
    if (!state.pointing || e.composedPath().includes(halt) || ["Tab", "Shift", "Control", "Alt", "Meta"].includes(e.key)) return;
    stopped();
  };
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, interrupted, true);

  const showStory = () => {
    const words = make("p", {}, make("b", {textContent: state.question}), ` ${state.watch} `);
    text.replaceChildren(words);
    if (state.demonstrates) words.append(demonstrate(), " ");
    if (state.shows) {
      const [ask, answer] = unfolding("Answer", "");
      answer.textContent = state.shows;
      words.append(ask);
      text.append(answer);
    }
    if (state.lab) {
      const [label, link] = state.lab;
      const open = button("ask lab", label, () => tell({action: "lab", link}), "Opens the lab in place of the landscape");
      words.append(" ", open);
    }
    top.replaceChildren(text, begin, labs, more);
  };
  const showPointing = () => {
    const {at, of, words} = state.pointing;
    text.replaceChildren(make("p", {}, make("b", {textContent: `${at + 1} of ${of}: ${words} `}), halt));
    top.replaceChildren(text, labs, more);
    point.at(state.pointing);
  };
  const showTour = () => {
    name.textContent = `${state.step} of ${state.heads.length} · ${state.of}`;
    if (dots.dataset.tour !== state.tour) dots.replaceChildren(...state.heads.map((head, i) => {
      const dot = button("", "", () => enter(i + 1), head);
      dot.setAttribute("aria-label", `Step ${i + 1}: ${head}`);
      return dot;
    }));
    dots.dataset.tour = state.tour;
    for (const [i, dot] of [...dots.children].entries()) dot.toggleAttribute("aria-current", i + 1 === state.step);
    back.setAttribute("aria-disabled", state.step === 1);
    next.textContent = state.step < state.heads.length ? "Next" : "Finish";
    text.replaceChildren(make("h2", {textContent: state.title}), make("div", {innerHTML: state.html}));
    if (state.demonstrates) text.append(demonstrate(), " ");
    if (state.answer) text.append(...unfolding("Answer", state.answer));
    if (state.exercise) text.append(make("div", {innerHTML: state.exercise}));
    if (state.solution) text.append(...unfolding("Answer to the exercise", state.solution));
    if (!top.contains(steps)) top.replaceChildren(name, steps, labs, more);
    if (text.parentNode !== guide) guide.append(text);
    text.scrollTop = 0;
  };
  const show = news => {
    state = news;
    point.stop();
    guide.className = state.pointing ? "guide story pointing" : state.tour ? "guide tour" : "guide story";
    guide.dataset.at = state.tour ? `${state.tour} ${state.step}` : "";
    if (state.pointing) showPointing();
    else if (state.tour) showTour();
    else showStory();
  };
  model.on("tours", fill);
  model.on("msg:custom", event => show(event.data ?? event));
  fill();
  turn(true);
  show({question: "", watch: "", shows: ""});
  tell({action: "ready"});
}
