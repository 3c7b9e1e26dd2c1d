// What is drawn by the graphics card, in which order.
// Whether the browser paints in software: then fewer pixels while moving, and more at rest instead
// of the (there very slow) smoothing of edges.
function paintsInSoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

// Which of the signs, its size, colour and shape, from below: lowest, start, current, best, looked at.
const SIGNS = [[1, 15, [1, 1, 1, 1], 1], [0, 12, [1, 1, 1, 1], -1], [2, 18, [1, .353, .212, 1], 0], [3, 17, [1, .847, .302, 1], 2], [4, 18, [.353, .82, 1, 1], 3]];

class Painter {
  constructor(canvas, colors, times, software) {
    const gl = this.gl = canvas.getContext("webgl2", {antialias: !software});
    if (!gl) throw new Error("WebGL 2 is not available");
    this.surface = program(gl, SURFACE_VS, SURFACE_FS);
    this.floor = program(gl, FLOOR_VS, FLOOR_FS);
    this.line = program(gl, LINE_VS, LINE_FS);
    this.spot = program(gl, SPOT_VS, SPOT_FS);
    this.buffers = Object.fromEntries(["place", "shape", "index", "path", "corner", "box", "plumbs", "spots"].map(name => [name, gl.createBuffer()]));
    this.size = "";
    const pixels = new Uint8Array(8 * colors.length);  // heights below, times above
    [...colors, ...times].forEach((text, i) => pixels.set([1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16)).concat(255), 4 * i));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, colors.length, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, key, value);
    this.fill("corner", new Float32Array([0, -1, 0, 1, 1, -1, 1, 1]));
    const edges = [];
    const box = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    for (let i = 0; i < 4; i++) edges.push(...box[i], FLOOR, 0, ...box[(i + 1) % 4], FLOOR, 0);
    this.fill("box", new Float32Array(edges));
  }

  fill(name, data, target = this.gl.ARRAY_BUFFER) {
    this.gl.bindBuffer(target, this.buffers[name]);
    this.gl.bufferData(target, data, this.gl.DYNAMIC_DRAW);
  }

  load(frame, finer) {
    const {gl} = this, mesh = shaped(frame, finer), {N, M, shape, holes} = mesh;
    this.under = ground(mesh);
    const place = placed(frame, this.under), sign = spot => { const p = spot && place(spot); return p ? [p.x, p.y, p.z, 0] : [9, 9, 9, 0]; };
    if (this.size !== `${N}x${M}`) {
      this.size = `${N}x${M}`;
      const at = new Float32Array(2 * N * M), index = new Uint32Array(6 * (N - 1) * (M - 1));
      for (let r = 0, o = 0; r < N; r++) for (let c = 0; c < M; c++) { at[o++] = 2 * c / (M - 1) - 1; at[o++] = 2 * r / (N - 1) - 1; }
      for (let r = 0, o = 0; r < N - 1; r++) for (let c = 0; c < M - 1; c++) {
        const q = r * M + c;
        for (const k of [q, q + 1, q + M, q + 1, q + M + 1, q + M]) index[o++] = k;
      }
      this.count = index.length;
      this.fill("place", at);
      this.fill("index", index, gl.ELEMENT_ARRAY_BUFFER);
    }
    this.fill("shape", shape);
    const {corners, plumbs, here, spots} = strung(frame, place, this.under, 4 / Math.max(N, M));
    this.fill("path", corners);
    this.fill("plumbs", plumbs);
    this.here = here;
    this.ahead = Math.max(0, corners.length / 4 - 1 - here);
    this.plumbs = plumbs.length / 8;
    const ends = [spots[0], spots[frame.past - 1]].map(p => p ? [p.x, p.y, p.z, 0] : [9, 9, 9, 0]);
    this.signs = [ends[0], sign(frame.minimum), ends[1], sign(frame.best), sign(frame.point)];
    this.fill("spots", new Float32Array(this.signs.flat()));
    this.current = ends[1].slice(0, 3);
    return holes;
  }

  attribute(program_, name, size, buffer, stride = 0, offset = 0, divisor = 0) {
    const {gl} = this, at = program_.at(name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[buffer]);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(at, divisor);
  }

  use(program_, camera) {
    this.gl.useProgram(program_.made);
    this.gl.uniformMatrix4fv(program_.uniforms.camera, false, camera);
    return program_.uniforms;
  }

  mesh(program_, camera, around = null) {
    const {gl} = this, uniforms = this.use(program_, camera);
    if (around) gl.uniform3fv(uniforms.around, around);
    this.attribute(program_, "place", 2, "place");
    this.attribute(program_, "shape", 4, "shape");
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.index);
    gl.drawElements(gl.TRIANGLES, this.count, gl.UNSIGNED_INT, 0);
  }

  lines(camera, buffer, count, width, tint, {floor = 1, first = 0} = {}) {
    if (!count) return;
    const {gl} = this, uniforms = this.use(this.line, camera), pair = buffer === "path" ? 16 : 32;
    gl.uniform2f(uniforms.half_, gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2);
    gl.uniform1f(uniforms.wide, width);
    gl.uniform1f(uniforms.flat_, floor);
    gl.uniform4fv(uniforms.tint, tint);
    this.attribute(this.line, "a", 4, buffer, pair, pair * first, 1);
    this.attribute(this.line, "b", 4, buffer, pair, pair * first + 16, 1);
    this.attribute(this.line, "corner", 2, "corner");
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    for (const name of ["a", "b"]) gl.vertexAttribDivisor(this.line.at(name), 0);
  }

  mark({matrix}, which, size, tint, sign, fade) {
    const {gl} = this, uniforms = this.use(this.spot, matrix);
    gl.uniform1f(uniforms.size, size);
    gl.uniform1f(uniforms.sign, sign);
    gl.uniform1f(uniforms.fade, fade);
    gl.uniform4fv(uniforms.tint, tint);
    this.attribute(this.spot, "a", 4, "spots");
    gl.drawArrays(gl.POINTS, which, 1);
  }

  paint(camera, scale, colors) {
    const {gl} = this, {matrix} = camera;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    const around = partsOf(colors.surface), edge = partsOf(colors.frame), shadow = partsOf(colors.ink);
    gl.clearColor(...around, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(true);
    gl.depthFunc(gl.LESS);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    this.mesh(this.floor, matrix, around);
    this.lines(matrix, "box", 4, .8 * scale, [...edge, 1]);
    this.lines(matrix, "path", this.here, 1.1 * scale, [...shadow, .75], {floor: FLOOR + .002});
    this.mesh(this.surface, matrix);
    gl.depthMask(false);  // lines of a path do not hide each other
    this.lines(matrix, "plumbs", this.plumbs, .9 * scale, [.06, .09, .11, .8]);
    this.lines(matrix, "path", this.ahead, 1 * scale, [1, 1, 1, .55], {first: this.here});
    this.lines(matrix, "path", this.here, 2.6 * scale, [.06, .09, .11, 1]);
    gl.depthFunc(gl.LEQUAL);
    this.lines(matrix, "path", this.here, 1.6 * scale, [-1, 0, 0, 1]);
    gl.depthFunc(gl.GREATER);  // what the surface hides is dimmed, not lost
    this.lines(matrix, "path", this.here, 1.1 * scale, [-1, 0, 0, .22]);
    gl.disable(gl.DEPTH_TEST);
    for (const [which, size, tint, sign] of SIGNS) this.mark(camera, which, size * scale, tint, sign, hidden(camera, this.signs[which], this.under) ? .3 : 1);
    gl.depthMask(true);
  }
}
