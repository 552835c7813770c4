// The rows of a build's log. The server draws them in windows of 500; here is a place for
// each window, as high as its rows, that is filled when it comes near. So a log of any
// length opens at once, and never more than some windows are in the page.
const W = 500; // rows of a window
const KEEP = 10; // windows in the page, of a long log: some 4 MB each
const WHOLE = 20000; // rows up to which a log is kept whole, so that the browser's own search finds all
const DROPS = 2; // windows that are emptied at a time
const NEAR = 1500; // px around what is seen

export const log = document.getElementById('log');

const height = parseFloat(getComputedStyle(log).lineHeight); // of a row
const hidden = log.dataset.hidden.split(',').filter(Boolean).map(span => span.split('-').map(Number)); // folded lines
const folded = hidden.reduce((sum, [from, to]) => sum + to - from + 1, 0);
const wins = []; // { el, index, rows: drawn from its start on, gaps included, stale: it has gaps, busy: it is being filled, missed: rows came meanwhile }
const near = new Set();
const listeners = new Set();
let lines = Number(log.dataset.lines);
let held = false; // the page follows the end: gaps are above what is seen, and left

// drawn calls back with all rows, and with those that are new in the page whenever some are.
export function drawn(listener) { listeners.add(listener); listener(rowsIn(log)); }

function rowsIn(el) { return [...el.querySelectorAll('.l')]; }

export function total() { return lines; }

export function windows() { return wins.filter(w => w.rows).length; }

// rowOf is where a line is among the rows, from 0; -1: it is folded away.
export function rowOf(line) {
  let row = line - 1;
  for (const [from, to] of hidden) {
    if (line > to) row -= to - from + 1;
    else if (line >= from) return -1;
  }
  return row;
}

const seen = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    const w = wins[target.dataset.w];
    if (isIntersecting) near.add(w); else near.delete(w);
    if (isIntersecting && (!w.rows || w.stale && !held)) fill(w);
  }
}, { root: log, rootMargin: `${NEAR}px 0px` });

function wanted(w) { return Math.max(0, Math.min(W, lines - folded - w.index * W)); }

// fit makes a window as high as its rows will be.
function fit(w) {
  const missing = wanted(w) - w.rows;
  w.el.style.height = w.rows ? '' : `${missing * height}px`;
  w.el.style.containIntrinsicHeight = `${wanted(w) * height}px`;
  w.rest?.remove();
  w.rest = null;
  if (w.rows && missing > 0) { w.rest = gap(missing); w.el.append(w.rest); w.stale = true; }
}

function gap(rows) {
  const el = document.createElement('div');
  el.className = 'gap';
  el.style.height = `${rows * height}px`;
  return el;
}

// grow makes places for the lines up to a number.
export function grow(to) {
  if (to <= lines && wins.length) return;
  const first = Math.max(0, wins.length - 1);
  lines = to;
  while (wins.length * W < lines - folded) place(null);
  for (const w of wins.slice(first)) fit(w);
}

function place(el) {
  const w = { el: el ?? document.createElement('div'), index: wins.length, rows: 0, stale: false, busy: null, missed: false, rest: null };
  w.el.className = 'w lazy';
  w.el.dataset.w = w.index;
  w.rows = w.el.querySelectorAll('.l').length;
  wins.push(w);
  log.append(w.el);
  seen.observe(w.el);
}

// address asks the server for rows, drawn as in this page.
export function address(from, count) {
  const query = new URLSearchParams(log.dataset.query);
  query.set('from', from);
  query.set('n', count);
  return `${log.dataset.url}/lines?${query}`;
}

// fill draws a window; a second call while it is on its way is the first.
export function fill(w) {
  if (!w.busy) w.missed = false;
  return w.busy ??= fetch(address(w.index * W, W), { headers: { accept: 'text/html' } })
    .then(answer => answer.ok && !answer.redirected ? answer.text() : Promise.reject(Error(answer.status)))
    .then(html => {
      w.el.innerHTML = html;
      w.rows = w.el.querySelectorAll('.l').length;
      w.stale = false;
      fit(w);
      for (const f of listeners) f(rowsIn(w.el));
      drop();
    })
    .catch(() => failed(w))
    .finally(() => {
      w.busy = null;
      if (w.missed) fill(w); // rows came meanwhile
    });
}

function failed(w) {
  if (w.rows) return; // what is there stays
  const again = document.createElement('button');
  again.type = 'button';
  again.className = 'btn';
  again.textContent = 'These lines did not load. Try again';
  again.onclick = () => { w.el.textContent = ''; fill(w); };
  w.el.replaceChildren(again);
}

