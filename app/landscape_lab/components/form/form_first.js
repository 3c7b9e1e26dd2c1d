// The controls of the first screen: data sets as pictures, and a line of help with its glossary term.
const FIRST_STYLE = `
.first{padding:2px 0 8px;border-bottom:var(--edge,1px) solid var(--line,#e7ecef)}
.first .row{padding:5px 0 4px}
.first .row{grid-template-columns:12px 7.6em 1fr}
.first .row>label{font-weight:600}
.hint{grid-column:2/-1;color:var(--soft);font-size:.89em;line-height:1.3}
.hint .term{min-height:0;margin:0 0 0 .5em;color:var(--tint)}
.pictures{grid-column:2/-1;display:grid;grid-template-columns:repeat(3,1fr);gap:5px;margin:3px 0 4px}
.pictures button{font:inherit;font-size:.82em;line-height:1.2;color:var(--soft);background:none;border:var(--edge,1px) solid var(--line,#dfe6ea);border-radius:7px;padding:2px 1px 3px;cursor:pointer;min-width:0;overflow:hidden;overflow-wrap:anywhere}
.pictures img{display:block;width:100%;height:46px;object-fit:contain;pointer-events:none;filter:var(--thumbnail,none)}
.pictures button:hover{border-color:var(--tint)}
.pictures [aria-pressed=true]{border-color:var(--tint);box-shadow:inset 0 0 0 1px var(--tint);color:var(--fg);font-weight:600}
.flash{animation:flash 1.6s ease-out;border-radius:6px}
@keyframes flash{0%,40%{box-shadow:0 0 0 3px var(--tint)}to{box-shadow:0 0 0 3px transparent}}
@media (prefers-reduced-motion:reduce){.flash{animation:none;box-shadow:0 0 0 2px var(--tint)}}`;

// What a row of the first screen has besides its control.
function first(row, field, made, pictures, words, send) {
  const drawn = (field.options ?? []).filter(option => option.value in pictures);
  const hint = document.createElement("div");
  hint.className = "hint";
  hint.append(field.help, ...words.link(`${field.label} ${field.help}`));
  if (!drawn.length || !field.pictured) return row.append(hint);
  const box = document.createElement("div");
  box.className = "pictures"; box.setAttribute("role", "group"); box.setAttribute("aria-label", field.label);
  const buttons = drawn.map(option => {
    const button = document.createElement("button"), image = document.createElement("img");
    button.type = "button"; button.dataset.picture = option.value; button.title = option.help || option.label;
    image.alt = ""; image.src = `data:image/svg+xml,${encodeURIComponent(pictures[option.value])}`;
    button.append(image, option.label);
    button.addEventListener("click", () => { mark(option.value); send(option.value); });
    return button;
  });
  const mark = value => buttons.forEach(one => one.setAttribute("aria-pressed", one.dataset.picture === value));
  const set = made.set;
  made.set = (value, shown) => { set(value, shown); mark(value); };
  box.append(...buttons);
  row.append(hint, box);
}

// Open every group that holds a row.
function unfold(row) {
  for (let group = row.closest("details"); group; group = group.parentElement.closest("details")) group.open = true;
}

function flash(row) {
  row.classList.remove("flash");
  void row.offsetWidth;  // so that it begins anew
  row.classList.add("flash");
  setTimeout(() => row.classList.remove("flash"), 1700);
}
