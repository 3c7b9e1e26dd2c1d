// The loss over the steps, which is also the track of the time line.

class Curve {
  constructor(canvas, frames) {
    Object.assign(this, {canvas, frames, pen: canvas.getContext("2d", SOFT)});
    const all = [...frames.train, ...frames.test ?? []].filter(Number.isFinite);
    this.logged = Math.min(...all) > 0;
    const ends = [Math.min(...all), Math.max(...all)].map(v => this.logged ? Math.log10(v) : v);
    [this.low, this.high] = ends[1] > ends[0] ? ends : [ends[0] - .5, ends[0] + .5];
  }

  spot(numbers, place) {
    const {clientWidth: width, clientHeight: height} = this.canvas, value = this.frames.at(numbers, place), share = ((this.logged ? Math.log10(value) : value) - this.low) / (this.high - this.low);
    const steps = this.frames.steps, along = (this.frames.stepOf(place) - steps[0]) / (steps.at(-1) - steps[0] || 1);
    return [9 + along * (width - 18), height - 7 - share * (height - 14)];
  }

  paint(place) {
    const {canvas, pen, frames} = this, ratio = Math.min(window.devicePixelRatio || 1, 2), {clientWidth: width, clientHeight: height} = canvas;
    if (!width || !height) return;
    fitted(canvas, width, height, ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas), color = (name, usual) => style.getPropertyValue(name).trim() || usual;
    const train = color("--accent", "#0f6e84"), test = color("--test", "#d9822b"), now = this.spot(frames.train, place);
    const line = numbers => { pen.beginPath(); for (let i = 0; i <= frames.last; i++) { const [x, y] = this.spot(numbers, i); if (y === y) pen.lineTo(x, y); } };
    pen.lineJoin = "round";
    for (const [from, to, alpha] of [[0, now[0], 1], [now[0], width, .3]]) {
      pen.save();
      pen.beginPath(); pen.rect(from, 0, to - from, height); pen.clip();
      pen.globalAlpha = alpha;
      if (frames.test) { pen.strokeStyle = test; pen.lineWidth = 1.6; line(frames.test); pen.stroke(); }
      line(frames.train); pen.strokeStyle = train; pen.lineWidth = 2.2; pen.stroke();
      pen.lineTo(width - 9, height); pen.lineTo(9, height); pen.globalAlpha = alpha * .13; pen.fillStyle = train; pen.fill();
      pen.restore();
    }
    pen.strokeStyle = color("--muted", MUTED); pen.globalAlpha = .5; pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(now[0], 0); pen.lineTo(now[0], height); pen.stroke(); pen.globalAlpha = 1;
    if (now[1] !== now[1]) return;
    pen.beginPath(); pen.arc(...now, 6.5, 0, 7); pen.fillStyle = BALL; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = "#fff"; pen.stroke();
  }
}
