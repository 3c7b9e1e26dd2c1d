// Light on the heights of a picture: how much of the sky and of the sun reaches each of its points.
const DIRECTIONS = 12, SKY_REACH = [1, 2, 3, 5, 8, 13, 21], SUN_REACH = [1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36];
const SUN = {azimuth: 3.05, elevation: .52, spread: .16};  // radians; from the left of the usual camera
const SUN_WAY = [Math.cos(SUN.elevation) * Math.cos(SUN.azimuth), Math.cos(SUN.elevation) * Math.sin(SUN.azimuth), Math.sin(SUN.elevation)];
const FINEST = 64;

// The points that a point sees in one direction: rows and columns away, and how far in the box.
const seenAlong = (dr, dc, long, reach) => reach.map(k => [Math.round(k * dr), Math.round(k * dc), k * long]);

// The tangent of the horizon's height at a point, over the points that it sees in one direction.
function horizon({z, rows, columns}, r, c, along) {
  const own = z[r * columns + c];
  let steepest = 0;
  for (let k = 0; k < along.length; k++) {
    const way = along[k], i = r + way[0], j = c + way[1];
    if (i < 0 || j < 0 || i >= rows || j >= columns) break;
    const rise = (z[i * columns + j] - own) / way[2];
    if (rise > steepest) steepest = rise;
  }
  return steepest;
}

const smooth = (low, high, x) => { const t = clamp((x - low) / (high - low), 0, 1); return t * t * (3 - 2 * t); };

// Shares of sky and sun, 0 to 1, on at most FINEST points a side: {rows, columns, shares}, in pairs.
function lit(level, rows, columns, tall) {
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / FINEST)), R = Math.ceil(rows / step), C = Math.ceil(columns / step);
  const z = new Float32Array(R * C), shares = new Float32Array(2 * R * C);
  for (let r = 0; r < R; r++) for (let c = 0; c < C; c++) {
    const v = level[Math.min(r * step, rows - 1) * columns + Math.min(c * step, columns - 1)];
    z[r * C + c] = v === v ? clamp(v, 0, 1) * tall : -1;
  }
  const grid = {z, rows: R, columns: C}, dx = 2 / Math.max(1, C - 1), dy = 2 / Math.max(1, R - 1), long = Math.min(dx, dy);
  const along = (way, reach) => seenAlong(Math.sin(way) * long / dy, Math.cos(way) * long / dx, long, reach);
  const ways = Array.from({length: DIRECTIONS}, (_, k) => along(2 * Math.PI * (k + .5) / DIRECTIONS, SKY_REACH));
  const suns = [-1, 0, 1].map(k => along(SUN.azimuth + k * SUN.spread, SUN_REACH)), edge = Math.tan(SUN.elevation);
  for (let r = 0; r < R; r++) for (let c = 0; c < C; c++) {
    let sky = 0, sun = 0;
    for (const way of ways) { const t = horizon(grid, r, c, way); sky += 1 - t / Math.sqrt(1 + t * t); }
    for (const way of suns) sun += 1 - smooth(.72 * edge, 1.3 * edge, horizon(grid, r, c, way));
    shares[2 * (r * C + c)] = sky / DIRECTIONS;
    shares[2 * (r * C + c) + 1] = sun / suns.length;
  }
  return {rows: R, columns: C, shares};
}

// The two shares at a place given by its shares of the rows and the columns.
function lightAt({rows, columns, shares}, up, across, target, o) {
  const r = up * (rows - 1), c = across * (columns - 1), r0 = Math.min(Math.floor(r), Math.max(0, rows - 2)), c0 = Math.min(Math.floor(c), Math.max(0, columns - 2));
  const t = r - r0, s = c - c0, at = 2 * (r0 * columns + c0), right = columns > 1 ? 2 : 0, above = rows > 1 ? 2 * columns : 0;
  for (let k = 0; k < 2; k++) target[o + k] = (1 - t) * ((1 - s) * shares[at + k] + s * shares[at + right + k]) + t * ((1 - s) * shares[at + above + k] + s * shares[at + above + right + k]);
}
