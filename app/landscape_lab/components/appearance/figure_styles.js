// Bokeh asks for a CSS property before each stroke of a figure, and writes the place of each part of a
// figure into its style sheet at each painting. So the styles of the page are computed anew dozens of
// times a picture, which takes long where the page has many, as JupyterLab's. What is asked is kept until
// the work in hand is done, as versions after 3.9 do (bokeh/bokeh#15205); what is written as it was, is not.
const SPARED = Symbol.for("landscape-lab-spared-styles");

function spareStyles(bokeh = window.Bokeh) {
  let sheets, visuals;
  try {
    sheets = bokeh.require("core/dom").InlineStyleSheet.prototype;
    visuals = bokeh.require("core/visuals/visual").VisualProperties.prototype;
  } catch { return; }  // a version that has neither
  if (sheets[SPARED] || !sheets._update || !visuals._get_css_value) return;
  sheets[SPARED] = true;
  const write = sheets._update, ask = visuals._get_css_value, asked = new Map();
  sheets._update = function(css) {
    if (css !== this.el.textContent) write.call(this, css);
  };
  visuals._get_css_value = function(name) {
    if (!asked.size) queueMicrotask(() => asked.clear());
    let answers = asked.get(this);
    if (!answers) asked.set(this, answers = new Map());
    if (!answers.has(name)) answers.set(name, ask.call(this, name));
    return answers.get(name);
  };
}
