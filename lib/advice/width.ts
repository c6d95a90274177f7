// How wide text is on a terminal. string-width knows this too, but takes 25 ms to load, and only labels need it.

/** East Asian wide and fullwidth characters (as in Markus Kuhn's wcwidth, and the planes of ideographs since). */
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
const EMOJI = /^\p{Emoji_Presentation}|^\p{Emoji}.*[\ufe0f\u20e3]/u;
/** What is drawn on the character before it, or not at all. */
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;
const ASCII = /^[\x20-\x7e]*$/;

let segmenter: Intl.Segmenter | undefined;

/** The characters of a text as a reader counts them. */
function characters(text: string): string[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The columns of one such character. */
function columns(character: string): number {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) || EMOJI.test(character) ? 2 : 1;
}

/** The columns that a text without control characters takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return characters(text).reduce((sum, character) => sum + columns(character), 0);
}

/** A text in at most `limit` columns: what is too long loses its middle, as its beginning and its end tell most. */
export function clipMiddle(text: string, limit: number): string {
  if (displayWidth(text) <= limit) return text;
  const all = characters(text);
  const behind = Math.floor((limit - 1) / 2);
  const begin = fill(all, limit - 1 - behind);
  const end = fill(all.reverse(), behind).reverse();
  return `${begin.join('')}…${end.join('')}`;
}

/** As many of the characters as there is room for. */
function fill(all: readonly string[], room: number): string[] {
  let left = room;
  const taken: string[] = [];
  for (const character of all) {
    left -= columns(character);
    if (left < 0) break;
    taken.push(character);
  }
  return taken;
}
