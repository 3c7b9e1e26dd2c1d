// The landscape in three dimensions, in WebGL 2 without a library; a flat note where there is none.
// The mesh is drawn at twice the slice's resolution (Catmull-Rom); the data stay as they were sent.
const HEADER = 13, FINER = 2, HEIGHT = 0.95, FLOOR = -0.62, LINES = 14;

const SURFACE_VS = `#version 300 es
in vec2 place; in vec4 shape; uniform mat4 camera; out float level; out vec3 normal; out float whole;
void main(){ level=shape.x; normal=vec3(-shape.yz,1.); whole=shape.w; gl_Position=camera*vec4(place,shape.x*${HEIGHT.toFixed(2)}-.5,1.); }`;
const SURFACE_FS = `#version 300 es
precision highp float; in float level; in vec3 normal; in float whole; uniform sampler2D colors; out vec4 color;
void main(){ if(whole<.999) discard;
  vec3 base=texture(colors,vec2(clamp(level,.002,.998),.5)).rgb, n=normalize(normal);
  if(!gl_FrontFacing) base*=.82;
  float light=.62+.38*max(0.,dot(n,normalize(vec3(-.45,.35,.85)))), shine=pow(max(0.,dot(n,normalize(vec3(-.3,.1,.95)))),24.)*.06;
  float at=level*${LINES}., near=level>.9995?9.:abs(fract(at-.5)-.5)/max(fwidth(at),1e-5);
  base*=mix(.74,1.,smoothstep(.3,1.3,near));
  color=vec4(base*light+shine,1.); }`;
const FLOOR_VS = `#version 300 es
in vec2 place; in vec4 shape; uniform mat4 camera; out float level; out float whole;
void main(){ level=shape.x; whole=shape.w; gl_Position=camera*vec4(place,${FLOOR},1.); }`;
const FLOOR_FS = `#version 300 es
precision highp float; in float level; in float whole; uniform sampler2D colors; out vec4 color;
void main(){ if(whole<.999){ color=vec4(.80,.82,.84,1.); return; }
  float at=level*${LINES}., near=level>.9995?9.:abs(fract(at-.5)-.5)/max(fwidth(at),1e-5);
  vec3 line=texture(colors,vec2(clamp(level,.002,.998),.5)).rgb;
  color=vec4(mix(mix(line,vec3(1.),.86),mix(line,vec3(1.),.25),1.-smoothstep(.5,1.5,near)),1.); }`;
const LINE_VS = `#version 300 es
in vec3 a; in vec3 b; in vec2 corner; uniform mat4 camera; uniform vec2 half_; uniform float wide; uniform float flat_;
vec4 at(vec3 p){ return camera*vec4(p.xy, flat_<0.?flat_:p.z, 1.); }
void main(){ vec4 A=at(a),B=at(b); vec2 d=(B.xy/B.w-A.xy/A.w)*half_; d=d/max(length(d),1e-6);
  vec4 q=corner.x<.5?A:B; q.xy+=(vec2(-d.y,d.x)*corner.y+d*(corner.x-.5)*.8)*wide/half_*q.w; q.z-=.0015*q.w; gl_Position=q; }`;
const LINE_FS = `#version 300 es
precision highp float; uniform vec4 tint; out vec4 color; void main(){ color=tint; }`;
const SPOT_VS = `#version 300 es
in vec3 a; uniform mat4 camera; uniform float size; void main(){ gl_Position=camera*vec4(a,1.); gl_Position.z-=.003*gl_Position.w; gl_PointSize=size; }`;
const SPOT_FS = `#version 300 es
precision highp float; uniform vec4 tint; uniform float cross; out vec4 color;
void main(){ vec2 p=gl_PointCoord*2.-1.; float r=length(p), e=fwidth(r);
  if(cross>.5){ float d=min(abs(p.x-p.y),abs(p.x+p.y)); if(r>1.||d>.42) discard; color=d>.2?vec4(.08,.11,.14,1.):tint; return; }
  if(r>1.) discard; color=mix(tint,vec4(1.),smoothstep(.66-e,.66+e,r)); color.a=1.-smoothstep(1.-2.*e,1.,r); }`;

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [type, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const {name} = gl.getActiveUniform(made, i);
    uniforms[name] = gl.getUniformLocation(made, name);
  }
  return {made, at: name => gl.getAttribLocation(made, name), uniforms};
}

