// Values as shell text. A value is always data: whatever it holds, it can't change how a shell reads what is around it.
import { RunError } from '../kernel/error.ts';
import { ShellLexer } from './lexer.ts';
import type { Place } from './lexer.ts';

/** What the shell itself means by a word, where a command begins. Quoted, such a word is a program like any other. */
const reserved = words(
  'case coproc do done elif else esac fi for function if in namespace select then time until while',
);

/** The builtins of dash, bash, busybox ash, ksh and zsh's sh that a command may begin with. */
const builtins = words(
  `. : alias autoload bg bind break builtin caller cd chdir command compgen complete compopt continue declare dirs disown
   echo enable eval exec exit export false fc fg functions getopts hash help hist history integer jobs kill let limit local
   logout mapfile nameref newgrp popd print printf pushd pwd read readarray readonly return set shift shopt source suspend
   test times trap true type typeset ulimit umask unalias unset wait whence where`,
);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/**
 * A word for a POSIX shell: as it is where no shell sees anything in it, else in single quotes.
 *
 * @throws RunError (`spawn`, EINVAL) where it holds a NUL, which no argument can
 */
export function quote(word: string): string {
  if (word.includes('\0')) {
    const hint = "an argument can't hold a NUL; hand it over as stdin or in a file";
    throw new RunError({ reason: { type: 'spawn', code: 'EINVAL' }, label: show(word), hint });
  }
  // With a '=', it would be an assignment where a command begins; behind a '-' never.
  const plain = /^(-[\w@%+=:,./-]*|[\w@%+:,./-]+)$/.test(word) && !reserved.has(word);
  return plain ? word : quoted(word);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The words of a command that needs no shell, else undefined: it needs one for anything but plain words, for an
 * assignment in front, and where its first word is reserved or a builtin.
 */
export function needsShell(command: string): [string, ...string[]] | undefined {
  if (!/^[\w@%+:,./ \t-]+$/.test(command)) return undefined;
  const [first, ...rest] = command.split(/[ \t]+/).filter((word) => word !== '');
  if (first === undefined || reserved.has(first) || builtins.has(first)) return undefined;
  return [first, ...rest];
}

/** What an `sh` template takes. */
export type ShellValue = string | number | bigint | boolean | readonly (string | number | bigint | boolean)[];

/**
 * The text of an `sh` template. Each value becomes one word (also when it is glued to text: `--file=${file}`), an array one
 * word an element and an empty one none; what is glued to an array is glued to its first and last, as with "$@".
 *
 * Quotes in the template are known: inside "…" and '…' a value is escaped for them (an array joined by blanks), in a
 * comment it can't end the comment, in $((…)) it must be an integer. Where a value can't stand (in a here-document, in
 * backquotes, in ${…}) is an error at the call.
 *
 * The text between the backquotes is what the shell reads, backslashes included: `grep '\.ts$'` needs no second one. Only
 * those that JavaScript itself asks for, in \` and \${, are left out.
 *
 * @throws TypeError where a value is of another type or in no place for one
 */
export function shellText(strings: TemplateStringsArray | readonly string[], values: readonly unknown[]): string {
  const parts = 'raw' in strings ? strings.raw.map(unescaped) : strings;
  const lexer = new ShellLexer();
  let text = parts[0]!;
  lexer.read(text);
  values.forEach((value, i) => {
    const next = parts[i + 1]!;
    const where = `sh: value ${i + 1}, behind ${show(text.slice(-30))}`;
    const given = checked(value, where);
    // Two values side by side could make what neither is, a number before a '<' for one.
    const apart = i + 1 < values.length && next === '' ? '<' : next;
    const rendered = render(given, lexer.place(), text, apart, where);
    lexer.skip(rendered);
    lexer.read(next);
    text += rendered + next;
  });
  return text;
}

/** What JavaScript takes from a template: \` and \${ (also written $\{). An even number of backslashes can't be there. */
function unescaped(raw: string): string {
  return raw.replace(/\\(?=`|\$\{)|(?<=\$)\\(?=\{)/g, '');
}

function render(value: string | readonly string[], place: Place, before: string, next: string, where: string): string {
  const list = typeof value === 'string' ? [value] : value;
  switch (place.type) {
    case 'refused':
      throw new TypeError(`${where}: no value can stand ${place.why}`);
    case 'single':
      return list.join(' ').replaceAll("'", "'\\''");
    case 'double': {
      const escaped = list.join(' ').replace(/[\\"$`]/g, '\\$&');
      // The quotes end and begin again, or the value would be of the name.
      return place.afterName ? `""${escaped}` : escaped;
    }
    case 'comment':
      return quote(list.join(' ').replace(/[\r\n]/g, ' '));
    case 'arithmetic': {
      const [number = ''] = list;
      const glued = /[\w#]$/.test(before) || /^[\w#]/.test(next);
      if (list.length !== 1 || !/^-?(0|[1-9]\d*)$/.test(number) || glued) {
        throw new TypeError(`${where}: in $((…)) only an integer can stand, with something else before and behind it`);
      }
      return number.startsWith('-') ? ` ${number}` : number;
    }
    case 'words': {
      if (list.length === 0) {
        if (place.afterName) throw new TypeError(`${where}: an empty array glued to a $name; put a blank between`);
        return place.afterOperator ? ' ' : '';
      }
      // A number in front of a redirection would be a descriptor, '~' behind a ':' a home; the rest see Place.
      const force = place.afterName || place.opened || /^[<>~(]/.test(next);
      return list.map((word) => (force ? quoted(word) : quote(word))).join(' ');
    }
  }
}

function checked(value: unknown, where: string): string | readonly string[] {
  return Array.isArray(value) ? value.map((element, i) => word(element, `${where}, element ${i}`)) : word(value, where);
}

function word(value: unknown, where: string): string {
  switch (typeof value) {
    case 'string':
      quote(value);
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      throw new TypeError(
        `${where}: ${describe(value)} is no word; give a string, a number, a boolean or an array of these`,
      );
  }
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'symbol' ? 'a symbol' : kind(value);
  if (typeof (value as { stdout?: unknown }).stdout === 'string') return 'an object (its stdout would be one)';
  return Array.isArray(value) ? 'an array in an array' : `an object (${value.constructor?.name ?? 'without a class'})`;
}

function kind(value: unknown): string {
  return typeof value === 'function' ? 'a function' : String(value);
}

function show(text: string): string {
  return JSON.stringify(text);
}
