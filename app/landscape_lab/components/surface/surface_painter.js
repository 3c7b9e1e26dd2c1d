// The painter of surfaces: WebGL 2 on one canvas, for any number of pictures on it; it knows no page, no time, no Python.
//
//   {canvas, software} = newCanvas()               a canvas of its own, and whether the browser paints it in software
//   painter = new Painter(canvas, look)            throws where there is no WebGL 2
//   painter.ready                                  whether it can paint; false while its programs are compiled, throws where one cannot be
//   painter.dress(look)                            other colours, from now on; look as `lookOf(element, model)` gives it:
//                                                  {colors, times: lists of "#rrggbb" low to high, early to late; paper, floor, hole, dark: "#rrggbb"; shadow: 0 to 1}
//   relief = painter.relief()                      one picture, empty; relief.free() when it goes
//   relief.load(frame, points)                     frame as `unpacked` gives it (heights on the drawn scale, row by row; NaN is a hole); the mesh has
//                                                  about so many points a side. Sets relief.{holes, cut, signs, current, plumbs, corners, here, under(x, y)}
//   painter.clear()                                once for each painting, then for each picture:
//   painter.done()                                 after the last of them: what was asked for is painted now, seen or not
//   painter.finished(act)                          calls `act` once that has been painted
//   painter.paint(relief, seen, place)             seen = cameraAt({turn, lift, far}, width, height, margins); place = {left, bottom, width, height, scale}
//                                                  in pixels of the canvas; scale: its pixels for one of the page; `losses`: with the true losses of the path
//
// The box is -1 to 1 along both axes and FLOOR to HEIGHT - .5 upwards. Nothing is kept between paintings but what `load` was given.

// A canvas for surfaces, and whether the browser paints it in software: then fewer pixels while moving, and more
// at rest instead of the (there very slow) smoothing of edges by the browser.
function newCanvas() {
  const canvas = document.createElement("canvas"), gl = canvas.getContext("webgl2", {antialias: false}), info = gl?.getExtension("WEBGL_debug_renderer_info");
  const software = /swiftshader|llvmpipe|software|basic render/i.test(info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "");
  if (software || !gl) return {canvas, software};
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return {canvas: document.createElement("canvas"), software};
}

const rgb = text => [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16) / 255);
const NOWHERE = [9, 9, 9, 0];
const TUBE = .0115, NEAR = .075;
const ENDS = [0, -1, 0, 1, 1, -1, 1, -1, 0, 1, 1, 1];  // of a piece of a line, as two triangles
// Which of the signs, its size, colour and shape, from below: lowest, start, current, best, looked at.
const SIGNS = [[1, 14, [1, 1, 1, 1], 1], [0, 12, [1, 1, 1, 1], -1], [2, 19, [1, .353, .212, 1], 0], [3, 13, [1, .847, .302, 1], 2], [4, 18, [.353, .82, 1, 1], 3]];

const CURRENT = 2, BEST = 3;  // which of them

// Pieces of a line from places (x, y, z, time), the first every `step` of them: per corner of a triangle both ends and which of the corners
// it is. (Instances would be drawn one by one where a browser paints in software.)
function pieced(places, step = 1) {
  const count = Math.max(0, Math.floor((places.length / 4 - 2) / step) + 1), pieces = new Float32Array(60 * count);
  for (let i = 0, o = 0; i < count; i++) for (let k = 0; k < 12; k += 2, o += 10) {
    for (let j = 0; j < 8; j++) pieces[o + j] = places[4 * step * i + j];
    pieces[o + 8] = ENDS[k]; pieces[o + 9] = ENDS[k + 1];
  }
  return pieces;
}

class Relief {
  constructor(gl) {
    this.gl = gl;
    this.buffers = Object.fromEntries(["place", "shape", "light", "index", "wall", "path", "plumbs", "losses", "spots"].map(name => [name, gl.createBuffer()]));
    this.lines = gl.createTexture();
    this.size = this.ruled = "";
    this.meshes = new Map();  // of the heights that are shown, by how fine they are: at rest and while it moves
  }

