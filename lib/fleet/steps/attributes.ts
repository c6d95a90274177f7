// Mode, owner and group: as options, as `state` of shell.ts tells them, and what is amiss with them.
import { show } from '../../kernel/runnable.ts';
import { checkMode, checkPath } from '../paths.ts';

/** Whom a file or folder belongs to, and who may do what with it. */
export interface Attributes {
  /** Permissions, 0o644 for one. */
  readonly mode?: number;
  /** A user's name or number. */
  readonly owner?: string | number;
  /** A group's name or number. */
  readonly group?: string | number;
}

/** What is there. */
export interface PathState {
  /** With `check` undefined where the host decides it. */
  readonly mode?: number | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** What is there, with the numbers. */
export interface Known extends PathState {
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
  readonly uid: string;
  readonly gid: string;
}

export const ATTRIBUTE_NAMES = ['mode', 'owner', 'group'];

/** Throws a TypeError for what can't be. */
export function checkAttributes(what: string, { mode, owner, group }: Attributes): void {
  checkMode(what, mode);
  for (const [name, value] of Object.entries({ owner, group })) {
    const fits =
      typeof value === 'string' ? /^[^-+:/\s\0][^:/\0\n]*$/.test(value) : Number.isInteger(value) && value! >= 0;
    if (value !== undefined && !fits) throw new TypeError(`${what}: ${name} is a name or a number, not ${show(value)}`);
  }
}

/** Throws a TypeError for what can't be a path; gives it as programs take it, which read '-' in front as an option. */
export function checkedPath(what: string, path: unknown): string {
  checkPath(what, path);
  return path.startsWith('-') ? `./${path}` : path;
}

/** As the scripts take them: mode, owner, group, '' for what is as it is. */
export function attributeWords({ mode, owner = '', group = '' }: Attributes): [string, string, string] {
  return [mode === undefined ? '' : octal(mode), String(owner), String(group)];
}

/** Those that are given, for a spec. */
export function told({ mode, owner, group }: Attributes): { readonly [name: string]: string | number } {
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
  };
}

/** In words, each behind a comma. */
export function wished(attributes: Attributes): string {
  return Object.entries(told(attributes))
    .map(([name, value]) => `, ${name} ${name === 'mode' ? octal(value as number) : value}`)
    .join('');
}

/** Reads what `state` wrote. */
export function readState(text: string): Known {
  const [mode = '', uid = '', gid = '', owner = '', group = ''] = text.trim().split('/');
  return { mode: parseInt(mode, 8), uid, gid, owner, group };
}

/** What is shown of it. */
export function pathState({ mode, owner, group }: Known): Required<PathState> {
  return { mode, owner, group };
}

/** What is not as it should be, in words. */
export function amissAmong({ mode, owner, group }: Attributes, known: Known): string[] {
  const amiss: string[] = [];
  if (mode !== undefined && mode !== known.mode) amiss.push(`mode ${octal(mode)} (was ${octal(known.mode)})`);
  if (owner !== undefined && ![known.owner, known.uid].includes(String(owner)))
    amiss.push(`owner ${owner} (was ${known.owner})`);
  if (group !== undefined && ![known.group, known.gid].includes(String(group)))
    amiss.push(`group ${group} (was ${known.group})`);
  return amiss;
}

/** What is there with these changed. */
export function changedState({ mode, owner, group }: Attributes, before: PathState = {}): PathState {
  return {
    mode: mode ?? before.mode,
    owner: owner === undefined ? before.owner : String(owner),
    group: group === undefined ? before.group : String(group),
  };
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
