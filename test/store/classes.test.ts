import { EventEmitter } from 'node:events';
import t from 'tap';
import { registerClass } from '../../lib/store/classes.ts';
import { deserialize, serialize } from '../../lib/store/serialize.ts';

const again = <T>(value: T): T => deserialize(serialize(value)) as T;

t.test('by default an instance is its own fields, and no constructor is called', async (t) => {
  let made = 0;
  class Point {
    declare next?: unknown;
    readonly x: number | undefined;
    readonly y: number | undefined;
    constructor(x?: number, y?: number) {
      this.x = x;
      this.y = y;
      made++;
    }
    get sum() {
      return this.x! + this.y!;
    }
  }
  registerClass(Point);
  registerClass(Point);
  const point = new Point(1, 2);
  point.next = [point, { point }];
  const other = again(point) as Point & { next: any };
  t.equal(made, 1);
  t.ok(other instanceof Point && other.sum === 3 && other !== point);
  t.equal(other.next[0], other);
  t.equal(other.next[1].point, other);
  t.match(again([new Map([[point, new Set([point])]])]), [Map]);

  class Point3 extends Point {}
  t.throws(() => serialize({ at: new Point3(1, 2) }), /value\.at is a Point3: register its class/);
  t.throws(() => serialize(Object.assign(new Point(), { next: { a: () => 0 } })), /value\.next\.a is a function/);
  t.throws(() => serialize(Object.assign(new Point(), { [Symbol('x')]: 1 })), /a field named by a symbol/);
  const odd = Object.defineProperty(new Point(), '__proto__', { value: 7, enumerable: true });
  t.strictSame(Object.keys(again(odd)), ['x', 'y', '__proto__']);
  t.ok(again(odd) instanceof Point);
});

t.test('errors by registration', async (t) => {
  class HttpError extends Error {
    readonly status: number;
    constructor(status: number) {
      super(`status ${status}`);
      this.status = status;
    }
  }
  registerClass(HttpError, { name: 'http/error' });
  const before = Object.assign(new HttpError(404), { cause: new HttpError(500) });
  before.cause.cause = before;
  const after = again(before);
  t.ok(after instanceof HttpError && Error.prototype.toString.call(after) === 'Error: status 404');
  t.equal(after.stack, before.stack);
  t.equal((after.cause.cause as HttpError).status, 404);
  t.notOk(Object.keys(after).includes('message'));
  t.throws(
    () => deserialize(serialize(before).replace('http/error', 'http/eror')),
    /no class is registered as 'http\/eror'/,
  );
});

class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  get text() {
    return this.#text;
  }
}
class Branded {
  readonly #brand = 1;
  static is(value: object): boolean {
    return #brand in value;
  }
}
class Tags extends Map<string, unknown> {}

t.test('functions make of an instance what they will', async (t) => {
  t.throws(() => registerClass(Secret), /Secret has private fields.*give serialize and deserialize/);
  t.throws(() => registerClass(class More extends Secret {}), /private fields/);
  t.throws(() => registerClass(Tags), /Tags extends Map: give serialize/);
  registerClass(Secret, {
    serialize: ({ text }) => text,
    deserialize(text: unknown) {
      if (typeof text !== 'string') throw new RangeError('no text');
      return new Secret(text);
    },
  });
  registerClass(Tags, { serialize: (tags) => [...tags], deserialize: (entries: []) => new Tags(entries) });
  const secret = new Secret('kept Secret');
  const [one, two, tags] = again([secret, secret, new Tags([['a', secret]])] as const);
  t.equal(one, two);
  t.equal(one.text, 'kept Secret');
  t.ok(tags instanceof Tags);
  t.equal(tags.get('a'), one);
  t.throws(() => deserialize(serialize(new Secret('text')).replace('"text"', '5')), {
    message: /^deserialize: Secret could not be made again: RangeError: no text/,
    cause: { message: 'no text' },
  });
  const round = new Tags();
  round.set('self', { round });
  t.throws(() => serialize({ a: [round] }), /value\.a\[0\]\[0\]\[1\]\.round refers back to the instance/);
  t.throws(() => serialize([new Tags([['f', () => 0]])]), /value\[0\]\[0\]\[1\] is a function/);
  round.delete('self');
  const [first, second] = again([round, round]);
  t.equal(first, second, 'twice, one after the other, is no circle');
});

t.test('what serialize and deserialize do wrong', async (t) => {
  class Throws {}
  registerClass(Throws, {
    serialize() {
      throw new Error('not now');
    },
    deserialize: () => new Throws(),
  });
  t.throws(() => serialize([new Throws()]), {
    message: /value\[0\] could not be kept: serialize of Throws threw Error: not now/,
    cause: Error,
  });
  class Other {}
  registerClass(Other, { serialize: () => undefined, deserialize: () => ({}) as Other });
  t.throws(() => again(new Other()), /deserialize of Other gave something else/);
  class Itself {}
  registerClass(Itself, { serialize: (self) => self, deserialize: () => new Itself() });
  t.throws(() => serialize(new Itself()), /refers back/);
});

t.test('names and classes are checked', async (t) => {
  class Taken {}
  registerClass(Taken);
  const anonymous = (() => class {})();
  const cases: [() => void, RegExp][] = [
    [
      () => registerClass(class extends EventEmitter {} as never, { name: 'Taken' }),
      /another class is registered as 'Taken'/,
    ],
    [() => registerClass(Taken, { name: 'Else' }), /Else is registered already, as 'Taken'/],
    [
      () => registerClass(Taken, { serialize: () => 0, deserialize: () => new Taken() }),
      /already, with other functions/,
    ],
    [() => registerClass(class RunError {}), /another class is registered as 'RunError'/],
    [() => registerClass(anonymous), /needs a name/],
    [() => registerClass(anonymous, { name: '' }), /needs a name/],
    [() => registerClass(anonymous, { name: 'a\nb' }), /needs a name/],
    [() => registerClass(anonymous, { name: 5 as never }), /needs a name/],
    [() => registerClass(anonymous, { name: 'half', serialize: () => 0 }), /needs both/],
    [
      () => registerClass(anonymous, { name: 'half', serialize: 5 as never, deserialize: 5 as never }),
      /serialize of half must be a function/,
    ],
    [() => registerClass(undefined as never), /undefined is no class/],
    [() => registerClass(anonymous, { kept: true } as never), /unknown option kept/],
    [() => registerClass(anonymous, null as never), /expected options, got null/],
    [() => registerClass(Branded), /Branded has private fields/],
    [() => registerClass((() => 0) as never, { name: 'arrow' }), /is no class/],
  ];
  for (const Class of [Object, Map, Date, Error, TypeError, Uint8Array, Array, Buffer])
    cases.push([() => registerClass(Class as never), /is built in/]);
  for (const [call, message] of cases) t.throws(call, { name: 'TypeError', message }, String(message));
});