  free() {
    for (const buffer of Object.values(this.buffers)) this.gl.deleteBuffer(buffer);
    this.gl.deleteTexture(this.lines);
  }

  fill(name, data, target = this.gl.ARRAY_BUFFER) {
    this.gl.bindBuffer(target, this.buffers[name]);
    this.gl.bufferData(target, data, this.gl.DYNAMIC_DRAW);
  }

  load(frame, points) {
    const finer = clamp(Math.round(points / (Math.max(frame.rows, frame.columns) - 1)), 1, 10), same = sameHeights(frame, this.frame);
    if (!same) this.meshes = new Map();
    if (!this.meshes.has(finer)) this.meshes.set(finer, shaped(frame, finer));
    if (!same || finer !== this.finer) this.raise(this.meshes.get(finer));
    this.finer = finer;
    this.rule(frame);
    this.string(frame);
    this.frame = frame;
  }

  // The surface itself, which stays while only the run goes on.
  raise(mesh) {
    this.under = ground(mesh);
    this.lay(mesh);
    this.fill("shape", mesh.shape);
    this.fill("light", mesh.light);
    const wall = walled(mesh);
    this.fill("wall", wall);
    Object.assign(this, {walls: wall.length / 6, holes: mesh.holes, cut: mesh.cut, N: mesh.N, M: mesh.M});
  }

  lay({N, M}) {
    if (this.size === `${N}x${M}`) return;
    this.size = `${N}x${M}`;
    const at = new Float32Array(2 * N * M), index = new Uint32Array(6 * (N - 1) * (M - 1));
    for (let r = 0, o = 0; r < N; r++) for (let c = 0; c < M; c++) { at[o++] = 2 * c / (M - 1) - 1; at[o++] = 2 * r / (N - 1) - 1; }
    for (let r = 0, o = 0; r < N - 1; r++) for (let c = 0; c < M - 1; c++) {
      const q = r * M + c;
      for (const k of [q, q + 1, q + M, q + 1, q + M + 1, q + M]) index[o++] = k;
    }
    this.count = index.length;
    this.fill("place", at);
    this.fill("index", index, this.gl.ELEMENT_ARRAY_BUFFER);
  }

  // The lines of equal height, which stay while the range does.
  rule({low, high, logged}) {
    const {gl} = this, ruled = `${low} ${high} ${logged}`;
    if (ruled === this.ruled) return;
    this.ruled = ruled;
    const row = linesOf(low, high, logged);
    gl.bindTexture(gl.TEXTURE_2D, this.lines);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, row.length / 4, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, row);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.NEAREST], [gl.TEXTURE_MAG_FILTER, gl.NEAREST], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, key, value);
  }

  string(frame) {
    const {N, M} = this, place = placed(frame, this.under), sign = (spot, atOwn) => { const p = spot && place(spot); return p ? [p.x, p.y, atOwn && p.own === p.own ? p.own : p.z, 0] : NOWHERE; };
    const {corners, plumbs, here, spots} = strung(frame, place, this.under, 2 / Math.max(N, M));
    this.fill("path", pieced(corners));
    this.fill("plumbs", pieced(plumbs, 2));
    this.fill("losses", pieced(spots.slice(0, frame.past).flatMap(p => [p.x, p.y, p.own === p.own ? p.own : p.z, p.time])));
    this.past = here;
    this.ahead = Math.max(0, corners.length / 4 - 1 - here);
    this.plumbs = plumbs.length / 8;
    this.own = frame.past - 1;
    const ends = [spots[0], spots[frame.past - 1]].map(p => p ? [p.x, p.y, p.z, 0] : NOWHERE);
    this.signs = [ends[0], sign(frame.minimum), ends[1], sign(frame.best), sign(frame.point, true)];
    this.rides = Math.hypot(...[0, 1].map(k => this.signs[BEST][k] - ends[1][k])) < 1e-6;
    Object.assign(this, {corners, here, best: this.signs[BEST]});
    this.fill("spots", new Float32Array(this.signs.flat()));
    this.current = ends[1].slice(0, 3);
  }

  // Draws the sign of the run at another place [x, y, z], until the next `load`; `corner`: on the path, of which the past ends there.
  put(place, corner = NaN) {
    const rolls = corner === corner;
    this.current = place.slice(0, 3);
    this.signs[CURRENT] = [...this.current, 0];
    if (this.rides) this.signs[BEST] = rolls ? this.signs[CURRENT] : this.best;
    this.past = rolls ? Math.ceil(corner) : this.here;
    this.fill("spots", new Float32Array(this.signs.flat()));
  }
}

