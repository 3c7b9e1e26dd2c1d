// Signals between the components of one page: events that pass the element which holds them all.
// `help`, `appearance`, `settings`, `search`, `examples`, `{examples: preset}`, `first tour`, `{reveal: path}`, `scaled`, `floor`, `{seek: "next"}`, `{step: 40}`, `{drawer: "open"}`, `{floor: place}`, `{asked: path}` of a setting changed while a run goes on, or `labs left`; nobody in Python hears them.
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

// The element that has the focus, in whichever shadow tree it is.
function focused() {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
}

// Give an element the focus as soon as it is seen, within some seconds; not while another one that is
// still seen has it, such as the button of a tour that leads on.
function focusOnceSeen(node, frames = 600) {
  if (node.getClientRects().length) {
    const other = focused();
    if (!other || other === document.body || !other.getClientRects().length) node.focus();
  } else if (frames) requestAnimationFrame(() => focusOnceSeen(node, frames - 1));
}
