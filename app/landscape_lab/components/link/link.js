// The text behind the # of the page's address, both ways: escaped as it is, since a link may hold another
// one. Only where some program has escaped all of it, that is taken back.
function behind() {
  const text = location.hash.slice(1);
  if (text.includes("=")) return text;
  try { return decodeURIComponent(text); } catch { return text; }  // half an escape: as it stands
}

export function render({model}) {
  if (!model.own_page) return;
  const read = () => {
    const link = behind();
    if (link !== model.value) model.send_msg({link});
  };
  const write = () => {
    if (behind() !== model.value) history.replaceState(null, "", "#" + model.value);
  };
  if (location.hash.length > 1) read(); else if (model.value) write();
  model.on("value", write);
  window.addEventListener("hashchange", read);
}
