// Signals between the components of one page: events that pass the element which holds them all.
// `help`, `settings`, `scaled`, `floor`, `{seek: "next"}`, `{drawer: "open"}`, `{floor: place}` or `labs left`; nobody in Python hears them.
function outermost(node) {
  while (node.getRootNode() instanceof ShadowRoot) node = node.getRootNode().host;
  return node;
}

function signal(el, detail) {
  el.dispatchEvent(new CustomEvent("landscape", {detail, bubbles: true, composed: true}));
}

function onSignal(el, act) {
  document.addEventListener("landscape", function heard(e) {
    if (!el.isConnected) return document.removeEventListener("landscape", heard);
    if (e.composedPath().includes(outermost(el))) act(e.detail);
  });
}

// Give an element the focus as soon as it is seen, within some seconds.
function focusOnceSeen(node, frames = 600) {
  if (node.getClientRects().length) node.focus();
  else if (frames) requestAnimationFrame(() => focusOnceSeen(node, frames - 1));
}
