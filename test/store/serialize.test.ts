import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { types } from 'node:util';
import vm from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { isRunError, RunError } from '../../lib/kernel/index.ts';
import { deserialize, serialize } from '../../lib/store/serialize.ts';

const again = <T>(value: T): T => deserialize(serialize(value)) as T;

const described = (value: object): unknown => {
  if (value instanceof Date) return value.getTime();
  if (value instanceof RegExp || value instanceof URL || value instanceof URLSearchParams) return String(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('hex');
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  if (types.isBoxedPrimitive(value)) return value.valueOf();
  return Object.prototype.toString.call(value);
};

const inside = (value: object): unknown[] =>
  value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : [];

/** Throws unless both are made of the same, refer to it in the same way, and have it in the same order. */
function same(a: unknown, b: unknown): void {
  const pairs = new Map<unknown, unknown>();
  const open: [unknown, unknown, string][] = [[a, b, 'value']];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [x, y, path] = pair;
    const fail = (what: string): never => {
      throw new Error(`${path}: ${what}`);
    };
    if (typeof x !== 'object' || x === null || typeof y !== 'object' || y === null) {
      if (!Object.is(x, y)) fail(`${String(x)} became ${typeof y} ${typeof y === 'object' ? '' : String(y)}`);
      continue;
    }
    if (pairs.has(x) && pairs.get(x) !== y) fail('a reference leads elsewhere');
    if (pairs.has(x)) continue;
    pairs.set(x, y);
    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) fail('another prototype');
    if (!Object.is(described(x), described(y))) fail(`${String(described(x))} became ${String(described(y))}`);
    if (ArrayBuffer.isView(x)) continue;
    const keys = [Reflect.ownKeys(x), Reflect.ownKeys(y)].map((some) => (x instanceof Error ? some.sort() : some));
    if (keys[0]!.join() !== keys[1]!.join()) fail(`${keys[0]!.join()} became ${keys[1]!.join()}`);
    for (const key of keys[0]!) open.push([Reflect.get(x, key), Reflect.get(y, key), `${path}.${String(key)}`]);
    const members = inside(y);
    inside(x).forEach((one, index) => open.push([one, members[index], `${path}[${index}]`]));
  }
}

t.test('values of every kind come back as they were', async (t) => {
  const bytes = Uint8Array.of(0, 1, 127, 128, 254, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  const values: unknown[] = [
    ...[null, undefined, true, false, 0, -0, NaN, Infinity, -Infinity, 1e-7, 2n ** 80n, -1n, '', 'a\u0000<\u2028"\\'],
    ...['\ud800', '\udc00\ud800', '😀', { '\ud800': 1 }],
    ...[
      new Date(0),
      new Date(NaN),
      new Date(8.64e15),
      new Map(),
      new Map([[NaN, { a: [undefined] }]]),
      new Set([1, -0, 'a']),
    ],
    ...[/a\/b/giu, new RegExp(''), new URL('https://a.b/c?d=e#f'), new URLSearchParams('a=1&a=2&b=%20')],
    ...[[undefined, null], { a: undefined }, [, 1, , 2, ,], Object.assign([], { 4000000000: 'far' })],
    ...[Object.create(null), Object.assign(Object.create(null), { a: 1, ['constructor']: 2 })],
    ...[Object('a'), Object(1), Object(-0), Object(NaN), Object(true), Object(3n), Symbol.for('a b'), Symbol.for('')],
    ...[Buffer.from(bytes), Buffer.alloc(0), bytes.buffer, new ArrayBuffer(0), new DataView(bytes.buffer)],
    ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
      (Class) => new Class(bytes.buffer),
    ),
    ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array].map((Class) => new Class(bytes.buffer)),
    ...[Uint8Array.of(), bytes.subarray(3, 5), new DataView(bytes.buffer, 2, 4), new Float64Array([NaN, -0, Infinity])],
    JSON.parse('{"__proto__": {"a": 1}, "~__proto__": 2, "~~__proto__": 3, "__proto__x": 4, "a__proto__": 5, "0": 1}'),
    { constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: 4, then: 5, toJSON: 6, ['']: 7, length: 8 },
  ];
  for (const value of [...values, values, new Map(values.map((value, index) => [value, index])), new Set(values)])
    same(value, again(value));
  t.equal(Buffer.isBuffer(again(Buffer.from('a'))), true);
  const regexp = /a/g;
  regexp.lastIndex = 7;
  t.match(again([regexp, regexp]), [{ lastIndex: 7 }, { lastIndex: 7 }]);
  t.equal(JSON.parse(serialize(values)) instanceof Array, true, 'the text is JSON');
});

