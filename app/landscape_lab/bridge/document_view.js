// A view of a Bokeh document that Python holds, in anywidget's form. It brings BokehJS and Panel itself
// where the page has none, is built from the document as it is when the view opens, and gives way
// to a later view until that is closed: Panel's components find their place by an id, so that two at
// once would share one.
const ESM = "panel.models.esm.ReactiveESM";
const LOST = "This view is no longer connected to Python. Reload the page to connect it again, or run the cell again.";
const PAGE = window.landscapePage ??= String(Math.random());
const LOOK = "margin:0;padding:12px;font:14px/1.5 system-ui,sans-serif;color:var(--jp-ui-font-color1,#5d6b75)";

const loaded = () => Boolean(window.Bokeh?.Models && ESM in window.Bokeh.Models && window.importShim);

const compressed = data => new Response(
  new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).json();

// Runs each script as the page's own; a loader of modules that is there must not take them for its own.
async function load(data) {
  const {scripts, styles} = await compressed(data);
  if (loaded()) return;  // another view of this page was quicker
  const {define} = window;
  window.esmsInitOptions ??= {shimMode: true};
  window.define = undefined;
  try {
    for (const [kind, texts] of [["style", styles], ["script", scripts]])
      for (const text of texts) document.head.append(Object.assign(document.createElement(kind), {textContent: text}));
  } finally {
    if (define === undefined) delete window.define; else window.define = define;
  }
}

// The document in an element. What is changed here is told, but not what Python has changed.
function build(json, el, tell) {
  const {Document} = Bokeh.require("document"), {Serializer} = Bokeh.require("core/serialization");
  const doc = Document.from_json(json);
  const changed = event => {
    if (!event.sync) return;
    const references = new Map([...doc._all_models.values()].map(model => [model, model.ref()]));
    tell(new Serializer({references}).encode(event));
  };
  doc.on_change(changed);
  const views = Bokeh.embed.add_document_standalone(doc, el);
  return {
    doc,
    remove: async () => {
      doc.remove_on_change(changed);  // that this view ends changes nothing of what Python holds
      (await views).clear();
      doc.clear({sync: false});
      const place = Bokeh.documents.indexOf(doc);
      if (place >= 0) Bokeh.documents.splice(place, 1);
    },
  };
}

export default {
  render({model, el}) {
    const id = crypto.randomUUID?.() ?? String(Math.random());
    let shown = null, left = false, newest = id;

    const say = (text, ...more) => {
      const line = Object.assign(document.createElement("p"), {textContent: text, role: "status"});
      line.style.cssText = LOOK;
      line.append(...more);
      el.replaceChildren(line);
    };
    // Where a notebook was closed and opened again, or its kernel restarted, JupyterLab throws: the
    // connection that the widget was made with has ended.
    const send = content => { try { model.send(content); return true; } catch { return false; } };
    const clear = () => { shown?.remove(); shown = null; };
    const open = () => {
      say(model.get("waiting"));
      if (!send({open: id, page: PAGE, scripts: !loaded()})) say(LOST);
    };
    const give = () => {
      clear();
      waiting.length = 0;
      const here = Object.assign(document.createElement("button"), {textContent: "Show it here", onclick: open});
      say("The app is shown in another view of this cell. ", here);
    };
    const show = async ({document: json}, buffers) => {
      if (buffers.length) await load(buffers[0]);
      if (left) return;
      if (newest !== id) return give();  // opened while the scripts ran
      if (!loaded()) return say("The scripts of Bokeh and Panel could not be run in this page.");
      clear();
      el.replaceChildren();
      shown = build(JSON.parse(json), el, event => send({event}));
      for (const patch of waiting.splice(0)) shown.doc.apply_json_patch(patch);
    };

    let opening = false;
    const waiting = [];  // changes that come while the scripts run
    const hear = async (message, buffers = []) => {
      newest = message.view ?? newest;
      if (message.patch && (shown || opening)) {
        const patch = JSON.parse(message.patch);
        if (shown && !opening) shown.doc.apply_json_patch(patch); else waiting.push(patch);
      } else if (message.view === id) {
        opening = true;
        try { await show(message, buffers); } finally { opening = false; }
      } else if (message.again === id) open();
      else if (message.view) give();
    };
    model.on("msg:custom", hear);
    open();
    return () => {
      left = true;
      model.off("msg:custom", hear);
      clear();
      send({closed: id});
    };
  },
};
