// Where units stand: columns of the inputs and the layers from left to right, the answer at the right.
// Pure functions of sizes, without a document.

const LARGEST = 34;  // pixels of a thumbnail, at most, at the usual size of type

// counts: units of each column, the inputs first; answer: whether there is a picture of the answers,
// at the right of the units or, where the place is high, below them.
function placed(width, height, counts, {answer = true, size = 1} = {}) {
  const columns = counts.length, tallest = Math.max(...counts, 1), names = 17 * size, caption = 34 * size, below = answer && height > .95 * width;
  const side = below ? Math.min(.62 * width, (.48 - .01 * Math.min(12, tallest)) * height - caption) : Math.min(.4 * width, height - caption);
  const picture = answer ? Math.round(Math.max(48, Math.min(side, 230 * size))) : 0;
  const room = width - (answer && !below ? picture + 16 * size : 0), high = height - names - (below ? picture + caption + 6 : 0);
  const thumb = Math.max(8, Math.floor(Math.min(LARGEST * size, high / tallest - 3, room / (columns + .9 * (columns - 1)))));
  const gap = columns > 1 ? Math.min((room - columns * thumb) / (columns - 1), 4 * thumb + 40) : 0;
  const between = Math.min(12 * size, Math.max(2, (high - tallest * thumb) / tallest)), used = columns * thumb + (columns - 1) * gap;
  const left = below ? Math.max(0, (width - used) / 2) : 0;
  const spots = counts.map((count, column) => {
    const top = names + Math.max(0, (high - count * thumb - (count - 1) * between) / 2);
    return Array.from({length: count}, (_, at) => ({x: left + column * (thumb + gap), y: top + at * (thumb + between)}));
  });
  const spot = below ? {x: (width - picture) / 2, y: height - picture} : {x: Math.min(used + 16 * size, width - picture), y: Math.max(caption, names + (high - picture) / 2)};
  return {thumb, gap, spots, names, below, caption, picture: answer ? {...spot, size: picture} : null};
}

// The edges into each layer: layer, unit, source, value, and their ends, strong ones last.
function edgesOf(layers, {spots, thumb}) {
  const found = [];
  layers.forEach((layer, at) => layer.weight.forEach((row, unit) => row.forEach((value, source) => {
    const from = spots[at]?.[source], to = spots[at + 1]?.[unit];
    if (value === null || !from || !to) return;
    found.push({layer: at, unit, source, value, from: [from.x + thumb, from.y + thumb / 2], to: [to.x, to.y + thumb / 2]});
  })));
  return found.sort((one, other) => Math.abs(one.value) - Math.abs(other.value));
}

// A point of the curve of an edge, t from 0 to 1: it leaves and arrives level.
function along({from, to}, t) {
  const s = 1 - t, middle = (from[0] + to[0]) / 2;
  const weigh = (a, b, c, d) => s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
  return [weigh(from[0], middle, middle, to[0]), weigh(from[1], from[1], to[1], to[1])];
}

// The edge that passes nearest to a point, within some pixels; of several the strongest.
function nearest(edges, x, y, within = 5) {
  let best = null, least = within;
  for (const edge of edges) {
    if (x < edge.from[0] - within || x > edge.to[0] + within) continue;
    // The curve goes from left to right: bisection finds where it passes x.
    let low = 0, high = 1;
    for (let k = 0; k < 12; k++) { const t = (low + high) / 2; if (along(edge, t)[0] < x) low = t; else high = t; }
    const far = Math.abs(along(edge, low)[1] - y);
    if (far < least || (best && far === least)) { best = edge; least = far; }
  }
  return best;
}

// The unit to go to with an arrow key, as [column, place]; null: none in that direction.
function neighbour(counts, [column, at], key) {
  if (key === "ArrowUp" || key === "ArrowDown") {
    const next = at + (key === "ArrowUp" ? -1 : 1);
    return next >= 0 && next < counts[column] ? [column, next] : null;
  }
  const next = column + (key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0);
  if (next === column || next < 0 || next >= counts.length) return null;
  return [next, Math.min(counts[next] - 1, Math.round((at + .5) / counts[column] * counts[next] - .5))];
}
