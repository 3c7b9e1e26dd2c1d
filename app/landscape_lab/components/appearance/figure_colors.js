// The colours of Bokeh's figures in a scheme. Python makes them light; here each is put in its place,
// in this browser alone: Python is not told.
const IS_COLOR = /color$/, IS_BACKGROUND = /(^|_)(background|border)_fill_color$/, OF_ROWS = /color/;

// What a value of a property is in a scheme: a colour, or `{value: colour}`; else as it is.
function replacedColor(value, attr, table, background) {
  const bare = value && typeof value === "object" && "value" in value ? value.value : value;
  if (typeof bare !== "string") return value;
  const color = bare.toLowerCase();
  if ((color === background || color === "white") && !IS_BACKGROUND.test(attr)) return value;  // the path stays white
  const found = table[color === "white" ? background : color];
  if (found === undefined) return value;
  return bare === value ? found : {...value, value: found};
}

// The columns of a data source that hold colours, as they are in a scheme.
function replacedRows(data, table, background) {
  const changed = {};
  for (const [name, column] of data instanceof Map ? data : Object.entries(data)) {
    if (OF_ROWS.test(name) && Array.isArray(column) && typeof column[0] === "string") changed[name] = column.map(one => one?.toLowerCase?.() === background ? one : table[one?.toLowerCase?.()] ?? one);
  }
  return changed;
}

class FigureColors {
  constructor(doc, background) {
    Object.assign(this, {doc, background, table: null, light: new WeakMap(), own: false, waiting: 0});
    doc?.on_change(event => this.heard(event));
  }

  show(table) {
    this.table = table;
    for (const model of this.models()) this.color(model);
    for (const model of this.models()) if (model.type === "Figure") this.wipe(model);
  }

  // Bokeh clears all of a canvas but half a pixel at its edges, where the colour before would stay.
  wipe(model) {
    const view = window.Bokeh?.index?.find_one(model), {primary, overlays} = view?.canvas_view ?? {};
    for (const layer of [primary, overlays]) layer?.ctx.clearRect?.(0, 0, layer.canvas.width, layer.canvas.height);
    view?.request_repaint();
  }

  models() {
    return this.doc ? [...this.doc._all_models.values()] : [];
  }

  heard(event) {
    if (this.own || !this.table) return;
    for (const one of event.events ?? [event]) {
      const {model, attr} = one;
      if (model && attr && (IS_COLOR.test(attr) || attr === "data")) {
        delete this.light.get(model)?.[attr];
        this.color(model, attr);
      } else if (!model || typeof one.value === "object") this.waiting ||= requestAnimationFrame(() => this.look());
    }
  }

  // Models that came since.
  look() {
    this.waiting = 0;
    const found = this.models().filter(model => !this.light.has(model));
    for (const model of found) this.color(model);
    for (const model of found) if (model.type === "Figure") this.wipe(model);
  }

  color(model, only = "") {
    const known = this.light.get(model) ?? {}, changes = {};
    this.light.set(model, known);
    for (const prop of model) {
      const {attr} = prop;
      if (only && attr !== only) continue;
      if (attr === "data" && model.type === "ColumnDataSource") this.rows(model, prop, known, changes);
      if (!IS_COLOR.test(attr) || prop.is_unset) continue;
      const now = prop.get_value();
      known[attr] ??= now;
      const wanted = replacedColor(known[attr], attr, this.table, this.background);
      if ((wanted?.value ?? wanted) !== (now?.value ?? now)) changes[attr] = wanted;
    }
    if (!Object.keys(changes).length) return;
    this.own = true;
    try { model.setv(changes, {sync: false}); } finally { this.own = false; }
  }

  rows(model, prop, known, changes) {
    const data = prop.get_value(), of = name => data instanceof Map ? data.get(name) : data[name];
    known.data ??= Object.fromEntries(Object.keys(replacedRows(data, {})).map(name => [name, of(name)]));
    const wanted = replacedRows(known.data, this.table, this.background);
    const other = Object.entries(wanted).filter(([name, column]) => column.some((one, i) => one !== of(name)[i]));
    if (!other.length) return;
    const all = data instanceof Map ? Object.fromEntries(data) : data;
    changes.data = {...all, ...Object.fromEntries(other)};
  }
}
