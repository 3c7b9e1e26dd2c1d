// Heights and the losses that they stand for: the same lines and ticks as those of figures/theme.py.
const clamp = (x, low, high) => x < low ? low : x > high ? high : x;

const counted = (first, last) => Array.from({length: last - first + 1}, (_, i) => first + i);

function roundStep(extent) {
  const rough = extent / 10, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].find(m => m * power >= .99 * rough) * power;
}

const mantissas = decades => decades < 2 ? [1, 1.5, 2, 3, 5, 7] : decades < 4.5 ? [1, 2, 5] : decades < 8 ? [1, 3] : [1];

// About ten heights strictly between two, each a round value; of the loss itself if logged.
function levels(low, high, logged) {
  let values;
  if (!logged || high - low < 1) {
    const [a, b] = logged ? [10 ** low, 10 ** high] : [low, high], step = roundStep(b - a);
    values = counted(Math.floor(a / step), Math.ceil(b / step)).map(k => step * k);
    if (logged) values = values.filter(v => v > 0).map(Math.log10);
  } else {
    values = counted(Math.floor(low), Math.ceil(high)).flatMap(d => mantissas(high - low).map(m => d + Math.log10(m)));
    values = values.filter((_, i) => i % Math.max(1, Math.ceil((high - low) / 14)) === 0);
  }
  const margin = 1e-6 * (high - low);
  return values.filter(v => v > low + margin && v < high - margin);
}

function word(value, digits) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return String(Number(value.toPrecision(digits)));
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  return power === undefined ? mantissa : `${Number(mantissa)}e${Number(power)}`;
}

const valueAt = (height, logged) => logged ? 10 ** height : height;

// Heights as people read them: three digits, or as many more as tell them apart.
function wordsOf(heights, logged) {
  let named = [];
  for (let digits = 3; digits < 9; digits++) {
    named = heights.map(h => word(valueAt(h, logged), digits));
    if (new Set(named).size === named.length) break;
  }
  return named;
}

// Pairs of height and word along the axis of heights; cut: there are higher ones than the last.
function ticksOf(low, high, logged, cut) {
  const spaced = [], top = cut ? high - .06 * (high - low) : Infinity;
  for (const level of levels(low, high, logged)) if (level < top && (!spaced.length || level - spaced.at(-1) > .045 * (high - low))) spaced.push(level);
  const named = wordsOf(spaced, logged).map((text, i) => [spaced[i], text]);
  return cut ? [...named, [high, `≥ ${word(valueAt(high, logged), 2)}`]] : named;
}

// Round values along an edge of the floor.
function ticks(low, high, count = 4) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw * .85);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-6) * step; v <= high + 1e-9 * Math.abs(high); v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

const number = v => (Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(1) : String(Number(v.toPrecision(4)))).replace("-", "−");

const MINOR = 3, FAINT = 110;

// Levels of the lines of equal height, with MINOR fainter ones between two; each with how strong it is, to 255.
function ruled(low, high, logged) {
  const at = [low, ...levels(low, high, logged), high].map(v => (v - low) / (high - low || 1));
  return at.slice(1).flatMap((end, i) => [...counted(1, MINOR).map(k => [at[i] + k / (MINOR + 1) * (end - at[i]), FAINT]), [end, 255]]).filter(([v]) => v > 1e-4 && v < .9995);
}

// Where the line of equal height nearest to each level lies, and how strong it is: a row of texels, 16 bits and 8.
function linesOf(low, high, logged, texels = 1024) {
  const lines = ruled(low, high, logged), row = new Uint8Array(4 * texels);
  let k = 0;
  for (let i = 0; i < texels && lines.length; i++) {
    const level = (i + .5) / texels;
    while (k + 1 < lines.length && Math.abs(lines[k + 1][0] - level) < Math.abs(lines[k][0] - level)) k++;
    const code = Math.round(lines[k][0] * 65535);
    row.set([code >> 8, code & 255, lines[k][1], 255], 4 * i);
  }
  return row;
}
