// The landscape in three dimensions, in WebGL 2 without a library; a flat note where there is none.
// The mesh is drawn at twice the slice's resolution (Catmull-Rom); the data stay as they were sent.
// Its parts are read as one module, in the order of their names in surface.py.
const HEADER = 13, FINER = 2, HEIGHT = 0.95, FLOOR = -0.62, LINES = 14, LIFT = .012, PLUMBS = 80;

const SURFACE_VS = `#version 300 es
in vec2 place; in vec4 shape; uniform mat4 camera; out float level; out vec3 normal; out float whole;
void main(){ level=shape.x; normal=vec3(-shape.yz,1.); whole=shape.w; gl_Position=camera*vec4(place,shape.x*${HEIGHT.toFixed(2)}-.5,1.); }`;
const SURFACE_FS = `#version 300 es
precision highp float; in float level; in vec3 normal; in float whole; uniform sampler2D colors; out vec4 color;
void main(){ if(whole<.999) discard;
  vec3 base=texture(colors,vec2(clamp(level,.002,.998),.25)).rgb, n=normalize(normal);
  if(!gl_FrontFacing) base*=.82;
  float light=.62+.38*max(0.,dot(n,normalize(vec3(-.45,.35,.85)))), shine=pow(max(0.,dot(n,normalize(vec3(-.3,.1,.95)))),24.)*.06;
  float at=level*${LINES}., near=level>.9995?9.:abs(fract(at-.5)-.5)/max(fwidth(at),1e-5);
  base*=mix(.74,1.,smoothstep(.3,1.3,near));
  color=vec4(base*light+shine,1.); }`;
const FLOOR_VS = `#version 300 es
in vec2 place; in vec4 shape; uniform mat4 camera; out float level; out float whole;
void main(){ level=shape.x; whole=shape.w; gl_Position=camera*vec4(place,${FLOOR},1.); }`;
const FLOOR_FS = `#version 300 es
precision highp float; in float level; in float whole; uniform sampler2D colors; uniform vec3 around; out vec4 color;
void main(){ if(whole<.999){ color=vec4(mix(around,vec3(.5),.4),1.); return; }
  float at=level*${LINES}., near=level>.9995?9.:abs(fract(at-.5)-.5)/max(fwidth(at),1e-5);
  vec3 line=texture(colors,vec2(clamp(level,.002,.998),.25)).rgb;
  color=vec4(mix(mix(line,around,.86),mix(line,around,.25),1.-smoothstep(.5,1.5,near)),1.); }`;
const LINE_VS = `#version 300 es
in vec4 a; in vec4 b; in vec2 corner; uniform mat4 camera; uniform vec2 half_; uniform float wide; uniform float flat_; out float time;
vec4 at(vec4 p){ return camera*vec4(p.xy, flat_<0.?flat_:p.z, 1.); }
void main(){ time=mix(a.w,b.w,corner.x); vec4 A=at(a),B=at(b); vec2 d=(B.xy/B.w-A.xy/A.w)*half_; d=d/max(length(d),1e-6);
  vec4 q=corner.x<.5?A:B; q.xy+=(vec2(-d.y,d.x)*corner.y+d*(corner.x-.5)*.8)*wide/half_*q.w; q.z-=.0008*q.w; gl_Position=q; }`;
const LINE_FS = `#version 300 es
precision highp float; in float time; uniform vec4 tint; uniform sampler2D colors; out vec4 color;
void main(){ color=tint.r<0.?vec4(texture(colors,vec2(clamp(time,.01,.99),.75)).rgb,tint.a):tint; }`;
const SPOT_VS = `#version 300 es
in vec4 a; uniform mat4 camera; uniform float size; void main(){ gl_Position=camera*vec4(a.xyz,1.); gl_Position.z-=.003*gl_Position.w; gl_PointSize=size; }`;
const SPOT_FS = `#version 300 es
precision highp float; uniform vec4 tint; uniform float sign, fade; out vec4 color;
const vec3 DARK=vec3(.06,.09,.11);
// How far inside the outline a point lies, as a share of the half-width: ring -1, disc 0, star 2, diamond 3; 1 is a cross.
float inside(vec2 p){
  if(sign>2.5) return (1.-abs(p.x)-abs(p.y))*.7071;
  if(sign>1.5){ const float k=.6283185; float a=abs(mod(atan(p.x,-p.y)+k,2.*k)-k); vec2 q=length(p)*vec2(sin(a),cos(a)), tip=vec2(0.,1.), side=.45*vec2(sin(k),cos(k))-tip;
    return dot(q-tip,vec2(side.y,-side.x)/length(side)); }
  return 1.-length(p); }
void main(){ vec2 p=gl_PointCoord*2.-1.; float e=fwidth(p.x)*1.5;
  if(sign>.5&&sign<1.5){ float d=min(abs(p.x-p.y),abs(p.x+p.y)); if(length(p)>1.||d>.42) discard; color=d>.2?vec4(DARK,1.):tint; color.a=fade; return; }
  float d=inside(p); if(d<0.) discard;
  float rim=sign>.5?.16:.34; vec3 edge=abs(sign)>.5?DARK:vec3(1.);
  color=vec4(mix(edge,tint.rgb,smoothstep(rim-e,rim,d)),smoothstep(0.,e,d)*fade); }`;

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
