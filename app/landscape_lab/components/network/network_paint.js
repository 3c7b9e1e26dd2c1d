// Thumbnails, curves and edges on canvases.

const BROKEN = 255, MIDDLE = 127;

function rgba(colors) {
  return new Uint32Array(colors.map(c => {
    const v = parseInt(c.slice(1), 16);
    return (255 << 24 | (v & 255) << 16 | (v >> 8 & 255) << 8 | v >> 16) >>> 0;
  }));
}

const cells = new Map();  // one small canvas for each size of thumbnails
function cell(columns, rows) {
  const key = `${columns}x${rows}`;
  if (!cells.has(key)) cells.set(key, Object.assign(document.createElement("canvas"), {width: columns, height: rows}));
  return cells.get(key);
}

function sized(canvas, width, height) {
  const by = Math.min(window.devicePixelRatio || 1, 2), w = Math.max(1, Math.round(width * by)), h = Math.max(1, Math.round(height * by));
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const pen = canvas.getContext("2d");
  pen.setTransform(w / width, 0, 0, h / height, 0, 0);
  return pen;
}

// Indices into colours (rows x columns). Over the input plane the first row is the lowest, in an image the uppermost.
function paintMap(canvas, width, height, bytes, rows, columns, colors, {upwards = false, smooth = false} = {}) {
  const small = cell(columns, rows), pen = small.getContext("2d"), image = pen.createImageData(columns, rows);
  const out = new Uint32Array(image.data.buffer);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[(upwards ? rows - 1 - r : r) * columns + c] = colors[bytes[r * columns + c]];
  pen.putImageData(image, 0, 0);
  const onto = sized(canvas, width, height);
  onto.imageSmoothingEnabled = smooth;
  onto.drawImage(small, 0, 0, width, height);
}

// An image of one or three channels, a byte a pixel.
function paintPhoto(canvas, width, height, bytes, channels, rows, columns) {
  const small = cell(columns, rows), pen = small.getContext("2d"), image = pen.createImageData(columns, rows), size = rows * columns;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = channels === 3 ? bytes[c * size + i] : 255 - bytes[i];
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  const onto = sized(canvas, width, height);
  onto.imageSmoothingEnabled = false;
  onto.drawImage(small, 0, 0, width, height);
}

// A unit's activation along a single input, with zero as a thin line.
function paintCurve(canvas, width, height, bytes, colors) {
  const pen = sized(canvas, width, height), at = v => height - 2 - v / 254 * (height - 4);
  pen.fillStyle = "#fbfcfc"; pen.fillRect(0, 0, width, height);
  pen.lineWidth = 1; pen.strokeStyle = "#c9d2d8";
  pen.beginPath(); pen.moveTo(0, at(MIDDLE)); pen.lineTo(width, at(MIDDLE)); pen.stroke();
  pen.lineWidth = Math.max(1.2, height / 22); pen.lineJoin = "round"; pen.strokeStyle = colors.line;
  pen.beginPath();
  let down = false;
  bytes.forEach((v, i) => {
    if (v === BROKEN) { down = false; return; }
    const x = i / (bytes.length - 1) * width;
    if (down) pen.lineTo(x, at(v)); else pen.moveTo(x, at(v));
    down = true;
  });
  pen.stroke();
}

function paintEdges(canvas, width, height, edges, strongest, chosen, colors) {
  const pen = sized(canvas, width, height);
  pen.clearRect(0, 0, width, height);
  pen.lineCap = "round";
  for (const edge of edges) {
    const share = Math.min(1, Math.abs(edge.value) / (strongest || 1)), middle = (edge.from[0] + edge.to[0]) / 2;
    const marked = chosen && edge.layer === chosen.layer && edge.unit === chosen.unit && (chosen.source === undefined || edge.source === chosen.source);
    pen.globalAlpha = marked ? 1 : (.1 + .75 * share) * (chosen ? .45 : 1);
    pen.lineWidth = (marked ? 1.2 : .4) + 4 * share;
    pen.strokeStyle = edge.value < 0 ? colors.below : colors.above;
    pen.beginPath(); pen.moveTo(...edge.from);
    pen.bezierCurveTo(middle, edge.from[1], middle, edge.to[1], ...edge.to);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

const upIn = (output, size) => {
  const y = output.y ?? range(output);
  return v => size - (v - y[0]) / (y[1] - y[0]) * size;
};

// The data over a picture of the inputs: training examples filled, test examples hollow.
function paintData(canvas, size, output, colors = {}) {
  const pen = sized(canvas, size, size), dot = Math.max(1.3, size / 66), up = upIn(output, size);
  output.px.forEach((v, i) => {
    const color = output.curve ? colors.line : output.colors[output.target[i]];
    pen.beginPath(); pen.arc((v - output.x[0]) / (output.x[1] - output.x[0]) * size, up(output.py[i]), dot, 0, 7);
    pen.fillStyle = output.train[i] ? color : "#fff"; pen.strokeStyle = output.train[i] ? "#fff" : color;
    pen.lineWidth = .7;
    pen.fill(); pen.stroke();
  });
  return pen;
}

// The answers over the inputs with the data: a picture of two inputs, a curve of one.
function paintAnswer(canvas, size, output, bytes, colors) {
  const first = sized(canvas, size, size), up = upIn(output, size);
  if (output.curve) { first.fillStyle = "#fbfcfc"; first.fillRect(0, 0, size, size); }
  else paintMap(canvas, size, size, bytes, ...output.size, output.packed ??= rgba(output.palette), {upwards: true, smooth: true});
  const pen = paintData(canvas, size, output, colors);
  if (!output.curve) return;
  pen.lineWidth = 2.2; pen.strokeStyle = colors.now; pen.lineJoin = "round"; pen.beginPath();
  output.curve.forEach((v, i) => { if (v !== null) pen.lineTo(i / (output.curve.length - 1) * size, up(v)); });
  pen.stroke();
}

function range({py, curve}) {
  const all = py.length ? py : curve.filter(v => v !== null), low = Math.min(...all), high = Math.max(...all), more = .2 * (high - low || 1);
  return [low - more, high + more];
}
