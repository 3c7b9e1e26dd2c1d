// The glossary: a dialog with all terms, and buttons for the terms in a help text that open it.
const MOST_TERMS = 3;  // buttons in one help popover

function glossary(terms, el) {
  const make = (tag, attributes = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  };
  const entries = new Map();
  const list = make("dl", {});
  for (const term of terms) {
    const name = make("dt", {textContent: term.name, tabIndex: -1}), text = make("dd", {});
    text.innerHTML = term.definition;  // rendered from our own Markdown, with HTML escaped
    entries.set(term.name, name);
    list.append(name, text);
  }
  const close = make("button", {type: "button", textContent: "Close", onclick: () => dialog.close()});
  const title = make("h2", {textContent: "Glossary", id: "glossary-title"});
  const dialog = make("dialog", {className: "glossary"}, make("header", {}, title, close), list);
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
  el.append(dialog);

  const open = name => {
    dialog.showModal();
    const entry = entries.get(name);
    entry?.scrollIntoView({block: "start"});
    (entry ?? close).focus({preventScroll: true});
  };
  // Longer words first, so that "filter normalization" is found before "normalization".
  const words = terms.flatMap(term => term.words.map(word => [word.toLowerCase(), term.name]))
    .sort((one, other) => other[0].length - one[0].length);
  const escaped = word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const all = text => {
    let rest = text.toLowerCase();
    const found = [];
    for (const [word, name] of words) {
      const pattern = new RegExp(`(?<![\\p{L}\\d-])${escaped(word)}(?![\\p{L}\\d-])`, "u");
      if (!pattern.test(rest)) continue;
      rest = rest.replace(pattern, " ");
      if (!found.includes(name)) found.push(name);
    }
    return found;
  };
  const mentioned = text => all(text).slice(0, MOST_TERMS);
  const spelled = new Map(terms.map(term => [term.name, term.words]));
  // Every spelling of the terms that a text mentions, for the search.
  const related = text => all(text).flatMap(name => spelled.get(name));
  const buttons = text => {
    const found = mentioned(text).map(name => make("button", {
      type: "button", className: "term", textContent: name, title: `Glossary: ${name}`, onclick: () => open(name),
    }));
    return found.length ? [make("div", {className: "terms"}, "Glossary: ", ...found)] : [];
  };
  // The first term of a text as a button without the word before.
  const link = text => mentioned(text).slice(0, 1).map(name => make("button", {
    type: "button", className: "term", textContent: name, title: `Glossary: ${name}`, onclick: () => open(name),
  }));
  return {open, mentioned, related, buttons, link};
}
