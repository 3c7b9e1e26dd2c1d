// The network: unpacks frames, draws what the problem has, shows a card over what is pointed at.

const DRAWN = {plane: Units, curves: Units, weights: Pictures, filters: Pictures, misread: Pictures, graph: Graph, players: Players, parameters: Parameters, nothing: Why};

function unpackedFrame(data) {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const length = bytes[0] + (bytes[1] << 8) + (bytes[2] << 16) + (bytes[3] << 24);
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))), bytes.subarray(4 + length)];
}

export function render({model, el}) {
  const make = (tag, className = "") => Object.assign(document.createElement(tag), {className});
  const root = make("div", "net"), head = make("div", "head"), card = make("div", "card"), style = make("style");
  let stage = null, drawing = null, kind = "", waiting = 0, latest = null, frames = 0;
  el.style.height = "100%";
  style.textContent = STYLE;
  card.hidden = true;
  const title = make("b"), notes = make("span"), hand = make("span", "hand");
  head.append(title, notes, hand);
  root.append(head, card);
  el.append(style, root);
  const palette = model.colors, colors = {shades: rgba(palette), below: palette[0], above: palette.at(-2), line: palette[0], now: "#ff5a36"};
  const editor = new Editor(root, {send: message => model.send_msg(message), changed: () => drawing?.resize()});

  const showCard = what => {
    card.hidden = !what;
    if (!what) return;
    const size = Math.min(132, root.clientWidth * .42), words = make("b"), more = make("div"), hint = make("div"), parts = [words, more];
    words.textContent = what.title; more.textContent = what.more; hint.textContent = what.hint;
    if (what.paint) { const canvas = make("canvas"); canvas.style.cssText = `width:${size}px;height:auto`; what.paint(canvas, size); parts.unshift(canvas); }
    if (what.hint) parts.push(hint);
    card.replaceChildren(...parts);
    const top = stage.offsetTop, wide = card.offsetWidth, high = card.offsetHeight, left = stage.offsetLeft + what.x;
    const x = left + what.size + 8 + wide <= root.clientWidth - 4 ? left + what.size + 8 : Math.max(4, left - wide - 8);
    card.style.left = `${x}px`;
    card.style.top = `${Math.max(2, Math.min(top + what.y - high / 3, root.clientHeight - high - 4))}px`;
  };
  const tools = {
    colors, card: showCard, editable: model.editable, size: () => model.size,
    edit: asked => editor.show(asked), close: () => editor.close(), editing: () => editor.open, editorHeight: () => editor.el.offsetHeight + 6,
    held: input => editor.holds(input), set: (input, change) => editor.set(input, change),
  };

  const draw = () => {
    waiting = 0;
    if (!latest) return;
    const [frame, bytes] = unpackedFrame(latest);
    if (frame.kind !== kind) {
      editor.close(false);
      showCard(null);
      stage?.remove();
      kind = frame.kind;
      stage = make("div", "stage");
      root.insertBefore(stage, card);
      drawing = new DRAWN[kind](stage, tools);
    }
    title.textContent = frame.title;
    notes.textContent = kind === "nothing" ? "" : frame.notes.join(" · ");
    hand.textContent = frame.where;
    drawing.show(frame, bytes);
    editor.refresh(frame.changed);
    Object.assign(root.dataset, {kind, frames: ++frames, changed: frame.changed});
  };
  const ask = () => { waiting ||= requestAnimationFrame(draw); };
  new ResizeObserver(() => drawing?.resize()).observe(root);
  model.on("size", () => drawing?.resize());
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (data?.byteLength === undefined) return;
    latest = data;
    ask();
  });
  model.send_msg({action: "ready"});
}
