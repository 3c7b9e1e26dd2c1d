// The surface in three dimensions: the component of the live app, fed from a recording.

class Space {
  constructor(el, recording, frames, maps, camera) {
    Object.assign(this, {recording, frames, camera, answers: {}, header: SURFACE.HEADER});
    // Its heights are logarithms; from 14 numbers of header on it says so itself, in real losses.
    const named = this.frames.logged && this.header < 14 ? `log₁₀ ${recording.measure}` : recording.measure;
    const model = {
      colors: maps.colors, times: maps.times, home: maps.home, labels: [...recording.axes, named], size: 1, camera, alone: true,
      on: (name, act) => { this.answers[name] = act; },
      send_msg: message => { if ("camera" in message) this.camera = message.camera; },
    };
    const inside = document.createElement("div");
    inside.style.height = "100%";
    el.attachShadow({mode: "open"}).append(inside);  // its style rules are its own
    SURFACE.render({model, el: inside});
    this.canvas = inside.querySelector("canvas");
    // Once it has been painted, and once that has been done; where there is no WebGL, there is nothing to wait for.
    [this.painted, this.finished] = ["data-paintings", "data-finished"].map(name => new Promise(done => {
      if (!this.canvas) done();
      else new MutationObserver((_, watcher) => { watcher.disconnect(); done(); }).observe(this.canvas, {attributes: true, attributeFilter: [name]});
    }));
    this.finished.then(() => { if (this.canvas) performance.mark("landscape-turnable"); });
  }

  // As `packed` in surface.py. The path lies on the surface; true losses are in the curve.
  paint(place) {
    if (this.place === place) return;
    this.place = place;
    const {frames, recording, header} = this, heights = frames.heights(place), count = Math.min(Math.floor(place), frames.last) + 2;
    const path = header + heights.length, buffer = new Float32Array(path + 4 * count + 6).fill(NaN);
    buffer.set([frames.rows, frames.columns, count, ...recording.limits, ...recording.extent, NaN, NaN, NaN, count]);
    if (header > 13) buffer[13] = frames.logged;
    buffer.set(heights, header);
    for (let i = 0; i < count; i++) {
      buffer.set(i < count - 1 ? [frames.alpha[i], frames.beta[i]] : frames.where(place), path + 3 * i);
      buffer[path + 3 * count + 6 + i] = Math.min(i, place) / Math.max(1, frames.last);
    }
    this.answers["msg:custom"]?.({data: buffer.buffer});
  }
}
