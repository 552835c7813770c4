// What stands above the log: the search over all of it, links to lines, times, wrapping,
// steps. Every control is a link or a form that works without this file.
import { say } from './app.js';

const id = name => document.getElementById(name);
const steps = () => [...document.querySelectorAll('#steps [data-first]')].map(s => ({ first: Number(s.dataset.first), at: Number(s.dataset.at) }));

// moved is called before the log is scrolled for the reader.
let moved = () => {};
export function onMove(f) { moved = f; }

async function go(line, query) { moved(); await reveal(line, query); }

// ---- marked lines ----------------------------------------------------------

// range is what the address marks: ?line=12-15, or #L12-L15 alone.
function range() {
  const m = location.hash.match(/^#L(\d+)(?:-L?(\d+))?$/) ?? new URLSearchParams(location.search).get('line')?.match(/^(\d+)(?:-(\d+))?$/);
  if (!m) return null;
  const [a, b] = [Number(m[1]), Number(m[2] ?? m[1])];
  return [Math.min(a, b), Math.max(a, b)];
}

function paint(rows) {
  const [from, to] = range() ?? [1, 0];
  for (const l of rows) {
    const n = Number(l.id.slice(1));
    l.classList.toggle('sel', n >= from && n <= to);
  }
}

function mark(from, to) {
  const query = new URLSearchParams(location.search);
  query.delete('from');
  query.set('line', from === to ? from : `${from}-${to}`);
  history.replaceState(null, '', `?${query}#L${from}${from === to ? '' : '-L' + to}`);
  paint(log.querySelectorAll('.l'));
  selected();
}

function selected() {
  const marked = range();
  id('selected').hidden = !marked;
  if (!marked) return;
  const [from, to] = marked;
  id('selected').querySelector('.num').textContent = from === to ? `Line ${from.toLocaleString('en')}` : `Lines ${from.toLocaleString('en')}–${to.toLocaleString('en')}`;
  const link = id('copy-link');
  const where = `?line=${from}${from === to ? '' : '-' + to}#L${from}${from === to ? '' : '-L' + to}`;
  id('copy-range').dataset.copy = (link?.dataset.copy ?? location.origin + location.pathname).split('?')[0] + where;
  id('copy-range').hidden = id('copy-lines').hidden = !navigator.clipboard;
}

// A link to a line needs no new page; Shift makes a range.
document.addEventListener('click', event => {
  const link = event.target.closest('a[href*="line="][href*="#L"]');
  if (!link || link.classList.contains('fold') || link.pathname !== location.pathname || event.ctrlKey || event.metaKey || event.button) return;
  const line = Number(link.hash.slice(2));
  if (!line) return;
  event.preventDefault();
  const marked = range();
  if (event.shiftKey && marked) mark(Math.min(marked[0], line), Math.max(marked[0], line));
  else mark(line, line);
  if (log.contains(link)) moved();
  else go(line);
});

addEventListener('hashchange', () => { const r = range(); if (r) go(r[0]).then(() => { paint(log.querySelectorAll('.l')); selected(); }); });

id('copy-lines').addEventListener('click', async () => {
  const [from, to] = range();
  const text = [];
  for (let n = from; n <= to; n++) {
    const l = id('L' + n);
    if (l) text.push((log.classList.contains('times') ? l.dataset.at + ' ' : '') + l.querySelector('span').textContent);
  }
  say(await navigator.clipboard.writeText(text.join('\n') + '\n').then(() => `${text.length} lines copied`, () => 'Not copied'));
});

// ---- search ----------------------------------------------------------------

const search = { text: null, exact: false, lines: [], at: -1, base: 0, total: 0 };

function sought() { return { text: id('q').value, exact: id('find').elements.case.checked }; }

async function ask(after) {
  const query = new URLSearchParams({ q: search.text, case: search.exact, limit: 1000, after_sequence: after });
  const answer = await fetch(`/v1${log.dataset.url}/logs/search?${query}`, { headers: { accept: 'application/json' } });
  const found = await answer.json();
  if (!answer.ok) throw Error(found.error);
  search.total = found.total;
  search.lines = found.logs.map(r => r.sequence + 1);
}

// find looks for what stands in the box, and shows the match in that direction.
async function find(direction) {
  const { text, exact } = sought();
  const news = text !== search.text || exact !== search.exact;
  try {
    if (news) {
      Object.assign(search, { text, exact, lines: [], at: -1, base: 0, total: 0 });
      if (text) await ask(-1);
      if (direction < 0) search.at = 0;
    }
    await step(direction);
  } catch (e) {
    search.text = null;
    return tell(e.message || 'The search failed; try again');
  }
  highlight();
  tell(!text ? '' : search.total ? `${(search.base + search.at + 1).toLocaleString('en')} of ${search.total.toLocaleString('en')}` : 'Not found');
}

async function step(direction) {
  if (!search.lines.length) return;
  let at = search.at + direction;
  if (at >= search.lines.length && search.base + at < search.total) {
    search.base += search.lines.length;
    await ask(search.lines.at(-1) - 1);
    at = 0;
  } else if (at >= search.lines.length && search.base) {
    search.base = 0;
    await ask(-1);
    at = 0;
  }
  search.at = (at + search.lines.length) % search.lines.length;
  const query = new URLSearchParams(log.dataset.query);
  query.set('q', search.text);
  await go(search.lines[search.at], '?' + query);
}

function tell(text) {
  id('found').textContent = text;
  id('find-prev').hidden = id('find-next').hidden = !search.total;
}

// highlight marks the matches that are in the page without touching the rows.
function highlight() {
  const current = search.lines[search.at];
  for (const l of log.querySelectorAll('.current')) l.classList.remove('current');
  id('L' + current)?.classList.add('current');
  if (!globalThis.Highlight) return;
  CSS.highlights.delete('found');
  if (search.text) CSS.highlights.set('found', new Highlight(...ranges(log)));
}

function ranges(root) {
  const fold = s => search.exact ? s : s.toLowerCase();
  const needle = fold(search.text), found = [];
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode, text = fold(node.data);
    if (text.length !== node.data.length || node.parentNode.matches('.l > a')) continue;
    for (let i = text.indexOf(needle); i >= 0; i = text.indexOf(needle, i + needle.length)) {
      found.push(new StaticRange({ startContainer: node, startOffset: i, endContainer: node, endOffset: i + needle.length }));
    }
  }
  return found;
}

