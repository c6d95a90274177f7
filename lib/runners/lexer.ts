// Where a shell is after some text: inside quotes, a comment, arithmetic, … It reads what a user wrote around the values
// of an `sh` template, so that each value is quoted for its own place. POSIX sh is what it knows, and of bash what would
// be read wrongly otherwise. Where shells differ, or where a place can't be told for sure, it refuses all values from there
// on and says why: an error at the call is better than a value that a shell takes for code.

/** A place between two pieces of shell text, and what matters there. */
export type Place =
  /**
   * Outside of quotes. `afterName`: behind a $name that letters would make longer. `opened`: behind a '[' or '{' of the same
   * word, where even '-' or ',' may mean something. `afterOperator`: behind a character that another might join.
   */
  | { readonly type: 'words'; readonly afterName: boolean; readonly opened: boolean; readonly afterOperator: boolean }
  /** Inside "…". */
  | { readonly type: 'double'; readonly afterName: boolean }
  | { readonly type: 'single' | 'arithmetic' | 'comment' }
  /** No value can stand here. */
  | { readonly type: 'refused'; readonly why: string };

/** What is open. A command is the text itself, a subshell, or (`substitution`) what is inside $(…). */
type Frame =
  | { readonly type: 'command'; readonly substitution: boolean }
  | { readonly type: 'parameter'; readonly double: boolean }
  | { readonly type: 'arithmetic'; depth: number }
  | { readonly type: 'single' | 'double' | 'backtick' | 'comment' };