// ---- data ----

function unpacked(buffer) {
  const all = buffer instanceof ArrayBuffer ? new Float32Array(buffer)
    : new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
  const [rows, columns, steps, low, high, a0, a1, b0, b1, ma, mb, mh] = all;
  const cells = rows * columns;
  return {
    rows, columns, steps, low, high, a0, a1, b0, b1, minimum: Number.isFinite(ma) ? [ma, mb, mh] : null,
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

const placed = frame => ([a, b, h]) => [
  2 * (a - frame.a0) / (frame.a1 - frame.a0) - 1, 2 * (b - frame.b0) / (frame.b1 - frame.b0) - 1,
  clamp((h - frame.low) / (frame.high - frame.low || 1), 0, 1) * HEIGHT - .5 + .012,
];

// ---- camera ----

function cameraMatrix({turn, lift, far}, aspect) {
  const [ce, se, ca, sa] = [Math.cos(lift), Math.sin(lift), Math.cos(turn), Math.sin(turn)];
  const x = [-sa, ca, 0], y = [-se * ca, -se * sa, ce], z = [ce * ca, ce * sa, se];
  const focal = 1 / Math.tan(.36), near = .1, end = 20, squeeze = Math.min(1, aspect / 1.15);
  const view = [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -.1 * x[2], -.1 * y[2] + .04, -far / squeeze, 1];
  const lens = [focal / aspect, 0, 0, 0, 0, focal, 0, 0, 0, 0, (end + near) / (near - end), -1, 0, 0, 2 * end * near / (near - end), 0];
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) out[4 * c + r] += lens[4 * k + r] * view[4 * c + k];
  return out;
}

// ---- drawing ----

// Whether the browser paints in software: then fewer pixels while moving, and more at rest instead
// of the (there very slow) smoothing of edges.
function paintsInSoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

class Painter {
  constructor(canvas, colors, software) {
    const gl = this.gl = canvas.getContext("webgl2", {antialias: !software});
    if (!gl) throw new Error("WebGL 2 is not available");
    this.surface = program(gl, SURFACE_VS, SURFACE_FS);
    this.floor = program(gl, FLOOR_VS, FLOOR_FS);
    this.line = program(gl, LINE_VS, LINE_FS);
    this.spot = program(gl, SPOT_VS, SPOT_FS);
    this.buffers = Object.fromEntries(["place", "shape", "index", "path", "corner", "box", "spots"].map(name => [name, gl.createBuffer()]));
    this.size = "";
    const pixels = new Uint8Array(4 * colors.length);
    colors.forEach((text, i) => pixels.set([1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16)).concat(255), 4 * i));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, colors.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) gl.texParameteri(gl.TEXTURE_2D, key, value);
    this.fill("corner", new Float32Array([0, -1, 0, 1, 1, -1, 1, 1]));
    const edges = [];
    const box = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    for (let i = 0; i < 4; i++) edges.push(...box[i], FLOOR, ...box[(i + 1) % 4], FLOOR);
    this.fill("box", new Float32Array(edges));
  }

  fill(name, data, target = this.gl.ARRAY_BUFFER) {
    this.gl.bindBuffer(target, this.buffers[name]);
    this.gl.bufferData(target, data, this.gl.DYNAMIC_DRAW);
  }

  load(frame, finer) {
    const {gl} = this, {N, M, shape, holes} = shaped(frame, finer), place = placed(frame);
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
    const points = [];
    for (let i = 0; i < frame.steps; i++) points.push(...place(frame.path.subarray(3 * i, 3 * i + 3)));
    this.fill("path", new Float32Array(points));
    this.segments = Math.max(0, frame.steps - 1);
    const spots = [points.slice(0, 3), frame.minimum ? place(frame.minimum) : [9, 9, 9], points.slice(-3)].map(p => p.length ? p : [9, 9, 9]);
    this.fill("spots", new Float32Array(spots.flat()));
    this.current = spots[2];
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

  mesh(program_, camera) {
    const {gl} = this;
    this.use(program_, camera);
    this.attribute(program_, "place", 2, "place");
    this.attribute(program_, "shape", 4, "shape");
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.index);
    gl.drawElements(gl.TRIANGLES, this.count, gl.UNSIGNED_INT, 0);
  }

  lines(camera, buffer, count, width, tint, floor = 1) {
    if (!count) return;
    const {gl} = this, uniforms = this.use(this.line, camera), pair = buffer === "box" ? 24 : 12;
    gl.uniform2f(uniforms.half_, gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2);
    gl.uniform1f(uniforms.wide, width);
    gl.uniform1f(uniforms.flat_, floor);
    gl.uniform4fv(uniforms.tint, tint);
    this.attribute(this.line, "a", 3, buffer, pair, 0, 1);
    this.attribute(this.line, "b", 3, buffer, pair, 12, 1);
    this.attribute(this.line, "corner", 2, "corner");
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    for (const name of ["a", "b"]) gl.vertexAttribDivisor(this.line.at(name), 0);
  }

  dot(camera, which, size, tint, cross = 0) {
    const {gl} = this, uniforms = this.use(this.spot, camera);
    gl.uniform1f(uniforms.size, size);
    gl.uniform1f(uniforms.cross, cross);
    gl.uniform4fv(uniforms.tint, tint);
    this.attribute(this.spot, "a", 3, "spots");
    gl.drawArrays(gl.POINTS, which, 1);
  }

  paint(camera, scale) {
    const {gl} = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    this.mesh(this.floor, camera);
    this.lines(camera, "box", 4, .8 * scale, [.66, .7, .73, 1]);
    this.lines(camera, "path", this.segments, 1.1 * scale, [.2, .25, .3, .75], FLOOR + .002);
    this.mesh(this.surface, camera);
    this.lines(camera, "path", this.segments, 2.6 * scale, [.06, .09, .11, 1]);
    gl.depthFunc(gl.LEQUAL);
    this.lines(camera, "path", this.segments, 1.5 * scale, [1, 1, 1, 1]);
    gl.depthMask(false);
    gl.depthFunc(gl.GREATER);  // what the surface hides is dimmed, not lost
    this.lines(camera, "path", this.segments, 1.2 * scale, [1, 1, 1, .3]);
    gl.depthFunc(gl.LESS);
    gl.disable(gl.DEPTH_TEST);
    this.dot(camera, 1, 15 * scale, [1, 1, 1, 1], 1);
    this.dot(camera, 0, 11 * scale, [.06, .09, .11, 1]);
    this.dot(camera, 2, 18 * scale, [1, .353, .212, 1]);
    gl.depthMask(true);
  }
}

