/** The page's one style sheet: light and dark by the reader's setting, a phone's width and paper. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #22262b; --faint: #6a7078; --rule: #dcdfe2; --panel: #f3f4f2; --alarm: #a32a00; --alarm-paper: #fdeee7;
  --first: #0067a8; --second: #c25400; --third: #007a5a; --pro: 0, 103, 168; --con: 214, 110, 0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16191d; --ink: #e6e8ea; --faint: #9aa2ab; --rule: #363c43; --panel: #1f2329; --alarm: #ff9d76; --alarm-paper: #3a2018;
    --first: #5db4ee; --second: #f2994a; --third: #3fc79c; --pro: 70, 160, 230; --con: 235, 140, 45;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header, footer { max-width: 80rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.2rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; list-style: none; padding: 0; font-size: .9rem; max-width: none; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p, ul { max-width: 46rem; margin: .5rem 0; }
ul { padding-left: 1.3rem; }
a { color: var(--first); }
code, pre { font: .86em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.note, .ci, .byline { color: var(--faint); }
.note { font-size: .87rem; }
.ci { font-size: .86em; white-space: nowrap; }
.summary { border-left: 4px solid var(--first); padding: .1rem 0 .1rem 1rem; margin: 1.3rem 0; font-size: 1.08rem; }
.summary p:first-child { font-weight: 600; }
.alarm { border: 1px solid var(--alarm); border-left-width: 6px; background: var(--alarm-paper); border-radius: 4px; padding: .6rem 1rem; margin: 1.2rem 0; }
.alarm h2 { border: 0; color: var(--alarm); font-size: 1.05rem; margin: .2rem 0; padding: 0; }
.alarm li { overflow-wrap: anywhere; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; max-width: none; font-size: .93rem; }
.table { margin: 1.2rem 0 1.6rem; break-inside: auto; }
.table figcaption { font-weight: 600; }
.scroll { overflow-x: auto; margin: 0; border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { padding: .34rem .5rem; text-align: left; vertical-align: baseline; border-top: 1px solid var(--rule); }
thead th { font-weight: 600; font-size: .82rem; vertical-align: bottom; min-width: 3.4rem; border-top: 0; }
tbody th { font-weight: 500; white-space: nowrap; position: sticky; left: 0; background: var(--paper); }
.figure { text-align: right; }
td.figure { white-space: nowrap; }
td.words { min-width: 6.4rem; }
.rank { display: inline-block; min-width: 1.4em; text-align: right; color: var(--faint); font-variant-numeric: tabular-nums; }
tr.chosen > *, tr.significant > * { background: var(--panel); }
tr.chosen > * { font-weight: 600; }
tr.majority > * { border-top: 2px dashed var(--second); border-bottom: 2px dashed var(--second); }
tr.unproven > td { color: var(--faint); }
.tag { background: var(--first); color: var(--paper); border-radius: 3px; padding: 0 .4em; font-size: .8em; }
.student { color: var(--first); } .control { color: var(--second); } .chain { color: var(--third); }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-size: .9rem; margin-bottom: .2rem; }
svg { display: block; max-width: 100%; height: auto; font-family: inherit; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.6rem 1.4rem; margin: 1rem 0; }
.charts figcaption { font-weight: 600; overflow-wrap: anywhere; }
.narrow { display: none; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.2rem; }
.map { border: 1px solid var(--rule); border-radius: 4px; padding: .6rem .75rem; line-height: 1.75; font-size: .93rem; max-height: 24rem; overflow-y: auto; overflow-wrap: anywhere; }
.p1, .p2, .p3, .p4, .n1, .n2, .n3, .n4 { border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.unread { opacity: .55; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--first); margin-bottom: .6rem; }
.p1 { background: rgba(var(--pro), .14); } .p2 { background: rgba(var(--pro), .28); }
.p3 { background: rgba(var(--pro), .42); } .p4 { background: rgba(var(--pro), .6); }
.n1 { background: rgba(var(--con), .14); } .n2 { background: rgba(var(--con), .28); }
.n3 { background: rgba(var(--con), .42); border-bottom: 2px dotted; } .n4 { background: rgba(var(--con), .6); border-bottom: 2px dotted; }
pre { background: var(--panel); border-radius: 4px; padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap; }
footer { margin-top: 3rem; padding-bottom: 2.5rem; }
@media (max-width: 40rem) {
  main, header, footer { padding: 0 .9rem; }
  header { padding-top: 1.3rem; }
  h1 { font-size: 1.4rem; }
  .wide { display: none; } .narrow { display: block; }
  tbody th { white-space: normal; min-width: 8.5rem; max-width: 9.5rem; overflow-wrap: anywhere; }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --faint: #444; --rule: #bbb; --panel: #eee; --alarm: #8a2300; --alarm-paper: #fff;
    --first: #0067a8; --second: #c25400; --third: #007a5a; --pro: 0, 103, 168; --con: 214, 110, 0;
  }
  @page { margin: 14mm 12mm; }
  body { font-size: 10pt; }
  nav { display: none; }
  main, header, footer { max-width: none; padding: 0; }
  h2, h3, figcaption { break-after: avoid; }
  tr, .summary, .alarm { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 6.6pt; }
  th, td { padding: 1.5pt 3pt; }
  thead th, td.words { min-width: 0; font-size: 6.4pt; }
  tbody th { position: static; white-space: normal; }
  td.figure .ci { display: block; }
  .charts { grid-template-columns: repeat(3, 1fr); gap: 10pt; }
  .maps { grid-template-columns: repeat(2, 1fr); }
  .map { max-height: none; font-size: 8pt; line-height: 1.5; }
}
`
