// The style of the reference page, with the colours of the console. It is embedded, because nothing
// is fetched from other hosts.

export const docsStyle = `
:root { color-scheme: light dark; --line: #dfe3e9; --soft: #f5f6f8; --ink: #14181f; --dim: #4f5866; --mark: #0b62bd; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #2b333e; --soft: #161b22; --ink: #e8ebf0; --dim: #aab3c1; --mark: #5aa9ff; --paper: #0e1116; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; display: grid; grid-template-columns: 20.5rem minmax(0, 1fr); font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
nav { position: sticky; top: 0; align-self: start; height: 100vh; overflow: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); background: var(--soft); font-size: .85rem; }
nav ul { list-style: none; margin: 1rem 0; padding: 0; }
nav a { display: block; padding: .2rem .4rem; border-radius: 4px; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
nav li a { display: flex; align-items: baseline; }
nav a:hover { background: var(--line); }
nav b { flex: 0 0 2.6rem; font-size: .7rem; color: var(--mark); }
nav .home { font-weight: 700; font-size: 1.1rem; }
nav .console { color: var(--mark); }
main { max-width: 56rem; padding: 2rem 2.5rem 6rem; }
h1 { margin: 0 0 .5rem; font-size: 1.8rem; }
h2 { margin: 0 0 .25rem; font-size: 1.2rem; }
h2 code { background: none; padding: 0; font-size: inherit; }
h2 i { color: var(--dim); }
h3 { margin: 1.6rem 0 .3rem; font-size: 1rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
section + h2 { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
h2#errors { margin-top: 2.5rem; }
.method { font-size: .75rem; font-weight: 700; color: var(--paper); background: var(--mark); border-radius: 4px; padding: .15rem .45rem; vertical-align: .12em; }
.summary { margin: 0; font-weight: 600; color: var(--dim); }
a { color: var(--mark); }
code, pre { font: .86em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
code { background: var(--soft); border-radius: 3px; padding: .08em .3em; overflow-wrap: anywhere; }
pre { margin: .6rem 0; padding: .7rem .9rem; overflow-x: auto; background: var(--soft); border: 1px solid var(--line); border-radius: 6px; }
pre code { background: none; padding: 0; white-space: pre-wrap; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; margin: .6rem 0; font-size: .9rem; }
th { text-align: left; font-weight: 600; color: var(--dim); }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { width: 11rem; }
td:nth-child(2) { width: 12rem; color: var(--dim); }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; }
.reasons { columns: 3 14rem; list-style: none; padding: 0; }
@media (max-width: 60rem) {
  td:first-child, td:nth-child(2) { width: auto; }
  body { grid-template-columns: minmax(0, 1fr); }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1.2rem 1rem 4rem; }
}
@media (max-width: 36rem) {
  table, tbody { display: block; }
  tr { display: grid; grid-template-columns: fit-content(70%) minmax(0, 1fr); border-bottom: 1px solid var(--line); padding: .35rem 0; }
  tr:has(th) { display: none; }
  td { border: 0; padding: 0 .9rem 0 0; overflow-wrap: anywhere; }
  td:nth-child(3) { grid-column: 1 / -1; padding: .2rem 0 0; }
}
`;
