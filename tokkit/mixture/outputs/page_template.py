"""The frame and the style of the report: one page, light and dark, without scripts."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2330; --soft: #5b6577; --line: #d9dee7; --page: #ffffff; --card: #f5f7fa;
  --bar: #3f6fd1; --range: #17336f; --warn: #9a5b00; --warn-card: #fff5e2; --bad: #b3403a; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6e9ef; --soft: #9aa5b8; --line: #333c4b; --page: #14181f; --card: #1c222c;
  --bar: #5b87e0; --range: #c9d8fb; --warn: #f0b45a; --warn-card: #2b2316; --bad: #e58079; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .35rem; }
p { margin: .5rem 0; }
.lead, .note { color: var(--soft); }
.note { font-size: .9rem; }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; }
.facts div { background: var(--card); border-radius: .5rem; padding: .5rem .9rem; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.warnings { background: var(--warn-card); border-left: 4px solid var(--warn); margin: 1rem 0;
  border-radius: .25rem; padding: .75rem 1rem .75rem 2rem; }
.warnings li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; }
.number { text-align: right; white-space: nowrap; }
.name { overflow-wrap: anywhere; }
.picture { width: 45%; min-width: 10rem; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  background: var(--card); border-radius: .25rem; padding: .05rem .3rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.pairs { width: auto; }
.shares { margin-bottom: 1rem; }
.bar { fill: var(--bar); }
.refuted { fill: var(--bad); }
.range { stroke: var(--range); stroke-width: 2; }
.axis { stroke: var(--line); stroke-width: 1; }
.zero { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 4 3; }
.band { fill: var(--bar); opacity: .28; }
.median { fill: none; stroke: var(--bar); stroke-width: 2; }
.missing { fill: var(--bad); opacity: .7; }
@media print { :root { color-scheme: light; } main { max-width: none; padding: 0; } }
"""
