// The text behind the # of the page's address, both ways.
function behind() {
  const text = location.hash.slice(1);
  try { return decodeURIComponent(text); } catch { return text; }  // half an escape: as it stands
}

export function render({model}) {
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
