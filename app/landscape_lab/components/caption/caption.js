// The line below a picture: two lines of it, and all of it under a mouse.
export function render({model, el}) {
  const line = document.createElement("div");
  line.className = "below-picture";
  line.style.cssText = "display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden";
  el.append(line);
  model.on("msg:custom", event => {
    const {text, whole} = event.data ?? event;
    line.textContent = text;
    line.title = whole === text ? "" : whole;
  });
  model.send_msg({action: "ready"});
}
