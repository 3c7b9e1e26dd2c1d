// How the camera moves by itself: on for a moment after the hand has let go, and slowly round when nobody does anything.
const GLIDE = 110, LET_GO = 60, IDLE = 20000, ROUND_TIME = 90000, LEAST_PAUSE = 90;  // milliseconds

// About how soon Python's answer to a changed setting can be painted: where there is no GPU, painting an older picture would delay it.
const ANSWER = 75;

const STIR = 300, LEAST_DENSITY = .5, FEW_PIXELS = 1.7e6;

// How long the camera is still before it is at rest: longer where a picture takes long.
const resting = gap => clamp(4 * gap, STIR, 1000);

// How many pixels a moving picture has for one of the screen, after so many milliseconds between two of them.
const paced = (density, gap) => gap > 38 ? Math.max(LEAST_DENSITY, density * .9) : gap < 28 ? Math.min(1, density * 1.03) : density;

// How many a picture at rest has where the edges are not smoothed by the browser: more, as long as that is not slow.
const refinement = pixels => clamp(Math.sqrt(FEW_PIXELS / pixels), 1, 2);

const stillWanted = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Radians that the camera turns on after a hand that moved at `speed` (radians a millisecond) until `ago` milliseconds before.
const thrown = (speed, ago) => ago > LET_GO ? 0 : clamp(speed, -.004, .004) * GLIDE;

// The share of a glide that is done after so many milliseconds.
const glided = time => 1 - Math.exp(-time / GLIDE);

// Whether the picture may begin to turn: nobody has done anything, nothing is computed, and it is seen.
const mayOrbit = ({idle, busy, seen, still}) => idle >= IDLE && !busy && seen && !still;

// Turns a camera once round when nobody does anything; `touched` stops it, whatever was done.
class Orbit {
  constructor({turn, ready, software}) {
    Object.assign(this, {turn, ready, software, since: performance.now(), timer: 0, began: 0, last: 0});
    this.wait();
  }

  get going() { return this.began > 0; }

  touched() {
    const went = this.going;
    this.began = 0;
    this.since = performance.now();
    this.wait();
    return went;
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.begin(), Math.max(50, IDLE - (performance.now() - this.since)));
  }

  begin() {
    const idle = performance.now() - this.since;
    if (!mayOrbit({idle, still: stillWanted(), ...this.ready()})) { this.since = performance.now() - (idle >= IDLE ? IDLE - 2000 : idle); this.wait(); return; }
    this.began = this.last = performance.now();
    requestAnimationFrame(() => this.step());
  }

  step() {
    if (!this.going) return;
    const now = performance.now(), {busy, seen} = this.ready();
    if (busy || !seen || now - this.began > ROUND_TIME) { this.began = 0; if (busy || !seen) this.touched(); return; }
    if (!this.software || now - this.last >= LEAST_PAUSE) {
      this.turn(2 * Math.PI * Math.min(now - this.last, 100) / ROUND_TIME);
      this.last = now;
    }
    requestAnimationFrame(() => this.step());
  }
}
