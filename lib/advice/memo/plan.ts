// What a memo goes by in one run: the parts that decide what it does, and the files that it reads and writes.
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { inspect } from 'node:util';
import { isRunner, type Code, type Context, type Json, type Runner, type Spec } from '../../kernel/index.ts';
import { coreOf } from '../../kernel/create.ts';
import { show } from '../../kernel/runnable.ts';
import { MISSING, unlookable, type Files } from '../../store/files.ts';
import { sha256 } from '../../store/digest.ts';
import { foldersOf } from '../../store/folders.ts';
import type { Paced } from '../../store/paced.ts';
import { serialize } from '../../store/serialize.ts';
import { canonical } from './canonical.ts';
import { Dir, Glob, type Settings } from './options.ts';
import { foldersIn, isElsewhere, localFolder, layersOf, surroundings, value } from './surroundings.ts';

/** A part before it is digested. What is shown of it may hold secrets still. */
export interface Raw {
  readonly name: string;
  readonly text: string;
  readonly show: string | undefined;
}

/** A path that is read. */
export interface Input {
  /** As it is told: 'input lib/a.c'. */
  readonly name: string;
  /** Of a file or a folder; of a glob, that where it begins. */
  readonly path: string;
  readonly glob?: Glob;
  /** Something has to be there. */
  readonly required: boolean;
}

/** A path that is written. */
export interface Output {
  readonly path: string;
  /** Relative to the project where it is inside. */
  readonly name: string;
}

/** How values are shown to who asks why. */
const SHOWN = {
  breakLength: Infinity,
  compact: true,
  customInspect: false,
  depth: 5,
  maxArrayLength: 20,
  maxStringLength: 200,
} as const;

/** What a memo goes by. */
export class Plan {
  readonly project: string;
  /** What doesn't come from files. */
  readonly raw: readonly Raw[];
  readonly inputs: readonly Input[];
  /** All of them: those too that are found while it runs. */
  readonly outputs: Output[] = [];
  readonly #outputs = new Map<string, Output>();
  /** The folders around them, with one that is inside. */
  readonly #around = new Map<string, Output>();
  /** Those that were known before. */
  readonly declared: readonly Output[];
  /** Where relative paths begin. */
  readonly folder: string;
  /** The module-level function that it is about. */
  readonly code: (Code & { readonly module: string; readonly keyed: boolean }) | undefined;

