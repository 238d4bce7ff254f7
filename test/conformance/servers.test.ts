import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ConnectClient, CreateParticipantCommand, StopContactCommand } from '@aws-sdk/client-connect';
import * as contentType from '../../src/domain/content-type.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { newChatAt } from '../support/chat.ts';
import { openPage } from '../support/chatjs.ts';
import { controlAt } from '../support/control.ts';
import { anyNatsServer, natsUrlMissing } from '../support/nats.ts';
import { postgresMissing, postgresUrl, temporarySchema } from '../support/postgres.ts';
import { runMain, startProcess, type TestProcess } from '../support/process.ts';
import {
  type Api,
  addBot,
  apiAt,
  type Connection,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  transcript,
} from '../support/server.ts';
import { listen, type TestSocket } from '../support/socket.ts';
import { allItems, stream, topicArn } from '../support/streaming.ts';

/** Three servers that are one service, each a process of its own, and what is asked of all of them. */

const stack = new AsyncDisposableStack();
let servers: readonly TestProcess[] = [];
let apis: readonly Api[] = [];
let shared: Record<string, string> = {};
const [one, two, three] = [0, 1, 2].map((index) => () => apis[index] as Api) as [() => Api, () => Api, () => Api];

/** A message, told to each socket. */
async function told(text: string, sockets: readonly TestSocket[]): Promise<void> {
  for (const socket of sockets) await socket.item(text, ({ Content }) => Content === text);
}

