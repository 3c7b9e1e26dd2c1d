// The text behind the # of the page's address, both ways.
export function render({model}) {
  const read = () => {
    const link = decodeURIComponent(location.hash.slice(1));
    if (link !== model.value) model.send_msg({link});
  };
  const write = () => {
    if (decodeURIComponent(location.hash.slice(1)) !== model.value) history.replaceState(null, "", "#" + model.value);
  };
  if (location.hash.length > 1) read(); else if (model.value) write();
  model.on("value", write);
  window.addEventListener("hashchange", read);
}
