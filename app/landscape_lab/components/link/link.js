// The text behind the # of the page's address, both ways: escaped as it is, since a link may hold another
// one. Only where some program has escaped all of it, that is taken back.
function behind() {
  const text = location.hash.slice(1);
  if (text.includes("=")) return text;
  try { return decodeURIComponent(text); } catch { return text; }  // half an escape: as it stands
}

// What of a link the browser's Back leads back from: another preset, step of a tour or lab.
const page = text => {
  const words = new URLSearchParams(text);
  return ["preset", "tour", "at", "lab", "labs"].map(name => words.get(name) ?? "").join(" ");
};

export function render({model}) {
  if (!model.own_page) return;
  let entry = model.entry;
  let sent = model.opened;  // links that are on their way to the app, or have been
  const read = () => {
    const link = behind();
    if (link === model.value && model.opened >= sent) return;
    sent += 1;
    model.send_msg({link});
  };
  const write = () => {
    if (model.opened < sent) return;  // a value of before the link that the app is still to open
    const before = behind(), changed = model.entry > entry;  // another change of settings: Back undoes it
    entry = model.entry;
    if (before === model.value) return;
    const other = before.includes("=") && model.value.includes("=") && (changed || page(before) !== page(model.value));
    history[other ? "pushState" : "replaceState"](null, "", "#" + model.value);
  };
  if (location.hash.length > 1) read(); else if (model.value) write();
  const later = () => setTimeout(write);  // once all that has come with it is there
  for (const name of ["value", "opened", "entry"]) model.on(name, later);
  window.addEventListener("hashchange", read);
}
