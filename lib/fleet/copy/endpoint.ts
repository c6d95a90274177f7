// The ends of a copy, as scp's users write them: `host:path`, `user@host:path`, `[::1]:path`, `scp://user@host:port/path`; what
// has a '/' before its first ':' is local, so `./a:b` is.
import type { Host, HostPath } from '../../ssh/host.ts';
import { host, toHost } from '../../ssh/host.ts';
import { show } from '../../kernel/runnable.ts';

/** A file here, or on a host. */
export type Endpoint =
  | { readonly type: 'local'; readonly path: string }
  /** `typed`: it was written as one text, where `*` and `~` mean something. */
  | { readonly type: 'remote'; readonly host: Host; readonly path: string; readonly typed: boolean };

/** Throws a TypeError for what names no file. */
export function readEndpoint(what: unknown, where: string): Endpoint {
  if (typeof what === 'object' && what !== null && 'host' in what && 'path' in what) {
    const { host, path } = what as HostPath;
    if (typeof path !== 'string' || path === '') throw new TypeError(`${where}: the path on the host is empty`);
    return { type: 'remote', host: toHost(host), path, typed: false };
  }
  if (typeof what !== 'string')
    throw new TypeError(`${where}: expected a path, 'host:path' or host.path(…), got ${show(what)}`);
  if (what === '') throw new TypeError(`${where}: the path is empty`);
  if (what.includes('\0')) throw new TypeError(`${where}: it has a NUL character`);
  if (what.startsWith('scp://')) return uri(what, where);
  const match = /^((?:[^/:[\]]*@)?(?:\[[^\]/]*\]|[^/:[]+)):(.*)$/s.exec(what);
  if (match === null) return { type: 'local', path: what };
  const [, login, path] = match as unknown as [string, string, string];
  return { type: 'remote', host: named(login), path: path === '' ? '.' : path, typed: true };
}

function uri(text: string, where: string): Endpoint {
  const match = /^scp:\/\/((?:[^@/]*@)?(?:\[[^\]/]*\]|[^/:@]+))(?::(\d+))?(?:\/(.*))?$/s.exec(text);
  if (match === null)
    throw new TypeError(`${where}: ${JSON.stringify(text)} is not of the form scp://user@host:port/path`);
  const [, login, port, path = ''] = match as unknown as [string, string, string | undefined, string | undefined];
  return { type: 'remote', host: named(login, port), path: path === '' ? '.' : decoded(path, where), typed: true };
}

function decoded(path: string, where: string): string {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    throw new TypeError(
      `${where}: ${JSON.stringify(path)} has a '%' that is not followed by the digits of UTF-8: write %25`,
    );
  }
  if (text.includes('\0')) throw new TypeError(`${where}: it has a NUL character`);
  return text;
}

/** The last '@': users of a domain have one in their name. */
function named(login: string, port?: string): Host {
  const at = login.lastIndexOf('@');
  return host({
    name: login.slice(at + 1).replace(/^\[|\]$/g, ''),
    user: at === -1 ? undefined : login.slice(0, at),
    port: port === undefined ? undefined : Number(port),
  });
}

/** As a message shows it. */
export function shown(end: Endpoint): string {
  return end.type === 'local' ? end.path : `${end.host.name}:${end.path}`;
}

/** What it is called in a folder that it is copied into; '' where what is in it goes there (`.`, `..`, `/`). */
export function baseName(path: string): string {
  const name = path.replace(/\/+$/, '').replace(/^.*\//s, '');
  return name === '.' || name === '..' ? '' : name;
}

/** The folder of a path, '.' where it has none. */
export function folderOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at === -1 ? '.' : at === 0 ? '/' : path.slice(0, at);
}

export function inFolder(folder: string, name: string): string {
  if (name === '') return folder;
  return folder === '.' ? name : folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}
