// Which colour scheme the document has: the user's choice, else the system's. `data-scheme` of the
// document names it, and the style sheet there has the colours of each. The signal `appearance` goes
// on to the next choice; the event `landscape-scheme` of the document says that the colours are others.
const KEY = "landscape-lab-appearance", CHOICES = ["system", "light", "dark"], SHEET = "landscape-schemes";

// What the system asks for, in words of `data-scheme`. JupyterLab has a theme of its own.
function schemeOf(choice, {dark, contrast}) {
  const shade = choice === "system" ? (dark ? "dark" : "light") : choice;
  return contrast ? `${shade}-contrast` : shade;
}

function nextChoice(choice) {
  return CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
}

// Storage may be refused, in a frame or by a setting: then the choice lasts as long as the page.
const kept = {
  choice: "",
  read() {
    try { this.choice = localStorage.getItem(KEY) ?? this.choice; } catch { /* as it is */ }
    return CHOICES.includes(this.choice) ? this.choice : "system";
  },
  write(choice) {
    this.choice = choice;
    try { localStorage.setItem(KEY, choice); } catch { /* as it is */ }
  },
};

const ASKED = {
  dark: "(prefers-color-scheme: dark)",
  more: "(prefers-contrast: more)",
  forced: "(forced-colors: active)",
};

export function render({model, el, view}) {
  spareStyles();
  const root = document.documentElement;
  let sheet = document.getElementById(SHEET);
  if (!sheet) {
    sheet = Object.assign(document.createElement("style"), {id: SHEET});
    document.head.append(sheet);
  }
  // In a notebook the rest of the document is not ours.
  sheet.textContent = model.rules + (model.in_cell ? "" : "\n:root{color-scheme:var(--color-scheme,light)}body{background:var(--surface)}");
  const asked = Object.fromEntries(Object.entries(ASKED).map(([name, query]) => [name, matchMedia(query)]));
  const colors = new FigureColors(view?.model?.document, model.light_ground);
  const wanted = () => {
    const lab = model.in_cell ? document.body.dataset.jpThemeLight : undefined;
    const dark = lab === undefined ? asked.dark.matches : lab === "false";
    const contrast = asked.more.matches || asked.forced.matches || root.classList.contains("projector");
    return schemeOf(kept.read(), {dark, contrast});
  };
  let told = "";
  const follow = () => {
    if (!el.isConnected) return;
    const scheme = wanted(), choice = kept.read();
    if (`${scheme} ${choice}` === told) return;
    told = `${scheme} ${choice}`;
    root.dataset.scheme = scheme;
    root.dataset.appearance = choice;
    colors.show(model.schemes[scheme]);
    document.dispatchEvent(new CustomEvent("landscape-scheme", {detail: {scheme, choice}}));
  };
  for (const query of Object.values(asked)) query.addEventListener("change", follow);
  new MutationObserver(follow).observe(root, {attributes: true, attributeFilter: ["class"]});
  if (model.in_cell) new MutationObserver(follow).observe(document.body, {attributes: true, attributeFilter: ["data-jp-theme-light"]});
  window.addEventListener("storage", event => { if (event.key === KEY) follow(); });  // chosen in another tab
  onSignal(el, detail => {
    if (detail !== "appearance") return;
    kept.write(nextChoice(kept.read()));
    follow();
  });
  requestAnimationFrame(follow);
  follow();
}
