import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, parseBody, WrongType } from './decode.ts';
import * as s from './shape.ts';

/** The serialization chapter: bytes, labels, query and headers become values of the right types, or are refused. */

const everything = s.structure({
  Text: s.string(),
  Kind: s.enumeration(['ONE', 'TWO']),
  Count: s.integer(),
  Size: s.long(),
  Ratio: s.float(),
  Flag: s.boolean(),
  At: s.timestamp(),
  List: s.list(s.string()),
  Map: s.map(s.string(), s.integer()),
  Inner: s.structure({ Text: s.string(), Deep: s.structure({ Count: s.integer() }) }),
  Structures: s.list(s.structure({ Flag: s.boolean() })),
});

function ofBytes(bytes: Buffer, shape: s.Shape = everything): Record<string, unknown> {
  const body = parseBody(bytes);
  return decode(shape, { body, labels: {}, query: new URLSearchParams(), header: () => undefined });
}

function ofJson(json: string, shape?: s.Shape): Record<string, unknown> {
  return ofBytes(Buffer.from(json), shape);
}

/** The message of the refusal. */
function refusal(run: () => unknown): string {
  try {
    run();
  } catch (failure) {
    assert(failure instanceof WrongType, `not a refusal but ${failure}`);
    return failure.message;
  }
  return assert.fail('it was accepted');
}

const wrong = (path: string, expected: string) => `Value at '${path}' has the wrong type: it must be ${expected}.`;

describe('serialization: the body', () => {
  test('[SH2] reads an empty body as an absent one, and {} as one without members', () => {
    assert.deepEqual(ofBytes(Buffer.alloc(0)), {});
    assert.deepEqual(ofJson('{}'), {});
    assert.deepEqual(ofJson(' \n{ }\t'), {});
  });

  test('[SH2] refuses bytes that are not UTF-8, wherever they are', () => {
    const text = (...bytes: number[]) => Buffer.from([...Buffer.from('{"Text":"'), ...bytes, ...Buffer.from('"}')]);
    assert.deepEqual(ofBytes(text(0xf0, 0x9f, 0x98, 0x80)), { Text: '😀' });
    for (const bytes of [
      [0xff],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98],
      [0xf4, 0x90, 0x80, 0x80],
      [0x80],
    ]) {
      assert.equal(
        refusal(() => ofBytes(text(...bytes))),
        'The request body is not valid UTF-8.',
      );
    }
    assert.equal(
      refusal(() => ofBytes(Buffer.from('{"Text":"x"}', 'utf16le'))),
      'The request body is not valid JSON.',
    );
  });

  test('[SH2] refuses what is not JSON, a byte order mark and U+0000 included', () => {
    const broken = [
      '{',
      '}',
      '{"Text":}',
      "{'Text':'x'}",
      '{"Text":"x",}',
      '{Text:"x"}',
      '{"a":1}{"b":2}',
      'undefined',
      ' ',
    ];
    const values = ['{"Count":NaN}', '{"Count":01}', '{"Count":+1}', '{"Count":.5}', '{"Count":0x10}', '{"Text":"\n"}'];
    const ends = ['\ufeff{}', '{}\0', '\0', '// no\n{}', '{"Text":"\\x41"}', '{"Text":"\\ud83"}'];
    for (const json of [...broken, ...values, ...ends]) {
      assert.equal(
        refusal(() => ofJson(json)),
        'The request body is not valid JSON.',
        JSON.stringify(json),
      );
    }
  });

  test('[SH2] refuses a body that is not an object', () => {
    for (const json of ['[]', 'null', '1', '"text"', 'true', '[{"Text":"x"}]']) {
      assert.equal(
        refusal(() => ofJson(json)),
        'The request body must be a JSON object.',
        json,
      );
    }
  });

  test('[SH5] takes the last of equal keys, as JSON readers do', () => {
    assert.deepEqual(ofJson('{"Text":"first","Text":"last"}'), { Text: 'last' });
    assert.deepEqual(ofJson('{"Text":5,"Text":"last"}'), { Text: 'last' });
  });
});

