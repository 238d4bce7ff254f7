import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, developmentInstance } from './config.ts';
import { developmentStorage, storageConfigIn, storageKind } from './domain/storage.ts';
import { systemSteady } from './runtime/steady.ts';
import { seed } from './seeds.ts';
import type { InstanceConfig } from './settings.ts';
import { openSqlite } from './store/sqlite.ts';

const now = Date.parse('2026-01-31T12:00:00Z');
const mine: InstanceConfig = {
  account: '111122223333',
  region: 'eu-central-1',
  id: '10000000-0000-4000-8000-000000000009',
  alias: 'mine',
  flows: [
    { id: '20000000-0000-4000-8000-000000000009', name: 'Inbound' },
    { id: '20000000-0000-4000-8000-00000000000a', name: 'Other' },
  ],
};
const openStore = () => openSqlite(':memory:', systemSteady);

describe('seeds', () => {
  it('[CF9] are always the same for development', () => {
    assert.deepEqual(developmentInstance, {
      account: '123456789012',
      region: 'us-east-1',
      id: '10000000-0000-4000-8000-000000000001',
      alias: 'tertulia-dev',
      flows: [{ id: '20000000-0000-4000-8000-000000000001', name: 'Inbound chat' }],
    });
  });

  it('[CF8] are created if absent, with their flows', async () => {
    await using store = openStore();
    await seed(store, [developmentInstance, mine], now);
    const instance = await store.resource('instance', '', mine.id);
    assert.deepEqual(instance?.document, { account: mine.account, region: mine.region, alias: 'mine' });
    const flows = await store.resources('flow');
    assert.deepEqual(
      flows.map(({ instance, id, name }) => [instance, id, name]),
      [developmentInstance, mine].flatMap(({ id, flows }) => flows.map((flow) => [id, flow.id, flow.name])),
    );
  });

  it('[SO14] are no storage configurations but of the development instance, and never compared', async () => {
    await using store = openStore();
    await seed(store, [mine], now);
    assert.deepEqual(await store.resources(storageKind), []);
    await seed(store, [developmentInstance, mine], now);
    const [records, chats, ...rest] = (await store.resources(storageKind)).toReversed();
    assert(records && chats && rest.length === 0);
    assert.deepEqual(
      [chats.instance, chats.id, storageConfigIn(chats)],
      [developmentInstance.id, 'CHAT_TRANSCRIPTS', developmentStorage.CHAT_TRANSCRIPTS],
    );
    assert.deepEqual(storageConfigIn(records), developmentStorage.CONTACT_TRACE_RECORDS);
    await store.commit({ now, replaced: [{ ...chats, document: {} }] });
    await seed(store, [developmentInstance, mine], now);
    assert.equal(storageConfigIn(await store.resource(storageKind, chats.instance, chats.id)), undefined);
  });

  it('[CF8] are left alone when they are there already, and get the flows that are new', async () => {
    await using store = openStore();
    await seed(store, [mine], now);
    await seed(store, [mine], now);
    const flow = { id: '20000000-0000-4000-8000-00000000000b', name: 'Third' };
    await seed(store, [{ ...mine, flows: [...mine.flows, flow] }], now);
    await seed(store, [{ ...mine, flows: [flow] }], now);
    assert.equal((await store.resources('instance')).length, 1);
    assert.equal((await store.resources('flow')).length, 3);
  });

  it('[CF8] may share a flow id between two instances, each having its own', async () => {
    await using store = openStore();
    const other = { ...mine, id: '10000000-0000-4000-8000-00000000000b', alias: 'other' };
    await seed(store, [mine, other], now);
    assert.equal((await store.resources('flow')).length, 4);
  });

  /** A second configuration that contradicts the first, and what the refusal shows of both. */
  const contradictions: readonly [what: string, second: InstanceConfig[], words: RegExp][] = [
    [
      'another account',
      [{ ...mine, account: '444455556666' }],
      /instance 10000000-.*"444455556666".*"111122223333".* in the store/,
    ],
    ['another Region', [{ ...mine, region: 'us-east-1' }], /"us-east-1".*"eu-central-1"/],
    ['another alias', [{ ...mine, alias: 'yours' }], /"yours".*"mine"/],
    [
      'another name of a flow',
      [{ ...mine, flows: [{ id: mine.flows[0]?.id ?? '', name: 'Outbound' }] }],
      /flow 20000000-.*"Outbound".*"Inbound"/,
    ],
    [
      'the id of the development instance',
      [developmentInstance, { ...mine, id: developmentInstance.id }],
      /"123456789012".* further up/,
    ],
    ['one id twice', [mine, { ...mine, alias: 'yours' }], /"yours".*"mine".* further up/],
  ];
  for (const [what, second, words] of contradictions) {
    it(`[CF8] refuse ${what} in one line, and leave nothing of the refused configuration behind`, async () => {
      await using store = openStore();
      await seed(store, [mine], now);
      const before = [await store.resources('instance'), await store.resources('flow')];
      const fresh = { ...mine, id: '10000000-0000-4000-8000-00000000000c' };
      await assert.rejects(seed(store, [fresh, ...second], now), (failure) => {
        assert.ok(failure instanceof ConfigError);
        assert.match(failure.message, words);
        assert.match(failure.message, /; allowed: what is there, or another id$/);
        assert.doesNotMatch(failure.message, /\n/);
        return true;
      });
      assert.deepEqual([await store.resources('instance'), await store.resources('flow')], before);
    });
  }
});