t.test('references stay shared and circular, through every kind', async (t) => {
  const array: unknown[] = [];
  const map = new Map<unknown, unknown>();
  const set = new Set<unknown>([map]);
  const error: Error & { own?: unknown } = new TypeError('round', { cause: array });
  const shared = { date: new Date(5), buffer: Buffer.from('x'), bytes: new Uint8Array(4) };
  error.own = error;
  map.set(map, set).set(set, error);
  array.push(
    array,
    error,
    shared,
    shared.date,
    shared.buffer,
    shared.bytes,
    shared.bytes.buffer,
    new AggregateError([error], 'all'),
  );
  for (const value of [array, map, set, error, { array, map, set, error }]) same(value, again(value));
  const [, , { bytes }] = again(array) as any;
  t.equal(bytes.buffer, (again({ bytes, b: bytes.buffer }), bytes.buffer));
  const both = again({ bytes, buffer: bytes.buffer });
  t.equal(both.bytes.buffer, both.buffer);
});

t.test('errors are themselves again, with all that is their own', async (t) => {
  const classes = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  for (const Class of classes) {
    const error = again(
      Object.assign(new Class('m', { cause: { deep: new Class('c') } }), { code: 'E', ['__proto__x']: 1 }),
    );
    t.equal(error.constructor, Class);
    t.match(error, { message: 'm', code: 'E', cause: { deep: { message: 'c' } } });
    t.strictSame(Object.keys(error), ['code', '__proto__x']);
    t.match(error.stack, /serialize\.test/);
  }
  const all = new AggregateError([new TypeError('a'), 2], 'all');
  same(all, again(all));
  t.notOk(Object.hasOwn(again(new Error()), 'cause'));
  t.ok(Object.hasOwn(again(new Error('', { cause: undefined })), 'cause'));
  const thrown = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      return error;
    }
  };
  t.match(again(thrown(() => readFileSync('/no/such'))), { code: 'ENOENT', syscall: 'open', errno: -2 });
  t.match(again(thrown(() => Buffer.alloc('x' as never))), { constructor: TypeError, code: 'ERR_INVALID_ARG_TYPE' });
  const aborted = again(AbortSignal.abort().reason as DOMException);
  t.match(
    [aborted.constructor, aborted.name, aborted.message, aborted.code],
    [DOMException, 'AbortError', /abort/, 20],
  );
  const foreign = vm.runInNewContext('({ e: new TypeError("m"), m: new Map([[1, [2]]]), d: new Date(3), n: null })');
  t.strictSame({ ...again(foreign), e: 0 }, { e: 0, m: new Map([[1, [2]]]), d: new Date(3), n: null });
  t.equal(again(foreign).e.constructor, TypeError);
});

