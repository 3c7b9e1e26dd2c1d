// From a message to a mesh with light on it, to places on it, and to the path that lies on it.
const HEADER = 14;

// The picture in a buffer that starts at `from`; `size` is how many numbers it takes.
function unpacked(all, from = 0) {
  const rest = all.subarray(from), [rows, columns, steps, low, high, a0, a1, b0, b1, ma, mb, mh, past, logged] = rest;
  const cells = rows * columns, after = HEADER + cells + 3 * steps, signs = rest.subarray(after, after + 6);
  const spot = ([a, b, h]) => Number.isFinite(a) && Number.isFinite(b) ? [a, b, h] : null;
  return {
    rows, columns, steps, low, high, a0, a1, b0, b1, logged: logged > 0, minimum: spot([ma, mb, mh]), best: spot(signs.subarray(0, 3)), point: spot(signs.subarray(3, 6)),
    past: past || steps, times: rest.subarray(after + 6, after + 6 + steps), size: after + 6 + steps,
    heights: rest.subarray(HEADER, HEADER + cells), path: rest.subarray(HEADER + cells, HEADER + cells + 3 * steps),
  };
}

// All pictures of a message, one behind the other.
function unpackedAll(buffer) {
  const all = buffer instanceof ArrayBuffer ? new Float32Array(buffer)
    : new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
  const frames = [];
  for (let from = 0; from < all.length; from += frames.at(-1).size) frames.push(unpacked(all, from));
  return frames;
}

// Whether two pictures have the same surface: holes are equal to holes.
function sameHeights(one, other) {
  if (!other || ["rows", "columns", "low", "high"].some(name => one[name] !== other[name])) return false;
  const [a, b] = [one, other].map(({heights}) => heights);
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && (a[i] === a[i] || b[i] === b[i])) return false;
  return true;
}

// Catmull-Rom weights of four neighbours at a share t between the middle two.
const weights = t => [(-t + 2 * t * t - t * t * t) / 2, (2 - 5 * t * t + 3 * t * t * t) / 2, (t + 4 * t * t - 3 * t * t * t) / 2, (t * t * t - t * t) / 2];

// Levels of the points of a picture in [0, 1], beyond it where a height is; NaN where it is not finite.
function levelled({rows, columns, heights, low, high}) {
  const level = new Float32Array(rows * columns), span = high - low || 1;
  for (let i = 0; i < level.length; i++) level[i] = Number.isFinite(heights[i]) ? (heights[i] - low) / span : NaN;
  return level;
}

// Levels on a mesh `finer` times as fine, NaN where the point next to it is not finite.
function refined(level, rows, columns, finer) {
  const N = (rows - 1) * finer + 1, M = (columns - 1) * finer + 1, shares = Array.from({length: finer}, (_, i) => weights(i / finer));
  const wide = new Float32Array(rows * M), fine = new Float32Array(N * M);
  const along = (source, from, step, count, target, to, jump) => {
    for (let i = 0; i < (count - 1) * finer + 1; i++) {
      const k = Math.floor(i / finer), [w0, w1, w2, w3] = shares[i % finer], last = count - 1;
      const v1 = source[from + step * k], v2 = source[from + step * Math.min(k + 1, last)];
      let v0 = source[from + step * Math.max(k - 1, 0)], v3 = source[from + step * Math.min(k + 2, last)];
      if (v0 !== v0) v0 = v1;
      if (v3 !== v3) v3 = v2;
      target[to + jump * i] = i % finer === 0 ? v1 : w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3;
    }
  };
  for (let r = 0; r < rows; r++) along(level, r * columns, 1, columns, wide, r * M, 1);
  for (let c = 0; c < M; c++) along(wide, c, M, rows, fine, c, M);
  return {N, M, fine};
}

// The mesh of a picture: per vertex level, slopes and 0 where it is no height; and the two shares of light.
function shaped(frame, finer) {
  const {rows, columns} = frame, level = levelled(frame), {N, M, fine} = refined(level, rows, columns, finer);
  const shape = new Float32Array(4 * N * M), light = new Float32Array(2 * N * M), dx = HEIGHT * (M - 1) / 4, dy = HEIGHT * (N - 1) / 4;
  const shares = lit(level, rows, columns, HEIGHT);
  const z = (r, c) => { const v = fine[clamp(r, 0, N - 1) * M + clamp(c, 0, M - 1)]; return v !== v ? 1 : clamp(v, 0, 1); };
  for (let r = 0, o = 0; r < N; r++) for (let c = 0; c < M; c++, o += 4) {
    const v = fine[r * M + c];
    shape[o] = v !== v ? 1 : clamp(v, 0, 1);
    shape[o + 1] = (z(r, c + 1) - z(r, c - 1)) * dx * (c && c < M - 1 ? 1 : 2);
    shape[o + 2] = (z(r + 1, c) - z(r - 1, c)) * dy * (r && r < N - 1 ? 1 : 2);
    shape[o + 3] = v !== v ? 0 : 1;
    lightAt(shares, r / (N - 1), c / (M - 1), light, o / 2);
  }
  let holes = 0, cut = false;
  for (const v of level) if (v !== v) holes++; else if (v > 1 + 1e-6) cut = true;
  return {N, M, shape, light, holes, cut};
}

