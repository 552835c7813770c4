// One stream a tab, for what changes by itself: closed while nobody looks, resumed where it
// was, and replaced by a question every few seconds where there is none.

const RESTART = 10000; // ms that a server which said that it stops may be away without a word to the reader
const POLL = 3000; // ms between questions when there is no stream
// Browsers allow six connections to a server. So that another page always loads, four
// windows side by side have a stream each, and the others ask. Who has one says so in the
// storage that all tabs share, and says it again before the others forget.
const STREAMS = 4, CLAIM = 6000, STORE = 'oore-streams';
const me = Math.random().toString(36).slice(2);

function claims() {
  const all = JSON.parse(localStorage.getItem(STORE) ?? '{}');
  return Object.fromEntries(Object.entries(all).filter(([, until]) => until > Date.now()));
}

function claim(wanted) {
  const { [me]: mine, ...others } = claims();
  const granted = wanted && Object.keys(others).length < STREAMS;
  if (granted) others[me] = Date.now() + CLAIM;
  if (granted || mine) localStorage.setItem(STORE, JSON.stringify(others));
  return granted;
}

// live keeps the page current. url gives the stream's address from where the page is; on
// has a function for each kind of event, of (data, id); poll asks by plain requests, and
// may throw. An event "done" ends it all. It returns what stops it.
export function live({ url, on, poll }) {
  let source = null, failures = 0, timer = 0, ended = false, patient = 0;

  function open() {
    close();
    if (ended || document.hidden) return;
    if (!claim(true)) { timer = setTimeout(() => ask(1), POLL); return; }
    source = new EventSource(url());
    for (const [name, handle] of Object.entries(on)) {
      source.addEventListener(name, event => { well(); handle(JSON.parse(event.data), event.lastEventId); });
    }
    source.addEventListener('open', well);
    source.addEventListener('reload', open); // the server wants the connection back
    source.addEventListener('reconnect', () => { patient = Date.now() + RESTART; later(open); }); // the server stops
    source.addEventListener('done', end);
    // Ours to retry, not the browser's: it would never give way to polling.
    source.onerror = () => {
      close();
      if (ended) return;
      if (Date.now() < patient) return later(open);
      timer = ++failures < 2 ? setTimeout(open, 1000) : setTimeout(() => ask(1), 0);
    };
  }

  // later spreads those who were all sent away at the same moment.
  function later(again) { close(); timer = setTimeout(again, 500 * Math.random()); }

  function well() { failures = 0; quiet(false); }

  function close() {
    source?.close();
    source = null;
    claim(false);
    clearTimeout(timer);
  }

  async function ask(n) {
    quiet(true);
    const answered = await poll().then(() => true, () => false);
    if (ended || document.hidden || source) return;
    timer = setTimeout(() => answered && n % 3 === 0 ? open() : ask(n + 1), POLL);
  }

  function end() { ended = true; close(); quiet(false); }

  setInterval(() => source && !claim(true) && open(), CLAIM / 3); // two may have claimed the last one at once
  document.addEventListener('visibilitychange', () => document.hidden ? close() : open());
  addEventListener('pagehide', close);
  addEventListener('pageshow', event => { if (event.persisted) open(); });
  open();
  return end;
}

function quiet(delayed) {
  const old = document.getElementById('delayed');
  if (!delayed) return old?.remove();
  if (old) return;
  const p = document.createElement('p');
  p.id = 'delayed';
  p.className = 'delayed muted';
  p.textContent = `Live updates are delayed — checking every ${POLL / 1000} s`;
  document.getElementById('main').append(p);
}

// ---- lists -----------------------------------------------------------------
// What has data-refresh is drawn anew when builds change; a row that changed alone is replaced
// alone. In a list, data-refresh="first", rows keep their places: new ones wait for a press of
// a button unless the reader is at the top. "still" takes none: it is another page of a list.

let busy = false, again = false;

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  const page = await load(location.href);
  for (const old of page ? document.querySelectorAll('[data-refresh]') : []) {
    const fresh = page.getElementById(old.id);
    if (fresh) renew(old, fresh);
  }
  await new Promise(done => setTimeout(done, 1000)); // at most once a second
  busy = false;
  if (again) { again = false; refresh(); }
  if (!page) throw Error('not current');
}

function rowsOf(region) { return new Map([...region.querySelectorAll('[data-row]')].map(r => [r.dataset.row, r])); }

function renew(old, fresh) {
  const rows = rowsOf(old), now = rowsOf(fresh);
  const news = [...now.keys()].filter(id => !rows.has(id)).length;
  const same = rows.size === now.size && rows.size > 0 && !news;
  const kind = old.dataset.refresh;
  const busy = kind === 'first' && news && (scrollY > 80 || old.contains(document.activeElement));
  if (!same && !busy && (kind !== 'still' || !rows.size)) return swap(old, fresh);
  if (busy) offer(old, fresh.cloneNode(true), news);
  for (const [id, row] of rows) {
    const other = now.get(id);
    if (other && other.dataset.v !== row.dataset.v) swap(row, other);
  }
}

// offer shows the button that brings the new rows in.
function offer(old, fresh, news) {
  let button = old.querySelector('.newer');
  if (!button) {
    button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn primary newer';
    old.prepend(button);
  }
  button.textContent = news === 1 ? '1 new build' : `${news} new builds`;
  button.onclick = () => { swap(old, fresh); scrollTo({ top: 0 }); };
}

if (document.querySelector('[data-refresh]')) {
  let version = '';
  const note = (_, id) => { version = id; };
  live({
    url: () => `/stream?version=${version}&since=${document.body.dataset.at ?? ''}`,
    on: { same: note, change: (_, id) => { note(_, id); refresh().catch(() => {}); } },
    poll: refresh,
  });
}