/** What may stand before a reserved word. More than in truth does no harm: it only refuses more. */
const COMMAND_POSITION =
  /(^|[;&|()\n]|(^|[\s;&|()])(!|\{|if|then|elif|else|while|until|do|time|coproc([ \t]+\w+)?))[ \t]*$/;

/** Reads shell text piece by piece and knows the place it has come to. */
export class ShellLexer {
  /** Innermost last. */
  readonly #frames: Frame[] = [{ type: 'command', substitution: false }];
  #text = '';
  #at = 0;
  /** A '#' here begins a comment. */
  #wordStart = true;
  #opened = false;
  #afterName = false;
  #refusal: string | undefined;

  /** Reads what the user wrote. */
  read(text: string): void {
    this.#text += text;
    while (this.#at < this.#text.length && this.#refusal === undefined) this.#step();
  }

  /** Goes past a value as it was quoted for `place()`. */
  skip(quoted: string): void {
    this.#text += quoted;
    this.#at = this.#text.length;
    if (quoted === '' || quoted === ' ') return;
    this.#wordStart = false;
    this.#afterName = false;
  }

  /** Where the text has come to. */
  place(): Place {
    if (this.#refusal !== undefined) return { type: 'refused', why: this.#refusal };
    // Quotes inside ${…} are read in as many ways as there are shells.
    const inner = this.#frames.slice(this.#frames.findLastIndex(({ type }) => type === 'command'));
    if (inner.some(({ type }) => type === 'parameter')) return refused('inside ${…}; set a variable before it');
    const afterName = this.#afterName;
    const { type } = inner.at(-1)!;
    switch (type) {
      case 'command':
        return { type: 'words', afterName, opened: this.#opened, afterOperator: /[;&|<>()](\\\n)*$/.test(this.#text) };
      case 'double':
        return { type, afterName };
      case 'backtick':
        return refused('inside `…`; use $(…)');
      case 'parameter':
        return refused('inside ${…}; set a variable before it');
      default:
        return { type };
    }
  }

  #step(): void {
    const frame = this.#frames.at(-1)!;
    const char = this.#text[this.#at]!;
    // "\<newline>" is nothing at all: it ends no name and begins no word.
    if ((frame.type === 'command' || frame.type === 'double') && this.#text.startsWith('\\\n', this.#at)) {
      this.#at += 2;
      return;
    }
    this.#afterName = false;
    switch (frame.type) {
      case 'single':
        return char === "'" ? this.#close() : this.#pass();
      case 'comment':
        return char === '\n' ? this.#close() : this.#pass();
      case 'backtick':
        if (char === '\\') return this.#escape();
        return char === '`' ? this.#close() : this.#pass();
      case 'double':
        return char === '"' ? this.#close() : this.#anywhere(char, true);
      case 'parameter':
        if (char === '}') return this.#close();
        if (char !== "'" && char !== '"') return this.#anywhere(char, frame.double);
        if (frame.double) return this.#refuse('behind quotes inside "${…}", which shells read differently');
        return this.#open({ type: char === '"' ? 'double' : 'single' });
      case 'arithmetic':
        return this.#arithmetic(char, frame);
      case 'command':
        return this.#command(char, frame);
    }
  }

  #command(char: string, frame: { substitution: boolean }): void {
    const wordStart = this.#wordStart;
    // Blank means these two to a shell; a '#' behind U+00A0 is of its word.
    this.#wordStart = /[ \t\n;&|<>()]/.test(char);
    if (this.#wordStart) this.#opened = false;
    switch (char) {
      case "'":
        return this.#open({ type: 'single' });
      case '"':
        return this.#open({ type: 'double' });
      case '#':
        if (!wordStart) return this.#pass();
        if (this.#substituting()) {
          return this.#refuse('behind a comment inside $(…), which old shells read wrongly; put it outside');
        }
        this.#wordStart = true;
        return this.#open({ type: 'comment' });
      case '(':
        if (this.#next() === '(')
          return this.#refuse('behind ((, which shells read differently; write ( ( for two subshells');
        return this.#open({ type: 'command', substitution: false });
      case ')':
        if (frame.substitution) {
          // What follows is of the same word, or of the quotes around it; whether that word was open is not remembered.
          this.#wordStart = false;
          this.#opened = true;
        }
        return this.#frames.length > 1 ? this.#close() : this.#pass();
      case '<':
        if (this.#next() !== '<') return this.#pass();
        this.#pass();
        if (this.#next() !== '<') return this.#refuse('behind a here-document; put it last, or hand it over as stdin');
        this.#pass();
        return this.#pass();
      case '[':
      case '{':
        this.#opened = true;
        return this.#pass();
      case 'c':
        if (wordStart && this.#substituting() && this.#atCase())
          return this.#refuse('behind a `case` inside $(…); set a variable before it');
    }
    this.#anywhere(char, false);
  }

  /** Inside $(…) the ')' of a pattern is not its end, and telling which is which takes a parser of all of sh. */
  #atCase(): boolean {
    const word = this.#text.slice(this.#at, this.#at + 5);
    const before = this.#text.slice(Math.max(0, this.#at - 80), this.#at);
    return /^case([\s\\]|$)/.test(word) && COMMAND_POSITION.test(before);
  }

  /** What means the same inside and outside of double quotes. */
  #anywhere(char: string, double: boolean): void {
    if (char === '\\') return this.#escape();
    if (char === '`') return this.#open({ type: 'backtick' });
    const next = this.#next();
    this.#pass();
    if (char !== '$') return;
    if (next === undefined) {
      this.#refuse('directly behind a $; write \\$ for a dollar sign');
    } else if (next === '(') {
      const arithmetic = this.#next() === '(';
      if (arithmetic) this.#pass();
      this.#open(arithmetic ? { type: 'arithmetic', depth: 2 } : { type: 'command', substitution: true });
      this.#wordStart = !arithmetic;
      if (!arithmetic) this.#opened = false;
    } else if (next === '{') {
      this.#open({ type: 'parameter', double });
    } else if (next === '[' || (next === "'" && !double)) {
      this.#refuse(`behind $${next}, which shells read differently`);
    } else if (/\w/.test(next)) {
      this.#at += /^(\d|\w(\\\n|\w)*)/.exec(this.#text.slice(this.#at))![0].length;
      this.#afterName = this.#at === this.#text.length;
    } else if (/[?$!#@*-]/.test(next)) {
      // zsh sees a $'…' in $$'…'.
      if (next === '$' && !double && /^'?$/.test(this.#next() ?? '')) this.#refuse('directly behind $$; use ${$}');
      this.#pass();
    }
  }

  #arithmetic(char: string, frame: { depth: number }): void {
    // If it isn't arithmetic after all, but a subshell in a subshell, one of these tells.
    const before = this.#text[this.#at - 1]!;
    const odd = /['"\\\n]/.test(char) || (char === '#' && /[\s(]/.test(before)) || (frame.depth === 1 && char !== ')');
    if (odd) return this.#refuse('behind $(( with quotes, a comment, a line break or no )); write $( ( for a subshell');
    if (char === '(') frame.depth++;
    if (char !== ')') return this.#anywhere(char, true);
    if (--frame.depth === 0) this.#close();
    else this.#pass();
  }

  #open(frame: Frame): void {
    this.#frames.push(frame);
    this.#pass();
  }

  #close(): void {
    this.#frames.pop();
    this.#pass();
  }

  #escape(): void {
    this.#at += 2;
    if (this.#at > this.#text.length) this.#refuse('directly behind a backslash; write \\\\ for one of its own');
  }

  /** The character behind this one, as a shell sees it. */
  #next(): string | undefined {
    return this.#text[this.#past()];
  }

  #pass(): void {
    this.#at = this.#past();
  }

  #past(): number {
    const { type } = this.#frames.at(-1)!;
    let at = this.#at + 1;
    // Only outside of these is "\<newline>" nothing.
    if (type === 'single' || type === 'comment') return at;
    while (this.#text.startsWith('\\\n', at)) at += 2;
    return at;
  }

  #substituting(): boolean {
    return this.#frames.some((frame) => frame.type === 'command' && frame.substitution);
  }

  #refuse(why: string): void {
    this.#refusal = why;
  }
}

function refused(why: string): Place {
  return { type: 'refused', why };
}