id('find').addEventListener('submit', event => { event.preventDefault(); find(1); });
id('q').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || !event.shiftKey) return;
  event.preventDefault();
  find(-1);
});
id('find').elements.case.addEventListener('change', () => id('q').value && find(1));
for (const [name, direction] of [['find-prev', -1], ['find-next', 1]]) {
  id(name).addEventListener('click', event => { event.preventDefault(); event.stopPropagation(); find(direction); });
}

// ---- times and wrapping ----------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

function time(l) {
  const t = Number(l.dataset.t);
  if (log.dataset.times === 'clock') return clock.format(Number(log.dataset.begin) + t);
  const n = Number(l.id.slice(1));
  const since = Math.max(0, t - (steps().findLast(s => s.first <= n)?.at ?? 0)) / 1000;
  return `${Math.floor(since / 60)}:${(since % 60).toFixed(3).padStart(6, '0')}`;
}

function stamp(rows) { if (log.dataset.times) for (const l of rows) l.dataset.at = time(l); }

function times(kind) {
  log.dataset.times = kind;
  log.classList.toggle('times', kind !== '');
  stamp(log.querySelectorAll('.l'));
  localStorage.setItem('oore-times', kind);
}

id('times').addEventListener('click', () => {
  const next = { '': 'since', since: 'clock', clock: '' }[log.dataset.times];
  times(next);
  say(`Times: ${{ '': 'off', since: 'since the step’s start', clock: 'clock' }[next]}`);
});
for (const link of document.querySelectorAll('[data-times]:not(#log)')) {
  link.addEventListener('click', event => { event.preventDefault(); times(link.dataset.times); });
}

function wrap(on) {
  const line = topLine();
  log.classList.toggle('wrap', on);
  id('wrap').textContent = on ? 'No wrap' : 'Wrap';
  localStorage.setItem('oore-wrap', on ? '1' : '');
  const l = id('L' + line);
  if (l && line > 1) log.scrollTop += l.getBoundingClientRect().top - log.getBoundingClientRect().top;
}

id('wrap').addEventListener('click', event => { event.preventDefault(); wrap(!log.classList.contains('wrap')); });

// ---- going somewhere -------------------------------------------------------

id('ask-line').addEventListener('click', () => { id('log-menu').open = true; id('goto-line').focus(); });
id('goto').addEventListener('submit', event => {
  const [from, to] = id('goto-line').value.split('-').map(Number);
  if (!from) return;
  event.preventDefault();
  id('log-menu').open = false;
  mark(from, to || from);
  go(from).then(() => log.focus());
});

function toStep(direction) {
  const top = topLine() + (direction > 0 ? 12 : 0); // what is revealed stands a little below the top
  const all = steps().map(s => s.first);
  const to = direction > 0 ? all.find(n => n > top) : all.findLast(n => n < top);
  if (to) go(to);
}
document.addEventListener('click', event => {
  const by = event.target.closest('[data-step]')?.dataset.step;
  if (by) toStep(Number(by));
});

export function begin() {
  for (const e of document.querySelectorAll('[data-scripted]')) e.hidden = false;
  id('times').hidden = id('ask-line').hidden = false;
  if (!log.dataset.times && localStorage.getItem('oore-times')) times(localStorage.getItem('oore-times'));
  if (localStorage.getItem('oore-wrap')) wrap(true);
  if (matchMedia('(max-width: 47.99rem)').matches) document.querySelector('.stepbox').open = false;
  drawn(rows => { paint(rows); stamp(rows); if (search.text) highlight(); });
  selected();
  const marked = range();
  if (id('q').value && !marked) find(1);
  else if (id('q').value) Object.assign(search, { text: null });
  if (marked) go(marked[0]);
  return marked !== null;
}
