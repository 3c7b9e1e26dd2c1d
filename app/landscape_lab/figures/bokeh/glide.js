// The axes glide to another extent, while a run goes on; at once where motion is to be reduced.
// Python changes the tags of a range, then its ends: these are taken back, and approached from
// picture to picture of the browser, which Python is not told of.
const range = cb_obj, LASTS = 250, now = [range.start, range.end];
if (range.tags !== range.noted) {  // whichever of the changes is told of first
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (range.noted && range.settled && !quiet) range.glide = {from: range.settled, to: [...range.settled], at: range.settled, began: 0};
  range.noted = range.tags;
}
const glide = range.glide;
if (!glide) {
  range.settled = now;
  return;
}
const moved = [0, 1].filter(k => now[k] !== glide.at[k]);
if (!moved.length) return;  // its own step
for (const k of moved) glide.to[k] = now[k];
const put = ends => {
  glide.at = ends;
  range.setv({start: ends[0], end: ends[1]}, {sync: false});
};
const step = time => {
  if (range.glide !== glide) return;
  glide.began ||= time;
  const share = Math.min(1, (time - glide.began) / LASTS), eased = share * share * (3 - 2 * share);
  if (share === 1) {
    range.glide = null;
    range.settled = [...glide.to];
  }
  put(share === 1 ? [...glide.to] : glide.from.map((from, k) => from + eased * (glide.to[k] - from)));
};
const first = !glide.runs;
glide.runs = true;
put(glide.at);
const run = time => {
  step(time);
  if (range.glide === glide) requestAnimationFrame(run);
};
if (first) requestAnimationFrame(run);
