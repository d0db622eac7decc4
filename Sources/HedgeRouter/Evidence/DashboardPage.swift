// swift-format-ignore-file
// Written by scripts/embed_dashboard.py from bindings/shared/dashboard.html; change that file instead.

/// The dashboard, a page that stands alone.
public enum Dashboard {
    /// HTML that draws what it finds at `stats.json`, relative to its own address.
    public static let page: StaticString = ##"""
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>hedgerouter</title>
<link rel="icon" href="data:,">
<style>
:root {
  --paper: #fcfcfa; --raised: #ffffff; --ink: #1c1e21; --soft: #62676f; --faint: #a3a7ae; --line: #e3e3de;
  --accent: #0a66c2; --wash: rgba(10, 102, 194, .10); --band: rgba(98, 103, 111, .16);
  --warn: #9a5b00; --bad: #b3261e; --bad-wash: rgba(179, 38, 30, .08);
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme=light]) {
    --paper: #131416; --raised: #1a1c1f; --ink: #e8e8e6; --soft: #a0a4ab; --faint: #6d7178; --line: #2c2f34;
    --accent: #7db7ff; --wash: rgba(125, 183, 255, .14); --band: rgba(160, 164, 171, .20);
    --warn: #e8b04e; --bad: #ff8a80; --bad-wash: rgba(255, 138, 128, .10);
  }
}
:root[data-theme=dark] {
  --paper: #131416; --raised: #1a1c1f; --ink: #e8e8e6; --soft: #a0a4ab; --faint: #6d7178; --line: #2c2f34;
  --accent: #7db7ff; --wash: rgba(125, 183, 255, .14); --band: rgba(160, 164, 171, .20);
  --warn: #e8b04e; --bad: #ff8a80; --bad-wash: rgba(255, 138, 128, .10);
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 1160px; padding: 0 24px 56px;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, ul, table { margin: 0; padding: 0; }
h1 { font-size: 15px; font-weight: 650; letter-spacing: -.01em; }
h2 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
button, select {
  font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 7px;
  padding: 4px 10px; min-height: 32px;
}
button:hover, select:hover { border-color: var(--faint); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 16px; top: 8px; background: var(--raised); padding: 6px 10px; }
header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; padding: 18px 0; }
header .grow { flex: 1; }
#live { color: var(--soft); font-size: 13px; }
#live::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 50%; margin-right: 7px;
  background: var(--accent); }
#live.stale::before { background: var(--bad); }
#alarm { border: 1px solid var(--bad); background: var(--bad-wash); border-radius: 9px; padding: 12px 16px;
  margin-bottom: 20px; }
#alarm strong { color: var(--bad); }
#empty { border: 1px dashed var(--line); border-radius: 9px; padding: 28px; color: var(--soft); margin-bottom: 20px; }
#empty strong { color: var(--ink); display: block; font-weight: 650; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 11px; overflow: hidden; }
.tiles > div { background: var(--raised); padding: 14px 16px 15px; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { font-size: 25px; font-weight: 620; letter-spacing: -.02em; line-height: 1.25; }
.tiles dd.unknown { font-size: 18px; font-weight: 500; color: var(--soft); padding: 5px 0 2px; letter-spacing: 0; }
.tiles dd + dd { font-size: 13px; font-weight: 400; color: var(--soft); letter-spacing: 0; line-height: 1.4; }
section { margin-top: 40px; }
section > .head { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; margin-bottom: 12px; }
section > .head p { color: var(--soft); font-size: 13px; }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 40px; }
svg { display: block; width: 100%; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .actual { stroke: var(--accent); stroke-width: 2.25; fill: none; }
svg .without { stroke: var(--soft); stroke-width: 1.75; stroke-dasharray: 5 4; fill: none; }
svg .unsure { opacity: .45; stroke-dasharray: 1.5 4; }
svg .band { fill: var(--band); stroke: none; }
svg .cursor { stroke: var(--faint); stroke-width: 1; }
svg text.on { fill: var(--accent); font-weight: 600; }
.readout { min-height: 21px; font-size: 13px; color: var(--soft); }
.readout b { color: var(--ink); font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 400; color: var(--soft); font-size: 13px; padding: 0 12px 6px 0; }
td { padding: 9px 12px 9px 0; border-top: 1px solid var(--line); vertical-align: middle; }
th.n, td.n { text-align: right; }
td .sub { color: var(--soft); font-size: 13px; display: block; }
td.name { overflow-wrap: anywhere; min-width: 130px; }
td.strip { width: 34%; min-width: 210px; padding-right: 24px; }
.state { font-size: 13px; white-space: nowrap; }
.state::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 50%; margin-right: 6px;
  background: var(--faint); }
