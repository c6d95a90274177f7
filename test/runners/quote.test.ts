import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import t from 'tap';
import fc from 'fast-check';
import { needsShell, quote, shellText } from '../../lib/runners/quote.ts';

const sh = (strings: TemplateStringsArray, ...values: unknown[]) => shellText(strings, values);

const shells = [
  ['sh'],
  ['dash'],
  ['bash'],
  ['busybox', 'sh'],
  ['zsh', '--emulate', 'sh'],
  ['mksh'],
  ['ksh93'],
  ['yash'],
].filter(([name]) => onPath(name!));

function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What a script writes. By stdin, since an argument can't hold more than 128 KiB. */
function output([name, ...args]: readonly string[], script: string): string {
  const { PATH = '' } = process.env;
  const env = { PATH, LC_ALL: 'C.UTF-8', A: 'a b' };
  const { status, stdout, stderr, error } = spawnSync(name!, args, {
    input: script,
    env,
    cwd: folder,
    maxBuffer: 2 ** 26,
  });
  assert.ifError(error);
  assert.equal(String(stderr), '', script.slice(0, 2000));
  assert.equal(status, 0);
  return String(stdout);
}

// What has a meaning somewhere in a shell, and what could end it.
const hostile = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...'\'"\\$`!#~=*?[](){}<>|&;:,.-+^%@ \t\n\r',
          '\\n',
          '$(',
          '${',
          '$((',
          '))',
          '\\\n',
          '\nEOF\n',
          'B',
          '1',
        ),
        fc.string({ unit: 'binary', maxLength: 2 }).map((text) => text.replaceAll('\0', '')),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '',
    '1',
    '-n',
    'if',
    'a=b',
    '~',
    'B',
    '$(touch owned)',
    "';touch owned;'",
    '";touch owned;"',
    '\ntouch owned\n',
  ),
);

const folder = mkdtempSync(join(tmpdir(), 'sluice-quote-'));
t.teardown(() => rmSync(folder, { recursive: true }));

t.test('quote is as plain as can be', async (t) => {
  for (const plain of ['a', 'src/a.c', '-', '--file=a.b', '-DX=1', 'user@host:/x', 'a,b', '50%', '+x', '0', 'ifx']) {
    t.equal(quote(plain), plain);
  }
  for (const word of [
    '',
    ' ',
    'a b',
    'a=b',
    '=',
    '~',
    '~x',
    '*',
    '#',
    '$x',
    'a\nb',
    'é',
    '!',
    '{',
    'if',
    'done',
    'in',
  ]) {
    t.equal(quote(word), `'${word}'`);
  }
  t.equal(quote("it's"), "'it'\\''s'");
  t.throws(() => quote('a\0b'), { name: 'RunError', reason: { type: 'spawn', code: 'EINVAL' } });
});

for (const shell of shells) {
  const name = shell[0]!;

  t.test(`${name} reads back every character`, async (t) => {
    const words = Array.from({ length: 127 }, (_, i) => String.fromCodePoint(i + 1));
    const all: number[] = [];
    for (let code = 1; code <= 0x10ffff; code++) if (code < 0xd800 || code > 0xdfff) all.push(code);
    for (let at = 0; at < all.length; at += 2000) words.push(String.fromCodePoint(...all.slice(at, at + 2000)));
    const lines: string[] = [];
    for (let at = 0; at < words.length; at += 50)
      lines.push(
        `printf '%s\\0' ${words
          .slice(at, at + 50)
          .map(quote)
          .join(' ')}`,
      );
    t.ok(output(shell, lines.join('\n')) === words.map((word) => `${word}\0`).join(''));
  });

  t.test(`${name} reads back what a template holds, wherever it stands`, async (t) => {
    fc.assert(
      fc.property(fc.array(scene, { minLength: 1, maxLength: 8 }), (scenes) => {
        const script = scenes.map(({ strings, values }) => shellText(strings, values)).join('\n');
        assert.equal(output(shell, script), scenes.map(({ expected }) => expected).join(''), script);
      }),
      { numRuns: 60 },
    );
    t.pass();
  });
}

