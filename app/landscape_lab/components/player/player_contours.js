// A finer picture of heights, and the lines of equal height on it.

// Heights at `finer` times as many points along each side (Catmull-Rom); NaN where one is NaN.
function refined(heights, rows, columns, finer) {
  const weights = Array.from({length: finer}, (_, k) => {
    const t = k / finer;
    return [(-t + 2 * t * t - t * t * t) / 2, (2 - 5 * t * t + 3 * t * t * t) / 2, (t + 4 * t * t - 3 * t * t * t) / 2, (t * t * t - t * t) / 2];
  });
  const N = (rows - 1) * finer + 1, M = (columns - 1) * finer + 1, wide = new Float32Array(rows * M), fine = new Float32Array(N * M);
  const along = (source, from, step, count, target, to, jump) => {
    for (let i = 0; i < (count - 1) * finer + 1; i++) {
      const k = Math.floor(i / finer), [w0, w1, w2, w3] = weights[i % finer], last = count - 1;
      const v1 = source[from + step * k], v2 = source[from + step * Math.min(k + 1, last)];
      // Beyond an edge and beside a hole, the values go on in a straight line.
      let v0 = k ? source[from + step * (k - 1)] : 2 * v1 - v2, v3 = k + 2 <= last ? source[from + step * (k + 2)] : 2 * v2 - v1;
      if (v0 !== v0) v0 = 2 * v1 - v2;
      if (v3 !== v3) v3 = 2 * v2 - v1;
      target[to + jump * i] = i % finer === 0 ? v1 : w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3;
    }
  };
  for (let r = 0; r < rows; r++) along(heights, r * columns, 1, columns, wide, r * M, 1);
  for (let c = 0; c < M; c++) along(wide, c, M, rows, fine, c, M);
  return {fine, N, M};
}

// Round values of the loss between two heights, about ten, as heights.
function levelsOf(low, high, logged) {
  if (logged && high - low >= 1) {
    const mantissas = high - low < 2 ? [1, 1.5, 2, 3, 5, 7] : high - low < 4.5 ? [1, 2, 5] : high - low < 8 ? [1, 3] : [1], found = [];
    for (let decade = Math.floor(low); decade <= high; decade++) for (const m of mantissas) found.push(decade + Math.log10(m));
    return found.filter(level => level > low + 1e-6 && level < high - 1e-6);
  }
  const [from, to] = logged ? [10 ** low, 10 ** high] : [low, high], rough = (to - from) / 10, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(m => m * power >= .99 * rough), found = [];
  for (let k = Math.ceil(from / step); k * step < to; k++) if (!logged || k > 0) found.push(logged ? Math.log10(k * step) : k * step);
  return found.filter(level => level > low + 1e-6 * (high - low) && level < high - 1e-6 * (high - low));
}

// Segments (x0, y0, x1, y1) of one level, in columns and rows of the grid, by marching squares.
function segmentsOf(fine, N, M, level) {
  const found = [];
  for (let r = 0; r < N - 1; r++) for (let c = 0; c < M - 1; c++) {
    const o = r * M + c, a = fine[o], b = fine[o + 1], d = fine[o + M], e = fine[o + M + 1];
    const kind = (a > level) + 2 * (b > level) + 4 * (e > level) + 8 * (d > level);
    if (kind === 0 || kind === 15 || a + b + d + e !== a + b + d + e) continue;
    const south = [c + (level - a) / (b - a), r], east = [c + 1, r + (level - b) / (e - b)];
    const north = [c + (level - d) / (e - d), r + 1], west = [c, r + (level - a) / (d - a)];
    const middle = (a + b + d + e) / 4 > level;
    const pairs = {1: [west, south], 14: [west, south], 2: [south, east], 13: [south, east], 4: [east, north], 11: [east, north], 8: [north, west], 7: [north, west],
      3: [west, east], 12: [west, east], 6: [south, north], 9: [south, north],
      5: middle ? [west, north, south, east] : [west, south, east, north], 10: middle ? [west, south, east, north] : [west, north, south, east]}[kind];
    for (let i = 0; i < pairs.length; i += 2) found.push(...pairs[i], ...pairs[i + 1]);
  }
  return found;
}