describe('serialization: types', () => {
  /** Values of each JSON type; the first that each member takes. */
  const samples = { text: '"x"', whole: '7', broken: '1.5', yes: 'true', list: '["x"]', object: '{"k":1}' } as const;
  const takes: Readonly<Record<string, readonly [string, ...(keyof typeof samples)[]]>> = {
    Text: ['a string', 'text'],
    Kind: ['a string', 'text'],
    Count: ['a whole number', 'whole'],
    Size: ['a whole number', 'whole'],
    Ratio: ['a number', 'whole', 'broken'],
    Flag: ['true or false', 'yes'],
    At: ['a number of seconds since 1970', 'whole', 'broken'],
    List: ['a list', 'list'],
    Map: ['an object', 'object'],
    Inner: ['an object', 'object'],
    Structures: ['a list'],
  };

  test('[SH2] refuses a value of any other JSON type, naming the member and the type it must have', () => {
    for (const [member, [expected, ...taken]] of Object.entries(takes)) {
      for (const [name, json] of Object.entries(samples)) {
        if (member === 'Structures' && name === 'list') continue;
        const body = `{"${member}":${json}}`;
        if (taken.includes(name as keyof typeof samples)) assert(Object.hasOwn(ofJson(body), member), body);
        else
          assert.equal(
            refusal(() => ofJson(body)),
            wrong(`/${member}`, expected),
            body,
          );
      }
    }
  });

  test('[SH2] names the member inside lists, maps and structures', () => {
    const cases = {
      '{"List":["x",5]}': wrong('/List/1', 'a string'),
      '{"Map":{"a":1,"b":"x"}}': wrong('/Map/b', 'a whole number'),
      '{"Inner":{"Text":[]}}': wrong('/Inner/Text', 'a string'),
      '{"Inner":{"Deep":{"Count":"x"}}}': wrong('/Inner/Deep/Count', 'a whole number'),
      '{"Structures":[{},{"Flag":"true"}]}': wrong('/Structures/1/Flag', 'true or false'),
      '{"Structures":["x"]}': wrong('/Structures/0', 'an object'),
    };
    for (const [json, message] of Object.entries(cases))
      assert.equal(
        refusal(() => ofJson(json)),
        message,
      );
  });

  test('[SH9] repeats no value in a refusal, and no more of a key than one needs to find it', () => {
    assert.doesNotMatch(
      refusal(() => ofJson('{"Count":"s3cret"}')),
      /s3cret/,
    );
    assert.doesNotMatch(
      refusal(() => ofJson('{"Inner":"s3cret"}')),
      /s3cret/,
    );
    assert.doesNotMatch(
      refusal(() => ofJson('{"Text":"s3cret"')),
      /s3cret/,
    );
    const message = refusal(() => ofJson(JSON.stringify({ Map: { [`${'😀'.repeat(50_000)}`]: 'x' } })));
    assert(message.length < 200, `${message.length} characters`);
    assert(refusal(() => ofJson('{"Map":{"\\ud83d":"x"}}')).isWellFormed());
    assert(refusal(() => ofJson(JSON.stringify({ Map: { [`x${'😀'.repeat(50)}`]: 'x' } }))).isWellFormed());
  });

  test('[SH2] takes whole numbers that are exact, however they are written, and no others', () => {
    const { MAX_SAFE_INTEGER: most, MIN_SAFE_INTEGER: least } = Number;
    for (const json of ['0', '-1', '1.0', '1e3', '5E0', `${most}`, `${least}`, '900719925474099.1e1']) {
      assert.deepEqual(ofJson(`{"Count":${json},"Size":${json}}`), { Count: Number(json), Size: Number(json) });
    }
    assert.equal(ofJson('{"Count":-0}').Count === 0, true);
    for (const json of [
      '0.1',
      '1e400',
      '-1e400',
      '1e21',
      '9007199254740992',
      '123456789012345678901234567890',
      '5e-324',
    ]) {
      assert.equal(
        refusal(() => ofJson(`{"Count":${json}}`)),
        wrong('/Count', 'a whole number'),
        json,
      );
    }
  });

  test('[SH2] takes finite numbers only, and times that a calendar has', () => {
    assert.deepEqual(ofJson('{"Ratio":1e308}'), { Ratio: 1e308 });
    for (const json of ['1e400', '-1e400']) {
      assert.equal(
        refusal(() => ofJson(`{"Ratio":${json}}`)),
        wrong('/Ratio', 'a number'),
      );
    }
    for (const json of ['1e400', '1e300', '-1e306', '8640000000000.001', '9007199254740991']) {
      assert.equal(
        refusal(() => ofJson(`{"At":${json}}`)),
        wrong('/At', 'a number of seconds since 1970'),
        json,
      );
    }
    const { At: last } = ofJson('{"At":8640000000000}');
    assert.equal(new Date(Number(last)).toISOString(), '+275760-09-13T00:00:00.000Z');
  });

  test('[SH10] reads times in bodies as epoch seconds, to the millisecond', () => {
    assert.deepEqual(ofJson('{"At":1769860800}'), { At: 1_769_860_800_000 });
    assert.deepEqual(ofJson('{"At":1769860800.123}'), { At: 1_769_860_800_123 });
    assert.deepEqual(ofJson('{"At":1.7698608E9}'), { At: 1_769_860_800_000 });
    assert.deepEqual(ofJson('{"At":-1.5}'), { At: -1500 });
    for (const json of ['"1769860800"', '"2026-01-31T12:00:00Z"']) {
      assert.equal(
        refusal(() => ofJson(`{"At":${json}}`)),
        wrong('/At', 'a number of seconds since 1970'),
      );
    }
  });

  test('[SH2] leaves strings as they are: constraints are another chapter', () => {
    const texts = {
      '"\\u0000"': '\0',
      '"\\ud800"': '\ud800',
      '"\\ud83d\\ude00"': '😀',
      '""': '',
      '"\\uffff"': '\uffff',
    };
    for (const [json, text] of Object.entries(texts)) assert.equal(ofJson(`{"Text":${json}}`).Text, text);
    assert.equal(ofJson('{"Kind":"THREE"}').Kind, 'THREE');
  });
});

