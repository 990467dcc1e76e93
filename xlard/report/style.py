"""The style sheet of the report page: light and dark, wide screens and phones, no file from outside."""

from ..critique import REPORTED

CSS = """
:root{color-scheme:light dark;--paper:#f6f6f3;--card:#fff;--ink:#1c1e22;--faint:#5c616b;--line:#d9dad5;
--right:#0b6e4f;--wrong:#b22234;--best:#e8f3ee;--count:#1f5fa8;--color:#a3470c;--position:#6b3fa0;
--object:#a01f6b;--attribute:#5d6410;--quality:#0b6a75;--preservation:#4a5568}
@media (prefers-color-scheme:dark){:root{--paper:#17181b;--card:#202226;--ink:#e9e9e6;--faint:#a3a8b2;
--line:#3a3d44;--right:#5cc79d;--wrong:#ff8a8f;--best:#1f332b;--count:#7db4f2;--color:#f0a26b;--position:#c3a2f0;
--object:#f294cb;--attribute:#c3cc66;--quality:#6cd0dc;--preservation:#b8c2d0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:76rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:0 0 .25rem}h3{font-size:1rem;margin:1.25rem 0 .5rem}
p{margin:.25rem 0}.faint,figcaption{color:var(--faint)}figcaption{font-size:.875rem}
article,section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;margin:1rem 0}
dl.totals{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;margin:1rem 0}
dl.totals div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.5rem .75rem}
dt{font-size:.8rem;color:var(--faint)}dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:1rem;margin-top:.75rem}
figure{margin:0}figure img{display:block;width:100%;max-width:32rem;height:auto;border-radius:4px}
ul.claims{list-style:none;margin:.5rem 0 0;padding:0}
ul.claims li{padding:.2rem 0 .2rem 1.6rem;position:relative}
ul.claims .mark{position:absolute;left:.2rem}ul.claims small{display:block;color:var(--faint)}
.mark{font-weight:700}.right{color:var(--right)}.wrong{color:var(--wrong)}.unknown{color:var(--faint)}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.scroll{overflow-x:auto;position:relative}table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:middle;
overflow-wrap:normal}
th{font-weight:600;vertical-align:bottom}tbody th{vertical-align:middle}
th.claim{min-width:6rem;max-width:9rem}
td.number,th.number{text-align:right}td.number{white-space:nowrap}td small{display:block;color:var(--faint)}
td small.right{color:var(--right)}td small.wrong{color:var(--wrong)}td.what{min-width:8rem;max-width:14rem}
tbody th{position:sticky;left:0;background:var(--card)}tr.best,tr.best th{background:var(--best)}
td img{display:block;border-radius:3px;outline:1px solid var(--line)}
.chart{width:100%;max-width:28rem;height:auto}.chart text{font-size:10px;fill:var(--faint)}
.chart .grid{stroke:var(--line);stroke-width:1}.chart polyline{fill:none;stroke:currentColor;stroke-width:2}
.chart circle,.chart polygon{fill:currentColor}
.curve{display:block;width:6rem;height:2rem;margin-left:auto}.curve rect{fill:var(--paper)}
.curve polyline{fill:none;stroke:var(--count);stroke-width:1.5}.curve circle{fill:var(--count)}
.side{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:1rem}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(7.5rem,1fr));gap:.75rem;margin-top:.5rem}
pre{white-space:pre-wrap;background:var(--paper);padding:.5rem;border-radius:4px;font-size:.8rem;margin:.25rem 0}
summary{cursor:pointer;margin-top:.75rem}
@media print{article{break-inside:avoid}}
""" + "".join(f".chart .{aspect}{{color:var(--{aspect})}}" for aspect in REPORTED)
