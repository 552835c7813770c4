// Times in the reader's zone, lists that stay current (live.js), forms sent once, text copied.
// Every page works without this file. The files of a folder are one module, as in Go: they
// see each other's names.

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const html = document.documentElement;
const utc = html.dataset.zone === 'utc';
const format = timeStyle => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle, timeZone: utc ? 'UTC' : undefined });
const brief = format('short'), exact = format('medium');
const clock = (style, at) => style.format(at) + (utc ? ' UTC' : '');
const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

function ago(seconds) {
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? UNITS[3];
  return relative.format(Math.round(seconds / size), unit);
}

function duration(s) {
  const two = n => String(n).padStart(2, '0');
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
}

// tick rewrites the times below root: <time> relative to now or as a clock shows it, with
// both as its title, and [data-since] as a running duration.
export function tick(root = document) {
  const now = Date.now() / 1000;
  for (const t of root.querySelectorAll('time')) {
    const at = Date.parse(t.dateTime);
    const relatively = ago(at / 1000 - now), title = `${clock(exact, at)}, ${relatively}`;
    if (t.title !== title) t.title = title;
    set(t, html.dataset.times === 'absolute' ? clock(brief, at) : relatively);
  }
  for (const t of root.querySelectorAll('[data-since]')) set(t, duration(Math.max(0, Math.round(now - t.dataset.since))));
}

function set(element, text) { if (element.textContent !== text) element.textContent = text; }

// say tells screen readers, once.
export function say(message) { document.getElementById('say').textContent = message; }

// badge makes the tab's icon and title show a build's state.
export function badge(state, title) {
  document.querySelector('link[rel=icon]').href = new URL(`fav-${state}.svg`, import.meta.url);
  document.title = title;
}

// switchTimes goes between relative and absolute times, on all pages of this browser.
function switchTimes() {
  html.dataset.times = html.dataset.times === 'absolute' ? '' : 'absolute';
  tick();
  const { theme, times, zone, keys } = html.dataset, look = new URLSearchParams();
  for (const [name, value] of Object.entries({ theme, times, zone, keys })) if (value) look.set(name, value);
  document.cookie = `oore_look=${look}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
}

// seen looks whether another release than this page's has answered.
export function seen(answer) {
  const mine = document.querySelector('meta[name=release]')?.content, theirs = answer.headers.get('oore-version');
  if (!mine || !theirs || mine === theirs || document.getElementById('updated')) return;
  const note = document.createElement('p'), link = document.createElement('a');
  Object.assign(note, { id: 'updated', className: 'alert', role: 'status' });
  Object.assign(link, { href: location.href, textContent: 'Reload' });
  link.addEventListener('click', event => { event.preventDefault(); location.reload(); });
  note.append('Oore was updated. ', link);
  document.getElementById('main').prepend(note);
}

// load fetches a page of ours; null when it cannot be had now.
export async function load(url) {
  try {
    const answer = await fetch(url, { headers: { accept: 'text/html' } });
    seen(answer);
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  } catch {
    return null;
  }
}

// swap puts fresh in the place of old and keeps the focus and what was opened.
export function swap(old, fresh) {
  const focused = old.contains(document.activeElement) && document.activeElement;
  const open = [...old.querySelectorAll('details')].map(d => d.open);
  fresh.querySelectorAll('details').forEach((d, i) => { d.open = open[i] ?? false; });
  tick(fresh);
  copyable(fresh);
  old.replaceWith(fresh);
  if (!focused) return;
  const same = [...fresh.querySelectorAll(focused.localName)].find(e => e.getAttribute('href') === focused.getAttribute('href'));
  (same ?? document.getElementById('main')).focus({ preventScroll: true });
}

document.addEventListener('submit', event => {
  if (event.target.method !== 'post') return;
  // Not before the browser has read the form, and free again when it comes back to this page.
  setTimeout(() => event.target.querySelectorAll('[type=submit]').forEach(b => { b.disabled = true; }));
});
addEventListener('pageshow', () => document.querySelectorAll('[type=submit]').forEach(b => { b.disabled = false; }));

// copyable shows the buttons that copy. A page may copy only where the browser holds the
// connection to be safe.
function copyable(root = document) {
  for (const b of navigator.clipboard ? root.querySelectorAll('[data-copy]') : []) b.hidden = false;
}

document.addEventListener('click', async event => {
  if (event.target.closest('time') && !event.target.closest('a, button, summary')) return switchTimes();
  const b = event.target.closest('[data-copy]');
  if (!b) return;
  const word = await navigator.clipboard.writeText(b.dataset.copy).then(() => 'Copied', () => 'Not copied');
  b.firstChild.data = word;
  say(word);
});

tick();
copyable();
setInterval(() => document.hidden || tick(), 1000);