.state.healthy::before { background: var(--accent); }
.state.cooling { color: var(--bad); } .state.cooling::before { background: var(--bad); }
.state.probation, .state.ramping { color: var(--warn); }
.state.probation::before, .state.ramping::before { background: var(--warn); }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 7px 14px; align-items: center; }
.bars .bar { background: var(--band); height: 11px; border-radius: 3px; }
.bars .bar.on { background: var(--accent); }
.bars .track { background: transparent; }
.bars span { font-size: 14px; } .bars .n { text-align: right; }
.bars .n small { color: var(--soft); font-size: 13px; margin-left: 6px; }
.note { color: var(--soft); font-size: 13px; margin-top: 10px; max-width: 70ch; }
.money td { padding: 6px 12px 6px 0; } .money tr.sum td { font-weight: 600; }
footer { margin-top: 48px; color: var(--faint); font-size: 13px; }
[hidden] { display: none !important; }
@media (max-width: 760px) {
  body { padding: 0 16px 40px; }
  .two { grid-template-columns: minmax(0, 1fr); }
  .two > section + section { margin-top: 40px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles > div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .tiles dd { font-size: 21px; }
  .money th, .money td { font-size: 13px; padding-right: 8px; }
  .money th:nth-child(5), .money td:nth-child(5) { display: none; }
  .money th:last-child, .money td:last-child { padding-right: 0; }
  #fleet thead { display: none; }
  #fleet tr { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 12px; border-top: 1px solid var(--line);
    padding: 10px 0; }
  #fleet td { border: 0; padding: 0; text-align: left; }
  #fleet td.name, #fleet td.strip { grid-column: 1 / -1; width: auto; }
  #fleet td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: 13px; }
}
</style>
</head>
<body>
<a class="skip" href="#main">Skip to the numbers</a>
<header>
  <h1>hedgerouter</h1>
  <span id="live" role="status">connecting</span>
  <span class="grow"></span>
  <label for="group" class="skip">Model group</label>
  <select id="group" hidden></select>
  <label for="kind" class="skip">Kind of request</label>
  <select id="kind"><option value="streaming">streams, to first token</option>
    <option value="complete">others, to whole answer</option></select>
  <button id="theme" type="button" aria-label="Switch between light and dark">Theme</button>
</header>
<noscript>This page draws what the router reports at stats.json and needs JavaScript for that.</noscript>
<main id="main">
  <div id="alarm" role="alert" hidden></div>
  <div id="empty" hidden><strong>No requests yet</strong>
    Send one through this router: figures appear here as soon as there are any.</div>
  <dl class="tiles" id="tiles"></dl>
  <section id="tail" aria-labelledby="tail-title">
    <div class="head"><h2 id="tail-title">What hedging does to the tail</h2>
      <p>Share of requests that take longer than a time. The lower line is faster.</p></div>
    <svg id="curve" tabindex="0" role="img" aria-label="Survival curves with and without hedging"></svg>
    <p class="readout" id="curve-readout" aria-live="polite"></p>
    <p class="note" id="curve-note"></p>
  </section>
  <section aria-labelledby="fleet-title">
    <div class="head"><h2 id="fleet-title">Deployments</h2>
      <p>Box: middle half. Line: 10th to 90th percentile. Mark: median. Dots: P95 and P99.</p></div>
    <table id="fleet"><thead><tr><th scope="col">Deployment</th><th scope="col" id="axis">Latency lately</th>
      <th scope="col" class="n">P50</th><th scope="col" class="n">P95</th><th scope="col" class="n">Attempts</th>
      <th scope="col" class="n">Won</th><th scope="col" class="n">Failed</th></tr></thead><tbody></tbody></table>
  </section>
  <div class="two">
    <section aria-labelledby="funnel-title">
      <div class="head"><h2 id="funnel-title">From late to rescued</h2></div>
      <div class="bars" id="funnel"></div>
      <p class="note" id="funnel-note"></p>
    </section>
    <section aria-labelledby="budget-title">
      <div class="head"><h2 id="budget-title">Why no hedge, and the budget</h2></div>
      <div class="bars" id="reasons"></div>
      <p class="note" id="budget-note"></p>
    </section>
  </div>
  <section aria-labelledby="time-title">
    <div class="head"><h2 id="time-title">Cooldowns</h2><p id="time-range"></p></div>
    <svg id="timeline" role="img" aria-label="Cooldowns of deployments over time"></svg>
    <p class="note" id="timeline-note"></p>
  </section>
  <section aria-labelledby="money-title">
    <div class="head"><h2 id="money-title">Tokens and money</h2><p id="money-unit"></p></div>
    <table class="money" id="money"><thead><tr><th scope="col">For</th><th scope="col" class="n">Attempts</th>
      <th scope="col" class="n">Prompt</th><th scope="col" class="n">Completion</th>
      <th scope="col" class="n">Estimated</th><th scope="col" class="n">Cost</th></tr></thead><tbody></tbody></table>
    <p class="note" id="money-note"></p>
  </section>