type Scene = { readonly strings: readonly string[]; readonly values: readonly unknown[]; readonly expected: string };

/** `printf` of one value (★) or two (★, ☆), each word followed by a dot. */
const forms: Record<string, (a: string, b: string) => string> = {
  '★': (a) => `${a}.`,
  '★ ☆': (a, b) => `${a}.${b}.`,
  '★☆': (a, b) => `${a}${b}.`,
  '--file=★': (a) => `--file=${a}.`,
  'x★/☆.c': (a, b) => `x${a}/${b}.c.`,
  '"★"': (a) => `${a}.`,
  '"x ★ y ☆"': (a, b) => `x ${a} y ${b}.`,
  '"★☆"\'★☆\'': (a, b) => `${a}${b}${a}${b}.`,
  "'x ★ \"☆'": (a, b) => `x ${a} "${b}.`,
  '"it\'s ★"': (a) => `it's ${a}.`,
  "'\"'★'\"'": (a) => `"${a}".`,
  '"\\"★\\\\"': (a) => `"${a}\\.`,
  '\\"★\\\'☆': (a, b) => `"${a}'${b}.`,
  '"$A★"': (a) => `a b${a}.`,
  '"$A★\\$B☆"': (a, b) => `a b${a}$B${b}.`,
  '"$A\\\n★"': (a) => `a b${a}.`,
  '"${A}★${A#a}☆"': (a, b) => `a b${a} b${b}.`,
  '★\\\n☆': (a, b) => `${a}${b}.`,
  '★>&1': (a) => `${a}.`,
  '1★>&1': (a) => `1${a}.`,
  '★☆>&1': (a, b) => `${a}${b}.`,
  '★ # it\'s ☆ "': (a) => `${a}.`,
  '★#☆': (a, b) => `${a}#${b}.`,
  '"$(printf %s: ★)"': (a) => `${a}:.`,
  '"$(printf %s: "★")$(printf %s: \'☆\')"': (a, b) => `${a}:${b}:.`,
  '"$(printf %s: "$(printf %s: ★)" "☆")"': (a, b) => `${a}::${b}:.`,
  '"`echo "x"`★"': (a) => `x${a}.`,
  '$((1+(2)))"★"': (a) => `3${a}.`,
};

/** Commands around a command. */
const frames: readonly ((command: string) => string)[] = [
  (command) => command,
  (command) => `( ${command}\n)`,
  (command) => `{ ${command}\n}`,
  (command) => `if :; then ${command}\nfi`,
  (command) => `case x in (y) :;; x) ${command}\n;; esac`,
  (command) => `for i in 1; do ${command}\ndone`,
  (command) => `# it's\n${command}`,
  (command) => `: "\n#" ;# ) "\n${command}`,
  (command) => `: <&0 && ${command}`,
];

const scene: fc.Arbitrary<Scene> = fc
  .record({
    form: fc.constantFrom(...Object.keys(forms)),
    inner: fc.constantFrom(...frames),
    outer: fc.constantFrom(...frames),
    a: hostile,
    b: hostile,
  })
  .map(({ form, inner, outer, a, b }) => {
    const template = outer(inner(`printf '%s.' ${form}`));
    const marks = template.match(/[★☆]/g)!;
    const values = marks.map((mark) => (mark === '★' ? a : b));
    return { strings: template.split(/[★☆]/), values, expected: forms[form]!(a, b) };
  });