class Painter {
  constructor(canvas, look) {
    const gl = this.gl = canvas.getContext("webgl2");  // which may be there already, without antialiasing
    if (!gl) throw new Error("WebGL 2 is not available");
    this.surface = new Program(gl, SURFACE_VS, SURFACE_FS);
    this.holes = null;  // few pictures have any
    this.wall = new Program(gl, WALL_VS, WALL_FS);
    this.floor = new Program(gl, FLOOR_VS, FLOOR_FS);
    this.line = new Program(gl, LINE_VS, LINE_FS);
    this.spot = new Program(gl, SPOT_VS, SPOT_FS);
    this.plane = this.filled([-1, -1, 1, -1, -1, 1, 1, 1]);
    this.ramp = gl.createTexture();
    this.dress(look);
  }

  filled(data) {
    const {gl} = this, buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(data), gl.STATIC_DRAW);
    return buffer;
  }

  dress(look) {
    const {gl} = this, {colors, times} = this.look = look, pixels = new Uint8Array(8 * colors.length);  // heights below, times above
    [...colors, ...times].forEach((text, i) => pixels.set([...rgb(text).map(v => Math.round(255 * v)), 255], 4 * i));
    gl.bindTexture(gl.TEXTURE_2D, this.ramp);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, colors.length, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, key, value);
  }

  get lost() { return this.gl.isContextLost(); }

  get ready() {
    const programs = [this.surface, this.wall, this.floor, this.line, this.spot];
    return !this.lost && programs.every(one => one.compiled) && programs.every(one => one.uniforms);
  }

  relief() { return new Relief(this.gl); }

  done() { this.gl.flush(); }

  finished(act) {
    const {gl} = this, fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    const look = () => { if (this.lost || gl.clientWaitSync(fence, 0, 0) !== gl.TIMEOUT_EXPIRED) act(); else setTimeout(look, 8); };
    gl.flush();
    setTimeout(look);
  }

  clear() {
    const {gl} = this;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }

  attribute(program_, name, size, buffer, stride = 0, offset = 0) {
    const {gl} = this, at = program_.at(name);
    if (at < 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, gl.FLOAT, false, stride, offset);
  }

  use(program_, {matrix, eye}, more = {}) {
    const {gl} = this, {uniforms} = program_;
    gl.useProgram(program_.made);
    gl.uniformMatrix4fv(uniforms.camera, false, matrix);
    const all = {eye, pen: this.pen, ...more};
    for (const [name, value] of Object.entries(all)) if (uniforms[name] !== undefined) {
      if (Array.isArray(value)) gl[`uniform${value.length}fv`](uniforms[name], value); else gl.uniform1f(uniforms[name], value);
    }
    if (uniforms.lines !== undefined) gl.uniform1i(uniforms.lines, 1);
    if (uniforms.colors !== undefined) gl.uniform1i(uniforms.colors, 0);
  }

  mesh(program_, relief, seen, more) {
    const {gl} = this, {buffers} = relief;
    this.use(program_, seen, {flat_: -10, ...more});
    this.attribute(program_, "place", 2, buffers.place);
    this.attribute(program_, "shape", 4, buffers.shape);
    this.attribute(program_, "light", 2, buffers.light);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.index);
    gl.drawElements(gl.TRIANGLES, relief.count, gl.UNSIGNED_INT, 0);
  }

  // Pieces of a line: `thick` in the box, at least `least` pixels; `round_`: 1 as a tube, 0 flat, -1 as a shadow.
  lines(buffer, seen, count, tint, {first = 0, ...more}) {
    if (count <= 0) return;
    const {gl, line} = this, {thick} = more;
    this.use(line, seen, {half_: [this.width / 2, this.height / 2], tint, lift: 0, near: NEAR, ...more, thick: thick * FOCAL * this.height / 2});
    ["a", "b", "corner"].forEach((name, i) => this.attribute(line, name, i < 2 ? 4 : 2, buffer, 40, 16 * i));
    gl.drawArrays(gl.TRIANGLES, 6 * first, 6 * count);
  }

  mark(relief, seen, which, size, tint, sign, fade) {
    const {gl} = this;
    this.use(this.spot, seen, {size, sign, fade, tint, lift: sign < .5 ? .015 : .004});
    this.attribute(this.spot, "a", 4, relief.buffers.spots);
    gl.drawArrays(gl.POINTS, which, 1);
  }

  begin({left, bottom, width, height, scale}, relief) {
    const {gl} = this;
    Object.assign(this, {width, height, pen: .55 * Math.max(1, scale)});
    gl.viewport(left, bottom, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(left, bottom, width, height);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(true);
    gl.depthFunc(gl.LESS);
    for (const [unit, texture] of [[gl.TEXTURE1, relief.lines], [gl.TEXTURE0, this.ramp]]) { gl.activeTexture(unit); gl.bindTexture(gl.TEXTURE_2D, texture); }
  }

  paint(relief, seen, place) {
    const {gl, look} = this, {buffers, current} = relief, {scale} = place, small = clamp(.3 + .7 * place.height / scale / 548, .5, 1.5);
    this.begin(place, relief);
    this.mesh(this.surface, relief, seen, {ball: [...current, .075]});  // first: what it hides is not painted
    if (relief.holes) this.mesh(this.holes ??= new Program(gl, SURFACE_VS, HOLE_FS), relief, seen, {flat_: FLOOR + .002, tint: [...rgb(look.hole), 1]});
    this.use(this.wall, seen, {paper: rgb(look.paper)});
    this.attribute(this.wall, "corner", 4, buffers.wall, 24);
    this.attribute(this.wall, "side", 2, buffers.wall, 24, 16);
    gl.drawArrays(gl.TRIANGLES, 0, relief.walls);
    gl.depthMask(false);
    this.use(this.floor, seen, {tint: [...rgb(look.floor), look.shadow]});
    this.attribute(this.floor, "corner", 2, this.plane);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.depthFunc(gl.LEQUAL);  // pieces of a path do not hide each other
    const tube = {thick: TUBE, least: 1.3 * scale * small, lift: TUBE, round_: 1}, dark = rgb(look.dark);
    this.lines(buffers.path, seen, relief.past, [...dark, .5], {thick: 2.6 * TUBE, least: 2.6 * scale * small, lift: 0, round_: -1, near: .05});
    this.lines(buffers.path, seen, relief.ahead, [1, 1, 1, .5], {thick: .3 * TUBE, least: .6 * scale, round_: 0, lift: .004, first: relief.here});
    this.lines(buffers.path, seen, relief.past, [...dark, 1], {...tube, thick: 1.32 * TUBE, least: 1.9 * scale * small, round_: 0});
    this.lines(buffers.path, seen, relief.past, [-1, 0, 0, 1], tube);
    gl.depthFunc(gl.GREATER);  // what the surface hides is dimmed, not lost
    this.lines(buffers.path, seen, relief.past, [-1, 0, 0, .2], {...tube, round_: 0});
    gl.disable(gl.DEPTH_TEST);
    if (place.losses) {
      this.lines(buffers.plumbs, seen, relief.plumbs, [...dark, .65], {thick: 0, least: .5 * scale, round_: 0});
      this.lines(buffers.losses, seen, relief.own, [...dark, .9], {thick: 0, least: .9 * scale, round_: 0});
    }
    for (const [which, size, tint, sign] of SIGNS) if (relief.signs[which][0] !== 9) this.mark(relief, seen, which, size * scale * small, tint, sign, hidden(seen, relief.signs[which], relief.under) ? .3 : 1);
  }
}