</main>
<footer id="about"></footer>
<script>
"use strict";
const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const POLL_MS = 2000;
const USES = {
  answer: "Answers", race_loser: "Lost a race", hedge_loser: "Superseded by or as a hedge",
  caller_cancel: "Caller gave up", timeout: "Timed out", failure: "Failed", canary: "Canaries",
};
const REASONS = {
  budget: "Budget used up", concurrency: "Enough hedges in flight", storm: "Everything slow at once",
  noTarget: "Nowhere else to go", lowValue: "Would save too little", control: "Withheld to compare",
  deadline: "Deadline too near", rateLimit: "Near a rate limit", attempts: "Enough attempts made",
};
let stats = null, lastSeen = 0, cursor = null, drawn = null, failedPolls = 0;

// --- writing numbers ---
const count = n => n == null ? "–" : n >= 1e6 ? (n / 1e6).toFixed(n >= 1e7 ? 0 : 1) + " M"
  : Math.round(n).toLocaleString("en").replace(/,/g, "\u202f");
const share = (a, b) => !b ? "–" : percent(a / b);
const percent = x => (x > 0 && x < .001 ? "< 0.1" : (100 * x).toFixed(x > .995 && x < 1 ? 2 : 1).replace(/\.0$/, "")) + "\u00a0%";
function time(ms) {
  if (ms == null) return "–";
  const size = Math.abs(ms);
  return size >= 10000 ? (ms / 1000).toFixed(1) + "\u00a0s" : size >= 1000 ? (ms / 1000).toFixed(2) + "\u00a0s"
    : size >= 10 || !size ? Math.round(ms) + "\u00a0ms" : ms.toFixed(1) + "\u00a0ms";
}
const money = x => x == null ? "–" : !x ? "0" : Math.abs(x) >= 1000 ? count(x) : String(+x.toPrecision(3));
const known = q => q && q.status === "identified";

// --- small builders; text always goes in as text ---
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter(c => c != null));
  return node;
}
function draw(parent, tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text != null) node.textContent = text;
  parent.append(node);
  return node;
}
// A figure that says which number of the stats document it is.
function figure(tag, path, value, text, attributes) {
  return el(tag, { "data-stat": path, "data-value": value == null ? "" : String(value), ...attributes }, text);
}
function sized(svg, height) {
  const width = Math.max(260, svg.clientWidth || svg.parentNode.clientWidth);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = height + "px";
  return width;
}

// --- the parts ---
function group() {
  const chosen = $("group").value;
  return stats.groups.find(g => g.name === chosen) || stats.groups[0] || null;
}
const kind = () => $("kind").value;

