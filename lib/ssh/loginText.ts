// Text for the login shell of whoever logs in, which may be any: sh, bash, dash, zsh, csh, tcsh, fish. Nobody asks which it is;
// what is sent is in the words that all of them read alike, and has a /bin/sh do the rest.
import { quote } from '../runners/quote.ts';

/**
 * The text that has /bin/sh run a script with these words as $1 and so on. The words may hold anything but NUL.
 *
 * @throws RunError (`spawn`, EINVAL) where a word holds a NUL
 */
export function loginText(script: string, words: readonly string[]): string {
  if (!words.some((word) => word.includes('\n'))) return sh(script, words);
  // No text is a newline to csh as well as to the others. So words go in pieces, and /bin/sh joins them; $1 is `\n.` there.
  const pieces: string[] = [];
  const joined = words.map((word) => {
    const own = word.split('\n').map((piece) => `\${${pieces.push(piece) + 1}}`);
    return `"${own.join('${1%.}')}"`;
  });
  return sh(`set -- "$(echo; echo .)" "$@"; set -- ${joined.join(' ')}; ${script}`, pieces);
}

function sh(script: string, words: readonly string[]): string {
  return `exec /bin/sh -c ${[script, 'sh', ...words].map(loginWord).join(' ')}`;
}

/**
 * One word, not the first of a command, and without a newline. Between single quotes fish reads backslashes and csh `!`, so
 * these stand outside of them; fish takes `%self` for its pid.
 */
export function loginWord(word: string): string {
  const quoted = quote(word);
  if (quoted === word) return word.startsWith('%') ? `'${word}'` : word;
  return `'${word.replace(/['\\!]+/g, (them) => `'${them.replace(/./g, '\\$&')}'`)}'`;
}
