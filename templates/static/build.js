// A build's pages while the build lives: the head and the steps are drawn anew when they
// changed, and the log follows its end. Without it the pages are whole, only still.
import { badge, live, load, say, swap } from './app.js';

const el = document.getElementById('log');
const log = el && await import('./log.js');
const button = document.getElementById('follow');
const summary = () => document.getElementById('summary');
const page = '/builds/' + summary().dataset.build;

// ---- head and steps --------------------------------------------------------

let drawing = null, wanted = false;

// redraw has the server draw what changes, one time after the other.
async function redraw() {
  if (drawing) { wanted = true; return drawing; }
  drawing = redrawNow();
  try { await drawing; } finally { drawing = null; }
  if (wanted) { wanted = false; return redraw(); }
}

async function redrawNow() {
  const fresh = await load(`${page}?part=summary&tab=${summary().dataset.tab}`);
  const head = fresh?.getElementById('summary');
  if (!head) throw Error('not current');
  const before = summary().dataset.status;
  const { status, title, say: news } = head.dataset;
  for (const name of ['summary', 'steps', 'timeline', ...(summary().dataset.tab ? ['artifacts', 'tests'] : [])]) {
    const old = document.getElementById(name), now = fresh.getElementById(name);
    now?.querySelectorAll('[data-scripted]').forEach(e => { e.hidden = false; });
    if (old && now) swap(old, now);
  }
  badge(status, title);
  if (status !== before) say(news);
}

// ---- the end of the log ----------------------------------------------------

const TAIL = 100; // rows that one event carries at most
let following = el !== null && 'follow' in el.dataset;
let top = 0; // where we last left the scroll position
let paused = 0; // lines that there were then
let over = !(el && 'live' in el.dataset);

const atEnd = () => el.scrollTop >= el.scrollHeight - el.clientHeight - 0.75;

function toEnd() { el.scrollTop = el.scrollHeight; top = el.scrollTop; }

function follow(on) {
  if (following === on) return;
  following = on;
  paused = log.total();
  if (on) toEnd();
  log.settle();
  label();
}

function label() {
  const n = log.total() - paused;
  button.hidden = over && (following || !n);
  button.setAttribute('aria-pressed', following);
  if (following) button.textContent = 'Following';
  else button.textContent = n ? `Paused · ${n.toLocaleString('en')} new ${n === 1 ? 'line' : 'lines'}` : 'Follow';
  const note = document.getElementById('log-note');
  if (note && !over) note.textContent = `${log.total().toLocaleString('en')} ${log.total() === 1 ? 'line' : 'lines'}`;
}

// tail takes the newest rows: from is the first one's sequence, total the log's length.
function tail({ from, total, html }) {
  if (total <= log.total()) return;
  // Compared before anything moves: an upward scroll may not have told us yet.
  if (following && el.scrollTop < top - 0.5 && !atEnd()) follow(false);
  document.getElementById('log-empty')?.remove();
  log.grow(total);
  if (following) {
    const box = document.createElement('template');
    box.innerHTML = html;
    log.append(from, [...box.content.querySelectorAll('.l')]);
    log.drop();
    toEnd();
  } else {
    log.settleSeen();
  }
  label();
}

function finish() {
  if (over) return;
  over = true;
  if (following) paused = log.total();
  following = false;
  log.ended();
  label();
}

function watchScroll() {
  el.addEventListener('scroll', () => {
    if (el.scrollTop < top - 0.5 && !atEnd()) follow(false);
    else if (atEnd() && !over && el.scrollTop > top) follow(true);
    top = el.scrollTop;
    if (!following) log.settleSeen();
  }, { passive: true });
  button.addEventListener('click', () => follow(!following));
  new ResizeObserver(() => following && toEnd()).observe(el);
  log.onMove(() => { follow(false); top = el.scrollTop; });
}

// poll asks for what the stream would have told.
async function poll() {
  await redraw();
  if (!el) { if ('terminal' in summary().dataset) stop(); return; }
  const had = log.total();
  const first = await fetch(log.address(Math.max(0, had - 1), 1));
  if (!first.ok) throw Error(first.status);
  const total = Number(first.headers.get('Oore-Log-Lines'));
  if (total > had) {
    const from = Math.max(had, total - TAIL);
    const newest = await fetch(`${page}/lines?from=${from}&n=${total - from}`);
    if (!newest.ok) throw Error(newest.status);
    tail({ from, total, html: await newest.text() });
  } else if ('terminal' in summary().dataset && first.headers.get('Oore-Log-Complete')) {
    finish();
    stop();
  }
}

// ---- together --------------------------------------------------------------

let stop = () => {};
if (el) {
  watchScroll();
  if (log.begin()) follow(false);
  if (following) toEnd();
  if (!over) label();
}
if (el ? !over : !('terminal' in summary().dataset)) {
  stop = live({
    url: () => `${page}/stream?status=${summary().dataset.status}&after=${el ? log.total() : Number.MAX_SAFE_INTEGER}`,
    on: {
      tail: news => el && tail(news),
      state: () => redraw().catch(() => {}),
      done: async () => { if (el) finish(); await redraw().catch(() => {}); },
    },
    poll,
  });
}
