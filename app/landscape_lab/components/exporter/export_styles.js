// How a picture is to appear on paper: the choices above the kinds of pictures in the export dialog.
const STYLES = {
  width: ["Width", [["", "as drawn, 6.4 in"], ["column", "one column, 3.25 in"], ["page", "two columns, 6.75 in"], ["own", "other …"]]],
  font: ["Font", [["sans", "sans serif"], ["serif", "serif, as Times"], ["tex", "Computer Modern, as TeX"]]],
  theme: ["Colours", [["light", "light"], ["dark", "dark"], ["transparent", "no background"], ["dark-transparent", "no background, light letters"]]],
  caption: ["Caption", [["below", "in the picture"], ["separate", "separate, as text"], ["none", "none"]]],
  dots_per_inch: ["Bitmaps", [["150", "150 dpi"], ["300", "300 dpi"], ["600", "600 dpi"]]],
};
const USUAL_DOTS = "300";

class Styles {
  constructor(make) {
    this.el = make("div", {className: "styles"});
    this.inputs = {};
    for (const [name, [label, choices]] of Object.entries(STYLES)) {
      const select = make("select");
      for (const [value, words] of choices) select.add(new Option(words, value));
      select.dataset.style = name;
      this.inputs[name] = select;
      this.el.append(make("label", {}, make("span", {textContent: label}), select));
    }
    this.inputs.dots_per_inch.value = USUAL_DOTS;
    this.inches = make("input", {type: "number", min: 2, max: 20, step: .05, value: 5, hidden: true});
    this.inches.setAttribute("aria-label", "Width in inches");
    this.inches.dataset.style = "inches";
    this.inputs.width.after(this.inches);
    this.inputs.width.addEventListener("change", () => { this.inches.hidden = this.inputs.width.value !== "own"; });
  }

  // By the names that Python knows; what is left out is as usual.
  get asked() {
    const said = Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, input.value]));
    if (said.width === "own") said.width = this.inches.value;
    return {...said, dots_per_inch: Number(said.dots_per_inch)};
  }
}
