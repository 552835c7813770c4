// The twin of ansi.go, for log lines that arrive while the page is open: the same
// classes for the same bytes (a browser test compares the two). Text only ever goes
// into text nodes.
const ESCAPE = /\x1b(?:\[([0-?]*)([ -/]*)([@-~]?)|\](?:[^]*?(?:\x07|\x1b\\))?|[PX^_](?:[^]*?\x1b\\)?|[ -/]*[0-~]?)/y;
const ATTRIBUTES = { 1: 'b', 2: 'd', 3: 'i', 4: 'u', 7: 'v', 9: 's' };
const ENDS = { 22: 'bd', 23: 'i', 24: 'u', 27: 'v', 29: 's' };
const STEPS = [0, 95, 135, 175, 215, 255];
const PALETTE = [
  [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
  [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
];

export class Ansi {
  // tokens: the style that the server's last line left, e.g. "b f2".
  constructor(tokens = '') {
    this.reset();
    for (const t of tokens.split(' ').filter(Boolean)) {
      if (t[0] === 'f') this.fg = +t.slice(1);
      else if (t[0] === 'g') this.bg = +t.slice(1);
      else this.on.add(t);
    }
  }

  reset() { this.on = new Set(); this.fg = this.bg = -1; }

  classes() {
    let { fg, bg } = this;
    const swapped = this.on.has('v') && (fg >= 0 || bg >= 0);
    if (swapped) [fg, bg] = [bg, fg];
    const names = [...'bdiusv'].filter(a => this.on.has(a) && !(a === 'v' && swapped));
    if (fg >= 0) names.push('f' + fg);
    if (bg >= 0) names.push('g' + bg);
    return names.join(' ');
  }

  // line renders one line into a fragment.
  line(content) {
    const out = document.createDocumentFragment();
    let text = '', style = this.classes(), returned = false;
    const flush = () => {
      if (text && style) {
        const span = document.createElement('span');
        span.className = style;
        span.textContent = text;
        out.append(span);
      } else if (text) out.append(text);
      text = '';
      style = this.classes();
    };
    for (let i = 0; i < content.length;) {
      const c = content.charCodeAt(i);
      if (c === 0x1b) {
        ESCAPE.lastIndex = i;
        const [all, params, between, final] = ESCAPE.exec(content);
        i += all.length;
        if (final === 'm' && !between && !/^[<-?]/.test(params)) { this.apply(params); flush(); }
        continue;
      }
      if (c === 0x0d) returned = true;
      else if (c === 9 || (c >= 0x20 && (c < 0x7f || c > 0x9f))) {
        if (returned) { out.replaceChildren(); text = ''; returned = false; }
        text += turns(c) ? '\ufffd' : content[i];
      }
      i++;
    }
    flush();
    return out;
  }

  apply(params) {
    const p = params.split(';');
    for (let i = 0; i < p.length; i++) {
      const sub = p[i].split(':'), n = number(sub[0]);
      if (n === 38 || n === 48) {
        let color;
        if (sub.length > 1) color = clamp(sub.length > 5 && sub[1] === '2' ? ['2', ...sub.slice(3, 6)] : sub.slice(1));
        else {
          const rest = p.slice(i + 1);
          const used = rest.length >= 2 && rest[0] === '5' ? 2 : rest.length >= 4 && rest[0] === '2' ? 4 : rest.length;
          color = clamp(rest.slice(0, used));
          i += used;
        }
        if (color >= 0) this[n === 38 ? 'fg' : 'bg'] = color;
      } else if (n === 4 && sub.length > 1) this.on[sub[1] !== '0' ? 'add' : 'delete']('u');
      else this.attribute(n);
    }
  }

  attribute(n) {
    if (n === 0) this.reset();
    else if (ATTRIBUTES[n]) this.on.add(ATTRIBUTES[n]);
    else if (ENDS[n]) [...ENDS[n]].forEach(a => this.on.delete(a));
    else if (n >= 30 && n <= 37) this.fg = n - 30;
    else if (n >= 90 && n <= 97) this.fg = n - 82;
    else if (n >= 40 && n <= 47) this.bg = n - 40;
    else if (n >= 100 && n <= 107) this.bg = n - 92;
    else if (n === 39) this.fg = -1;
    else if (n === 49) this.bg = -1;
  }
}

// turns tells the characters that would turn the direction of the text around them.
const turns = c => (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);

const number = s => /^\d{0,9}$/.test(s) ? +s : NaN;

// clamp turns (5, n) or (2, r, g, b) into one of the sixteen colors, or -1.
function clamp(p) {
  const v = p.map(s => Math.min(number(s), 255));
  if (v.some(Number.isNaN)) return -1;
  if (v.length === 4 && v[0] === 2) return nearest(v.slice(1));
  if (v.length !== 2 || v[0] !== 5) return -1;
  if (v[1] < 16) return v[1];
  if (v[1] >= 232) return nearest(Array(3).fill(8 + 10 * (v[1] - 232)));
  const n = v[1] - 16;
  return nearest([n / 36 | 0, (n / 6 | 0) % 6, n % 6].map(i => STEPS[i]));
}

function nearest(rgb) {
  const distance = PALETTE.map(c => c.reduce((sum, v, i) => sum + (v - rgb[i]) ** 2, 0));
  return distance.indexOf(Math.min(...distance));
}
