// The camera: which place of the box is seen where, what lies under the pointer, and what is hidden.
const FAR = 4.45, FOCAL = 1 / Math.tan(.32), ROUND = Math.SQRT2, CORNERS = Array.from({length: 24}, (_, i) => 2 * Math.PI * i / 24);

// How far from the middle the eye stands for the turning box to fill its place, and how it is moved in it.
function fitted(lift, aspect, room) {
  const [ce, se] = [Math.cos(lift), Math.sin(lift)], middle = (FLOOR + HEIGHT - .5) / 2;
  const extent = away => {
    const found = [Infinity, -Infinity, Infinity, -Infinity];
    for (const around of CORNERS) for (const z of [FLOOR - middle, HEIGHT - .5 - middle]) {
      const x = ROUND * Math.sin(around), out = ROUND * Math.cos(around), w = away - (out * ce + z * se);
      const [px, py] = [FOCAL / aspect * x / w, FOCAL * (z * ce - out * se) / w];
      found[0] = Math.min(found[0], px); found[1] = Math.max(found[1], px); found[2] = Math.min(found[2], py); found[3] = Math.max(found[3], py);
    }
    return found;
  };
  let [near, far] = [1.8, 60];
  for (let i = 0; i < 26; i++) {
    const away = (near + far) / 2, [left, right, low, high] = extent(away);
    if (right - left > room.right - room.left || high - low > room.top - room.bottom) near = away; else far = away;
  }
  const [left, right, low, high] = extent(far);
  return {away: far, shift: [(room.left + room.right - left - right) / 2, (room.bottom + room.top - low - high) / 2], middle};
}

// The camera {turn, lift, far} (radians, FAR: the box fills its place) of a picture of so many pixels.
// margins: pixels left, right, top and bottom that words take.
function cameraAt({turn, lift, far}, width, height, {left = 0, right = 0, top = 0, bottom = 0} = {}) {
  const aspect = width / height, [ce, se, ca, sa] = [Math.cos(lift), Math.sin(lift), Math.cos(turn), Math.sin(turn)];
  const room = {left: -1 + 2 * left / width, right: 1 - 2 * right / width, bottom: -1 + 2 * bottom / height, top: 1 - 2 * top / height};
  const fit = fitted(lift, aspect, room), away = fit.away * far / FAR, near = .1, end = 80, [sx, sy] = fit.shift;
  const x = [-sa, ca, 0], y = [-se * ca, -se * sa, ce], z = [ce * ca, ce * sa, se];
  const shift = [0, -ce * fit.middle, -se * fit.middle - away];
  const view = [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, ...shift, 1];
  const lens = [FOCAL / aspect, 0, 0, 0, 0, FOCAL, 0, 0, -sx, -sy, (end + near) / (near - end), -1, 0, 0, 2 * end * near / (near - end), 0];
  const matrix = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) matrix[4 * c + r] += lens[4 * k + r] * view[4 * c + k];
  const eye = [0, 1, 2].map(k => -(shift[0] * x[k] + shift[1] * y[k] + shift[2] * z[k]));
  const ray = (nx, ny) => [0, 1, 2].map(k => x[k] * (nx - sx) * aspect / FOCAL + y[k] * (ny - sy) / FOCAL - z[k]);
  return {matrix, eye, ray, away, width, height};
}

// Where a place of the box is seen: pixels from the left and from the top, and its depth.
function seenAt({matrix, width, height}, x, y, z) {
  const [across, up, , w] = [0, 1, 2, 3].map(r => matrix[r] * x + matrix[4 + r] * y + matrix[8 + r] * z + matrix[12 + r]);
  return [(1 + across / w) * width / 2, (1 - up / w) * height / 2, w];
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