t.test('values', async (t) => {
  t.equal(sh`echo ${'a b'} ${1} ${-2.5} ${10n} ${true}`, "echo 'a b' 1 -2.5 10 true");
  t.equal(sh`tar c ${['a', 'b c', 3]} ${[]}`, "tar c a 'b c' 3 ");
  t.equal(sh`x --${['a', 'b']}.c`, 'x --a b.c', 'glued to its first and last, as "$@"');
  t.equal(sh`echo "${['a', '"b']}" '${['a', "'b"]}'`, `echo "a \\"b" 'a '\\''b'`, 'inside quotes joined by blanks');
  t.equal(sh`echo "${[]}"`, 'echo ""');
  t.equal(sh`${'if'} ${'A'}=${'b c'} ${'A=b'}`, `'if' A='b c' 'A=b'`);
  t.equal(sh`make`, 'make');
  t.equal(sh`echo ${2}>f ${2} >f ${2}${''}<f`, `echo '2'>f 2 >f '2'''<f`, 'a number is no descriptor');
  t.equal(sh`echo $A${'B'} "$A${'B'}" "$A${''}B" $1${2}`, `echo $A'B' "$A""B" "$A""B" $1'2'`, 'no longer name');
  t.equal(sh`echo [${'a-z'}] {${'a,b'},c} ${'a-z'}`, "echo ['a-z'] {'a,b',c} a-z");
  t.equal(sh`cat <${[]}<x`, 'cat < <x', 'nothing makes no operator');
  t.equal(sh`# ${'a\nrm b'}`, "# 'a rm b'", 'a comment stays one');
  t.equal(sh`echo $((${2} + ${-3})) ${'x y'}`, "echo $((2 +  -3)) 'x y'");
  t.equal(sh`echo $((${1}<<${'12'}))`, 'echo $((1<<12))');
  t.equal(shellText(['echo "a', '"'], ['$b']), 'echo "a\\$b"', 'plain strings will do');
});

t.test('the shell reads what stands between the backquotes', async (t) => {
  t.equal(
    sh`grep '\.ts$' | sed "s/\(a\)\n/\1/" \\ \
    x`,
    `grep '\\.ts$' | sed "s/\\(a\\)\\n/\\1/" \\\\ \\\n    x`,
  );
  t.equal(sh`echo \`date\` \${HOME} $\{HOME} \$HOME`, 'echo `date` ${HOME} ${HOME} \\$HOME');
  t.equal(sh`echo \\\${A} '\$\{A}'`, "echo \\\\${A} '\\${A}'");
  t.equal(sh`printf "\x \u"`, 'printf "\\x \\u"', 'even what is no escape of JavaScript');
});

t.test('what is no word is refused, and named', async (t) => {
  const refuse = (value: unknown, message: RegExp) =>
    t.throws(() => sh`rm -r ${'a'} ${value}`, { name: 'TypeError', message });
  refuse(undefined, /^sh: value 2, behind "rm -r a ": undefined is no word; give a string/);
  refuse(null, /: null is no word/);
  refuse({}, /: an object \(Object\) is no word/);
  refuse(Object.create(null), /: an object \(without a class\) is no word/);
  refuse(new Date(), /: an object \(Date\)/);
  refuse({ stdout: 'a' }, /its stdout would be one/);
  refuse(() => 'a', /: a function is no word/);
  refuse(Symbol('a'), /: a symbol is no word/);
  refuse(['a', undefined], /^sh: value 2, behind "rm -r a ", element 1: undefined is no word/);
  refuse(['a', ['b']], /element 1: an array in an array is no word/);
  t.throws(() => sh`echo ${'a\0'}`, { name: 'RunError', reason: { type: 'spawn', code: 'EINVAL' } });
  t.throws(() => sh`echo "${['a', '\0']}"`, { name: 'RunError' });
});

