// From a recording to the frames of a run: heights, where the network is, and what lies between.

const bytesOf = text => Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
const arrayOf = (text, Kind) => new Kind(bytesOf(text).buffer);

// The arrays of a recording; heights are NaN where they are not finite.
function decoded(recording) {
  const [rows, columns] = recording.shape, [low, high] = recording.range, top = 2 ** recording.bits - 2;
  const codes = arrayOf(recording.heights, recording.bits === 8 ? Uint8Array : Uint16Array);
  const scale = (high - low || 1) / top, cells = rows * columns;
  const surfaces = Array.from({length: codes.length / cells}, (_, k) =>
    Float32Array.from(codes.subarray(k * cells, (k + 1) * cells), code => code > top ? NaN : low + code * scale));
  const numbers = key => recording[key] ? arrayOf(recording[key], Float32Array) : null;
  return {
    rows, columns, surfaces, steps: arrayOf(recording.steps, Uint32Array), surface: arrayOf(recording.surface, Uint32Array),
    alpha: numbers("alpha"), beta: numbers("beta"), train: numbers("train"), test: numbers("test"),
  };
}

// Between 0 and 1: how far a place lies between two of the sorted numbers, and after which of them.
function between(sorted, value) {
  let low = 0, high = sorted.length - 1;
  if (value >= sorted[high]) return [high, 0];
  while (high - low > 1) { const middle = low + high >> 1; if (sorted[middle] <= value) low = middle; else high = middle; }
  return [low, Math.max(0, (value - sorted[low]) / (sorted[low + 1] - sorted[low]))];
}

const mix = (one, other, share) => share ? one + share * (other - one) : one;

class Frames {
  constructor(recording) {
    Object.assign(this, decoded(recording));
    [this.a0, this.a1, this.b0, this.b1] = recording.extent;
    this.logged = recording.scale === "log";
    this.last = this.steps.length - 1;
    this.kept = {place: NaN, heights: null};
  }

  // Frames are counted from 0 to `last`; a fraction lies between two of them.
  frameOf(step) { const [frame, share] = between(this.steps, step); return frame + share; }
  stepOf(place) { return this.at(this.steps, place); }
  at(numbers, place) {
    const frame = Math.min(Math.floor(place), this.last);
    return frame === this.last ? numbers[frame] : mix(numbers[frame], numbers[frame + 1], place - frame);
  }
  where(place) { return [this.at(this.alpha, place), this.at(this.beta, place)]; }

  // The heights that are seen at a place; between two surfaces they pass from one to the other.
  heights(place) {
    const frame = Math.min(Math.floor(place), this.last), one = this.surface[frame], other = this.surface[Math.min(frame + 1, this.last)];
    const share = place - frame;
    if (one === other || !share) return this.surfaces[one];
    if (this.kept.place !== place) {
      const [from, to] = [this.surfaces[one], this.surfaces[other]];
      this.kept = {place, heights: from.map((height, i) => mix(height, to[i], share))};
    }
    return this.kept.heights;
  }

  // The value at coordinates, between the four points around it; at a point it is that of the slice.
  value(place, alpha, beta) {
    const column = (alpha - this.a0) / (this.a1 - this.a0) * (this.columns - 1), row = (beta - this.b0) / (this.b1 - this.b0) * (this.rows - 1);
    if (!(column >= -1e-6 && row >= -1e-6 && column <= this.columns - 1 + 1e-6 && row <= this.rows - 1 + 1e-6)) return NaN;
    const c = Math.max(0, Math.min(Math.floor(column), this.columns - 2)), r = Math.max(0, Math.min(Math.floor(row), this.rows - 2));
    const heights = this.heights(place), of = (i, j) => heights[i * this.columns + j];
    const along = i => mix(of(i, c), of(i, c + 1), column - c);
    return this.real(mix(along(r), along(r + 1), row - r));
  }

  real(height) { return this.logged ? 10 ** height : height; }
}

// A number as people read it, with so many digits.
function worded(value, digits = 3) {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value), text = size && (size < 1e-3 || size >= 1e5) ? size.toExponential(Math.max(0, digits - 2)).replace("e+", "e") : String(Number(size.toPrecision(digits)));
  return value < 0 ? `−${text}` : text;
}

// The same with trailing zeros, so that its width stays while it changes.
function steady(value) {
  const text = worded(value), size = Math.abs(value);
  return size < 1e-3 || !(size < 100) ? text : `${value < 0 ? "−" : ""}${size.toPrecision(3)}`;
}
