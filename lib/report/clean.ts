// Lines as they may be shown: what a program writes for a terminal of its own (a progress bar, a cleared screen) must not
// move the cursor into other runs' lines. Colours are kept.

/** Everything below a blank but tab and newline, DEL, and the C1 controls. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/;
/**
 * What a terminal acts upon: a CSI (its final byte is captured), a string up to its end (a title, a link), a character
 * set, any other escape, a single C1.
 */
const SEQUENCE =
  /(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*([\x40-\x7e])|(?:\x1b[P\]X^_]|[\x90\x9d\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[\x20-\x2f]*[\x30-\x7e]?|[\x80-\x9f]/g;
const REST = /[\0-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;
const COLOR = /^\x1b\[[\d;:]*m$/;
/** A colour, or a character. */
const CHARACTER = /\x1b\[[\d;:]*m|[^]/gu;
/** The sequence that ends all colours. */
export const RESET = '\x1b[0m';

/** Ends the colours that a line has begun. */
export function endColors(line: string): string {
  return line.includes('\x1b[') || line.includes('\x9b') ? `${line}${RESET}` : line;
}

/** A line for a terminal: colours stay and end with the line; of what was overwritten, what was seen last. */
export function forTerminal(line: string): string {
  if (!CONTROL.test(line)) return line;
  let text = line.replace(SEQUENCE, (sequence, final) => (final === 'm' && COLOR.test(sequence) ? sequence : ''));
  if (text.includes('\r')) text = overwritten(text);
  if (text.includes('\b')) text = erased(text);
  return endColors(text.replace(REST, ''));
}

/** "10 %\r20 %\r30 %": a terminal would show the last. */
function overwritten(text: string): string {
  const parts = text.split('\r').filter((part) => part !== '');
  return parts[parts.length - 1] ?? '';
}

/** Spinners and overstruck words: the character that a backspace goes over is gone; colours take no place. */
function erased(text: string): string {
  /** Each character, and the colours behind it. */
  const characters = [''];
  const colors = [''];
  for (const [token] of text.matchAll(CHARACTER)) {
    const last = characters.length - 1;
    if (token.startsWith('\x1b')) colors[last] += token;
    else if (token !== '\b') {
      characters.push(token);
      colors.push('');
    } else if (last > 0) {
      characters.pop();
      colors[last - 1] += colors.pop()!;
    }
  }
  return characters.map((character, at) => character + colors[at]!).join('');
}

/** A label: one line, nothing that a terminal acts upon. */
export function plain(text: string): string {
  return text
    .replace(SEQUENCE, '')
    .replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
    .trim();
}
