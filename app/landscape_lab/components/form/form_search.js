// Search over all settings: by their names, help, choices, and the words of the glossary.
const MOST_FOUND = 8;
const SEARCH_STYLE = `
.search{position:sticky;top:-2px;z-index:2;background:var(--surface,#fff);padding:7px 2px 5px 6px;margin-right:2px}
:host(.narrow) .search{margin-right:calc(max(32px,var(--size)) + 6px)}
.search input{font:inherit;color:inherit;background:var(--surface,#fff);width:100%;height:max(30px,var(--size));box-sizing:border-box;border:var(--edge,1px) solid var(--rim);border-radius:15px;padding:0 12px}
.search input::placeholder{color:var(--soft);opacity:1}
.search ul{position:absolute;left:6px;right:2px;margin:3px 0 0;padding:4px;list-style:none;background:var(--raised,#fff);border:var(--edge,1px) solid var(--rim);border-radius:9px;box-shadow:0 6px 22px var(--shade,#1d2a3333);max-height:60vh;overflow-y:auto}
.search li{padding:5px 8px;border-radius:6px;cursor:pointer}
.search li[aria-selected=true],.search li:hover{background:var(--selected,#e3f0f3)}
.search b{font-weight:600}.search small{display:block;color:var(--soft);font-size:.89em}
.search i{font-style:normal;color:var(--soft);float:right;font-size:.89em}
.search .none{color:var(--soft);cursor:default}`;

// The fields that a query finds, the best first: every word must be in a field's words, and one in its
// name counts more than one in its choices, its help or the terms of the glossary that it mentions.
function matches(query, sections, mentioned) {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return [];
  const found = [];
  for (const section of sections) for (const field of section.fields) {
    const name = field.label.toLowerCase(), help = (field.help ?? "").toLowerCase();
    const options = (field.options ?? []).map(option => option.label).join(" ").toLowerCase();
    const places = [[name, 8], [options, 3], [help, 2], [mentioned(`${field.label} ${field.help ?? ""}`).join(" ").toLowerCase(), 1], [field.path.replace(/[._]/g, " "), 1]];
    let score = 0;
    for (const word of wanted) {
      const best = Math.max(0, ...places.map(([text, worth]) => text.includes(word) ? worth + (text.startsWith(word) ? worth / 2 : 0) : 0));
      if (!best) { score = 0; break; }
      score += best;
    }
    if (score) found.push({score, field, section: section.title});
  }
  return found.sort((one, other) => other.score - one.score).slice(0, MOST_FOUND);
}

// The search field and its list; `reveal` is called with the path of the chosen field.
function searching(sections, words, reveal) {
  const box = document.createElement("div"), input = document.createElement("input"), list = document.createElement("ul");
  box.className = "search";
  input.type = "search"; input.placeholder = "Find any setting ( / )"; input.autocomplete = "off"; input.id = "search-field";
  input.setAttribute("role", "combobox"); input.setAttribute("aria-label", "Find a setting"); input.setAttribute("aria-autocomplete", "list");
  list.id = "search-list"; list.setAttribute("role", "listbox"); list.setAttribute("aria-label", "Settings found");
  input.setAttribute("aria-controls", list.id);
  box.append(input, list);
  let found = [], at = 0;
  const mark = k => {
    at = k;
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", n === k));
    if (found.length) input.setAttribute("aria-activedescendant", `found-${k}`); else input.removeAttribute("aria-activedescendant");
    list.children[k]?.scrollIntoView({block: "nearest"});
  };
  const fold = () => { list.hidden = true; input.setAttribute("aria-expanded", false); };
  const choose = k => {
    const hit = found[k];
    if (!hit) return;
    input.value = "";
    fold();
    reveal(hit.field.path);
  };
  const look = () => {
    found = matches(input.value, sections(), words.related);
    list.replaceChildren(...found.map(({field, section}, k) => {
      const item = document.createElement("li"), name = document.createElement("b"), where = document.createElement("i"), help = document.createElement("small");
      item.id = `found-${k}`; item.setAttribute("role", "option"); item.dataset.found = field.path;
      name.textContent = field.label; where.textContent = section; help.textContent = field.help ?? "";
      item.append(where, name, help);
      item.addEventListener("pointerdown", e => { e.preventDefault(); choose(k); });
      return item;
    }));
    if (!found.length && input.value.trim()) {
      const none = document.createElement("li");
      none.className = "none"; none.textContent = "No setting of that name"; none.setAttribute("role", "option"); none.setAttribute("aria-disabled", true);
      list.append(none);
    }
    const shown = list.childElementCount > 0;
    list.hidden = !shown;
    input.setAttribute("aria-expanded", shown);
    mark(0);
  };
  input.addEventListener("input", look);
  input.addEventListener("blur", fold);
  input.addEventListener("keydown", e => {
    if (e.key === "Escape") { e.stopPropagation(); if (input.value) { input.value = ""; fold(); } else input.blur(); }
    else if (e.key === "Enter") { e.preventDefault(); choose(at); }
    else if (e.key === "ArrowDown" && found.length) { e.preventDefault(); mark((at + 1) % found.length); }
    else if (e.key === "ArrowUp" && found.length) { e.preventDefault(); mark((at + found.length - 1) % found.length); }
  });
  fold();
  return {box, focus: () => { input.focus(); input.select(); }};
}