function tiles() {
  const g = group(), effect = g && g[kind()], at = g ? `groups[${stats.groups.indexOf(g)}]` : "";
  const requests = stats.requests, hedges = g && g.hedges, spent = stats.spent || {};
  const asked = requests.succeeded + requests.failed;
  const p95 = effect && effect.actual.p95, bare = effect && effect.without_hedging.p95;
  const saved = effect && effect.saved, price = effect && effect.price_of_saved_second;
  const tile = (name, main, ...rest) => {
    if (!main.dataset.value) main.className = "unknown";
    return el("div", {}, el("dt", {}, name), main, el("dd", {}, ...rest.filter(r => r != null && r !== "")));
  };
  $("tiles").replaceChildren(
    tile("Requests", figure("dd", "requests.submitted", requests.submitted, count(requests.submitted)),
      asked ? share(requests.succeeded, asked) + " answered" : "none ended yet",
      requests.in_flight ? `, ${count(requests.in_flight)} in flight` : ""),
    tile("P95 as seen", figure("dd", `${at}.${kind()}.actual.p95.ms`, known(p95) ? p95.ms : null,
      known(p95) ? time(p95.ms) : "unidentified"),
      known(bare) ? `${time(bare.ms)} without hedging` : "without hedging: unidentified"),
    tile("Saved per request", figure("dd", `${at}.${kind()}.saved.mean_ms`, known(saved) ? saved.mean_ms : null,
      known(saved) ? time(saved.mean_ms) : "unidentified"),
      known(saved) ? `95 %: ${time(saved.low_ms)} to ${time(saved.high_ms)}` : "too few samples to tell"),
    tile("Hedges", figure("dd", `${at}.hedges.fired`, hedges && hedges.fired, count(hedges && hedges.fired)),
      hedges && hedges.fired ? `${share(hedges.fired, ended(g))} of requests, ${share(hedges.won, hedges.fired)} won`
        : "none sent"),
    tile("Cost", figure("dd", "spent.cost", spent.cost, money(spent.cost)),
      spent.cost == null ? "no prices configured" : !spent.cost ? "nothing billed yet" : `${share(spent.wasted_cost, spent.cost)} for cancelled or failed work`),
    tile("A saved second costs", figure("dd", `${at}.${kind()}.price_of_saved_second`, price, price == null ? "unknown" : money(price)),
      price == null ? "needs prices, and time saved"
        : saved.low_ms > 0 ? "in superseded attempts" : "if any was saved: the interval reaches 0"));
}

const scale = (low, high, from, to) => x => from + (to - from) * (Math.log(x) - Math.log(low)) / (Math.log(high) - Math.log(low));
function ticks(low, high, dense) {
  const all = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++) {
    for (const step of dense ? [1, 2, 5] : [1]) all.push(step * 10 ** decade);
  }
  return all.filter(t => t >= low * .999 && t <= high * 1.001);
}

