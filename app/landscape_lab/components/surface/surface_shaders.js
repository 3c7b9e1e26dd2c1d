// Programs of the graphics card: surface, walls, floor, lines and signs.
const HEIGHT = .85, FLOOR = -.56, PLUMBS = 80;

const HEAD = "#version 300 es\nprecision highp float;\n";
const COLORS = `uniform sampler2D colors; vec3 ramp(float level, float row){ return texture(colors,vec2(clamp(level,.002,.998),row)).rgb; }`;
// How much of a line of equal height lies on a pixel.
const CONTOUR = `uniform sampler2D lines; uniform float pen;
float contour(float level, float least){ vec4 t=texture(lines,vec2(clamp(level,0.,1.),.5)); float at=(t.r*255.*256.+t.g*255.)/65535., step=max(fwidth(level),1e-6);
  return at<=0.||t.b<least||level>.9995?0.:(1.-smoothstep(pen-.5,pen+.5,abs(level-at)/step))*t.b*(1.-smoothstep(.02,.07,step)); }`;
const LIT = `const vec3 SUN=vec3(${[...Array(3).keys()].map(k => `${SUN_WAY[k].toFixed(4)}`).join(",")});
vec3 lit(vec3 base, vec3 n, vec3 eye, float sky, float sun){
  float lambert=max(0.,dot(n,SUN)), open=sky*(.72+.28*n.z); vec3 h=normalize(SUN+eye);
  vec3 light=mix(.45,1.,open)*vec3(.70,.72,.77)+lambert*sun*vec3(.66,.63,.57);
  float near=max(0.,dot(n,h)), rim=1.-abs(dot(n,eye)), near4=near*near*near*near, near8=near4*near4;  // powers by products: 28 and 4
  return base*light+near8*near8*near8*near4*.13*sun+rim*rim*rim*rim*.1*open; }`;

const SURFACE_VS = `${HEAD}in vec2 place; in vec4 shape; in vec2 light; uniform mat4 camera; uniform float flat_; out float level, whole; out vec3 normal, at; out vec2 shares;
void main(){ level=shape.x; normal=vec3(-shape.yz,1.); whole=shape.w; shares=light; at=vec3(place,flat_>-9.?flat_:shape.x*${HEIGHT.toFixed(2)}-.5); gl_Position=camera*vec4(at,1.); }`;
const SURFACE_FS = `${HEAD}in float level, whole; in vec3 normal, at; in vec2 shares; uniform vec3 eye; uniform vec4 ball; out vec4 color; ${COLORS} ${CONTOUR} ${LIT}
void main(){ if(whole<.999) discard;
  vec3 n=normalize(normal), way=normalize(eye-at), base=ramp(level,.25);
  float line=contour(level,0.), rest=length((at-ball.xyz)/ball.w);
  if(dot(n,way)<0.){ n=-n; base=mix(base,vec3(.5),.15); }
  float shade=1.-.5*exp(-rest*rest);
  vec3 c=lit(base,n,way,shares.x,shares.y)*shade;
  color=vec4(level<.5?mix(c,vec3(1.),.34*line):mix(c,vec3(.04,.07,.09),.36*line),1.); }`;
// Where the surface has a hole, the floor is of this colour.
const HOLE_FS = `${HEAD}in float level, whole; in vec3 normal, at; in vec2 shares; uniform vec4 tint; out vec4 color;
void main(){ if(whole>=.999) discard; color=tint; }`;
const WALL_VS = `${HEAD}in vec4 corner; in vec2 side; uniform mat4 camera; out float level, top; out vec3 at, normal;
void main(){ float z=corner.w>.5?corner.z*${HEIGHT.toFixed(2)}-.5:${FLOOR}; at=vec3(corner.xy,z); level=(z+.5)/${HEIGHT.toFixed(2)}; top=corner.z; normal=vec3(side,0.); gl_Position=camera*vec4(at,1.); }`;
const WALL_FS = `${HEAD}in float level, top; in vec3 at, normal; uniform vec3 eye, paper; out vec4 color; ${COLORS} ${CONTOUR} ${LIT}
void main(){ vec3 n=normalize(normal), base=ramp(level,.25);
  if(dot(n,eye-at)<0.) n=-n;
  float sun=.5+.5*dot(n,SUN), foot=smoothstep(0.,.3,at.z-(${FLOOR})), rim=1.-smoothstep(0.,.05,top-level);
  vec3 c=mix(base,paper,.76)*(.80+.22*sun)*(.86+.14*foot);
  color=vec4(mix(mix(c,base,.26*contour(level,.9)),base,.3*rim),1.); }`;
const FLOOR_VS = `${HEAD}in vec2 corner; uniform mat4 camera; out vec2 at; void main(){ at=corner*1.65; gl_Position=camera*vec4(at,${FLOOR},1.); }`;
const FLOOR_FS = `${HEAD}in vec2 at; uniform vec4 tint; out vec4 color;
void main(){ vec2 q=abs(at-vec2(.05,.02))-1.; float away=length(max(q,0.))+min(max(q.x,q.y),0.)*.2;
  color=vec4(tint.rgb,tint.a*exp(-max(away,0.)*7.)*smoothstep(.85,.1,away)); }`;
