// Hosts as they are typed: `web1`, `root@web1`, `db:2201`, `[::1]:22`, `ssh://root@db:2201`. What was typed is remembered, so
// that a text of the host has it again; what an inventory says of it is not in its text.
import { host, type Host } from '../ssh/host.ts';

/** Hosts with something typed beside their name. */
const marks = new WeakMap<Host, { readonly user: boolean; readonly port: boolean }>();

/**
 * What tells hosts of a set apart, and names them in ids: the name. A port that was typed is part of it, `db:2201`, as another
 * port is another machine there (a container, a tunnel).
 */
export function keyOf(one: Host): string {
  if (marks.get(one)?.port !== true) return one.name;
  return `${one.name.includes(':') ? `[${one.name}]` : one.name}:${one.port}`;
}

/** The key, behind the user that was typed with it. */
export function labelOf(one: Host): string {
  return marks.get(one)?.user === true ? `${one.user}@${keyOf(one)}` : keyOf(one);
}

/** The host of a text. What `known` says of its name is kept, but for what the text has itself. */
export function readHost<V>(text: string, known: (name: string) => Host<V> | undefined): Host<V> {
  const there = known(text);
  if (there !== undefined) return there;
  const bare = /^ssh:\/\/(.*?)\/?$/.exec(text)?.[1] ?? text;
  // The last '@': users of a domain have one in their name.
  const at = bare.lastIndexOf('@');
  const rest = bare.slice(at + 1);
  // Behind more than one colon, as in an IPv6 address without brackets, nothing is a port.
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(rest) ?? [];
  const name = bracketed ?? plain ?? rest;
  const user = at === -1 ? undefined : bare.slice(0, at);
  const port = digits === undefined ? undefined : Number(digits);
  const entry = known(name);
  if (entry !== undefined && user === undefined && port === undefined) return entry;
  const made = host<V>({
    name,
    address: entry?.address,
    user: user ?? entry?.user,
    port: port ?? entry?.port,
    vars: entry?.vars ?? ({} as V),
  });
  if (user !== undefined || port !== undefined) marks.set(made, { user: user !== undefined, port: port !== undefined });
  return made;
}

export function isHost(what: unknown): what is Host {
  const { name, path } = (what ?? {}) as Partial<Host>;
  return typeof name === 'string' && typeof path === 'function';
}