function curves() {
  const svg = $("curve"), g = group(), effect = g && g[kind()], rows = effect ? effect.curve : [];
  const height = 300, width = sized(svg, height), left = 46, right = width - 12, top = 14, bottom = height - 28;
  const floor = .001;
  drawn = null;
  svg.style.display = rows.length < 2 ? "none" : "";
  if (rows.length < 2) {
    $("curve-readout").textContent = "No request of this kind has been answered yet.";
    $("curve-note").textContent = "";
    return;
  }
  const x = scale(rows[0][0], rows[rows.length - 1][0], left, right), y0 = scale(1, floor, top, bottom);
  const y = s => y0(Math.min(1, Math.max(floor, s)));
  for (const [level, name] of [[1, "all"], [.5, "P50"], [.05, "P95"], [.01, "P99"], [.001, "P99.9"]]) {
    draw(svg, "line", { class: "grid", x1: left, x2: right, y1: y(level), y2: y(level) });
    draw(svg, "text", { x: left - 8, y: y(level) + 4, "text-anchor": "end" }, name);
  }
  const room = Math.max(1, Math.floor((right - left) / 62));
  let marks = ticks(rows[0][0], rows[rows.length - 1][0], true);
  if (marks.length > room) marks = ticks(rows[0][0], rows[rows.length - 1][0], false);
  for (const t of marks) draw(svg, "text", { x: x(t), y: height - 8, "text-anchor": "middle" }, time(t).replace(".00", ""));
  const sure = rows.filter(r => r[5]), end = rows.findIndex(r => !r[5]);
  const unsure = end < 0 ? [] : rows.slice(Math.max(0, end - 1));
  if (sure.length > 1) {
    draw(svg, "path", { class: "band", d: "M" + sure.map(r => `${x(r[0])},${y(r[4])}`).join("L")
      + "L" + sure.slice().reverse().map(r => `${x(r[0])},${y(r[3])}`).join("L") + "Z" });
  }
  const line = (points, column) => "M" + points.map(r => `${x(r[0])},${y(r[column])}`).join("L");
  if (sure.length > 1) draw(svg, "path", { class: "without", d: line(sure, 2) });
  if (unsure.length > 1) draw(svg, "path", { class: "without unsure", d: line(unsure, 2) });
  draw(svg, "path", { class: "actual", d: line(rows, 1) });
  // Curves fall from the upper left to the lower right: the corner below them is free.
  const key = left + 10;
  draw(svg, "line", { class: "actual", x1: key, x2: key + 26, y1: bottom - 34, y2: bottom - 34 });
  draw(svg, "text", { class: "on", x: key + 34, y: bottom - 30 }, "as callers saw it");
  draw(svg, "line", { class: "without", x1: key, x2: key + 26, y1: bottom - 14, y2: bottom - 14 });
  draw(svg, "text", { x: key + 34, y: bottom - 10 }, "without hedging");
  drawn = { rows, x, top, bottom, left, right };
  const q = effect.without_hedging;
  const words = ["p50", "p95", "p99"].map(p => known(q[p]) && known(effect.actual[p])
    ? `${p.toUpperCase()} ${time(effect.actual[p].ms)} instead of ${time(q[p].ms)}`
      + (q[p].low_ms == null ? "" : q[p].high_ms == null ? ` (${time(q[p].low_ms)} at least)`
        : ` (${time(q[p].low_ms)} to ${time(q[p].high_ms)})`)
    : `${p.toUpperCase()} ${known(effect.actual[p]) ? time(effect.actual[p].ms) : "unidentified"}, `
      + `without hedging ${known(q[p]) ? time(q[p].ms) : "unidentified"}`);
  $("curve-note").textContent = words.join(". ") + `. Kaplan-Meier estimate from ${count(effect.answered)} answers, `
    + `${count(effect.rescued)} of them by a hedge; ${count(effect.controls)} hedges withheld to compare. `
    + "Shaded: 95 % confidence. Dotted: too few samples to tell.";
  if (cursor == null) $("curve-readout").textContent = "Point at the chart, or focus it and use the arrow keys, to read it.";
  else point(Math.min(cursor, rows.length - 1));
}
function point(index) {
  if (!drawn) return;
  cursor = Math.max(0, Math.min(drawn.rows.length - 1, index));
  const row = drawn.rows[cursor], at = drawn.x(row[0]);
  $("curve").querySelectorAll(".cursor").forEach(n => n.remove());
  draw($("curve"), "line", { class: "cursor", x1: at, x2: at, y1: drawn.top, y2: drawn.bottom });
  $("curve-readout").replaceChildren("Slower than ", el("b", {}, time(row[0])), ": ", el("b", {}, percent(row[1])),
    " of requests, without hedging ", el("b", {}, row[5] ? percent(row[2]) : "unidentified"),
    row[5] ? ` (${percent(row[3])} to ${percent(row[4])})` : "");
}

