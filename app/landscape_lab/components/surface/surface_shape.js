// From a message to a mesh, to places on it, and to what lies under the pointer.
function unpacked(buffer) {
  const all = buffer instanceof ArrayBuffer ? new Float32Array(buffer)
    : new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
  const [rows, columns, steps, low, high, a0, a1, b0, b1, ma, mb, mh, past] = all;
  const cells = rows * columns, after = HEADER + cells + 3 * steps, signs = all.subarray(after, after + 6);
  const spot = ([a, b, h]) => Number.isFinite(a) && Number.isFinite(b) ? [a, b, h] : null;
  return {
    rows, columns, steps, low, high, a0, a1, b0, b1, minimum: spot([ma, mb, mh]), best: spot(signs.subarray(0, 3)), point: spot(signs.subarray(3, 6)),
    past: past || steps, times: all.subarray(after + 6, after + 6 + steps),
    heights: all.subarray(HEADER, HEADER + cells), path: all.subarray(HEADER + cells, HEADER + cells + 3 * steps),
  };
}

const clamp = (x, low, high) => x < low ? low : x > high ? high : x;

// Catmull-Rom weights of four neighbours at a share t between the middle two.
const weights = t => [(-t + 2 * t * t - t * t * t) / 2, (2 - 5 * t * t + 3 * t * t * t) / 2, (t + 4 * t * t - 3 * t * t * t) / 2, (t * t * t - t * t) / 2];

// Levels in [0, 1] on a finer mesh, with slopes and a flag that is 0 where a value is not finite.
function shaped(frame, finer) {
  const {rows, columns, heights, low, high} = frame, N = (rows - 1) * finer + 1, M = (columns - 1) * finer + 1;
  const shares = Array.from({length: finer}, (_, i) => weights(i / finer));
  const level = new Float32Array(rows * columns), span = high - low || 1;
  let holes = 0;
  for (let i = 0; i < level.length; i++) {
    level[i] = Number.isFinite(heights[i]) ? (heights[i] - low) / span : NaN;
    if (!Number.isFinite(level[i])) holes++;
  }
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
  const shape = new Float32Array(4 * N * M), dx = HEIGHT * (M - 1) / 4, dy = HEIGHT * (N - 1) / 4;
  const z = (r, c) => { const v = fine[clamp(r, 0, N - 1) * M + clamp(c, 0, M - 1)]; return v !== v ? 1 : clamp(v, 0, 1); };
  for (let r = 0, o = 0; r < N; r++) for (let c = 0; c < M; c++, o += 4) {
    const v = fine[r * M + c];
    shape[o] = v !== v ? 1 : clamp(v, 0, 1);
    shape[o + 1] = (z(r, c + 1) - z(r, c - 1)) * dx;
    shape[o + 2] = (z(r + 1, c) - z(r - 1, c)) * dy;
    shape[o + 3] = v !== v ? 0 : 1;
  }
  return {N, M, shape, holes};
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

// Where a point is drawn: on the surface if it lies within a fiftieth of it or has no height of its own.
const placed = (frame, under) => ([a, b, h]) => {
  const x = 2 * (a - frame.a0) / (frame.a1 - frame.a0) - 1, y = 2 * (b - frame.b0) / (frame.b1 - frame.b0) - 1;
  const own = clamp((h - frame.low) / (frame.high - frame.low || 1), 0, 1) * HEIGHT - .5, foot = under(x, y);
  const lies = foot === foot && (own !== own || Math.abs(own - foot) < .02 * HEIGHT);
  return {x, y, z: (lies ? foot : own) + LIFT, foot: foot + LIFT, lies};
};

// The path as corners (x, y, z, time), between points on the surface along it; and plumb lines from the others.
function strung(frame, place, under, cell) {
  const corners = [], plumbs = [], spots = [];
  let here = 0;
  for (let i = 0; i < frame.steps; i++) {
    const p = place(frame.path.subarray(3 * i, 3 * i + 3)), before = spots[i - 1];
    p.time = frame.times.length ? frame.times[i] : i / Math.max(1, frame.steps - 1);
    if (before?.lies && p.lies) {
      const pieces = Math.min(24, Math.ceil(Math.hypot(p.x - before.x, p.y - before.y) / cell));
      for (let k = 1; k < pieces; k++) {
        const s = k / pieces, x = before.x + s * (p.x - before.x), y = before.y + s * (p.y - before.y), foot = under(x, y) + LIFT;
        corners.push(x, y, foot === foot ? foot : before.z + s * (p.z - before.z), before.time + s * (p.time - before.time));
      }
    }
    corners.push(p.x, p.y, p.z, p.time);
    spots.push(p);
    if (i === frame.past - 1) here = corners.length / 4 - 1;
  }
  const every = Math.ceil(frame.past / PLUMBS);
  for (let i = 0; i < frame.past; i++) {
    const p = spots[i];
    if (!p.lies && p.foot === p.foot && p.z === p.z && (i % every === 0 || i === frame.past - 1)) plumbs.push(p.x, p.y, p.z, p.time, p.x, p.y, p.foot, p.time);
  }
  return {corners: new Float32Array(corners), plumbs: new Float32Array(plumbs), here, spots};
}

// ---- camera ----

function cameraAt({turn, lift, far}, aspect) {
  const [ce, se, ca, sa] = [Math.cos(lift), Math.sin(lift), Math.cos(turn), Math.sin(turn)];
  const x = [-sa, ca, 0], y = [-se * ca, -se * sa, ce], z = [ce * ca, ce * sa, se];
  const focal = 1 / Math.tan(.36), near = .1, end = 20, away = far / Math.min(1, aspect / 1.15);
  const shift = [-.1 * x[2], -.1 * y[2] + .04, -away];
  const view = [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, ...shift, 1];
  const lens = [focal / aspect, 0, 0, 0, 0, focal, 0, 0, 0, 0, (end + near) / (near - end), -1, 0, 0, 2 * end * near / (near - end), 0];
  const matrix = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) matrix[4 * c + r] += lens[4 * k + r] * view[4 * c + k];
  const eye = [0, 1, 2].map(k => -(shift[0] * x[k] + shift[1] * y[k] + shift[2] * z[k]));
  const ray = (nx, ny) => [0, 1, 2].map(k => x[k] * nx * aspect / focal + y[k] * ny / focal - z[k]);
  return {matrix, eye, ray, away};
}

// The first place of the surface on a ray from the eye, or null.
function hit({eye, away}, direction, under) {
  const at = s => eye.map((e, k) => e + s * direction[k]);
  const above = ([x, y, z]) => { const foot = under(x, y); return foot === foot ? z - foot : NaN; };
  let last = NaN, from = 0;
  for (let s = Math.max(.1, away - 2.2); s < away + 2.2; s += .008) {
    const now = above(at(s));
    if (last > 0 && now <= 0) {
      let [low, high] = [from, s];
      for (let i = 0; i < 12; i++) { const middle = (low + high) / 2; if (above(at(middle)) > 0) low = middle; else high = middle; }
      return at(high);
    }
    [last, from] = [now, s];
  }
  return null;
}

// Whether the surface stands between the eye and a point.
function hidden({eye}, [x, y, z], under) {
  const way = [eye[0] - x, eye[1] - y, eye[2] - z], long = Math.hypot(...way);
  for (let s = .07; s < 3; s += .015) {
    const k = s / long, height = z + k * way[2];
    if (height > HEIGHT - .5) return false;
    if (under(x + k * way[0], y + k * way[1]) > height + .012) return true;
  }
  return false;
}
