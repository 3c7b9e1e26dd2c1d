// The text behind the # of the page's address, both ways.

// A stray % cannot be decoded: then the text as it stands, so that Python can say what is wrong.
const decoded = text => { try { return decodeURIComponent(text); } catch { return text; } };
const current = () => decoded(location.hash.slice(1));

export function render({model}) {
  const read = () => {
    const link = current();
    if (link !== model.value) model.send_msg({link});
  };
  const write = () => {
    if (current() !== model.value) history.replaceState(null, "", "#" + model.value);
  };
  if (location.hash.length > 1) read(); else if (model.value) write();
  model.on("value", write);
  window.addEventListener("hashchange", read);
}
