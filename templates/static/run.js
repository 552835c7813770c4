// The form that starts a build: as a dialog over the page that leads to it, with what
// belongs to the chosen pipeline alone, and the commit that will be built. The form is a
// page of its own where this does not run.

import { load, say, tick } from './app.js';

// prepare brings a form to life, be it in its page or in a dialog.
function prepare(form) {
  const pipeline = form.elements.pipeline_id, shown = form.querySelector('#resolved');
  const choose = () => {
    for (const part of form.querySelectorAll('[data-of]')) part.hidden = part.dataset.of !== pipeline.value;
    for (const name of form.querySelectorAll('[data-name]')) name.hidden = true;
  };
  let asked = '';
  const resolve = async () => {
    const wanted = new URLSearchParams({ branch: form.elements.branch.value.trim(), commit_sha: form.elements.commit_sha.value.trim() }).toString();
    if (wanted === asked) return;
    asked = wanted;
    const page = await load(`${form.dataset.resolve}?${wanted}`);
    if (wanted !== asked) return;
    shown.replaceChildren(...(page?.body.childNodes ?? []));
    tick(shown);
  };
  pipeline.addEventListener('change', choose);
  for (const name of ['branch', 'commit_sha']) form.elements[name].addEventListener('change', resolve);
  form.querySelector('[data-check]').hidden = true; // it shows itself
  choose();
  resolve();
}

async function open(link) {
  const page = await load(link.href), form = page?.querySelector('form#run');
  if (!form) { location.href = link.href; return; } // the page says what is the matter
  const dialog = document.createElement('dialog'), heading = document.createElement('h2');
  heading.id = 'run-heading';
  heading.textContent = page.querySelector('h1').textContent;
  dialog.className = 'dialog';
  dialog.setAttribute('aria-labelledby', heading.id);
  dialog.append(heading, form);
  document.body.append(dialog);
  dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
  dialog.addEventListener('click', event => {
    if (event.target !== dialog && !event.target.closest('[data-close]')) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
  form.elements.branch.focus();
  prepare(form);
  say(heading.textContent);
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-run]');
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(link);
});

const own = document.querySelector('main form#run');
if (own) prepare(own);