t.test('where no value can stand, that is said', async (t) => {
  const places: [string, RegExp][] = [
    ['echo `ls ★`', /inside `…`; use \$\(…\)/],
    ['echo "`ls ★`"', /inside `…`/],
    ['echo ${A:-★}', /inside \$\{…\}/],
    ['echo "${A:-★}"', /inside \$\{…\}/],
    ['echo ${A:-"★"}', /inside \$\{…\}/],
    ['echo "${A:-\'}" ★', /quotes inside "\$\{…\}"/],
    ["echo $'★'", /behind \$'/],
    ["echo $'a' ★", /behind \$'/],
    ['echo $[1] ★', /behind \$\[/],
    ['cat <<EOF\n★\nEOF', /here-document/],
    ['cat <<★', /here-document/],
    ['cat <\\\n<-EOF ★', /here-document/],
    ['echo $★', /directly behind a \$; write \\\$/],
    ['echo "$★"', /directly behind a \$/],
    ['echo $\\\n★', /directly behind a \$/],
    ['echo $$★', /directly behind \$\$/],
    ['echo \\★', /directly behind a backslash/],
    ['echo "\\★"', /directly behind a backslash/],
    ['echo $((★))', /only an integer/],
    ['((1<<2))\necho ★', /behind \(\(/],
    ['((★))', /behind \(\(/],
    ['echo $((1★))', /only an integer/],
    ['((echo a); echo ★)', /write \( \( for two subshells/],
    ['echo $((echo "a"); echo ★)', /write \$\( \( for a subshell/],
    ['echo $((echo a); echo ★)', /write \$\( \( for a subshell/],
    ['$(case x in x) echo ★;; esac)', /`case` inside \$\(…\)/],
    ['$(if :; then case x in x) echo ★;; esac; fi)', /`case` inside/],
    ['$(echo a # )\n ★)', /comment inside \$\(…\)/],
  ];
  for (const [text, message] of places) {
    const strings = text.split('★');
    t.throws(() => shellText(strings, ['a']), { name: 'TypeError', message }, text);
  }
  t.throws(() => sh`echo $A${[]}`, /an empty array glued to a \$name/);
  for (const value of [1.5, '1+1', '010', '', [1, 2], [], 'a[$(id)]', 1e21]) {
    t.throws(() => sh`echo $((1 + ${value}))`, /only an integer/, String(value));
  }
  for (const glued of [() => sh`$((a${1}))`, () => sh`$((${1}0))`, () => sh`$((${1}${2}))`, () => sh`$((16#${1}))`]) {
    t.throws(glued, /only an integer/);
  }
  t.equal(
    sh`echo '$'${'a'} "\$${'a'}" '\'${'a'} $(grep case ${'a'}) \${A} ${'a'}`,
    `echo '$'a "\\$a" '\\'a $(grep case a) \${A} a`,
  );
});

t.test('which strings need no shell', async (t) => {
  t.same(needsShell('ls -l src/a.c'), ['ls', '-l', 'src/a.c']);
  t.same(needsShell(' \tgcc\t-O2  x,y user@h:/p 50% +x '), ['gcc', '-O2', 'x,y', 'user@h:/p', '50%', '+x']);
  t.same(needsShell('./if'), ['./if']);
  t.same(needsShell('grep if echo'), ['grep', 'if', 'echo'], 'only the first word counts');
  const needing = [
    '',
    ' ',
    'a=b',
    'A=b ls',
    'make CC=gcc',
    'ls *',
    'ls ~',
    'a|b',
    'a;b',
    'a&',
    'a>b',
    'a\nb',
    'a\\b',
    'a "b"',
  ];
  needing.push("a 'b'", 'a $b', 'a `b`', 'a #b', 'a?', 'a [b]', 'a {b,c}', '!a', 'a\r', 'a\u00a0b', 'é', '(a)', 'a^b');
  for (const command of needing) t.equal(needsShell(command), undefined, JSON.stringify(command));
  for (const word of [
    'cd',
    'exit',
    'export',
    'echo',
    'printf',
    'test',
    'true',
    'kill',
    'pwd',
    '.',
    ':',
    'if',
    'time',
  ]) {
    t.equal(needsShell(`${word} x`), undefined, word);
  }
  const bash = shells.find(([name]) => name === 'bash');
  if (bash !== undefined) {
    for (const word of output(bash, 'compgen -b; compgen -k').trim().split('\n'))
      t.equal(needsShell(word), undefined, word);
  }
});

t.test('no shell has run a value', async (t) => t.same(readdirSync(folder), []));
