import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { TagContactCommand, UpdateContactAttributesCommand } from '@aws-sdk/client-connect';
import { connect as connectNats } from '@nats-io/transport-node';
import { openEndpoint } from '../support/endpoint.ts';
import { type Journal, openJournal } from '../support/journal.ts';
import { natsMissing as skip, startNatsServer } from '../support/nats.ts';
import { leave, putIn } from '../support/people.ts';
import { connection, InstanceId, startChat } from '../support/server.ts';
import { type StreamingServer, startStreaming } from '../support/streaming.ts';

/** Contact events on each of their ways out of a real server, which is killed on the way. */

const secret = 'the secret of the webhook';
const life = [
  ...['INITIATED', 'CONNECTED_TO_SYSTEM', 'CONTACT_DATA_UPDATED', 'CONTACT_DATA_UPDATED'],
  ...['CONNECTED_TO_AGENT', 'DISCONNECTED', 'COMPLETED'],
];

interface Told {
  readonly id: string;
  readonly body: string;
  readonly detail: { readonly eventType: string; readonly contactId: string; readonly updatedProperties?: string[] };
}

function told(body: string): Told {
  return { ...JSON.parse(body), body };
}

/** A way out, and what came along it. */
interface Way {
  readonly name: string;
  readonly events: Journal<Told>;
}