function fleet() {
  const name = group() && group().name, measure = kind() === "streaming" ? "ttft_ms" : "total_ms";
  const rows = stats.deployments.map((d, i) => [d, i]).filter(([d]) => d.group === name);
  const values = rows.flatMap(([d]) => [...d[measure].spread, d[measure].p50, d[measure].p99, d[measure].p95])
    .filter(v => v != null && v > 0);
  const low = values.length ? Math.min(...values) * .9 : 100, high = values.length ? Math.max(...values) * 1.1 : 1000;
  $("axis").textContent = values.length ? `Latency lately, ${time(low)} to ${time(high)}` : "Latency lately";
  const body = $("fleet").tBodies[0];
  body.replaceChildren(...rows.map(([d, i]) => {
    const l = d[measure], health = d.health, failed = Object.values(d.failures).reduce((a, b) => a + b, 0);
    const made = Object.values(d.attempts).reduce((a, b) => a + b, 0), svg = document.createElementNS(SVG, "svg");
    const state = health.state + (health.cooldown_remaining_ms ? `, ${time(health.cooldown_remaining_ms)} left` : "")
      + (health.state !== "healthy" && health.cause ? `: ${health.cause.replace(/_/g, " ")}` : "");
    strip(svg, l, low, high);
    const at = `deployments[${i}].${measure}`;
    return el("tr", {},
      el("td", { class: "name" }, d.id, el("span", { class: "sub" }, `${d.provider} ${d.model}`),
        el("span", { class: "state " + health.state }, state)),
      el("td", { class: "strip" }, svg),
      figure("td", at + ".p50", l.p50, time(l.p50), { class: "n", "data-label": "P50" }),
      figure("td", at + ".p95", l.p95, time(l.p95), { class: "n", "data-label": "P95" }),
      el("td", { class: "n", "data-label": "Attempts" }, count(made)),
      figure("td", `deployments[${i}].wins`, d.wins, count(d.wins), { class: "n", "data-label": "Won" }),
      el("td", { class: "n", "data-label": "Failed" }, count(failed)));
  }));
}
function strip(svg, l, low, high) {
  const x = scale(low, high, 1, 99);
  svg.setAttribute("viewBox", "0 0 100 16");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.style.height = "18px";
  const [p10, p25, p75, p90] = l.spread;
  svg.setAttribute("aria-label", `median ${time(l.p50)}, P95 ${time(l.p95)}, P99 ${time(l.p99)}`);
  const put = (a, b, height, fill) => draw(svg, "rect", { x: x(a), width: Math.max(.4, x(b) - x(a)), y: 8 - height / 2,
    height, style: `fill: ${fill}` });
  if (p10 != null && p90 != null) put(p10, p90, 1.5, "var(--faint)");
  if (p25 != null && p75 != null) put(p25, p75, 9, "var(--wash)");
  if (l.p50 != null) draw(svg, "rect", { x: x(l.p50) - .3, width: .7, y: 1.5, height: 13, style: "fill: var(--accent)" });
  for (const [value, size] of [[l.p95, 5], [l.p99, 5]]) {
    if (value != null) draw(svg, "ellipse", { cx: x(value), cy: 8, rx: .7, ry: size / 2, style: "fill: var(--ink)" });
  }
}

function bars(parent, rows) {
  const most = Math.max(1, ...rows.map(r => r.value));
  parent.replaceChildren(...rows.flatMap(r => [
    el("span", {}, r.name),
    el("div", { class: "track" }, el("div", { class: "bar" + (r.on ? " on" : ""),
      style: `width: ${Math.max(r.value ? .6 : 0, 100 * r.value / most)}%` })),
    figure("span", r.path, r.value, count(r.value), { class: "n" }),
  ]));
  rows.forEach((r, i) => { if (r.of && r.of !== "–") parent.children[3 * i + 2].append(el("small", {}, r.of)); });
}
const ended = g => g ? g.requests.ok + g.requests.error + g.requests.cancelled : 0;
function funnel() {
  const g = group(), h = g ? g.hedges : { fired: 0, won: 0, lost: 0, both_failed: 0, suppressed: {} };
  const at = g ? `groups[${stats.groups.indexOf(g)}].hedges` : "";
  const kept = Object.values(h.suppressed).reduce((a, b) => a + b, 0), late = h.fired + kept;
  bars($("funnel"), [
    { name: "Requests", value: ended(g), path: "" },
    { name: "Late", value: late, path: "", of: share(late, ended(g)) },
    { name: "Hedge sent", value: h.fired, path: at + ".fired", of: share(h.fired, late) },
    { name: "Hedge won", value: h.won, path: at + ".won", on: true, of: share(h.won, h.fired) },
    { name: "Hedge lost", value: h.lost, path: at + ".lost", of: share(h.lost, h.fired) },
    { name: "Both failed", value: h.both_failed, path: at + ".both_failed", of: share(h.both_failed, h.fired) },
  ]);
  $("funnel-note").textContent = g && stats.groups.length > 1 ? `Hedges of ${g.name}.` : "";
  const reasons = Object.entries(h.suppressed).sort((a, b) => b[1] - a[1]);
  $("reasons").hidden = !reasons.length;
  bars($("reasons"), reasons.map(([r, n]) => ({ name: REASONS[r] || r, value: n, path: `${at}.suppressed.${r}` })));
  $("budget-note").replaceChildren(reasons.length ? "" : "No late request went without a hedge. ", "The budget allows ",
    figure("b", "hedges.budget_level", stats.hedges.budget_level, stats.hedges.budget_level.toFixed(1)), " more hedges now, and ",
    figure("b", "failover_budget_level", stats.failover_budget_level, stats.failover_budget_level.toFixed(0)),
    ` failovers that fail; it refills with requests. ${count(stats.failovers)} failovers so far, `
    + `${count(stats.failovers_refused)} refused.`);
}

