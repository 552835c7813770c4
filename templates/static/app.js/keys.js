// Keys: an element with data-key is reached by that key. Fields are focused, all else is
// clicked. A key may have two strokes, as in "g d". Rows of lists go by j and k. Pages do
// without this file as well.

const FIELD = 'input:not([type=checkbox], [type=radio], [type=submit], [type=button]), select, textarea';
const PAUSE = 1500; // ms in which the second stroke must come
const off = document.documentElement.dataset.keys === 'off';

let first = '', waiting = 0;

const keyed = () => [...document.querySelectorAll('[data-key]')].filter(e => !e.disabled && e.checkVisibility());

// find is the element of a key; the page's own wins over the frame's.
function find(key) {
  const all = keyed().filter(e => e.dataset.key === key);
  return all.find(e => e.closest('main')) ?? all[0];
}

function press(element) {
  if (!element.matches(FIELD)) return element.click();
  element.focus();
  element.select?.();
}

const rows = () => [...document.querySelectorAll('main [data-row], main .list tbody tr')].filter(r => r.checkVisibility() && r.querySelector('a[href]'));

// step focuses the link of the next row, or of the one before; Enter then opens it.
function step(by) {
  const all = rows();
  if (!all.length) return false;
  const at = all.findIndex(r => r.contains(document.activeElement));
  const next = at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by));
  all[next].querySelector('a[href]').focus();
  return true;
}

function typing(target) { return target.matches?.(FIELD) || target.isContentEditable; }

// stroke does what a key says; false: it says nothing here.
function stroke(key) {
  const whole = first ? `${first} ${key}` : key;
  clearTimeout(waiting);
  first = '';
  const element = find(whole) ?? find(key);
  if (element) { press(element); return true; }
  if (key === 'j') return step(1);
  if (key === 'k') return step(-1);
  if (!keyed().some(e => e.dataset.key.startsWith(key + ' '))) return false;
  first = key;
  waiting = setTimeout(() => { first = ''; }, PAUSE);
  return true;
}

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return;
  if (off || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key.length === 1 && event.key !== ' ' && stroke(event.key)) event.preventDefault();
});

// ---- the list of keys ------------------------------------------------------

function label(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll('kbd, svg').forEach(e => e.remove());
  const text = element.dataset.label ?? element.ariaLabel ?? (copy.textContent.trim() || element.labels?.[0]?.textContent || element.placeholder || element.dataset.key);
  return text.replace(/\s+/g, ' ').trim();
}

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function table(heading, pairs) {
  const list = make('dl', { className: 'keys' });
  for (const [key, text] of pairs) list.append(make('dt', {}, ...key.split(' ').flatMap((k, i) => [i ? ' ' : '', make('kbd', {}, k)])), make('dd', {}, text));
  return make('section', {}, make('h3', {}, heading), list);
}

// list shows the keys of this page, read from its elements.
function list() {
  const all = keyed(), seen = new Set();
  const fresh = e => !seen.has(e.dataset.key) && seen.add(e.dataset.key);
  const own = all.filter(e => e.closest('main')).filter(fresh), frame = all.filter(e => !e.closest('main')).filter(fresh);
  const pairs = elements => elements.map(e => [e.dataset.key, label(e)]);
  const moves = rows().length ? [['j', 'Next row'], ['k', 'Row before'], ['Enter', 'Open the row']] : [];
  const dialog = make('dialog', { className: 'stack' }, make('h2', { id: 'keys-h' }, 'Keys of this page'));
  dialog.setAttribute('aria-labelledby', 'keys-h');
  if (off) dialog.append(make('p', {}, 'They are turned off, but for Ctrl-K. ', make('a', { href: '/settings/me#look' }, 'Turn them on')));
  if (own.length || moves.length) dialog.append(table('Here', [...pairs(own), ...moves]));
  dialog.append(table('On every page', pairs(frame)));
  const close = make('button', { className: 'btn', type: 'submit' }, 'Close');
  dialog.append(make('form', { method: 'dialog' }, close));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

for (const button of document.querySelectorAll('[data-key="?"]')) {
  button.hidden = false;
  button.addEventListener('click', list);
}

// ---- the palette -----------------------------------------------------------

const hits = dialog => [...dialog.querySelectorAll('#found a')];

// fill asks the server for what the text names; an answer to an older text is dropped.
async function fill(dialog, input) {
  const text = input.value;
  const page = await load('/search?' + new URLSearchParams({ part: 'found', q: text }));
  const found = page?.getElementById('found');
  if (!found || text !== input.value) return;
  dialog.querySelector('#found').replaceWith(found);
  say(text && found.querySelectorAll('a').length + ' found');
}

// palette opens the search over the page. Without a script its link leads to a page that
// does the same.
function palette() {
  const input = make('input', { name: 'q', type: 'search', maxLength: 200, autocomplete: 'off', placeholder: 'Project, pipeline, build number or commit, page, chat command', ariaLabel: 'Find' });
  const form = make('form', { action: '/search' }, input);
  const dialog = make('dialog', { className: 'palette stack', ariaLabel: 'Find' }, form, make('div', { id: 'found' }));
  let soon = 0;
  input.addEventListener('input', () => { clearTimeout(soon); soon = setTimeout(fill, 120, dialog, input); });
  form.addEventListener('submit', async event => {
    event.preventDefault();
    await fill(dialog, input);
    const [hit] = hits(dialog);
    if (hit) hit.click();
  });
  dialog.addEventListener('keydown', event => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const stops = [input, ...hits(dialog)];
    stops[Math.min(stops.length - 1, Math.max(0, stops.indexOf(document.activeElement) + by))].focus();
  });
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  fill(dialog, input);
}

const opener = document.querySelector('[data-palette]');
opener?.addEventListener('click', event => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  palette();
});
document.addEventListener('keydown', event => {
  if (event.key !== 'k' || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !opener) return;
  event.preventDefault();
  if (!document.querySelector('dialog[open]')) palette();
});