describe('contact events', { skip }, () => {
  const ways: Way[] = ['webhook', 'process', 'nats'].map((name) => ({ name, events: openJournal<Told>() }));
  const [webhook, program, subject] = ways.map(({ events }) => events) as [Journal<Told>, Journal<Told>, Journal<Told>];
  const subjects = new Set<string>();
  /** Called by the webhook before it takes anything: what it answers with false is not taken. */
  let take = async (_: Told): Promise<boolean> => true;
  let server: StreamingServer;
  /** Ends the other way round, also when not all of it has begun. */
  const opened = new AsyncDisposableStack();
  before(async () => {
    const endpoint = await openEndpoint(async ({ body, headers }, response) => {
      const expected = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
      const event = told(body);
      const isRight = headers['x-tertulia-signature'] === expected && headers['x-tertulia-id'] === event.id;
      if (!isRight) return void response.writeHead(403).end();
      webhook.add(event);
      if (await take(event)) response.end();
      else response.destroy();
    });
    opened.use(endpoint);
    const recorder = await openEndpoint(({ body }, response) => {
      program.add(told(body));
      response.end();
    });
    opened.use(recorder);
    const natsServer = opened.use(await startNatsServer());
    const ear = await connectNats({ servers: natsServer.url });
    opened.defer(() => ear.close());
    const heard = ear.subscribe('contacts.>');
    const listening = (async () => {
      for await (const message of heard) {
        const event = told(message.string());
        assert.equal(message.headers?.get('Nats-Msg-Id'), event.id);
        subjects.add(message.subject);
        subject.add(event);
      }
    })();
    // Whoever ends waits for what it was told: a complaint of this loop fails the test.
    opened.defer(async () => {
      await ear.drain();
      await listening;
    });
    await ear.flush();
    // A server that is killed when it has just started the command leaves it with nothing to read.
    const record = `const body = fs.readFileSync(0); body.length && fetch(process.env.RECORDER, { method: 'POST', body })`;
    server = await startStreaming(
      {
        contactEvents: [
          { kind: 'webhook', url: endpoint.url.href, secret, instances: `arn:aws:connect:*:instance/${InstanceId}` },
          {
            kind: 'webhook',
            url: new URL('/another', endpoint.url).href,
            instances: 'arn:aws:connect:*:instance/another',
          },
          { kind: 'process', command: `${process.execPath} -e "${record}"` },
          { kind: 'nats', servers: [natsServer.url], subject: 'contacts.{instanceId}.{eventType}' },
        ],
      },
      { RECORDER: recorder.url.href },
    );
    opened.use(server);
  });
  after(() => opened[Symbol.asyncDispose]());

  /** The whole life of a contact whose agent ends it. */
  async function live(): Promise<string> {
    const { connect } = server.api;
    const ticket = await startChat(server.api);
    const { ContactId } = ticket;
    await connection(server.api, ticket);
    const Attributes = { plan: 'gold' };
    await connect.send(new UpdateContactAttributesCommand({ InstanceId, InitialContactId: ContactId, Attributes }));
    await connect.send(new TagContactCommand({ InstanceId, ContactId, Tags: { team: 'north' } }));
    const eva = await connection(server.api, await putIn(server.api, ContactId, 'AGENT', 'Eva'));
    await leave(server.api, eva);
    return ContactId;
  }

  /** Those of one contact along a way, each once, in the order in which they came first. */
  function first({ events }: Way, ContactId: string): Told[] {
    const byId = new Map<string, Told>();
    for (const each of events.all.filter(({ detail }) => detail.contactId === ContactId)) {
      const known = byId.get(each.id) ?? each;
      assert.equal(each.body, known.body, 'a duplicate is the same');
      byId.set(each.id, known);
    }
    return [...byId.values()];
  }

  async function expectLives(...contacts: readonly string[]): Promise<void> {
    for (const way of ways) {
      for (const ContactId of contacts) {
        await way.events.until(
          `COMPLETED of ${ContactId} by ${way.name}`,
          ({ detail }) => detail.contactId === ContactId && detail.eventType === 'COMPLETED',
        );
        const events = first(way, ContactId);
        assert.deepEqual(
          events.map(({ detail }) => detail.eventType),
          life,
          way.name,
        );
        const updates = events.flatMap(({ detail }) => detail.updatedProperties ?? []);
        assert.deepEqual(updates, ['UserDefinedAttributes', 'Tags']);
      }
    }
    for (const ContactId of contacts) {
      const [one, ...others] = ways.map((way) => first(way, ContactId).map(({ body }) => ({ ...JSON.parse(body) })));
      for (const other of others) assert.deepEqual(other, one, 'each way tells the same');
    }
  }

  test('[CE1, CE7, CE8, CE12, DE2, DE8, DE14, SN13] are told in order along every way, of contacts at the same time', async () => {
    await expectLives(...(await Promise.all([live(), live(), live()])));
    assert.deepEqual(
      [...subjects].sort(),
      [...new Set(life)].sort().map((type) => `contacts.${InstanceId}.${type}`),
    );
  });

  test('[OB1, OB8] survive kill -9 on the way: none is lost or out of order, and repeats have the same id', async (t) => {
    const before = webhook.all.length;
    const kills = ['INITIATED', 'CONTACT_DATA_UPDATED', 'COMPLETED'];
    take = async ({ detail }) => {
      if (kills[0] !== detail.eventType) return true;
      kills.shift();
      await server.crash();
      return false;
    };
    const contacts = [];
    // Each is begun again if a kill came between its calls: what was told of the other is held against the rules, too.
    while (contacts.length < 3) {
      const ContactId = await live().catch(async (failure) => {
        if (failure.$metadata?.httpStatusCode) throw failure;
        await server.up();
        return undefined;
      });
      if (ContactId !== undefined) contacts.push(ContactId);
    }
    await webhook.until('the last kill', () => kills.length === 0, before);
    await server.up();
    await expectLives(...contacts);
    const all = webhook.all.slice(before);
    for (const ContactId of new Set(all.map(({ detail }) => detail.contactId))) {
      const types = ways.map((way) => first(way, ContactId).map(({ detail }) => detail.eventType));
      assert.deepEqual(types[0], life.slice(0, types[0]?.length));
    }
    const ids = new Set(all.map(({ id }) => id));
    assert.ok(all.length - ids.size >= 3, 'what was on its way at each kill came again');
    t.diagnostic(`${ids.size} events, ${all.length - ids.size} repeated`);
  });
});