function timeline() {
  const events = stats.health_events, now = stats.time_unix_ms, svg = $("timeline");
  const names = [...new Set(events.map(e => e.deployment))].slice(-12);
  svg.style.display = names.length ? "" : "none";
  $("time-range").textContent = "";
  $("timeline-note").textContent = names.length ? "" : "No deployment has been left out.";
  if (!names.length) return;
  const width = sized(svg, 34 + 26 * names.length), narrow = width < 520;
  const left = narrow ? 8 : 190, first = Math.min(...events.map(e => e.time_unix_ms));
  const ends = e => e.time_unix_ms + (e.change === "cooldown_started" ? e.for_ms || 0 : 0);
  const last = names.map(n => ends(events.filter(e => e.deployment === n).pop()));
  const from = Math.min(first, now - 60e3), until = Math.max(now, ...last);
  const x = t => left + (width - left - 8) * (t - from) / (until - from);
  $("time-range").textContent = `since ${new Date(from).toLocaleTimeString()}`;
  names.forEach((name, i) => {
    const y = 14 + 26 * i;
    draw(svg, "line", { class: "grid", x1: left, x2: width - 8, y1: y + 6, y2: y + 6 });
    const own = events.filter(e => e.deployment === name);
    own.forEach((e, j) => {
      if (e.change !== "cooldown_started") {
        draw(svg, "circle", { cx: x(e.time_unix_ms), cy: y + 6, r: 3.5,
          style: e.change === "recovered" ? "fill: var(--accent)" : "fill: var(--warn)" });
        return;
      }
      const next = own[j + 1], end = next ? next.time_unix_ms : ends(e);
      const put = (a, b, opacity) => draw(draw(svg, "rect", { x: x(a), width: Math.max(2, x(b) - x(a)), y, height: 12,
        style: `fill: var(--bad); opacity: ${opacity}` }), "title", {}, `${name}: ${e.cause}, ${time(e.for_ms)}`);
      put(e.time_unix_ms, Math.min(now, end), .8);
      if (end > now) put(now, end, .25);
    });
    draw(svg, "text", narrow ? { x: left, y: y - 3 } : { x: 0, y: y + 10 }, name.length > 26 ? name.slice(0, 25) + "…" : name);
  });
  const base = 26 * names.length + 28;
  draw(svg, "text", { x: left, y: base }, new Date(from).toLocaleTimeString());
  draw(svg, "line", { class: "cursor", x1: x(now), x2: x(now), y1: 6, y2: base - 12 });
  draw(svg, "text", { x: x(now), y: base, "text-anchor": until > now ? "middle" : "end" }, "now");
  $("timeline-note").textContent = "Bars: left out, paler what is still to come. Amber: a canary may test it. Blue: it takes part again.";
}

function spending() {
  const spent = stats.spent, priced = spent.cost != null, body = $("money").tBodies[0];
  const rows = Object.keys(USES).filter(u => spent[u] && (spent[u].attempts || u === "answer"));
  body.replaceChildren(...rows.map(u => el("tr", {}, el("td", {}, USES[u]),
    figure("td", `spent.${u}.attempts`, spent[u].attempts, count(spent[u].attempts), { class: "n" }),
    figure("td", `spent.${u}.prompt_tokens`, spent[u].prompt_tokens, count(spent[u].prompt_tokens), { class: "n" }),
    figure("td", `spent.${u}.completion_tokens`, spent[u].completion_tokens, count(spent[u].completion_tokens), { class: "n" }),
    el("td", { class: "n" }, share(spent[u].estimated_tokens, spent[u].prompt_tokens + spent[u].completion_tokens)),
    figure("td", `spent.${u}.cost`, spent[u].cost, money(spent[u].cost), { class: "n" }))),
    ...(priced ? [el("tr", { class: "sum" }, el("td", {}, "Together"), el("td"), el("td"), el("td"),
      el("td", { class: "n" }, share(spent.estimated_cost, spent.cost)),
      figure("td", "spent.cost", spent.cost, money(spent.cost), { class: "n" }))] : []));
  $("money-unit").textContent = priced ? "in the currency of the configured prices" : "no prices configured";
  $("money-note").textContent = "Where a provider did not report its usage, tokens are estimated from bytes. "
    + "Cancelled work counts to the end where a provider goes on charging.";
}