// ---- ticks and names, as text over the picture ----

function ticks(low, high, count = 4) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map(k => k * power).find(s => s >= raw * .85);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-6) * step; v <= high + 1e-9 * Math.abs(high); v += step) found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

const number = v => Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(1) : String(Number(v.toPrecision(4)));

function label(pen, frame, camera, labels, width, height, holes) {
  pen.clearRect(0, 0, width, height);
  const at = (x, y, z) => {
    const w = camera[3] * x + camera[7] * y + camera[11] * z + camera[15];
    return [(camera[0] * x + camera[4] * y + camera[8] * z + camera[12]) / w * width / 2 + width / 2, height / 2 - (camera[1] * x + camera[5] * y + camera[9] * z + camera[13]) / w * height / 2, w];
  };
  const text = (words, x, y, bold, turn = 0) => {
    pen.save(); pen.translate(x, y); pen.rotate(turn);
    pen.font = `${bold ? 12 : 11}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    pen.lineWidth = 3; pen.strokeStyle = "rgba(255,255,255,.85)"; pen.fillStyle = bold ? "#33424c" : "#5d6b75";
    pen.textAlign = "center"; pen.textBaseline = "middle";
    pen.strokeText(words, 0, 0); pen.fillText(words, 0, 0); pen.restore();
  };
  // The floor's edges that face the viewer carry the ticks; the corner farthest left carries the heights.
  const front = at(0, -1, FLOOR)[2] < at(0, 1, FLOOR)[2] ? -1 : 1, side = at(-1, 0, FLOOR)[2] < at(1, 0, FLOOR)[2] ? -1 : 1;
  const middle = at(0, 0, FLOOR);
  const outward = (p, by) => { const dx = p[0] - middle[0], dy = p[1] - middle[1], l = Math.hypot(dx, dy) || 1; return [p[0] + dx / l * by, p[1] + dy / l * by]; };
  for (const v of ticks(frame.a0, frame.a1)) text(number(v), ...outward(at(2 * (v - frame.a0) / (frame.a1 - frame.a0) - 1, front, FLOOR), 14));
  for (const v of ticks(frame.b0, frame.b1)) text(number(v), ...outward(at(side, 2 * (v - frame.b0) / (frame.b1 - frame.b0) - 1, FLOOR), 16));
  const name = (words, p, q) => {
    const [x, y] = outward([(p[0] + q[0]) / 2, (p[1] + q[1]) / 2], 36);
    let turn = Math.atan2(q[1] - p[1], q[0] - p[0]);
    if (turn > Math.PI / 2) turn -= Math.PI; else if (turn < -Math.PI / 2) turn += Math.PI;
    text(words, x, y, true, turn);
  };
  name(labels[0], at(-1, front, FLOOR), at(1, front, FLOOR));
  name(labels[1], at(side, -1, FLOOR), at(side, 1, FLOOR));
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(c => [at(...c, 0)[0], c]).sort((a, b) => a[0] - b[0]);
  const [left] = [corners[0][1]];
  const foot = at(...left, -.5), top = at(...left, HEIGHT - .5);
  pen.strokeStyle = "#8fa0aa"; pen.lineWidth = 1;
  pen.beginPath(); pen.moveTo(foot[0], foot[1]); pen.lineTo(top[0], top[1]); pen.stroke();
  for (const v of ticks(frame.low, frame.high)) {
    const p = at(...left, (v - frame.low) / (frame.high - frame.low) * HEIGHT - .5);
    pen.beginPath(); pen.moveTo(p[0], p[1]); pen.lineTo(p[0] - 4, p[1]); pen.stroke();
    text(number(v), p[0] - 22, p[1]);
  }
  text(labels[2], Math.max(top[0], 60), top[1] - 14, true);
  if (holes) text(`${holes} points not finite: left out of the surface, grey on the floor`, width / 2, 14, true);
}

export function render({model, el}) {
  const box = document.createElement("div"), canvas = document.createElement("canvas"), words = document.createElement("canvas");
  el.style.height = "100%";
  box.style.cssText = "position:relative;width:100%;height:100%;min-height:120px;overflow:hidden;background:#fff";
  for (const c of [canvas, words]) c.style.cssText = "position:absolute;inset:0;width:100%;height:100%";
  words.style.pointerEvents = "none";
  canvas.style.touchAction = "none"; canvas.style.cursor = "grab"; canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Loss surface in three dimensions. Drag or use the arrow keys to turn, the wheel or plus and minus to zoom, 0 to reset.");
  box.append(canvas, words); el.append(box);
  let painter;
  const software = paintsInSoftware();
  try { painter = new Painter(canvas, model.colors, software); } catch (error) {
    box.textContent = `The 3-D view needs WebGL 2, which this browser does not offer (${error.message}). The 2-D view shows the same slice.`;
    box.style.cssText += ";display:grid;place-items:center;padding:2em;font:14px system-ui,sans-serif;color:#5d6b75";
    return;
  }
  const HOME = {turn: -1.02, lift: .55, far: 4.25};
  let camera = {...HOME}, frame = null, fresh = false, waiting = 0, drawn = 0, holes = 0;
  // Where painting is slow (no GPU), a moving picture has fewer pixels; at rest it is painted in full.
  let density = software ? .75 : 1, last = 0, rest = 0, mesh = 0;

  const paint = () => {
    waiting = 0;
    const width = box.clientWidth, height = box.clientHeight;
    if (!frame || !width || !height) return;
    const now = performance.now(), moving = now - last < 250;
    if (moving && now - last > 34) density = Math.max(.5, density * .9);
    else if (moving && now - last < 20) density = Math.min(1, density * 1.03);
    last = now;
    clearTimeout(rest);
    if (moving) rest = setTimeout(ask, 300);
    const full = Math.min(window.devicePixelRatio || 1, 2), scale = moving ? full * Math.round(8 * density) / 8 : software ? 2 * full : full;
    for (const [c, by] of [[canvas, scale], [words, full]]) if (c.width !== Math.round(width * by) || c.height !== Math.round(height * by)) { c.width = Math.round(width * by); c.height = Math.round(height * by); }
    const finer = software && moving ? 1 : FINER;
    if (fresh) canvas.dataset.frames = ++drawn;
    if (fresh || finer !== mesh) { holes = painter.load(frame, finer); fresh = false; mesh = finer; }
    const matrix = cameraMatrix(camera, width / height), pen = words.getContext("2d");
    painter.paint(matrix, scale);
    pen.setTransform(full, 0, 0, full, 0, 0);
    label(pen, frame, matrix, model.labels, width, height, holes);
    Object.assign(canvas.dataset, {renderer: "webgl2", points: frame.rows * frame.columns, holes, camera: JSON.stringify(camera), current: painter.current.map(v => v.toFixed(4)).join(",")});
  };
  const ask = () => { waiting ||= requestAnimationFrame(paint); };
  const move = (turn, lift, zoom = 1) => {
    camera = {turn: camera.turn + turn, lift: clamp(camera.lift + lift, .05, 1.5), far: clamp(camera.far * zoom, 1.8, 9)};
    ask();
  };

  const fingers = new Map();
  canvas.addEventListener("pointerdown", e => { fingers.set(e.pointerId, e); canvas.setPointerCapture(e.pointerId); canvas.style.cursor = "grabbing"; });
  canvas.addEventListener("pointermove", e => {
    const before = fingers.get(e.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find(f => f.pointerId !== e.pointerId);
    if (other) move(0, 0, Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY) / Math.max(1, Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY)));
    else move((before.clientX - e.clientX) * .008, (e.clientY - before.clientY) * .008);
    fingers.set(e.pointerId, e);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, e => { fingers.delete(e.pointerId); canvas.style.cursor = "grab"; });
  canvas.addEventListener("wheel", e => { e.preventDefault(); move(0, 0, Math.exp(e.deltaY * .001)); }, {passive: false});
  const reset = () => { camera = {...HOME}; ask(); };
  canvas.addEventListener("dblclick", reset);
  const KEYS = {ArrowLeft: [-.1, 0], ArrowRight: [.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1], "+": [0, 0, .9], "=": [0, 0, .9], "-": [0, 0, 1.1]};
  canvas.addEventListener("keydown", e => {
    if (e.key === "0") reset(); else if (KEYS[e.key]) move(...KEYS[e.key]); else return;
    e.preventDefault();
  });
  canvas.addEventListener("webglcontextlost", e => e.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => { painter = new Painter(canvas, model.colors, software); fresh = Boolean(frame); ask(); });
  new ResizeObserver(ask).observe(box);
  model.on("labels", ask);
  model.on("msg:custom", event => {
    const data = event.data ?? event;
    if (!data || data.byteLength === undefined) return;
    frame = unpacked(data); fresh = true; ask();
  });
  model.send_msg({action: "ready"});
}