  /** Throws a TypeError for what no memo can go by. */
  constructor(settings: Settings, inner: Runner<any, any>, context: Context, project: string, storeFolder: string) {
    this.project = project;
    this.folder = localFolder(context);
    const layers = layersOf(inner.spec);
    const elsewhere = isElsewhere(context, layers);
    const inputs = new Map<string, Input>();
    for (const path of settings.outputs) {
      if (elsewhere)
        throw new TypeError(
          `memo: outputs are files of this machine, and ${inner.label} runs on another one; fetch them after it`,
        );
      this.#addOutput(path, this.folder, storeFolder);
    }
    const raw: Raw[] = [];
    for (const [index, input] of settings.inputs.entries()) {
      if (input instanceof Glob) this.#addInput(inputs, globName(input), '.', input);
      else if (input instanceof Dir) this.#addInput(inputs, undefined, input.path);
      else if (typeof input === 'string') this.#addInput(inputs, undefined, input);
      else raw.push(this.#value(`input ${index + 1}`, input));
    }
    this.#addOwn(layers.core, foldersIn(layers), elsewhere, inputs, storeFolder);
    for (const { path } of inputs.values())
      if (this.#outputs.has(path))
        throw new TypeError(
          `memo: ${this.nameOf(path)} is both an input and an output; what it made of it is no input`,
        );
    raw.push(
      ...specParts(layers.core),
      ...layers.around.map((spec, index) => ({ ...value(`${spec.type} ${index + 1}`, spec), show: undefined })),
    );
    raw.push(
      ...surroundings(context, settings.env, context.remote === undefined ? this.nameOf(context.cwd) : context.cwd),
    );
    if (settings.key !== undefined) raw.push(this.#value('key', settings.key));
    if (settings.version !== undefined) raw.push(value('version', settings.version));
    if (this.outputs.length > 0)
      raw.push(
        value(
          'outputs',
          this.outputs.map(({ name }) => name),
        ),
      );
    const { code } = coreOf(inner).traits;
    const keyed = settings.key !== undefined;
    this.code = code?.module === undefined ? undefined : { ...code, module: code.module, keyed };
    if (code !== undefined) {
      // Under one key too two functions are two.
      if (keyed) raw.push({ name: 'function', text: Function.prototype.toString.call(code.fn), show: undefined });
      for (const [index, argument] of code.args.entries()) {
        try {
          raw.push(this.#value(`argument ${index + 1}`, argument));
        } catch (error) {
          if (!keyed) throw error; // else the key tells of those that can't be compared
        }
      }
    }
    this.raw = raw;
    // In one order, since they are what they are in any.
    this.inputs = [...inputs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.declared = [...this.outputs];
  }

  #value(name: string, given: unknown): Raw {
    if (isRunner(given))
      throw new TypeError(`memo: ${name} is a runner, which is no value; yield it and give what it gives`);
    try {
      return { name, text: serialize(canonical(given)), show: inspect(given, SHOWN) };
    } catch (cause) {
      throw new TypeError(
        `memo: ${name} is ${show(given)}, which is no value that can be compared: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  #addInput(inputs: Map<string, Input>, name: string | undefined, given: string, glob?: Glob): void {
    const path = resolve(this.folder, given);
    const known = name ?? `input ${this.nameOf(path)}`;
    inputs.set(name ?? path, {
      name: known,
      path,
      required: glob === undefined,
      ...(glob === undefined ? {} : { glob }),
    });
  }

  /** Adds one; undefined where it was known. */
  #addOutput(given: string, folder: string, storeFolder: string): Output | undefined {
    const path = resolve(folder, given);
    if (this.#outputs.has(path)) return undefined;
    const name = this.nameOf(path);
    if (isIn(this.project, path))
      throw new TypeError(`memo: the output ${given} is a folder with the whole project in it`);
    if (isIn(path, storeFolder)) throw new TypeError(`memo: the output ${given} is in the store ${storeFolder}`);
    if (isIn(storeFolder, path))
      throw new TypeError(`memo: the output ${given} is a folder with the store ${storeFolder} in it`);
    const folders = [...foldersOf(path)];
    const other =
      this.#around.get(path) ?? folders.map((one) => this.#outputs.get(one)).find((one) => one !== undefined);
    if (other !== undefined)
      throw new TypeError(`memo: of the outputs ${name} and ${other.name}, one is inside the other`);
    const output = { path, name };
    for (const one of folders) this.#around.set(one, output);
    this.#outputs.set(path, output);
    this.outputs.push(output);
    return output;
  }

  /** Files that programs name by themselves. */
  #addOwn(
    spec: Spec,
    folders: readonly string[],
    elsewhere: boolean,
    inputs: Map<string, Input>,
    storeFolder: string,
  ): void {
    const stages = spec.type === 'pipe' ? (spec['of'] as unknown as readonly Spec[]) : [spec];
    for (const { type, command, cwd, stdin, stdout, stderr } of stages) {
      if (type !== 'program' && type !== 'ssh') continue;
      // A program elsewhere has its local files from Node's own folder (lib/runners/command).
      const folder = elsewhere ? process.cwd() : resolve(this.folder, ...folders, typeof cwd === 'string' ? cwd : '.');
      const file = fileOf(stdin);
      if (file !== undefined && file !== '/dev/null') this.#addInput(inputs, undefined, resolve(folder, file));
      for (const place of [stdout, stderr]) {
        const target = fileOf(place);
        // What is appended to isn't made.
        if (target !== undefined && !isDevice(target) && (place as { append?: boolean }).append !== true)
          this.#addOutput(target, folder, storeFolder);
      }
      // Of a shell's command the first word, where it is a plain one.
      const [name] = Array.isArray(command)
        ? (command as unknown[])
        : [/^\s*([\w@%+:,./-]+)(?=\s|$)/.exec(String(command))?.[1]];
      if (!elsewhere && typeof name === 'string' && name.includes('/') && !isAbsolute(name))
        this.#addInput(inputs, undefined, resolve(folder, name));
    }
  }

  /** A path that was found to be read. */
  inputAt(given: string): Input {
    const path = resolve(this.folder, given);
    return { name: `input ${this.nameOf(path)}`, path, required: false };
  }

  /** A path that was found to be written; undefined where it was known. */
  outputAt(given: string, storeFolder: string): Output | undefined {
    return this.#addOutput(given, this.folder, storeFolder);
  }

  /** A path as it is told and stored: relative to the project where it is inside, so that the project may be moved. */
  nameOf(path: string): string {
    const name = relative(this.project, path);
    return name === '' ? '.' : /^\.\.(?![^/\\])/.test(name) ? path : name.split(sep).join('/');
  }

  /** Back from such a name. */
  pathOf(name: string): string {
    return isAbsolute(name) ? name : join(this.project, name);
  }

  /** The digest of an input. */
  *look(input: Input, files: Files, skip: string): Paced<string> {
    if (input.glob === undefined) return yield* files.digest(input.path, { follow: true, skip });
    const { glob } = (yield import('tinyglobby')) as typeof import('tinyglobby');
    const ignore = ['**/.sluice/**', '**/.git/**', '**/node_modules/**', ...input.glob.ignore];
    const found = (yield glob(input.glob.patterns as string[], {
      cwd: input.path,
      dot: input.glob.dot,
      ignore,
      expandDirectories: false,
    })) as string[];
    let list = '';
    for (const name of found.sort()) {
      const path = join(input.path, name);
      const output = this.outputs.find((one) => one.path === path || path.startsWith(one.path + sep));
      if (output !== undefined)
        throw new TypeError(`memo: ${input.name} takes in the output ${output.name}; leave it out with ignore`);
      const digest: string = yield* files.digest(path, { follow: true });
      // A link that leads nowhere is found too.
      if (digest === MISSING && name.includes('\uFFFD')) throw unlookable(path, 'has a name that is not UTF-8');
      list += `${digest} ${name}\0`;
    }
    return `g${sha256(list)}`;
  }
}

/** What a spec says, each under the name that tells about it. */
function specParts(spec: Spec): Raw[] {
  const { type, command, ...rest } = spec;
  const raw: Raw[] = [value('kind', type)];
  if (Array.isArray(command) && command.length <= WORDS)
    for (const [index, word] of command.entries())
      raw.push(value(index === 0 ? 'program' : `argument ${index}`, word as Json));
  else if (command !== undefined) raw.push(value('command', command));
  for (const [name, field] of Object.entries(rest)) {
    const part = value(name, field);
    // The environment may be secret as a whole.
    raw.push(/env/i.test(name) ? { ...part, show: undefined } : part);
  }
  return raw;
}

/** How a pattern is told: as no other one, for there may be several. */
function globName({ patterns, ignore, dot }: Glob): string {
  const all = [...patterns, ...ignore.map((one) => `!${one}`)].map((one) =>
    /[\s"]/.test(one) ? JSON.stringify(one) : one,
  );
  return `glob ${all.join(' ')}${dot ? ' with dots' : ''}`;
}

/** Whether a path is a folder, or inside of it. */
function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** More words than these are told as one. */
const WORDS = 64;

function fileOf(place: Json | undefined): string | undefined {
  const { file } = (typeof place === 'object' ? (place ?? {}) : {}) as { file?: unknown };
  return typeof file === 'string' ? file : undefined;
}

/** `/dev/null` and the like are nobody's to keep. */
function isDevice(path: string): boolean {
  return path.startsWith('/dev/');
}
