import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { loginText, loginWord } from '../../lib/ssh/loginText.ts';
import { missing } from '../missing.ts';
import { like } from '../support.ts';

const CODES = 0x110000;
const WRITES = 'for a; do printf "%s\\0" "$a"; done';

/** What a login shell makes of it, as sshd calls it: the words that reach the script. */
function read(shell: string, words: readonly string[], LC_ALL: string): { words: string[]; stderr: string } {
  const { PATH = '' } = process.env;
  const text = loginText(WRITES, words);
  const { stdout, stderr } = spawnSync(shell, ['-c', text], {
    env: { PATH, HOME: '/', LC_ALL, n: 'exported' },
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
  return { words: stdout.split('\0').slice(0, -1), stderr };
}

t.test('as plain as can be', async (t) => {
  t.equal(loginText('exec "$@"', ['echo', 'a b', '%1']), `exec /bin/sh -c 'exec "$@"' sh echo 'a b' '%1'`);
  t.equal(loginWord("it's a\\b!"), `'it'\\''s a'\\\\'b'\\!''`);
  t.throws(() => loginText('', ['a\0b']), like({ reason: { type: 'spawn', code: 'EINVAL' } }));
});

for (const shell of ['sh', 'dash', 'bash', 'zsh', 'tcsh', 'fish']) {
  t.test(`${shell} reads words as they are`, { skip: missing(shell) }, (t) => {
    const word = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            ...'\'"\\!$`\n\r\t %~=*?[](){}<>|&;#^@:-',
            '\\\n',
            '!!',
            '!$',
            '%self',
            '$(x)',
            '\\!',
            "\\'",
            'é☃',
            '\u{1f600}',
            'a',
          ),
          fc.string({ unit: 'binary', maxLength: 2 }).map((text) => text.replaceAll('\0', '')),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), fc.constantFrom('C', 'C.UTF-8'), (words, locale) => {
        t.strictSame(read(shell, words, locale), { words, stderr: '' }, JSON.stringify(words), { diagnostic: true });
        return t.passing();
      }),
      { numRuns: 60 },
    );
    t.end();
  });

  t.test(`${shell} reads every character`, { skip: missing(shell) }, async (t) => {
    const all: string[] = [];
    const codes = Array.from({ length: CODES - 1 }, (_, i) => i + 1).filter((code) => code < 0xd800 || code > 0xdfff);
    for (let at = 0; at < codes.length; at += 25_000) all.push(String.fromCodePoint(...codes.slice(at, at + 25_000)));
    for (const locale of ['C', 'C.UTF-8'])
      for (const words of all) t.ok(read(shell, [words], locale).words[0] === words);
  });
}