describe('serialization: absent and unknown members', () => {
  test('[SH5] reads null as an absent member, at every depth', () => {
    const all = Object.keys(everything.members ?? {});
    assert.deepEqual(ofJson(JSON.stringify(Object.fromEntries(all.map((name) => [name, null])))), {});
    assert.deepEqual(ofJson('{"Inner":{"Text":null,"Deep":null}}'), { Inner: {} });
    assert.deepEqual(ofJson('{"Map":{"a":null,"b":1}}'), { Map: { b: 1 } });
    assert.equal(
      refusal(() => ofJson('{"List":["x",null]}')),
      wrong('/List/1', 'a value; lists have no null'),
    );
  });

  test('[SH5] ignores members that the shape does not have, whatever they hold', () => {
    const unknown = '"Unknown":{"deep":[1,null]},"text":5,"TEXT":6,"Text ":7,"":8,"constructor":9,"toString":10';
    assert.deepEqual(ofJson(`{${unknown},"Text":"x","Inner":{${unknown}}}`), { Text: 'x', Inner: {} });
  });

  test('[SH5] takes no member from a prototype, and lets no key change one', () => {
    const json = '{"__proto__":{"Text":"x","polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const input = ofJson(json);
    assert.deepEqual(Object.keys(input), []);
    assert.equal(input.Text, undefined);
    const { Map: map } = ofJson('{"Map":{"__proto__":1,"constructor":2,"hasOwnProperty":3}}');
    assert.deepEqual(Object.entries(map as object), [
      ['__proto__', 1],
      ['constructor', 2],
      ['hasOwnProperty', 3],
    ]);
    assert.equal(Object.getPrototypeOf(map), Object.prototype);
    assert.equal(
      refusal(() => ofJson('{"Map":{"__proto__":"x"}}')),
      wrong('/Map/__proto__', 'a whole number'),
    );
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    const inherited = s.structure({ toString: s.string(), constructor: s.string() });
    assert.deepEqual(Object.keys(ofJson('{}', inherited)), []);
  });
});

