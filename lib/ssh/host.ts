// A machine that is reached by ssh, as the user names it. What the name means (address, user, key, jump) is decided by the
// user's OpenSSH; what is given here goes before it, as options of `ssh` do.
import { registerClass } from '../store/classes.ts';

/** A path on a host: the form of a copy's end that can't be misread. */
export interface HostPath {
  readonly host: Host;
  readonly path: string;
}

/** A machine. `vars` are the user's own, from an inventory for one. */
export interface Host<V = unknown> {
  /** As `ssh` would be given it; it names the machine in ids, reports and results. */
  readonly name: string;
  /** Where it is connected to, if not by its name. */
  readonly address?: string;
  readonly user?: string;
  readonly port?: number;
  readonly vars: V;
  path(path: string): HostPath;
}

/** What a host is made of. */
export interface HostParts<V> {
  readonly name: string;
  readonly address?: string | undefined;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly vars?: V;
}

class HostEntry<V> implements Host<V> {
  readonly name: string;
  declare readonly address?: string;
  declare readonly user?: string;
  declare readonly port?: number;
  readonly vars: V;

  constructor({ name, address, user, port, vars }: HostParts<V>) {
    this.name = name;
    if (address !== undefined) this.address = address;
    if (user !== undefined) this.user = user;
    if (port !== undefined) this.port = port;
    this.vars = vars as V;
  }

  path(path: string): HostPath {
    if (path.includes('\0')) throw new TypeError('path: it has a NUL character');
    return { host: this, path };
  }
}

/** Makes a host. Throws a TypeError for what can't be one: a name that is empty, begins with '-' or has blanks. */
export function host<V = Record<string, unknown>>(parts: HostParts<V>): Host<V> {
  const { name, address, user, port } = parts;
  for (const [what, text] of Object.entries({ name, address, user })) {
    if (text === undefined && what !== 'name') continue;
    if (typeof text !== 'string' || text === '' || text.startsWith('-') || /[\s\0]/.test(text))
      throw new TypeError(`host: ${JSON.stringify(text)} is no ${what}: not empty, no blanks, no '-' in front`);
  }
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new TypeError(`host ${name}: ${String(port)} is no port (1 to 65535)`);
  return new HostEntry({ ...parts, vars: parts.vars ?? ({} as V) });
}

// Results of ssh name their host, and memos keep results.
registerClass(HostEntry, {
  name: 'sluice:Host',
  serialize: ({ name, address, user, port, vars }) => ({ name, address, user, port, vars }),
  deserialize: (parts: HostParts<any>) => host(parts) as HostEntry<any>,
});

/**
 * The host of a name as one would type it for `ssh`: `name`, `user@name`, `ssh://user@name:port`. A host is given back as it
 * is.
 */
export function toHost(what: Host | string): Host {
  if (typeof what !== 'string') {
    if (typeof what === 'object' && what !== null && typeof what.name === 'string' && typeof what.path === 'function')
      return what;
    throw new TypeError(`expected a host or its name, got ${what === null ? 'null' : typeof what}`);
  }
  const uri = /^ssh:\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(what);
  if (uri !== null) {
    const [, user, name, port] = uri as unknown as [string, string | undefined, string, string | undefined];
    return host({ name: name.replace(/^\[|\]$/g, ''), user, port: port === undefined ? undefined : Number(port) });
  }
  // The last '@': users of a domain have one in their name.
  const at = what.lastIndexOf('@');
  return at === -1 ? host({ name: what }) : host({ name: what.slice(at + 1), user: what.slice(0, at) });
}
