// The surface in three dimensions: the component of the live app, fed from a recording.

class Space {
  constructor(el, recording, frames, maps, camera) {
    Object.assign(this, {recording, frames, answers: {}});
    const name = recording.scale === "log" ? `log₁₀ ${recording.measure}` : recording.measure;
    this.model = {
      colors: maps.colors, times: maps.times, home: maps.home, labels: [...recording.axes, name], size: 1, camera, alone: true,
      on: (name_, act) => { this.answers[name_] = act; },
      send_msg: message => { if ("camera" in message) this.camera = message.camera; },
    };
    this.camera = camera;
    SURFACE.render({model: this.model, el});
  }

  // As `packed` in surface.py: the path up to now lies on the surface, its losses in the curve.
  paint(place) {
    const {frames, recording} = this, heights = frames.heights(place), count = Math.min(Math.floor(place), frames.last) + 2;
    const buffer = new Float32Array(13 + heights.length + 4 * count + 6).fill(NaN), path = 13 + heights.length;
    buffer.set([frames.rows, frames.columns, count, ...recording.limits, ...recording.extent, NaN, NaN, NaN, count]);
    buffer.set(heights, 13);
    for (let i = 0; i < count; i++) {
      buffer.set(i < count - 1 ? [frames.alpha[i], frames.beta[i]] : frames.where(place), path + 3 * i);
      buffer[path + 3 * count + 6 + i] = Math.min(i, place) / Math.max(1, frames.last);
    }
    this.answers["msg:custom"]?.({data: buffer.buffer});
  }
}