// The walls from the edges of the surface down to the floor: x, y, level, top, normal, per corner of a triangle.
function walled({N, M, shape}) {
  const corners = [];
  const side = (count, at, x, y, nx, ny) => {
    for (let i = 0; i + 1 < count; i++) {
      const [p, q] = [i, i + 1], [o, u] = [4 * at(p), 4 * at(q)];
      if (!shape[o + 3] || !shape[u + 3]) continue;
      for (const [k, top] of [[p, 0], [q, 0], [q, 1], [p, 0], [q, 1], [p, 1]]) corners.push(x(k), y(k), shape[4 * at(k)], top, nx, ny);
    }
  };
  const across = c => 2 * c / (M - 1) - 1, up = r => 2 * r / (N - 1) - 1;
  side(M, c => c, across, () => -1, 0, -1);
  side(M, c => (N - 1) * M + c, across, () => 1, 0, 1);
  side(N, r => r * M, () => -1, up, -1, 0);
  side(N, r => r * M + M - 1, () => 1, up, 1, 0);
  return new Float32Array(corners);
}

// ---- places in the box, -1 to 1 along both axes ----

// The height of the drawn surface above a place; NaN beside it and where it has holes.
const ground = ({N, M, shape}) => (x, y) => {
  const c = (x + 1) / 2 * (M - 1), r = (y + 1) / 2 * (N - 1);
  if (!(c >= 0 && r >= 0 && c <= M - 1 && r <= N - 1)) return NaN;
  const c0 = Math.min(Math.floor(c), M - 2), r0 = Math.min(Math.floor(r), N - 2), s = c - c0, t = r - r0;
  const at = (i, j) => { const o = 4 * (i * M + j); return shape[o + 3] ? shape[o] : NaN; };
  return ((1 - t) * ((1 - s) * at(r0, c0) + s * at(r0, c0 + 1)) + t * ((1 - s) * at(r0 + 1, c0) + s * at(r0 + 1, c0 + 1))) * HEIGHT - .5;
};

const heightAt = (frame, h) => clamp((h - frame.low) / (frame.high - frame.low || 1), 0, 1) * HEIGHT - .5;

// Where a point is drawn: on the surface; beside it, or in a hole, at its own height. `own` is that height.
const placed = (frame, under) => ([a, b, h]) => {
  const x = 2 * (a - frame.a0) / (frame.a1 - frame.a0) - 1, y = 2 * (b - frame.b0) / (frame.b1 - frame.b0) - 1;
  const own = heightAt(frame, h), foot = under(x, y), lies = foot === foot;
  return {x, y, z: lies ? foot : own, own, lies};
};

const CLOSE = .004;  // of the box, about a pixel: points of the path nearer than that are one corner

// The path as corners (x, y, z, time), with as many between two points as follow the surface; and what `plumbs`
// joins: each point on the surface with the same point at its own height, where the two differ.
function strung(frame, place, under, cell) {
  const corners = [], plumbs = [], spots = [];
  let here = 0, kept = null;
  for (let i = 0; i < frame.steps; i++) {
    const p = place(frame.path.subarray(3 * i, 3 * i + 3)), before = spots[i - 1];
    p.time = frame.times.length ? frame.times[i] : i / Math.max(1, frame.steps - 1);
    if (before?.lies && p.lies) {
      const pieces = Math.min(24, Math.ceil(Math.hypot(p.x - before.x, p.y - before.y) / cell));
      for (let k = 1; k < pieces; k++) {
        const s = k / pieces, x = before.x + s * (p.x - before.x), y = before.y + s * (p.y - before.y), foot = under(x, y);
        corners.push(x, y, foot === foot ? foot : before.z + s * (p.z - before.z), before.time + s * (p.time - before.time));
      }
    }
    spots.push(p);
    if (i !== frame.past - 1 && i < frame.steps - 1 && kept && Math.hypot(p.x - kept.x, p.y - kept.y, p.z - kept.z) < CLOSE) continue;
    corners.push(p.x, p.y, p.z, p.time);
    kept = p;
    if (i === frame.past - 1) here = corners.length / 4 - 1;
  }
  const every = Math.ceil(frame.past / PLUMBS);
  for (let i = 0; i < frame.past; i++) {
    const p = spots[i];
    if (p.lies && Math.abs(p.own - p.z) > .02 * HEIGHT && (i % every === 0 || i === frame.past - 1)) plumbs.push(p.x, p.y, p.own, p.time, p.x, p.y, p.z, p.time);
  }
  return {corners: new Float32Array(corners), plumbs: new Float32Array(plumbs), here, spots};
}
