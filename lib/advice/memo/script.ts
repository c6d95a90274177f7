// Outputs that a script made once and makes no more. A script is a loop with a `scope`; what it declares is written down before it
// is made, so that not even a crash makes an output nobody's.
import { existsSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import type { Json, MemoScope } from '../../kernel/index.ts';
import { adoptScopes } from '../../kernel/scope.ts';
import { sha256of } from '../../store/digest.ts';
import { MISSING } from '../../store/files.ts';
import { atOnceInPlace } from '../../store/paced.ts';
import { projectOf, storeAt, type Store } from '../../store/store.ts';
import { stepAt } from './remember.ts';

type Tell = (text: string, data?: Json) => void;

const scripts = new WeakMap<MemoScope, Map<Store, Script>>();

/** What a loop with a scope declares, in one store. */
export function scriptOf(scope: MemoScope, store: Store, project: string): Script {
  let own = scripts.get(scope);
  if (own === undefined) scripts.set(scope, (own = new Map<Store, Script>()));
  let script = own.get(store);
  if (script === undefined) own.set(store, (script = new Script(scope, store, project)));
  return script;
}

adoptScopes((scope, tell) => {
  if (scope.unfinished > 0) return;
  // What had memos once may have none any more.
  const project = projectOf(process.cwd());
  if (existsSync(join(project, '.sluice', 'scripts'))) scriptOf(scope, storeAt(join(project, '.sluice')), project);
  for (const script of scripts.get(scope)?.values() ?? []) script.finish(tell);
});

/** The outputs of one script. */
export class Script {
  readonly #scope: MemoScope;
  readonly #store: Store;
  readonly #project: string;
  readonly #file: string;
  /** Its outputs, each with the name of its step in the store. */
  readonly #listed: Map<string, string>;
  readonly #declared = new Set<string>();
  /** What steps of this loop name as inputs: what is still read is not stale. */
  readonly #read = new Set<string>();

  constructor(scope: MemoScope, store: Store, project: string) {
    this.#scope = scope;
    this.#store = store;
    this.#project = project;
    // A project that is moved together with its store stays the same one.
    this.#file = sha256of([relative(store.folder, project), scope.name]);
    this.#listed = new Map(listedIn(store.lines(this.#file)));
  }

  /** A step is about to make these. */
  declare(outputs: readonly string[], step: string, tell: Tell): void {
    for (const name of outputs) {
      this.#declared.add(name);
      // What is outside the project is nobody's to delete.
      if (isAbsolute(name) || this.#listed.get(name) === step || this.#scope.dryRun) continue;
      this.#listed.set(name, step);
      this.#store.try(tell, () => this.#store.addLine(this.#file, JSON.stringify([name, step])));
    }
  }

  /** A step goes by these, as parts are named. A pattern or a folder takes what is there and asks for none of it. */
  reads(names: Iterable<string>): void {
    for (const name of names) {
      const path = /^(?:input|code) ([^]+)$/.exec(name)?.[1];
      if (path !== undefined) this.#read.add(path);
    }
  }

  /** Every run of the loop has finished: what is stale is deleted, or told. */
  finish(tell: Tell): void {
    const stale = [...this.#listed].filter(([name]) => !this.#declared.has(name));
    if (stale.length === 0) return;
    const others = this.#othersOutputs();
    const gone: string[] = [];
    const found: string[] = [];
    for (const [name, step] of stale) {
      try {
        const digest = atOnceInPlace(this.#store.files.digest(join(this.#project, name), { inPlace: true }));
        if (digest === MISSING || others.has(name)) gone.push(name);
        else if (this.#read.has(name) || !this.#isInside(name) || this.#overlaps(name)) continue;
        else if (stepAt(this.#store, step, tell)?.left[name]?.[0] === digest) found.push(name);
      } catch {
        // What can't be looked at is not what was made.
      }
    }
    const list = `${found.slice(0, LISTED).join(', ')}${found.length > LISTED ? `, … (${found.length})` : ''}`;
    const outputs = `${found.length} stale output${found.length === 1 ? '' : 's'}`;
    const data = { stale: found };
    if (this.#scope.dryRun) {
      if (found.length > 0) tell(`${outputs}${this.#scope.clean ? ' would be deleted' : ''}: ${list}`, data);
      return;
    }
    if (this.#scope.clean) {
      for (const name of found) if (this.#delete(name, tell)) gone.push(name);
      if (found.length > 0) tell(`deleted ${outputs}: ${list}`, data);
    } else if (found.length > 0) tell(`${outputs} of earlier runs: ${list} (--clean deletes them)`, data);
    if (gone.length > 0)
      this.#store.try(tell, () =>
        this.#store.setLines(
          this.#file,
          [...this.#listed].filter(([name]) => !gone.includes(name)).map((listed) => JSON.stringify(listed)),
        ),
      );
  }

  /** Whether it is, also where a folder above it has become a link. */
  #isInside(name: string): boolean {
    const root = realpathSync(this.#project);
    return `${realpathSync(dirname(join(this.#project, name)))}${sep}`.startsWith(
      root.endsWith(sep) ? root : root + sep,
    );
  }

  /** Whether it is in a folder that is an output now, or the other way round. */
  #overlaps(name: string): boolean {
    return [...this.#declared].some((other) => name.startsWith(`${other}/`) || other.startsWith(`${name}/`));
  }

  #delete(name: string, tell: Tell): boolean {
    try {
      rmSync(join(this.#project, name), { recursive: true });
    } catch (error) {
      tell(`${name} can't be deleted: ${(error as Error).message}`);
      return false;
    }
    for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) {
      try {
        rmdirSync(join(this.#project, folder));
      } catch {
        break; // not empty
      }
    }
    return true;
  }

  /** What other scripts of the project have made. */
  #othersOutputs(): Set<string> {
    let names: string[] = [];
    try {
      names = readdirSync(dirname(this.#store.path('scripts', this.#file)));
    } catch {
      // there are none
    }
    return new Set(
      names
        .filter((name) => name !== this.#file)
        .flatMap((name) => listedIn(this.#store.lines(name)).map(([output]) => output)),
    );
  }
}

const LISTED = 10;

/** Lines of JSON, since names may hold anything. One that was cut short is none. */
function listedIn(lines: readonly string[]): (readonly [name: string, step: string])[] {
  return lines.flatMap((line) => {
    try {
      const listed: unknown = JSON.parse(line);
      const good = Array.isArray(listed) && typeof listed[0] === 'string' && /^[0-9a-f]{64}$/.test(String(listed[1]));
      return good ? [listed as unknown as readonly [string, string]] : [];
    } catch {
      return [];
    }
  });
}
