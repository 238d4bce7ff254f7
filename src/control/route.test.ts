import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../fault.ts';
import { integer, label, query, required, string, structure } from '../shape/shape.ts';
import { inputOf, labelsOf, type Route, route } from './route.ts';

const input = structure({
  ContactId: label(string({ min: 1, max: 10 })),
  MaxResults: query('maxResults', integer({ min: 1, max: 100 })),
  Name: required(string({ min: 1, max: 5 })),
});

const contact = route({
  method: 'GET',
  path: '/_tertulia/contacts/{ContactId}/transcript',
  input,
  handle: async ({ ContactId }) => ({ ContactId }),
});

function read(body: string, search = '', labels: Record<string, string> = { ContactId: 'one' }) {
  try {
    return inputOf(input, labels, search, Buffer.from(body));
  } catch (failure) {
    assert(failure instanceof Fault, String(failure));
    return [failure.status, failure.type, failure.message];
  }
}

describe('the path of a route', () => {
  for (const [path, labels] of [
    ['/_tertulia/contacts/one/transcript', { ContactId: 'one' }],
    ['/_tertulia/contacts/a%2Fb%20c/transcript', { ContactId: 'a/b c' }],
    ['/_tertulia/contacts/%E0%A4%A/transcript', { ContactId: '%E0%A4%A' }],
    ['/_tertulia/contacts//transcript', { ContactId: '' }],
    ['/_tertulia/contacts/one', undefined],
    ['/_tertulia/contacts/one/transcript/', undefined],
    ['/_tertulia/contacts/one/two/transcript', undefined],
    ['/_tertulia/contacts/one/Transcript', undefined],
    ['/_tertulia/chats/one/transcript', undefined],
  ] as const) {
    it(`[HT8] ${labels ? 'is' : 'is not'} ${path}`, () => assert.deepEqual(labelsOf(contact, path), labels));
  }
});

describe('the input of a route', () => {
  it('[EX3] comes from path, query and body', () => {
    assert.deepEqual(read('{"Name":"Ana","Other":1}', 'maxResults=7'), {
      ContactId: 'one',
      MaxResults: 7,
      Name: 'Ana',
    });
  });

  for (const [what, refusal, message] of [
    ['no JSON', read('{'), 'The request body is not valid JSON.'],
    ['no object', read('[]'), 'The request body must be a JSON object.'],
    ['a wrong type', read('{"Name":5}'), "Value at '/Name' has the wrong type: it must be a string."],
    [
      'a query that is no number',
      read('{"Name":"Ana"}', 'maxResults=many'),
      "Value at '/MaxResults' has the wrong type: it must be a whole number.",
    ],
  ] as const) {
    it(`[SH2] with ${what} is 400 SerializationException`, () =>
      assert.deepEqual(refusal, [400, 'SerializationException', message]));
  }

  for (const [what, refusal, path] of [
    ['a member missing', read('{}'), '/Name'],
    ['a member too long', read('{"Name":"Anastasia"}'), '/Name'],
    ['a label too long', read('{"Name":"Ana"}', '', { ContactId: 'x'.repeat(11) }), '/ContactId'],
    ['an empty label', read('{"Name":"Ana"}', '', { ContactId: '' }), '/ContactId'],
    ['a query out of range', read('{"Name":"Ana"}', 'maxResults=101'), '/MaxResults'],
  ] as const) {
    it(`[SH3] with ${what} is 400 ValidationException`, () => {
      const [status, type, message] = refusal as [number, string, string];
      assert.deepEqual([status, type], [400, 'ValidationException']);
      assert(message.includes(`Value at '${path}' failed to satisfy constraint`), message);
    });
  }
});

describe('the answer of a route', () => {
  const answered = (result: object) =>
    (route({ method: 'GET', path: '/', input: structure({}), handle: async () => result }) as Route).handle(
      {} as never,
    );

  it('[CA1] is what it returns, with 200 unless it says otherwise', async () => {
    assert.deepEqual(await answered({ live: true }), { status: 200, body: { live: true } });
    assert.deepEqual(await answered({ status: 503, body: { ready: false } }), { status: 503, body: { ready: false } });
    assert.deepEqual(await answered({ status: 'open' }), { status: 200, body: { status: 'open' } });
  });
});