t.test('a RunError is one again', async (t) => {
  const spec = { type: 'program', argv: ['false'] };
  const cause = new RunError({ reason: { type: 'timeout', ms: 5 } });
  const tails = { stdout: 'o', stderr: 'e' };
  const before = new RunError({
    reason: { type: 'exit', exitCode: 3 },
    run: 'a.1',
    spec,
    label: 'x',
    tails,
    cause,
    result: { exitCode: 3 },
  });
  const after = again(before);
  t.ok(after instanceof RunError && isRunError(after, 'exit'));
  t.strictSame(
    [after.reason, after.run, after.spec, after.stdout, after.stderr, after.result, after.message, after.stack],
    [before.reason, 'a.1', spec, 'o', 'e', { exitCode: 3 }, before.message, before.stack],
  );
  t.ok(isRunError(after.cause, 'timeout'));
  t.strictSame(Object.keys(after), Object.keys(before));
  t.throws(() => deserialize('[["sluice",1],["Set",2,3,4],"class RunError",{},{}]'), /no whole RunError/);
});

t.test('what can not be kept is named by its path', async (t) => {
  class Socket {}
  class Odd extends Map {}
  class HttpError extends Error {}
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const cases: [unknown, RegExp][] = [
    [{ hosts: [0, 0, 0, { socket: new Socket() }] }, /value\.hosts\[3\]\.socket is a Socket: register its class/],
    [new Odd(), /value is an Odd: register/],
    [new (class extends Uint8Array {})(1), /value is of a class without a name/],
    [[new HttpError('x')], /value\[0\] is a HttpError: register/],
    [{ 'a b': () => 0 }, /value\["a b"\] is a function \(a b\): leave/],
    [[t.test], /value\[0\] is a function \(/],
    [new Map([[{}, Symbol('s')]]), /value\.get\(\{…\}\) is a symbol/],
    [new Map([[Symbol.iterator, 0]]), /value\.keys\(\)\[0\] is a symbol/],
    [new Set([1, new WeakMap()]), /value\.values\(\)\[1\] is a WeakMap/],
    [{ p: Promise.resolve() }, /value\.p is a Promise: yield or await it/],
    [{ s: new Readable() }, /value\.s is a Readable/],
    [[revoked.proxy], /value\[0\] can't be read/],
    [
      {
        a: new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('no keys');
            },
          },
        ),
      },
      /value\.a can't be read: Error: no keys/,
    ],
    [
      {
        a: {
          get b(): unknown {
            throw new Error('mine');
          },
        },
      },
      /value\.a\.b can't be read: Error: mine/,
    ],
    [Object.assign(new Error('x'), { own: new Socket() }), /value\.own is a Socket/],
    [new Error('x', { cause: [() => 0] }), /value\.cause\[0\] is a function/],
    [{ [Symbol('k')]: 1 }, /value has a field named by a symbol \(Symbol\(k\)\)/],
    [{ a: 'xay'.match(/a/) }, /value\.a is an Array with fields of its own \(index, input, groups\)/],
    [Object.assign(new Map(), { a: 1 }), /value is a Map with fields of its own \(a\)/],
    [Object.assign(new URL('http://a'), { a: 1 }), /value is an URL with fields of its own \(a\)/],
    [Object.create({ a: 1 }), /value is an object with another object as its prototype/],
    // eslint-disable-next-line prefer-rest-params -- it is what is tested
    [(function () { return arguments; })(), /value is an arguments object/], // prettier-ignore
    [Object.assign(/a/g, { lastIndex: -1 }), /value has a lastIndex that is no position/],
    [new SharedArrayBuffer(1), /value is a SharedArrayBuffer/],
    [(function* () {})(), /value is /],
  ];
  for (const [value, message] of cases)
    t.throws(() => serialize(value), { name: 'TypeError', message }, String(message));
});

t.test('a view of a part keeps that part, not the pool around it', async (t) => {
  const secret = Buffer.from('hunter2 in the pool');
  const view = new Uint8Array(secret.buffer, secret.byteOffset, 3);
  t.equal(again(view).buffer.byteLength, 3);
  t.same(again(view), Uint8Array.from(Buffer.from('hun')));
  t.ok(serialize(view).length < 60 && serialize(Buffer.from('abc')).length < 60);
});

t.test('proxies of plain values are what they show', async (t) => {
  t.strictSame(again(new Proxy({ a: new Proxy([1], {}) }, {})), { a: [1] });
});

