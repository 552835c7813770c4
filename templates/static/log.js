// The build page while its build lives: follows the log's stream, and has the server
// draw the head and the steps anew when they changed. Without it the page is whole,
// only still.
import { badge, load, say, swap } from './app.js';
import { Ansi } from './ansi.js';

const KEEP = 10000; // lines in the page; older ones go, Raw has them
const LINE = 4096; // characters shown of one line; Raw has all
const FLUSH = 250; // ms between additions, whatever the rate
const POLL = 3000; // ms between questions when there is no stream

const log = document.getElementById('log');
const note = document.getElementById('log-note');
const button = document.getElementById('follow');
const summary = () => document.getElementById('summary');
const api = '/v1/builds/' + summary().dataset.build;

let last = Number(log.dataset.last);
let step = log.dataset.step;
let ansi = new Ansi(log.dataset.sgr);
let queue = []; // records that are not in the page yet
let missed = 0; // records of a page that does not show the log's end
let following = 'follow' in log.dataset;
let top = 0; // where we last left the scroll position
let ended = !('live' in log.dataset);
let source = null, failures = 0, flushing = 0, polling = 0, asking = 0;
const tail = 'tail' in log.dataset;

// ---- lines -----------------------------------------------------------------

function take(record) {
  if (record.sequence <= last) return;
  last = record.sequence;
  if (record.step !== log.dataset.step) { log.dataset.step = record.step; redrawSoon(); }
  if (!tail) { missed++; return label(); }
  queue.push(record);
  if (queue.length > KEEP) queue.shift();
  flushing ||= setTimeout(flush, FLUSH);
}

function flush() {
  flushing = 0;
  // Compared before anything moves: an upward scroll may not have told us yet.
  if (following && log.scrollTop < top - 1) following = false;
  if (following) { append(); end(); }
  label();
}

function append() {
  if (!queue.length) return;
  document.getElementById('log-empty')?.remove();
  const rows = document.createDocumentFragment();
  for (const record of queue.splice(0)) rows.append(row(record));
  log.append(rows);
  const extra = log.querySelectorAll('.l').length - KEEP;
  if (extra <= 0) return;
  for (const old of [...log.querySelectorAll('.l')].slice(0, extra)) old.remove();
  if (!log.querySelector('.more')) {
    const gone = element('p', 'more', 'Earlier lines are not kept in this page; Raw has all of them.');
    log.prepend(gone);
  }
}

function row(record) {
  if (record.step !== step) { step = record.step; ansi = new Ansi(); }
  const number = record.sequence + 1;
  const line = element('div', 'l');
  line.classList.toggle('long', record.content.length > LINE);
  line.classList.toggle('y', record.stream === 'system');
  line.id = 'L' + number;
  const link = element('a', '', number);
  link.href = `?line=${number}#L${number}`;
  link.tabIndex = -1;
  const text = element('span', '');
  text.append(ansi.line(record.content.slice(0, LINE)));
  line.append(link, text);
  return line;
}

function element(name, className, text = '') {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.textContent = text;
  return e;
}

// ---- follow ----------------------------------------------------------------

function end() { log.scrollTop = log.scrollHeight; top = log.scrollTop; }

function label() {
  const n = (queue.length + missed).toLocaleString('en');
  button.hidden = ended && !queue.length && !missed;
  button.setAttribute('aria-pressed', following);
  if (following) button.textContent = 'Following';
  else button.textContent = queue.length + missed ? `Paused · ${n} new ${n === '1' ? 'line' : 'lines'}` : 'Follow';
  if (tail && last >= 0) note.textContent = `${(last + 1).toLocaleString('en')} ${last ? 'lines' : 'line'}`;
}

function follow(on) {
  following = on;
  if (on) { append(); end(); }
  label();
}

log.addEventListener('scroll', () => {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 4;
  if (log.scrollTop < top - 1) following && follow(false);
  else if (atEnd && tail && !ended && !following) return follow(true);
  top = log.scrollTop;
}, { passive: true });

