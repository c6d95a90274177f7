// Where a value stands inside the one that is serialized: known for each object, so that an error can name it.

type Kind = 'field' | 'element' | 'key' | 'entry' | 'member';

/** How something was come by from what is above it; kind undefined: it is the same place, seen otherwise. */
export class Place {
  /** Steps from the whole value. */
  readonly depth: number;
  readonly above: Place | undefined;
  readonly kind: Kind | undefined;
  readonly key: unknown;

  constructor(above: Place | undefined, kind: Kind | undefined, key: unknown) {
    this.depth = above === undefined ? 0 : kind === undefined ? above.depth : above.depth + 1;
    this.above = above;
    this.kind = kind;
    this.key = key;
  }
}

/** Where everything stands that has been come across. */
export class Places {
  /** Of objects, functions and symbols. */
  #known = new Map<unknown, Place>();
  #above: unknown;
  #kind: Kind | undefined;
  #key: unknown;

  constructor(value: unknown) {
    this.#above = value;
    this.#known.set(value, new Place(undefined, undefined, undefined));
  }

  /** `child` has been come by; it is given back. */
  step<T>(above: unknown, kind: Kind | undefined, key: unknown, child: T): T {
    this.#above = above;
    this.#kind = kind;
    this.#key = key;
    const type = typeof child;
    if (type === 'object' ? child !== null : type === 'function' || type === 'symbol') {
      if (!this.#known.has(child)) this.#known.set(child, this.last());
    }
    return child;
  }

  /** That of something known, else of what was come by last. */
  of(value: unknown): Place {
    return this.#known.get(value) ?? this.last();
  }

  last(): Place {
    return new Place(this.#known.get(this.#above), this.#kind, this.#key);
  }
}

const SHOWN = 12;

/** `value.hosts[3].socket`; of a very long path the first and the last steps. */
export function pathOf(place: Place): string {
  const steps: string[] = [];
  for (let one: Place | undefined = place; one !== undefined; one = one.above)
    if (one.kind !== undefined) steps.push(textOf(one.kind, one.key));
  steps.reverse();
  if (steps.length > 2 * SHOWN) steps.splice(SHOWN, steps.length - 2 * SHOWN, '…');
  return `value${steps.join('')}`;
}

function textOf(kind: Kind, key: unknown): string {
  switch (kind) {
    case 'field':
      return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(String(key)) ? `.${String(key)}` : `[${shown(key)}]`;
    case 'element':
      return `[${String(key)}]`;
    case 'member':
      return `.values()[${String(key)}]`;
    case 'entry':
      return `.get(${shown(key)})`;
    case 'key':
      return `.keys()[${String(key)}]`;
  }
}

function shown(key: unknown): string {
  if (typeof key === 'bigint') return `${key}n`;
  if (typeof key === 'object' && key !== null) return '{…}';
  const text = typeof key === 'string' ? JSON.stringify(key) : String(key);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