t.test('what is nested too deeply is an error that tells so', async (t) => {
  const deep = (wrap: (inner: unknown) => unknown, levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) value = wrap(value);
    return value;
  };
  const wraps: ((inner: unknown) => unknown)[] = [
    (inner) => [inner],
    (inner) => ({ inner }),
    (inner) => new Map([[inner, 1]]),
    (inner) => new Set([inner]),
    (inner) => new Error('x', { cause: inner }),
  ];
  for (const wrap of wraps) {
    t.throws(() => serialize(deep(wrap, 100_000)), { name: 'TypeError', message: /nested too deeply: \d{3,} levels/ });
    const fits = deep(wrap, 250);
    t.equal(serialize(again(fits)), serialize(fits));
  }
  t.throws(
    () => deserialize(`[${Array.from({ length: 1e5 }, (_, index) => `[${index + 1}]`).join()},1]`),
    /nested too deeply/,
  );
  t.throws(() => deserialize('['.repeat(1e6)), TypeError);
});

t.test('large values take a linear time', async (t) => {
  const rows = (count: number): unknown =>
    Array.from({ length: count }, (_, id) => ({ id, name: `row ${id}`, tags: ['a', id], at: null }));
  const time = (work: () => unknown): number => {
    const from = performance.now();
    work();
    return performance.now() - from;
  };
  const [small, large] = [rows(20_000), rows(160_000)];
  again(small);
  const ratio = time(() => again(large)) / time(() => again(small));
  t.ok(ratio < 40, `8 times as much took ${ratio.toFixed(1)} times as long`);
  const buffer = Buffer.alloc(50e6, 'x');
  t.equal(again(buffer).compare(buffer), 0);
});