button.addEventListener('click', () => {
  if (!tail) location.assign(location.pathname + '#log'); // another window: open the end
  else follow(!following);
});

// ---- state -----------------------------------------------------------------

async function redraw() {
  const page = await load('?part=summary');
  const fresh = page?.getElementById('summary');
  if (!fresh) return;
  const before = summary().dataset.status;
  const { status, title, say: news } = fresh.dataset;
  swap(summary(), fresh);
  swap(document.getElementById('steps'), page.getElementById('steps'));
  badge(status, title);
  if (status !== before) say(news);
}

function redrawSoon() { asking ||= setTimeout(() => { asking = 0; redraw(); }, 500); }

// finish: what was printed is complete, and nothing will change any more.
async function finish() {
  if (ended) return;
  close();
  ended = true;
  clearTimeout(flushing);
  flush();
  following = false;
  label();
  await redraw();
}

// ---- stream ----------------------------------------------------------------

function open() {
  close();
  source = new EventSource(`${api}/logs/stream?after_sequence=${last}`);
  source.addEventListener('log', e => { failures = 0; quiet(''); take(JSON.parse(e.data)); });
  source.addEventListener('status', e => {
    failures = 0;
    quiet('');
    if (JSON.parse(e.data).status !== summary().dataset.status) redrawSoon();
  });
  source.addEventListener('done', finish);
  // Ours to retry, not the browser's: it would never give way to polling.
  source.onerror = () => {
    close();
    if (++failures < 2) polling = setTimeout(open, 1000);
    else poll(1);
  };
}

function close() {
  source?.close();
  source = null;
  clearTimeout(polling);
}

// poll asks every few seconds instead, and tries the stream again now and then.
async function poll(n) {
  quiet(`Live updates are delayed; checking every ${POLL / 1000} s.`);
  const done = await catchUp().catch(() => false);
  if (ended || document.hidden) return;
  if (done) finish();
  else polling = setTimeout(n % 10 ? () => poll(n + 1) : open, POLL);
}

// catchUp reads on by plain requests; true when the build has ended and all is read.
async function catchUp() {
  await redraw();
  const answer = await fetch(`${api}/logs?after_sequence=${last}&limit=5000`, { headers: { accept: 'application/json' } });
  if (!answer.ok) return false;
  const { logs } = await answer.json();
  logs.forEach(take);
  return logs.length === 0 && 'terminal' in summary().dataset;
}

function quiet(text) {
  const old = document.getElementById('delayed');
  if (!text) return old?.remove();
  if (old) return;
  const p = element('p', 'more muted', text);
  p.id = 'delayed';
  log.before(p);
}

// One stream a tab, and none while nobody looks: browsers allow six to a server.
document.addEventListener('visibilitychange', () => {
  if (ended) return;
  if (document.hidden) close();
  else { open(); redrawSoon(); }
});

// ---- links -----------------------------------------------------------------

// A link to a line that is here needs no new page; Shift makes a range.
document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="?line="]');
  if (!link || event.ctrlKey || event.metaKey) return;
  const line = Number(new URL(link.href).searchParams.get('line'));
  if (!document.getElementById('L' + line)) return;
  event.preventDefault();
  const marked = parseInt(new URLSearchParams(location.search).get('line'), 10);
  const other = event.shiftKey && marked ? marked : line;
  mark(Math.min(line, other), Math.max(line, other));
  if (!log.contains(link)) document.getElementById('L' + line).scrollIntoView({ block: 'center' });
});

function mark(from, to) {
  history.replaceState(null, '', from === to ? `?line=${from}#L${from}` : `?line=${from}-${to}#L${from}-L${to}`);
  for (const l of log.querySelectorAll('.l')) {
    const n = Number(l.id.slice(1));
    l.classList.toggle('sel', n >= from && n <= to);
  }
}

// The place in the queue changes without a word of the stream.
setInterval(() => document.hidden || summary().dataset.status !== 'queued' || redraw(), 5000);

if (!ended) {
  if (following) end();
  label();
  if (!document.hidden) open();
}