function alarm() {
  const out = stats.groups.filter(g => {
    const own = stats.deployments.filter(d => d.group === g.name);
    return own.length && own.every(d => d.health.state === "cooling" || d.health.state === "probation");
  });
  const storms = stats.groups.filter(g => g.storm);
  const words = [];
  if (out.length) words.push([`Every deployment of ${out.map(g => g.name).join(", ")} is out.`,
    " Requests try the least bad ones one after another. The causes are below."]);
  if (storms.length) words.push([`${storms.map(g => g.name).join(", ")} is slow as a whole.`, " Hedging stands still."]);
  if (stats.inconsistencies) words.push([`${stats.inconsistencies} impossible states were met.`, " Please report this."]);
  $("alarm").hidden = !words.length;
  const text = words.map(w => w.join("")).join(" ");
  if ($("alarm").dataset.text === text) return;
  $("alarm").dataset.text = text;
  $("alarm").replaceChildren(...words.flatMap(([a, b]) => [el("strong", {}, a), b + " "]));
}

function choices() {
  const select = $("group"), names = stats.groups.map(g => g.name);
  if (names.join("\n") !== [...select.options].map(o => o.value).join("\n")) {
    const old = select.value;
    select.replaceChildren(...names.map(n => el("option", { value: n }, n)));
    if (names.includes(old)) select.value = old;
    const g = group();
    // Show the kind of request there is.
    if (g && !g.streaming && g.complete) $("kind").value = "complete";
  }
  select.hidden = names.length < 2;
}

function render() {
  if (!stats) return;
  choices();
  $("empty").hidden = stats.requests.submitted > 0;
  $("tail").hidden = stats.requests.submitted === 0;
  for (const part of [tiles, curves, fleet, funnel, timeline, spending, alarm]) part();
  $("about").textContent = `libhedgerouter ${stats.version}. Prompts, answers and keys are never part of these numbers.`;
}
function age() {
  const seconds = Math.round((Date.now() - lastSeen) / 1000), isStale = failedPolls > 1 || seconds > 15;
  $("live").className = isStale ? "stale" : "";
  $("live").textContent = !lastSeen ? "connecting" : isStale ? `no word for ${seconds} s` : "live";
}
async function poll() {
  try {
    const response = await fetch("stats.json", { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (!response.ok) throw new Error(response.status);
    const fresh = await response.json();
    const isFirst = !stats;
    stats = fresh; lastSeen = Date.now(); failedPolls = 0;
    const g = stats.groups[0];
    if (isFirst && g && !g.streaming && g.complete) $("kind").value = "complete";
    render();
  } catch { failedPolls++; }
  age();
  setTimeout(poll, POLL_MS);
}

$("group").addEventListener("change", () => { cursor = null; render(); });
$("kind").addEventListener("change", () => { cursor = null; render(); });
$("theme").addEventListener("click", () => {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
});
$("curve").addEventListener("pointermove", event => {
  if (!drawn) return;
  const at = event.clientX - $("curve").getBoundingClientRect().left;
  let best = 0;
  drawn.rows.forEach((r, i) => { if (Math.abs(drawn.x(r[0]) - at) < Math.abs(drawn.x(drawn.rows[best][0]) - at)) best = i; });
  point(best);
});
$("curve").addEventListener("keydown", event => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 }[event.key];
  if (!step || !drawn) return;
  event.preventDefault();
  point((cursor == null ? (step > 0 ? -1 : drawn.rows.length) : cursor) + step);
});
addEventListener("resize", render);
setInterval(age, 1000);
poll();
</script>
</body>
</html>
"""##
}