// drop empties windows far from what is seen, if there are too many: a few at a time, as
// taking rows out of the page is work, and all heights are read before one is changed, or
// the browser would lay the page out for each.
export function drop() {
  if (lines - folded <= WHOLE) return;
  const seenAt = log.scrollTop + log.clientHeight / 2;
  const full = wins.filter(w => w.rows).map(w => ({ w, height: w.el.offsetHeight, far: Math.abs(w.el.offsetTop + w.el.offsetHeight / 2 - seenAt) }));
  const spare = full.sort((a, b) => b.far - a.far).slice(0, Math.max(0, full.length - KEEP));
  for (const { w, height } of spare.filter(({ w }) => !near.has(w)).slice(0, DROPS)) {
    w.el.textContent = '';
    Object.assign(w, { rows: 0, stale: false, rest: null });
    w.el.style.height = `${height}px`;
  }
}

// append puts new rows where they belong; from is the first one's sequence. Rows that were
// printed between are a gap, to be filled when somebody looks at it: while the page follows
// its end nobody does, and at a high rate every window would be drawn twice.
export function append(from, rows) {
  held = true;
  for (const [k, row] of rows.entries()) {
    const at = from + k - folded, w = wins[Math.floor(at / W)], i = at % W;
    if (w?.busy) w.missed = true;
    if (!w || i < w.rows || w.busy) continue;
    w.rest?.remove();
    w.rest = null;
    w.el.style.height = '';
    if (i > w.rows) { w.el.append(gap(i - w.rows)); w.stale = true; }
    w.el.append(row);
    w.rows = i + 1;
  }
  for (const w of wins.slice(-2)) fit(w);
  for (const f of listeners) f(rows);
}

// settle fills the gaps that somebody may look at.
export function settle() { held = false; for (const w of near) if (w.stale || !w.rows) fill(w); }

// settleSeen fills the windows whose newest rows are missing in view.
export function settleSeen() {
  const { top, bottom } = log.getBoundingClientRect();
  for (const w of near) {
    const gap = w.rest?.getBoundingClientRect();
    if (gap && gap.top < bottom && gap.bottom > top) fill(w);
  }
}

// reveal brings a line into view. One that is folded away is asked for by its address.
export async function reveal(line, query = log.dataset.query) {
  const row = rowOf(line), w = wins[Math.floor(row / W)];
  if (row < 0) return location.assign(`${location.pathname}${query}${query === '?' ? '' : '&'}line=${line}#L${line}`);
  if (!w) return;
  const third = log.clientHeight / 3;
  log.scrollTop = w.el.offsetTop + row % W * height - third;
  let el = document.getElementById('L' + line);
  if (!el) {
    await fill(w);
    el = document.getElementById('L' + line);
  }
  if (el) log.scrollTop += el.getBoundingClientRect().top - log.getBoundingClientRect().top - third;
  log.scrollIntoView({ block: 'nearest' });
}

// topLine is the number of the first line in view.
export function topLine() {
  const edge = log.getBoundingClientRect().top;
  const w = wins.find(w => w.el.getBoundingClientRect().bottom > edge + 1);
  const l = w && [...w.el.querySelectorAll('.l')].find(l => l.getBoundingClientRect().bottom > edge + 1);
  return l ? Number(l.id.slice(1)) : 1;
}

function idle(then) { (globalThis.requestIdleCallback ?? setTimeout)(then); }

// whole fills all windows of a log that is not long and does not grow, one after the other.
function whole() {
  const w = wins.find(w => !w.rows || w.stale);
  if (w && !('live' in log.dataset) && lines - folded <= WHOLE) fill(w).then(() => w.rows && idle(whole));
}

// ended tells that nothing will be added any more.
export function ended() {
  delete log.dataset.live;
  settle();
  idle(whole);
}

function layOut() {
  const served = new Map([...log.querySelectorAll('.w')].map(el => [Number(el.dataset.w), el]));
  const count = Math.ceil((lines - folded) / W);
  for (let i = 0; i < count; i++) place(served.get(i));
  for (const w of wins) fit(w);
  for (const p of document.querySelectorAll('.pages')) p.hidden = true;
  if (lines - folded > WHOLE) document.getElementById('log-note')?.append(' · your browser’s find sees only loaded lines; this box searches all');
  idle(whole);
}

layOut();
