// The network of the side panel: how it looks.
const STYLE = `
.net{--fg:var(--ink,#1d2a33);--soft:var(--muted,#5d6b75);--rim:var(--control,#87959f);--tint:var(--accent,#0f6e84);
 position:relative;display:flex;flex-direction:column;width:100%;height:100%;min-height:0;overflow:hidden;box-sizing:border-box;padding:2px 8px 6px;
 font:calc(12px*var(--scale,1))/1.35 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--fg);background:var(--surface,#fff);font-variant-numeric:tabular-nums}
[hidden]{display:none!important}
.head{display:flex;flex-wrap:wrap;gap:0 8px;align-items:baseline;flex:none}
.head b{font-weight:600}.head span{color:var(--soft)}.head .hand{color:var(--alert-ink,#7a1710);font-weight:600}
.stage{position:relative;flex:1;min-height:0;overflow:hidden}
.stage.rolls{overflow:auto}
.edges{position:absolute;inset:0;width:100%;height:100%}
.edges.near{cursor:pointer}
.unit{position:absolute;padding:0;border:1px solid var(--frame,#b7c0c7);border-radius:4px;background:var(--surface,#fff);cursor:pointer;overflow:hidden;box-sizing:border-box}
.unit canvas{display:block;width:100%;height:100%;border-radius:inherit}
.unit:hover,.unit:focus-visible,.unit.chosen{border-color:var(--tint);box-shadow:0 0 0 2px var(--tint);z-index:2}
.unit.still{cursor:default}
:focus-visible{outline:none;box-shadow:0 0 0 2px var(--tint)}
.unit.set{border-color:var(--alert,#b3261e);box-shadow:0 0 0 1px var(--alert,#b3261e)}
.name{position:absolute;color:var(--soft);font-size:.86em;white-space:nowrap;text-align:center;pointer-events:none}
.caption{white-space:normal;line-height:1.3;overflow:hidden;display:flex;flex-direction:column;justify-content:flex-end}.caption b{color:var(--fg);font-weight:600}
.card{position:absolute;z-index:5;pointer-events:none;background:var(--raised,#fff);border:1px solid var(--rim);border-radius:8px;box-shadow:0 6px 20px var(--shade,#1d2a3333);padding:7px 9px;max-width:min(250px,94%);box-sizing:border-box}
.card canvas{display:block;border-radius:4px;margin-bottom:5px;border:1px solid var(--line,#dfe6ea)}
.card b{font-weight:600}.card div{color:var(--soft)}
.editor{position:absolute;left:0;right:0;bottom:0;z-index:4;display:grid;grid-template-columns:1fr auto;gap:5px 8px;align-items:center;background:var(--raised,#fff);border:1px solid var(--rim);border-radius:8px;box-shadow:0 -4px 16px var(--shade,#1d2a3322);padding:7px 9px}
.editor b{font-weight:600;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.editor select,.editor input[type=range]{grid-column:1/-1;width:100%;min-width:0;margin:0;box-sizing:border-box}
.editor .row{grid-column:1/-1;display:flex;gap:8px;align-items:center}.editor .row input[type=range]{flex:1;accent-color:var(--tint);height:24px}
.editor input[type=number]{width:6.6em}
.editor button,.editor select,.editor input[type=number]{font:inherit;color:inherit;height:calc(26px*var(--scale,1));min-width:24px;border:1px solid var(--rim);border-radius:6px;background:var(--surface,#fff);padding:0 .55em;box-sizing:border-box}
.editor button{cursor:pointer}.editor button[aria-disabled=true]{color:var(--disabled,#6f7c85);border-color:var(--frame,#c9d2d8);cursor:default}.editor button:hover{border-color:var(--tint)}
.editor small{grid-column:1/-1;color:var(--soft);font-size:.9em}
@media (pointer:coarse){.editor button,.editor select,.editor input[type=number],.editor .row input[type=range]{height:44px;min-width:44px}}
.group{margin:2px 0 7px}.group>h4{font:inherit;font-weight:600;margin:0 0 3px}.group>h4 span{font-weight:400;color:var(--soft)}
.grid{display:grid;gap:5px}
.grid .unit,.pair .unit{position:relative;width:100%;aspect-ratio:1}
.grid .unit.strip{aspect-ratio:auto;height:22px}
.pair{display:grid;grid-template-columns:1fr 1.6fr;gap:2px;align-items:center}
.pair canvas{width:100%;display:block}
.digit{margin:0;text-align:center;font-size:.88em;line-height:1.25}.digit canvas{width:100%;display:block;border-radius:4px;border:1px solid var(--line,#dfe6ea);box-sizing:border-box}
.digit b{font-weight:600}.digit span{color:var(--soft)}
.plot{width:100%;height:100%;display:block;position:absolute;inset:0}
.why{display:grid;place-items:center;height:100%;text-align:center;color:var(--soft);padding:0 1.5em;text-wrap:balance}
.bars{display:grid;grid-template-columns:auto 1fr auto;gap:8px;align-items:center;padding:6px 2px}
.bars label{display:contents}.bars input{width:100%;margin:0;accent-color:var(--tint);height:24px}.bars output{min-width:4.5em;text-align:right}`;