t.test('hostile texts are errors, and touch no prototype', async (t) => {
  const texts = [
    ...[
      '',
      'x',
      '{}',
      '[]',
      'null',
      '"a"',
      '[',
      '-8',
      '1',
      '[0,',
      '{"__proto__":1}',
      '[[1,',
      'undefined',
      '[{"__proto__":0}]',
    ],
    ...['[{"a":9}]', '[[5]]', '[{"a":-5e9}]', '[{"a":1.5},1,2]', '[{"a":"length"}]', '[[0.5]]', '[{"a":null}]'],
    ...[
      '[["null","__proto__",1],{}]',
      '[["null",3,1]]',
      '[["Map",1],1]',
      '[["Nope",1]]',
      '[["constructor",1]]',
      '[["toString",1]]',
    ],
    ...[
      '[["ArrayBuffer",5]]',
      '[["Uint8Array",1],4294967295]',
      '[["Uint8Array",0]]',
      '[["Float64Array",1],["ArrayBuffer","AAAA"]]',
    ],
    ...[
      '[["Uint8Array",1,0,9],["ArrayBuffer","AAAA"]]',
      '[["DataView",1,7],["ArrayBuffer","AAAA"]]',
      '[[-7,-1]]',
      '[[-7,5,9,0]]',
    ],
    ...[
      '[[-7,1e99]]',
      '[["RegExp","("]]',
      '[["RegExp","a","zz"]]',
      '[["URL","nope"]]',
      '[["BigInt","x"]]',
      '[["Object",0]]',
    ],
    ...[
      '[["sluice",0]]',
      '[["sluice",1],5]',
      '[["sluice",1],["Set"]]',
      '[["sluice",1],["Set",2],"nope X"]',
      '[["sluice",1],["Set",2],{}]',
    ],
    ...[
      '[["sluice",1],["Set",2,0],"error Error"]',
      '[["sluice",1],["Set",2,3],"error Error",[]]',
      '[["sluice",1],{"a":0}]',
    ],
    ...[
      '[["sluice",1],["Set",2,3,4],"error constructor",{},{}]',
      '[["sluice",1],["Set",2,3,4],"error __proto__",{},{}]',
    ],
    ...['[["sluice",1],["Set",2,3],"class Nope",{}]', '[["sluice",1],["Set",2,3],"kept Nope",["Set"]]'],
    ...[
      '[["sluice",1],["Set",2,3],"buffer",5]',
      '[["sluice",1],["Set",2,3],"regexp -1",["RegExp","a"]]',
      '[["sluice",1],["Set",2],"buffer"]',
    ],
    ...['[["sluice","Set"]]', '[["sluice"]]', '[["sluice",-1]]', '[["Set",1,2],"error Error",["sluice",0]]'],
    '[["sluice",1],["Set",2,3,4],"error Error",{"__proto__":5},{},1]',
  ];
  const names = Object.getOwnPropertyNames(Object.prototype).join();
  for (const text of texts) t.throws(() => deserialize(text), { name: 'TypeError', message: /^deserialize: / }, text);
  t.throws(() => deserialize(5 as never), /needs a string/);
  t.equal((deserialize('[[-7,4294967295]]') as unknown[]).length, 4294967295);
  const polluter = deserialize(
    serialize(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')),
  );
  t.strictSame(Object.keys(polluter as object), ['__proto__', 'constructor']);
  t.equal(Object.getOwnPropertyNames(Object.prototype).join(), names);
  t.equal(({} as any).polluted, undefined);
});

const whatever = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.anything({
      ...{
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withSet: true,
      },
      ...({ withSparseArray: true, withTypedArray: true, withUnicodeString: true, stringUnit: 'binary' } as object),
    }),
    fc.constantFrom(undefined, -0, NaN, '__proto__', '~__proto__', '\ud83d', Symbol.for('x')),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .tuple(fc.constantFrom(Error, TypeError, RangeError), fc.string(), tie('value'))
      .map(([Class, text, cause]) => Object.assign(new Class(text, { cause }), { own: text })),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '~__proto__', 'then')),
      tie('value'),
      { maxKeys: 4 },
    ),
    fc.tuple(fc.string(), fc.string()).map(([a, b]) => new URLSearchParams([[a, b]])),
  ),
})).value;

t.test('whatever it is, it comes back as it was, references included', async (t) => {
  fc.assert(
    fc.property(whatever, whatever, (a, b) => {
      const round: unknown[] = [a, b, [a, { b }], new Map([[a, b]])];
      round.push({ round });
      same(round, again(round));
    }),
    { numRuns: 1500 },
  );
  t.pass();
});

t.test('whatever the text, it is a value or a TypeError', async (t) => {
  const atom = fc.oneof(
    fc.integer({ min: -9, max: 12 }),
    fc.double(),
    fc.constantFrom(
      ...[
        'Date',
        'Set',
        'Map',
        'null',
        'Object',
        'sluice',
        'Uint8Array',
        'ArrayBuffer',
        'RegExp',
        'BigInt',
        'error Error',
        'class RunError',
      ],
      ...['kept X', 'buffer', 'regexp 1', 'URL', '__proto__', 'constructor', null, true],
    ),
    fc.string(),
  );
  const row = fc.oneof(atom, fc.array(atom, { maxLength: 5 }), fc.dictionary(fc.string(), atom, { maxKeys: 3 }));
  const broken = fc.tuple(whatever, fc.nat(), fc.string()).map(([value, at, text]) => {
    const whole = serialize(value);
    return whole.slice(0, at % whole.length) + text + whole.slice((at % whole.length) + 1);
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(row).map((rows) => JSON.stringify(rows)),
        fc.json(),
        fc.string(),
        broken,
      ),
      (text) => {
        try {
          deserialize(text);
        } catch (error) {
          if (!(error instanceof TypeError) || !error.message.startsWith('deserialize: ')) throw error;
        }
      },
    ),
    { numRuns: 5000 },
  );
  t.equal(Object.keys(Object.prototype).length, 0);
});