// A piece of the path is a capsule of light across; the eye draws it nearer, so that none of it sinks in.
const LINE_VS = `${HEAD}in vec4 a; in vec4 b; in vec2 corner; uniform mat4 camera; uniform vec3 eye; uniform vec2 half_; uniform float thick, least, lift, near; out float time, radius; out vec2 local; out float long_;
vec4 at(vec3 p){ return camera*vec4(p,1.); }
void main(){ time=mix(a.w,b.w,corner.x); vec3 pa=a.xyz+vec3(0.,0.,lift), pb=b.xyz+vec3(0.,0.,lift); vec4 A=at(pa), B=at(pb); vec2 d=(B.xy/B.w-A.xy/A.w)*half_; long_=length(d); d=long_>1e-4?d/long_:vec2(1.,0.);
  vec4 q=corner.x<.5?A:B; vec3 p=corner.x<.5?pa:pb; radius=max(least,thick/q.w); float out_=radius+1.; local=vec2(corner.x<.5?-out_:long_+out_,corner.y*out_);
  vec4 w=at(p+normalize(eye-p)*near);
  q.xy+=(vec2(-d.y,d.x)*corner.y+d*(corner.x*2.-1.))*out_/half_*q.w; q.z=w.z/w.w*q.w; gl_Position=q; }`;
const LINE_FS = `${HEAD}in float time, radius; in vec2 local; in float long_; uniform vec4 tint; uniform float round_; out vec4 color; ${COLORS}
void main(){ vec2 off=vec2(local.x-clamp(local.x,0.,long_),local.y); float d=length(off)/radius, cover=clamp((1.-d)*radius+.5,0.,1.);
  if(cover<=0.) discard;
  vec3 base=tint.r<0.?ramp(clamp(time,.01,.99),.75):tint.rgb;
  if(round_<0.){ color=vec4(base,tint.a*exp(-3.*d*d)*cover); return; }
  float side=min(abs(local.y)/radius,1.), up=sqrt(1.-side*side);
  color=vec4(mix(base,base*(.45+.62*up)+.16*pow(up,10.),round_),tint.a*cover); }`;
const SPOT_VS = `${HEAD}in vec4 a; uniform mat4 camera; uniform float size, lift; void main(){ gl_Position=camera*vec4(a.xy,a.z+lift,1.); gl_PointSize=size; }`;
const SPOT_FS = `${HEAD}uniform vec4 tint; uniform float sign, fade; out vec4 color;
const vec3 DARK=vec3(.06,.09,.11);
// How far inside the outline a point lies, as a share of the half-width: disc 0, star 2, diamond 3; 1 is a cross.
float inside(vec2 p){
  if(sign>2.5) return (1.-abs(p.x)-abs(p.y))*.7071;
  if(sign>1.5){ const float k=.6283185; float a=abs(mod(atan(p.x,-p.y)+k,2.*k)-k); vec2 q=length(p)*vec2(sin(a),cos(a)), tip=vec2(0.,1.), side=.45*vec2(sin(k),cos(k))-tip;
    return dot(q-tip,vec2(side.y,-side.x)/length(side)); }
  return 1.-length(p); }
void main(){ vec2 p=gl_PointCoord*2.-1.; float e=fwidth(p.x)*1.5;
  if(sign>.5&&sign<1.5){ float d=min(abs(p.x-p.y),abs(p.x+p.y)); if(length(p)>1.||d>.42) discard; color=d>.2?vec4(DARK,1.):tint; color.a=fade; return; }
  float d=inside(p); if(d<0.) discard;
  if(sign<.5){ vec3 n=vec3(p.x,-p.y,sqrt(max(0.,1.-dot(p,p)))); float l=.5+.55*max(0.,dot(n,vec3(-.48,.6,.64))), s=pow(max(0.,dot(n,normalize(vec3(-.3,.42,1.)))),26.);
    vec3 c=tint.rgb*l+.6*s; color=vec4(mix(sign<-.5?DARK:vec3(1.),c,smoothstep(.14-e,.14,d)),smoothstep(0.,e,d)*fade); return; }
  color=vec4(mix(DARK,tint.rgb,smoothstep(.16-e,.16,d)),smoothstep(0.,e,d)*fade); }`;

// A program of the graphics card, which is compiled while the page goes on: nothing is asked of it before it is used.
class Program {
  constructor(gl, vertex, fragment) {
    Object.assign(this, {gl, made: gl.createProgram(), known: null});
    this.shaders = [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]].map(([type, text]) => {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.made, shader);
      return shader;
    });
    gl.linkProgram(this.made);
  }

  // Whether using it waits for nothing; where the browser cannot tell, it does not matter.
  get compiled() {
    const {gl, made} = this, later = gl.getExtension("KHR_parallel_shader_compile");
    return Boolean(this.known) || !later || gl.getProgramParameter(made, later.COMPLETION_STATUS_KHR);
  }

  // The places of its uniforms by name. Throws what the browser says of a program that it cannot compile.
  get uniforms() {
    if (this.known) return this.known;
    const {gl, made} = this, known = {};
    if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error([...this.shaders.map(shader => gl.getShaderInfoLog(shader)), gl.getProgramInfoLog(made)].filter(Boolean).join(" "));
    for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
      const {name} = gl.getActiveUniform(made, i);
      known[name] = gl.getUniformLocation(made, name);
    }
    return this.known = known;
  }

  at(name) { return this.gl.getAttribLocation(this.made, name); }
}