describe('three servers', { skip: postgresMissing || natsUrlMissing }, () => {
  before(async () => {
    const schema = stack.use(temporarySchema());
    const nats = stack.use(await anyNatsServer());
    shared = {
      ...{ TERTULIA_STORE: postgresUrl, TERTULIA_STORE_SCHEMA: schema.name, TERTULIA_BUS: nats.url },
      TERTULIA_BUS_PREFIX: schema.name,
      ...{ TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'), TERTULIA_DRAIN_SECONDS: '0' },
    };
    // At once, on a schema that none of them has made yet.
    servers = await Promise.all([1, 2, 3].map(() => startProcess(shared)));
    for (const each of servers) stack.use(each);
    apis = servers.map(({ endpoint }) => stack.use(apiAt(endpoint)));
  });
  after(() => stack.disposeAsync());

  test('[CL1] hold one chat whose customer, bot and agent are on three of them', async () => {
    const ticket = await startChat(one());
    const customer = await connection(one(), ticket);
    const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' } as const;
    const create = new CreateParticipantCommand({ InstanceId, ContactId: ticket.ContactId, ParticipantDetails });
    const created = await two().connect.send(create);
    const bot = await connection(three(), {
      ...ticket,
      ParticipantToken: created.ParticipantCredentials?.ParticipantToken ?? '',
    });
    using atCustomer = await listen(customer.url);
    using atBot = await listen(bot.url);
    const say2 = (api: Api, who: Connection, text: string) => say(api, who, text);
    for (let index = 0; index < 12; index += 1) {
      await say2([two(), three(), one()][index % 3] as Api, index % 2 ? bot : customer, `message ${index}`);
    }
    await told('message 11', [atCustomer, atBot]);
    for (const socket of [atCustomer, atBot]) {
      const texts = socket.items.all.flatMap(({ Content }) => Content ?? []);
      assert.deepEqual(
        texts,
        Array.from({ length: 12 }, (_, index) => `message ${index}`),
      );
    }
    const ask = controlAt(servers[1]?.endpoint ?? '');
    const put = await ask(`POST /contacts/${ticket.ContactId}/participants`, {
      ...{ ParticipantRole: 'AGENT', DisplayName: 'Eva' },
    });
    await connection(two(), { ...ticket, ParticipantToken: put.body.ParticipantCredentials.ParticipantToken });
    await atBot.item('the bot to leave', ({ ContentType }) => ContentType?.endsWith('participant.left') ?? false);
    await atCustomer.item('the agent', ({ DisplayName }) => DisplayName === 'Eva');
    const all = inShort(await transcript(three(), customer));
    assert.equal(all.length, 16);
    assert.deepEqual(all, inShort(await transcript(one(), customer)));
  });

  test('[CL1] hold a chat of chatjs on two of them and a bot of the SDK on the third as one would', async () => {
    const ticket = await startChat(one());
    await using ana = openPage(one()).customer(ticket);
    await ana.ready();
    // Made by one, connected to another.
    const botTicket = await addBot(two(), ticket.ContactId);
    const bot = await connection(three(), botTicket);
    using atBot = await listen(bot.url);
    await ana.message('the bot', ({ ParticipantRole }) => ParticipantRole === 'CUSTOM_BOT');
    const { data: sent } = await ana.session.sendMessage({ contentType: 'text/plain', message: 'Hello?' });
    await atBot.item('the message', ({ Id }) => Id === sent.Id);
    await say(three(), bot, 'An agent comes.');
    await ana.message('the answer', ({ Content }) => Content === 'An agent comes.');

    const put = await controlAt(three().endpoint)(`POST /contacts/${ticket.ContactId}/participants`, {
      ...{ ParticipantRole: 'AGENT', DisplayName: 'Eva' },
    });
    const { ParticipantId, ParticipantCredentials } = put.body;
    const evaTicket = { ...ticket, ParticipantId, ParticipantToken: ParticipantCredentials.ParticipantToken };
    await using eva = openPage(two()).agent(evaTicket);
    await eva.ready();
    const left = await atBot.item('the bot to leave', ({ ContentType }) => ContentType === contentType.left);
    assert.equal(left.ParticipantId, botTicket.ParticipantId);
    await ana.message('the agent', ({ DisplayName }) => DisplayName === 'Eva');

    await ana.typing();
    await eva.events.until('typing', ({ kind, item }) => kind === 'typing' && item.DisplayName === 'Ana');
    const { data: said } = await ana.session.sendMessage({ contentType: 'text/plain', message: 'Eva?' });
    await eva.message('the question', ({ Id }) => Id === said.Id);
    for (const [kind, type] of [
      ['delivered', contentType.delivered],
      ['read', contentType.read],
    ] as const) {
      await eva.session.sendEvent({ contentType: type, content: JSON.stringify({ messageId: said.Id }) });
      const { item } = await ana.events.until(kind, (event) => event.kind === kind);
      assert.deepEqual(
        [item.MessageMetadata?.MessageId, item.MessageMetadata?.Receipts[0]?.RecipientParticipantId],
        [said.Id, ParticipantId],
      );
    }

    const pages = await Promise.all(
      [ana, eva].map(async ({ session }) => (await session.getTranscript({ maxResults: 100 })).data.Transcript),
    );
    const asOne = ['joined Ana', 'joined Bot', 'Hello?', 'An agent comes.', 'left Bot', 'joined Eva', 'Eva?'];
    for (const page of pages) assert.deepEqual(inShort(page), asOne);
    assert.deepEqual(pages[0], pages[1]);

    await three().connect.send(new StopContactCommand({ InstanceId, ContactId: ticket.ContactId }));
    for (const { events } of [ana, eva]) await events.until('the end', ({ kind }) => kind === 'ended');
    const shown = [ana, eva].map((each) => each.messages().at(-1)?.ContentType);
    assert.deepEqual(shown, [contentType.ended, contentType.ended]);
  });

  test('[CL23] say where chats and files are when they are ready, and not how one gets there', () => {
    for (const server of servers) {
      const [, data] = /^ {4}data {7}(.*)$/m.exec(server.banner()) ?? [];
      assert.equal(data, `PostgreSQL, schema ${shared.TERTULIA_STORE_SCHEMA}; files: ${server.directory}`);
      assert.ok(!server.banner().includes(postgresUrl));
    }
  });

  test('[CL4] move no clock and empty no store', async () => {
    const ask = controlAt(servers[0]?.endpoint ?? '');
    for (const [path, body] of [
      ['POST /clock', { advance: '1s' }],
      ['POST /reset', {}],
    ] as const) {
      const { status, body: refusal } = await ask(path, body);
      assert.equal(status, 400);
      assert.match(refusal.message, /shares its store with others \(TERTULIA_STORE\)/);
    }
    assert.equal((await ask('GET /clock')).status, 200);
  });

  test('[CL5] do once what is due, and deliver each notification of a stream once while none of them dies', async () => {
    const store = await openPostgres({
      ...{ url: postgresUrl, schema: shared.TERTULIA_STORE_SCHEMA, steady: systemSteady },
    });
    const ids = systemIds();
    const late = Date.now() - 10 * 60_000;
    // Chats whose customers have not come in their five minutes.
    const due = Array.from({ length: 30 }, () => ids.uuid());
    await Promise.all(
      due.map((id) => store.commit({ now: late, chat: { created: newChatAt(late, { id, instanceId: InstanceId }) } })),
    );
    const ticket = await startChat(one());
    await stream(two(), ticket.ContactId, topicArn('tertulia-dev'));
    const customer = await connection(three(), ticket);
    for (let index = 0; index < 40; index += 1) await say(apis[index % 3] as Api, customer, `message ${index}`);
    const notifications = async () => {
      const each = servers.map(async ({ endpoint }) => {
        const { body } = await controlAt(endpoint)('GET /streams?maxResults=1000');
        return body.Notifications.filter(({ Message }: { Message: string }) => Message.includes(ticket.ContactId));
      });
      return (await Promise.all(each)).flat() as { MessageId: string }[];
    };
    while ((await notifications()).length < 41) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(new Set((await notifications()).map(({ MessageId }) => MessageId)).size, 41);
    for (const contactId of due) {
      let chat = await store.chat({ contactId });
      while (!chat?.end) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        chat = await store.chat({ contactId });
      }
      assert.equal(chat.end.reason, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED');
      const items = await store.items(chat.key, { newestFirst: false, limit: 10 });
      assert.equal(items.length, 1, 'it ended once');
    }
    assert.equal((await notifications()).length, 41);
    await store[Symbol.asyncDispose]();
  });

  test('[CL10] find a key that the command made in the store that they share', async () => {
    const { stdout, code } = await runMain('keys', shared, 'create', '--json');
    assert.equal(code, 0);
    const { AccessKeyId, SecretAccessKey } = JSON.parse(stdout);
    await using strict = await startProcess({ ...shared, TERTULIA_AUTH: 'sigv4' });
    const clientOf = (accessKeyId: string, secretAccessKey: string) =>
      new ConnectClient({
        ...{ endpoint: strict.endpoint, region: 'us-east-1' },
        credentials: { accessKeyId, secretAccessKey },
      });
    const start = { connect: clientOf(AccessKeyId, SecretAccessKey) };
    assert.ok((await startChat({ ...one(), ...start })).ContactId);
    await assert.rejects(startChat({ ...one(), connect: clientOf(AccessKeyId, 'another') }), {
      name: 'InvalidSignatureException',
    });
  });

  test('[CL2, CL9] stop their start in one line with another secret key, and migrate by command', async () => {
    const other = { ...shared, TERTULIA_SECRET_KEY: Buffer.alloc(32, 6).toString('base64') };
    const refused = await runMain('start', { ...other, TERTULIA_PORT: '0' });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^tertulia: TERTULIA_SECRET_KEY is not the one that the keys of this store [^\n]*\n$/);
    const again = await runMain('migrate', shared);
    assert.match(again.stdout, /^Schema \w+ has version 1 already\.\n$/);
    await using fresh = temporarySchema();
    const first = await runMain('migrate', { ...shared, TERTULIA_STORE_SCHEMA: fresh.name });
    assert.match(first.stdout, new RegExp(`^Schema ${fresh.name} was brought from version 0 to 1\\.\n$`));
  });

  test('[CL3] go on with tokens of before when the signing key is rotated', async () => {
    const ticket = await startChat(one());
    const customer = await connection(one(), ticket);
    const { stdout, code } = await runMain('keys', shared, 'rotate');
    assert.equal(code, 0);
    assert.match(stdout, /^A new key signs tokens from \S+Z\. /);
    await say(two(), customer, 'as before');
    assert.equal((await allItems({ ask: controlAt(servers[2]?.endpoint ?? '') }, ticket.ContactId)).length, 2);
  });
});