describe('serialization: depth and size', () => {
  interface Tree {
    Text?: string | undefined;
    Children?: Tree[] | undefined;
    Named?: Record<string, Tree> | undefined;
    Only?: Tree | undefined;
  }
  const tree: s.Shape<Tree> = s.recursive<Tree>(() => ({
    Text: s.string(),
    Children: s.list(tree),
    Named: s.map(s.string(), tree),
    Only: tree,
  }));
  const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}{}${close.repeat(levels)}`;

  test('[SH2] reads a shape that contains itself, to a bound', () => {
    assert.deepEqual(ofJson('{"Only":{"Children":[{"Named":{"x":{"Text":"y"}}}]}}', tree), {
      Only: { Children: [{ Named: { x: { Text: 'y' } } }] },
    });
    assert(ofJson(nested(60, '{"Only":', '}'), tree));
    for (const [open, close] of [
      ['{"Only":', '}'],
      ['{"Children":[', ']}'],
      ['{"Named":{"key":', '}}'],
    ] as const) {
      for (const levels of [70, 100_000]) {
        const message = refusal(() => ofJson(nested(levels, open, close), tree));
        assert.match(message, /^Value at '\/\w+.*…' is nested more than 64 levels deep\.$/);
        assert(message.length < 150);
      }
    }
  });

  test('[SH2] ignores depth where nothing is read, and survives a body of brackets', () => {
    const deep = nested(100_000, '[', ']').replace('{}', '');
    assert.deepEqual(ofJson(`{"Unknown":${deep}}`), {});
    assert.equal(
      refusal(() => ofJson(`{"Text":${deep}}`)),
      wrong('/Text', 'a string'),
    );
    assert.equal(
      refusal(() => ofJson(`{"List":${deep}}`)),
      wrong('/List/0', 'a string'),
    );
    assert.equal(
      refusal(() => ofJson(deep)),
      'The request body must be a JSON object.',
    );
    for (const open of ['[', '{"Only":', '{"Children":[']) {
      const mebibyte = open.repeat(Math.ceil(1_048_576 / open.length));
      assert.equal(
        refusal(() => ofJson(mebibyte, tree)),
        'The request body is not valid JSON.',
      );
    }
  });
});

describe('serialization: labels, query and headers', () => {
  const placed = s.structure({
    Id: s.label(s.string()),
    Count: s.query('count', s.integer()),
    Ratio: s.query('ratio', s.float()),
    Flag: s.query('flag', s.boolean()),
    At: s.query('at', s.timestamp()),
    Names: s.query('name', s.list(s.string())),
    Sizes: s.query('size', s.list(s.integer())),
    Bearer: s.required(s.header('x-amz-bearer', s.string())),
  });
  const of = (query: string, more: { labels?: Record<string, string>; headers?: Record<string, string> } = {}) =>
    decode(placed, {
      body: { Id: 'body', Count: 'body', Bearer: 'body' },
      labels: more.labels ?? {},
      query: new URLSearchParams(query),
      header: (name) => more.headers?.[name],
    });

  test('[SH2] reads each member from its own place and from no other', () => {
    assert.deepEqual(of(''), {});
    assert.deepEqual(of('Id=query&Bearer=query', { labels: { Id: 'a/b' }, headers: { 'x-amz-bearer': 't' } }), {
      Id: 'a/b',
      Bearer: 't',
    });
  });

  test('[SH2] reads the types of texts, and refuses other texts', () => {
    const at = { At: 1_769_860_800_000 };
    assert.deepEqual(of('count=-12&flag=true&ratio=-1.5'), { Count: -12, Flag: true, Ratio: -1.5 });
    for (const text of ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z', '2026-01-31T13:00:00%2B01:00']) {
      assert.deepEqual(of(`at=${text}`), at);
    }
    const refused = {
      count: ['', 'x', '1.5', '1e3', ' 1', '0x1', '99999999999999999999'],
      ratio: ['', 'x', 'NaN', 'Infinity', '1e400', '.5', '1.', '0x1', '9'.repeat(400)],
      flag: ['', 'TRUE', '1', 'yes'],
      at: ['', '1', '1769860800', 'Jan 31 2026', '2026-01-31', '2026-01-31T12:00:00', '2026-13-31T12:00:00Z'],
    };
    for (const [name, texts] of Object.entries(refused)) {
      for (const text of texts) {
        const message = refusal(() => of(new URLSearchParams({ [name]: text }).toString()));
        assert.match(message, /^Value at '\/(Count|Ratio|Flag|At)' has the wrong type: it must be /, `${name}=${text}`);
      }
    }
  });

  test('[SH2] reads every occurrence into a list, and the first into anything else', () => {
    assert.deepEqual(of('name=a&name=&name=b%20c&count=1&count=2'), { Names: ['a', '', 'b c'], Count: 1 });
    assert.deepEqual(of('size=1&size=2'), { Sizes: [1, 2] });
    assert.equal(
      refusal(() => of('size=1&size=x')),
      wrong('/Sizes/1', 'a whole number'),
    );
  });
});
