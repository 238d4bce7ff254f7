import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { type Identity, openTokens, type SigningKey, type TokenKind } from './tokens.ts';

const key = (id: string, byte: number, from = 0): SigningKey => ({ id, secret: Buffer.alloc(32, byte), from });
const tokens = openTokens([key('k1', 1)]);

const identity: Identity = {
  account: '123456789012',
  region: 'us-east-1',
  instanceId: '10000000-0000-4000-8000-000000000001',
  chatId: 'c0000000-0000-4000-8000-000000000001',
  chatKey: 7,
  participantId: 'b0000000-0000-4000-8000-000000000001',
};
const issued = 1_769_860_800_000;
const expires = issued + 90_000_000;
const kinds: readonly TokenKind[] = ['participant', 'connection', 'socket'];
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const signed = tokens.sign('participant', identity, issued, expires);

const anyIdentity: fc.Arbitrary<Identity> = fc.record({
  account: fc.string({ maxLength: 12 }),
  region: fc.string({ maxLength: 20 }),
  instanceId: fc.uuid(),
  chatId: fc.uuid(),
  chatKey: fc.maxSafeNat(),
  participantId: fc.string({ unit: 'grapheme', maxLength: 36 }),
});

function refusalOf(token: string, now = issued): string {
  const verdict = tokens.verify('participant', token, now);
  return 'refused' in verdict ? verdict.refused : 'accepted';
}

