// The sign of the run on a surface: it rolls along the path from picture to picture, and a hand carries it elsewhere.
const FAST = 45, LONGEST = 300, SOON = 20, DROPPED = 2000;  // milliseconds
const STRAY = .04;  // of the box, whose sides are 2 long
const REACH = {mouse: 14, pen: 18, touch: 26};  // pixels

// How long it rolls when a picture comes so many milliseconds after the last: not at all where they
// come as fast as the eye asks for, since painting between them costs; in software, that is more.
const rollingTime = (gap, software) => gap < (software ? 2 : 1) * FAST ? 0 : Math.min(gap, LONGEST);

// Where on a path (corners: x, y, z, time) a place [x, y] lies: a corner, or a share of the way to the next; none after
// `here`. `here` itself where no part of the path is near: it is another path, or seen on another plane.
function cornerAt(corners, here, [x, y]) {
  let nearest = STRAY, found = here;
  for (let i = here - 1; i >= 0; i--) {
    const o = 4 * i, ax = corners[o], ay = corners[o + 1], dx = corners[o + 4] - ax, dy = corners[o + 5] - ay;
    const share = clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0, 1), away = Math.hypot(ax + share * dx - x, ay + share * dy - y);
    if (away < nearest) { nearest = away; found = i + share; }
  }
  return found;
}

// The place [x, y, z] at a corner, or at a share of the way to the next.
function placeAt(corners, corner) {
  const i = Math.floor(corner), share = corner - i, o = 4 * i;
  return [0, 1, 2].map(k => share ? (1 - share) * corners[o + k] + share * corners[o + 4 + k] : corners[o + k]);
}

// `ask`: paint soon. All places are those of the box, as of `Relief.current`.
class Ball {
  constructor(ask, software) { Object.assign(this, {ask, software, rolls: false, came: -Infinity, spot: null, roll: null, held: null, timer: 0}); }

  get rolling() { return this.roll !== null; }

  // Whether it rolls from now on, or stands at its true place.
  letRoll(rolls) {
    this.rolls = rolls;
    if (rolls) this.held = null;
    else if (this.roll) this.roll.lasts = 0;
    this.ask();
  }

  // The relief was loaded: with a new picture, or with the last one on another mesh.
  load(relief, fresh, now) {
    const {frame, corners, here, current} = relief, old = this.roll, lasts = fresh ? rollingTime(now - this.came, this.software) : old ? old.began + old.lasts - now : 0;
    if (fresh) this.came = now;
    if (fresh && this.held?.dropped) this.held = null;
    this.roll = null;
    if (this.rolls && this.spot && lasts > 0 && current[0] !== 9 && !stillWanted()) {
      const from = cornerAt(corners, here, this.boxed(frame, this.spot));
      if (from < here) this.roll = {from, began: now, lasts};
    }
    if (this.held?.found) relief.put(this.held.found.at);
    this.spot = this.unboxed(frame, current);
  }

  // Bring it to where it is now; whether it goes on.
  step(relief, now) {
    if (!this.roll) return false;
    const {from, began, lasts} = this.roll, {corners, here, frame} = relief, share = lasts > 0 ? Math.min(1, (now - began) / lasts) : 1, corner = from + share * (here - from);
    relief.put(placeAt(corners, corner), corner);
    this.spot = this.unboxed(frame, relief.current);
    if (share === 1) this.roll = null;
    else if (this.software) setTimeout(this.ask, SOON); else this.ask();
    return this.roll !== null;
  }

  // Coordinates of the plane stay when its extent changes; those of the box do not.
  boxed({a0, a1, b0, b1}, [a, b]) { return [2 * (a - a0) / (a1 - a0) - 1, 2 * (b - b0) / (b1 - b0) - 1]; }

  unboxed({a0, a1, b0, b1}, [x, y]) { return [a0 + (x + 1) / 2 * (a1 - a0), b0 + (y + 1) / 2 * (b1 - b0)]; }

  // Whether a pointer `away` pixels from it takes hold of it.
  within(relief, away, pointer) { return !this.rolls && relief.current[0] !== 9 && away < (REACH[pointer] ?? REACH.mouse); }

  // Carry it to what was found under the hand ({at: place, ...}); null: it is where it was.
  carry(relief, found) {
    this.held = {found, dropped: false};
    relief.put(found ? found.at : placeAt(relief.corners, relief.here));
    this.ask();
  }

  // Let go of it: it is back; where a run starts there, it waits for that run's first picture, but not for long.
  leave(relief, waits = false) {
    const {held} = this;
    if (!held) return;
    clearTimeout(this.timer);
    const back = () => { this.held = null; relief.put(placeAt(relief.corners, relief.here)); this.ask(); };
    if (!waits) { back(); return; }
    held.dropped = true;
    this.timer = setTimeout(() => { if (this.held === held) back(); }, DROPPED);
  }
}