describe('tokens', () => {
  test('[TK1] carry identity and times, whatever they are', () => {
    fc.assert(
      fc.property(anyIdentity, fc.constantFrom(...kinds), fc.maxSafeNat(), (who, kind, at) => {
        const token = tokens.sign(kind, who, at, at + 1);
        assert.match(token, /^[\w-]+\.[\w-]{32}$/);
        assert.deepEqual(tokens.verify(kind, token, at), { identity: { ...who }, issuedAt: at, expiresAt: at + 1 });
      }),
      property(200),
    );
  });

  test('[TK1] are refused with any one character changed, left out or added', () => {
    const change = fc.record({
      who: anyIdentity,
      at: fc.nat(),
      character: fc.oneof(
        fc.constantFrom(...letters, '.', '=', '+', '/', ' ', '\n', '\0', '%'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      how: fc.constantFrom('change', 'add', 'remove'),
    });
    fc.assert(
      fc.property(change, ({ who, at, character, how }) => {
        const token = tokens.sign('participant', who, issued, expires);
        const place = at % token.length;
        const [before, after] = [token.slice(0, place), token.slice(how === 'add' ? place : place + 1)];
        const forged = before + (how === 'remove' ? '' : character) + after;
        if (forged === token) return;
        assert.match(refusalOf(forged), /^(malformed|forged)$/);
        assert.equal(refusalOf(token), 'accepted', 'the token itself still works');
      }),
      property(2000),
    );
    // Every place, by the next letter.
    for (let place = 0; place < signed.length; place += 1) {
      const letter = letters[(letters.indexOf(signed[place] ?? '') + 1) % letters.length];
      assert.match(refusalOf(signed.slice(0, place) + letter + signed.slice(place + 1)), /^(malformed|forged)$/);
    }
  });

  test('[TK1] are refused in any other spelling of the same bytes', () => {
    const [payload = '', mac = ''] = signed.split('.');
    const bytes = Buffer.from(payload, 'base64url');
    const spellings = [
      `${signed}=`,
      `${payload}=.${mac}`,
      `${payload}.${mac}==`,
      ` ${signed}`,
      `${signed}\n`,
      `${signed}.`,
      `.${signed}`,
      `${signed}.${mac}`,
      `${payload}..${mac}`,
      `${bytes.toString('base64')}.${mac}`,
      `${payload}.${Buffer.from(mac, 'base64url').toString('base64')}!`,
      `${payload}.${mac.slice(0, 8)} ${mac.slice(8)}`,
      `${payload.slice(0, 8)}\n${payload.slice(8)}.${mac}`,
    ];
    // The last letter of a payload whose length is no multiple of three has bits to spare.
    for (const chatKey of [1, 11, 111]) {
      const token = tokens.sign('participant', { ...identity, chatKey }, issued, expires);
      const [own = '', rest = ''] = token.split('.');
      for (const letter of letters) {
        const other = own.slice(0, -1) + letter;
        if (other !== own && Buffer.from(other, 'base64url').equals(Buffer.from(own, 'base64url')))
          spellings.push(`${other}.${rest}`);
      }
    }
    assert(spellings.length > 13);
    for (const spelling of spellings) assert.match(refusalOf(spelling), /^(malformed|forged)$/, spelling);
  });

  test('[TK1] are malformed or forged when they are anything else', () => {
    const encode = (text: string) => Buffer.from(text).toString('base64url');
    const mac = signed.split('.')[1] ?? '';
    for (const text of [
      '',
      '.',
      '..',
      'x',
      'token',
      mac,
      encode('{}'),
      `${encode('{"length":10}')}.${mac}`,
      `${encode('null')}.${mac}`,
    ]) {
      assert.equal(refusalOf(text), 'malformed', text);
    }
    const forged = [
      '[]',
      '["participant"]',
      '["participant",{}]',
      '["participant","__proto__"]',
      '["participant","k1",0,9e15]',
    ];
    for (const text of forged) assert.equal(refusalOf(`${encode(text)}.${mac}`), 'forged', text);
    const other = openTokens([key('k1', 2)]).sign('participant', identity, issued, expires);
    assert.equal(refusalOf(other), 'forged', 'the same key id, another secret');
    const unknown = openTokens([key('k2', 1)]).sign('participant', identity, issued, expires);
    assert.equal(refusalOf(unknown), 'forged', 'a key that is not in the ring');
    assert.equal(refusalOf(`${signed.split('.')[0]}.`), 'forged');
    assert.equal(refusalOf(signed.split('.')[0] ?? ''), 'forged');
  });

  test('[TK1] of one kind never work as another, and the refusal names the kind', () => {
    for (const kind of kinds) {
      const token = tokens.sign(kind, identity, issued, expires);
      for (const wanted of kinds) {
        const verdict = tokens.verify(wanted, token, issued);
        if (wanted === kind) assert(!('refused' in verdict));
        else assert.deepEqual(verdict, { refused: 'wrong-kind', kind });
      }
    }
  });

  test('[TK1] expire at their millisecond, also when they were seen before', () => {
    for (const now of [expires - 1, issued, expires - 1]) assert.equal(refusalOf(signed, now), 'accepted');
    for (const now of [expires, expires + 1, Number.MAX_SAFE_INTEGER]) {
      assert.deepEqual(tokens.verify('participant', signed, now), { refused: 'expired', at: expires });
    }
    assert.equal(refusalOf(signed, expires - 1), 'accepted');
  });

  test('[TK1] differ in whatever they say', () => {
    const others: [TokenKind, Partial<Identity>, number, number][] = [
      ['connection', {}, issued, expires],
      ['participant', {}, issued + 1, expires],
      ['participant', {}, issued, expires + 1],
      ['participant', { account: '210987654321' }, issued, expires],
      ['participant', { region: 'us-east-2' }, issued, expires],
      ['participant', { instanceId: 'other' }, issued, expires],
      ['participant', { chatId: 'other' }, issued, expires],
      ['participant', { chatKey: 8 }, issued, expires],
      ['participant', { participantId: 'other' }, issued, expires],
    ];
    const made = others.map(([kind, who, from, to]) => tokens.sign(kind, { ...identity, ...who }, from, to));
    assert.equal(new Set([signed, ...made]).size, others.length + 1);
    assert.equal(new Set([signed, ...made].map((each) => each.split('.')[1])).size, others.length + 1);
  });

  test('[TK2] are the same for the same arguments, after a restart too', () => {
    const again = openTokens([key('k1', 1)]);
    assert.equal(tokens.sign('participant', { ...identity }, issued, expires), signed);
    assert.equal(again.sign('participant', identity, issued, expires), signed);
    assert(!('refused' in again.verify('participant', signed, issued)));
  });

  test('[TK2] are no longer than the API allows, with the longest ids there are', () => {
    const longest: Identity = {
      account: '9'.repeat(12),
      region: 'x'.repeat(30),
      instanceId: 'x'.repeat(100),
      chatId: 'x'.repeat(36),
      chatKey: Number.MAX_SAFE_INTEGER,
      participantId: 'x'.repeat(36),
    };
    const ring = openTokens([key('x'.repeat(20), 1)]);
    for (const kind of kinds) {
      const token = ring.sign(kind, longest, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      assert(token.length <= 1000, `${token.length} characters`);
    }
  });
});

describe('the key ring', () => {
  const [old, fresh] = [key('old', 1), key('new', 2, issued)];

  test('[TK2] signs with the newest key that is valid at the time of issue, and verifies with all', () => {
    const before = openTokens([old]);
    const both = openTokens([old, fresh]);
    const earlier = both.sign('participant', identity, issued - 1, expires);
    assert.equal(earlier, before.sign('participant', identity, issued - 1, expires), 'announced, not yet used');
    const later = both.sign('participant', identity, issued, expires);
    for (const token of [earlier, later]) assert(!('refused' in both.verify('participant', token, issued)));
    assert.deepEqual(before.verify('participant', later, issued), { refused: 'forged' });
    const after = openTokens([fresh]);
    assert(!('refused' in after.verify('participant', later, issued)));
    assert.deepEqual(after.verify('participant', earlier, issued), { refused: 'forged' }, 'the old key is gone');
    const early = after.sign('participant', identity, issued - 1, expires);
    assert(!('refused' in after.verify('participant', early, issued)), 'the first key signs what is older than itself');
  });

  test('[TK2] opens what any of its keys sealed', () => {
    const sealed = openTokens([old]).seal('page', 1);
    assert.equal(openTokens([old, fresh]).unseal('page', sealed), 1);
    assert.equal(openTokens([fresh, old]).unseal('page', sealed), 1);
    assert.equal(openTokens([fresh]).unseal('page', sealed), undefined);
  });

  test('[TK2] cannot be empty', () => {
    assert.throws(() => openTokens([]), /needs a key/);
  });
});

describe('sealed texts', () => {
  test('[TK1] open for the purpose that they were sealed for and for no other', () => {
    const purpose = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(purpose, purpose, fc.jsonValue(), (one, other, given) => {
        const value = JSON.parse(JSON.stringify(given));
        const sealed = tokens.seal(one, value);
        assert.match(sealed, /^[\w-]+\.[\w-]{32}$/);
        assert.deepEqual(tokens.unseal(one, sealed), value);
        if (one !== other) assert.equal(tokens.unseal(other, sealed), undefined);
      }),
      property(300),
    );
  });

  test('[TK1] do not open with any one character changed', () => {
    const sealed = tokens.seal('page', { time: issued, order: 'ASCENDING' });
    for (let place = 0; place < sealed.length; place += 1) {
      for (const letter of [...letters, '.', '=']) {
        const forged = sealed.slice(0, place) + letter + sealed.slice(place + 1);
        if (forged !== sealed) assert.equal(tokens.unseal('page', forged), undefined);
      }
    }
    for (const text of ['', '.', sealed.slice(0, -1), `${sealed}A`, `${sealed}.A`, `${sealed}=`]) {
      assert.equal(tokens.unseal('page', text), undefined);
    }
  });

  test('[TK1] are never tokens, nor tokens sealed texts, whatever the purpose is called', () => {
    const payload = JSON.parse(Buffer.from(signed.split('.')[0] ?? '', 'base64url').toString());
    for (const purpose of ['token', 'seal', '', 'seal token', 'participant']) {
      assert.equal(refusalOf(tokens.seal(purpose, payload)), 'forged', purpose);
      assert.equal(tokens.unseal(purpose, signed), undefined, purpose);
    }
  });
});
