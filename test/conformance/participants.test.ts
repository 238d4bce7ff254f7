import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ConflictException,
  ConnectClient,
  CreateParticipantCommand,
  type CreateParticipantCommandInput,
  DescribeContactCommand,
  InvalidRequestException,
  ResourceNotFoundException as NoSuchContact,
  ServiceQuotaExceededException,
  StopContactCommand,
} from '@aws-sdk/client-connect';
import {
  AccessDeniedException,
  CreateParticipantConnectionCommand,
  ResourceNotFoundException,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import * as contentType from '../../src/domain/content-type.ts';
import { openPage } from '../support/chatjs.ts';
import { controlAt } from '../support/control.ts';
import { leave, openChat, refused } from '../support/people.ts';
import { startProcess } from '../support/process.ts';
import { openProxy } from '../support/proxy.ts';
import {
  type Api,
  addBot,
  apiAt,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  type Ticket,
  transcript,
} from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** The life of a custom participant beside agents, as clients see it: by the SDK, by chatjs and on a WebSocket. */

const second = 1000;
const minute = 60 * second;

function create({ connect }: Api, ContactId: string, more: Partial<CreateParticipantCommandInput> = {}) {
  const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' } as const;
  return connect.send(new CreateParticipantCommand({ InstanceId, ContactId, ParticipantDetails, ...more }));
}

const newToken = /call CreateParticipant again with a new ClientToken/i;

describe('who can be added', () => {
  test('[CP1, CP2, CP3, CP4] is a custom participant with a name, to a chat of the instance that goes on; else the message says why', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    for (const ParticipantRole of ['AGENT', 'SUPERVISOR', 'CUSTOMER', 'SYSTEM', undefined] as const) {
      const ParticipantDetails = { ParticipantRole, DisplayName: 'Bot' };
      await refused(create(api, ContactId, { ParticipantDetails }), InvalidRequestException, /ParticipantRole must be/);
    }
    for (const DisplayName of [undefined, '', 'x'.repeat(257)]) {
      const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName } as const;
      await refused(create(api, ContactId, { ParticipantDetails }), InvalidRequestException, /DisplayName/);
    }
    await refused(create(api, 'no-such-contact'), NoSuchContact, /Contact no-such-contact was not found in instance/);
    const elsewhere = { InstanceId: '10000000-0000-4000-8000-000000000009' };
    await refused(create(api, ContactId, elsewhere), NoSuchContact, /Instance .* was not found/);
    await api.connect.send(new StopContactCommand({ InstanceId, ContactId }));
    await refused(create(api, ContactId), NoSuchContact, /ended at 20.*Start a new one with StartChatContact/);
    assert.deepEqual(await scene.ask(`GET /contacts/${ContactId}`).then(({ body }) => body.Participants.length), 1);
  });

  test('[CP8, CP9] is one, and nobody beside an agent or a supervisor', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    await addBot(api, ContactId);
    await refused(create(api, ContactId), ServiceQuotaExceededException, /'Bot' \(it is yet to connect, by 20.*\)/);
    for (const [role, what] of [
      ['SUPERVISOR', /has a supervisor: /],
      ['AGENT', /has an agent: /],
    ] as const) {
      const eva = await connection(api, await scene.put(role, 'Eva'));
      await refused(create(api, ContactId), ConflictException, what);
      await leave(api, eva);
    }
  });
});

describe('the fifteen seconds', () => {
  test('[CP10, CP7] are for connecting: then it is joined; later it is 404 that says so, the place is free, and nothing was written', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const late = await addBot(api, ContactId, 'Late');
    await scene.wait('15s');
    await scene.wait('1ms');
    const failure = await refused(
      connection(api, late),
      ResourceNotFoundException,
      /was not connected within 15 s of CreateParticipant, that is by 20.*, and CreateParticipantConnection at once/,
    );
    const { ResourceId, ResourceType, $metadata } = failure as ResourceNotFoundException;
    assert.deepEqual([ResourceId, ResourceType, $metadata.httpStatusCode], [late.ParticipantId, 'PARTICIPANT', 404]);
    assert.match(failure.message, newToken);

    const inTime = await addBot(api, ContactId, 'In time');
    assert.deepEqual(await scene.lines(), ['joined Ana']);
    await connection(api, inTime);
    assert.deepEqual(await scene.lines(), ['joined Ana', 'joined In time']);
    await refused(connection(api, late), ResourceNotFoundException, newToken);
  });

  test('[CP10, CK4] go by the clock that is moved, as all that tokens say does, while the Date header stays', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const bot = await addBot(api, ContactId);
    await scene.wait('10s');
    const { ConnectionCredentials } = await api.participant.send(
      new CreateParticipantConnectionCommand({
        ParticipantToken: bot.ParticipantToken,
        Type: ['CONNECTION_CREDENTIALS'],
        ConnectParticipant: true,
      }),
    );
    const { Participants } = (await scene.ask(`GET /contacts/${ContactId}`)).body;
    const { CreatedAt, ConnectedAt } = Participants[1];
    assert(Date.parse(ConnectedAt) - Date.parse(CreatedAt) >= 10 * second);
    assert.equal(Date.parse(ConnectionCredentials?.Expiry ?? '') - Date.parse(ConnectedAt), 24 * 60 * minute);
    await scene.wait('5d');
    const reply = await fetch(`${api.endpoint}/_tertulia/clock`);
    assert(Math.abs(Date.parse(reply.headers.get('date') ?? '') - Date.now()) < 60 * minute);
  });

  test('[CP11] hold the place, and end with any connection, also one that only asks for credentials', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const bot = await addBot(api, ContactId);
    await scene.wait('10s');
    await refused(create(api, ContactId), ServiceQuotaExceededException, /it is yet to connect, by/);
    const { ConnectionCredentials } = await api.participant.send(
      new CreateParticipantConnectionCommand({
        ParticipantToken: bot.ParticipantToken,
        Type: ['CONNECTION_CREDENTIALS'],
      }),
    );
    await scene.wait('1h');
    assert.deepEqual(await scene.lines(), ['joined Ana']);
    await refused(
      create(api, ContactId),
      ServiceQuotaExceededException,
      /custom participant that a chat may have, 'Bot'\./,
    );
    await say(api, { token: ConnectionCredentials?.ConnectionToken ?? '' }, 'I am here');
    assert.deepEqual(await scene.lines(), ['joined Ana', 'joined Bot', 'I am here']);
  });

  test('[CP11, CN6] are over for who connected: again it gets new tokens, the old ones still work, and it is joined once', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const bot = await addBot(api, ContactId);
    const first = await connection(api, bot);
    await scene.wait('1h');
    const again = await connection(api, bot);
    assert.notEqual(again.token, first.token);
    await say(api, first, 'one');
    await say(api, again, 'two');
    assert.deepEqual(await scene.lines(), ['joined Ana', 'joined Bot', 'one', 'two']);
  });
});

describe('an agent who joins', () => {
  test('[CP12, AG2] is seen by chatjs after the bot that it removes, whose tokens then are refused', async () => {
    await using scene = await openChat();
    const { api, ContactId, ticket } = scene;
    await using ana = openPage(api).customer(ticket);
    await ana.ready();
    const botTicket = await addBot(api, ContactId);
    const bot = await connection(api, botTicket);
    const eva = await scene.put('AGENT', 'Eva');
    await say(api, bot, 'May I help?');
    await connection(api, eva);
    await ana.message('the agent to join', ({ DisplayName }) => DisplayName === 'Eva');
    assert.deepEqual(inShort(ana.messages()), ['joined Bot', 'May I help?', 'left Bot', 'joined Eva']);
    assert.deepEqual(
      ana.messages().map(({ ParticipantRole }) => ParticipantRole),
      ['CUSTOM_BOT', 'CUSTOM_BOT', 'CUSTOM_BOT', 'AGENT'],
    );
    for (const call of [connection(api, botTicket), say(api, bot, 'again'), leave(api, bot), transcript(api, bot)]) {
      const failure = await refused(
        call,
        AccessDeniedException,
        /was removed from the chat .* when an agent or supervisor/,
      );
      assert.match(failure.message, newToken);
    }
    assert.deepEqual((await scene.lines()).slice(-2), ['left Bot', 'joined Eva']);
  });

  for (const role of ['AGENT', 'SUPERVISOR'] as const) {
    test(`[CP12] as ${role} removes one that is yet to connect, without a word in the transcript`, async () => {
      await using scene = await openChat();
      const { api, ContactId } = scene;
      const bot = await addBot(api, ContactId);
      await connection(api, await scene.put(role, 'Eva'));
      await refused(connection(api, bot), AccessDeniedException, newToken);
      assert.deepEqual(await scene.lines(), ['joined Ana', 'joined Eva']);
      const { body } = await scene.ask(`GET /contacts/${ContactId}`);
      const { State, LeftBecause } = body.Participants[1];
      assert.deepEqual([State, LeftBecause], ['LEFT', 'removed']);
    });
  }

  test('[AG1, AG3] talks by the credentials of the control API, in chatjs as agents have it, and ends the chat as the last one', async () => {
    await using scene = await openChat();
    const { api, ContactId, ticket } = scene;
    await using ana = openPage(api).customer(ticket);
    await ana.ready();
    const evaTicket = await scene.put('AGENT', 'Eva');
    await using eva = openPage(api).agent(evaTicket);
    await eva.ready();
    await eva.session.sendMessage({ contentType: 'text/plain', message: 'Good day' });
    const heard = await ana.message('the agent', ({ Content }) => Content === 'Good day');
    assert.deepEqual([heard.ParticipantRole, heard.DisplayName], ['AGENT', 'Eva']);
    await ana.session.sendMessage({ contentType: 'text/plain', message: 'And to you' });
    await eva.message('the customer', ({ Content }) => Content === 'And to you');
    // chatjs leaves that to the agents' console.
    await leave(api, await connection(api, evaTicket, ['CONNECTION_CREDENTIALS']));
    await ana.events.until('the end', ({ kind }) => kind === 'ended');
    assert.deepEqual(inShort(ana.messages()), ['joined Eva', 'Good day', 'And to you', 'left Eva', 'chat.ended']);
    const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
    assert.equal(Contact?.DisconnectReason, 'AGENT_DISCONNECT');
  });

  test('[SE5, SE6] and the customer, both in chatjs, learn what the other read; one receipt does for all before it', async () => {
    await using scene = await openChat();
    const { api, ticket } = scene;
    await using ana = openPage(api).customer(ticket);
    await ana.ready();
    const evaTicket = await scene.put('AGENT', 'Eva');
    await using eva = openPage(api).agent(evaTicket);
    await eva.ready();
    for (const [writer, reader] of [
      [ana, eva],
      [eva, ana],
    ] as const) {
      let last = '';
      for (const message of ['one', 'two', 'three']) {
        last = (await writer.session.sendMessage({ contentType: 'text/plain', message })).data.Id;
      }
      await reader.message('the last', ({ Id }) => Id === last);
      await reader.session.sendEvent({ contentType: contentType.read, content: JSON.stringify({ messageId: last }) });
      const { item } = await writer.events.until('the receipt', ({ kind }) => kind === 'read');
      assert.equal(item.MessageMetadata?.MessageId, last);
    }
    const messages = (await transcript(api, scene.ana)).filter(({ Type }) => Type === 'MESSAGE');
    const of = (id: string) => Array.from({ length: 3 }, () => [id, true, true]);
    assert.deepEqual(
      messages.flatMap(({ MessageMetadata }) =>
        MessageMetadata?.Receipts?.map((each) => [
          each.RecipientParticipantId,
          each.DeliveredTimestamp !== undefined,
          each.ReadTimestamp !== undefined,
        ]),
      ),
      [...of(evaTicket.ParticipantId), ...of(ticket.ParticipantId)],
    );
  });

  test('[AG1, AG4] as a supervisor does not end the chat by leaving', async () => {
    await using scene = await openChat();
    const { api } = scene;
    const sue = await connection(api, await scene.put('SUPERVISOR', 'Sue'));
    await say(api, sue, 'I look on');
    await leave(api, sue);
    await say(api, scene.ana, 'still here');
    assert.deepEqual(await scene.lines(), ['joined Ana', 'joined Sue', 'I look on', 'left Sue', 'still here']);
  });

  test("[AG5] leaves the bot's sockets their own left, then nothing; they close within the bound", async () => {
    await using scene = await openChat({}, { TERTULIA_SOCKET_CLOSE_SECONDS: '1' });
    const { api, ContactId, ana } = scene;
    const botTicket = await addBot(api, ContactId);
    const [one, other] = [await connection(api, botTicket), await connection(api, botTicket)];
    using first = await listen(one.url);
    using second = await listen(other.url);
    using customer = await listen(ana.url);
    const eva = await connection(api, await scene.put('AGENT', 'Eva'));
    await say(api, eva, 'between us');
    await customer.item('the message', ({ Content }) => Content === 'between us');
    for (const socket of [first, second]) {
      const { code, reason } = await socket.closed();
      assert.deepEqual([code, reason], [1000, 'the chat is over for this participant']);
      assert.deepEqual(inShort(socket.items.all), ['left Bot']);
      assert.equal(socket.items.all[0]?.ParticipantId, botTicket.ParticipantId);
    }
    assert.deepEqual(inShort(customer.items.all), ['left Bot', 'joined Eva', 'between us']);
  });

  test('[AG5, WS10] makes chatjs give up that ran as the bot, once its socket is closed', async () => {
    await using scene = await openChat({}, { TERTULIA_SOCKET_CLOSE_SECONDS: '1' });
    const { api, ContactId } = scene;
    await using bot = openPage(api).agent(await addBot(api, ContactId));
    await bot.ready();
    await connection(api, await scene.put('AGENT', 'Eva'));
    await bot.message('its own left', ({ ContentType }) => ContentType === contentType.left);
    await bot.events.until('chatjs to give up', ({ kind }) => kind === 'broken' || kind === 'ended');
    assert.equal(inShort(bot.messages()).at(-1), 'left Bot');
  });
});

describe('after it is gone', () => {
  test('[CP13, DP2] by leaving, the chat goes on and another can be added', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const first = await connection(api, await addBot(api, ContactId, 'First'));
    await leave(api, first);
    const failure = await refused(say(api, first, 'again'), AccessDeniedException, /left the chat .* at 20/);
    assert.match(failure.message, newToken);
    await say(api, await connection(api, await addBot(api, ContactId, 'Second')), 'Next, please');
    assert.deepEqual(await scene.lines(), [
      'joined Ana',
      'joined First',
      'left First',
      'joined Second',
      'Next, please',
    ]);
  });

  test('[CP13] by being removed, another can be added once no agent is there', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    await connection(api, await addBot(api, ContactId));
    const sue = await connection(api, await scene.put('SUPERVISOR', 'Sue'));
    await refused(create(api, ContactId), ConflictException, /create it again/);
    await leave(api, sue);
    await connection(api, await addBot(api, ContactId, 'Second'));
    assert.deepEqual((await scene.lines()).slice(-2), ['left Sue', 'joined Second']);
  });

  test('[WS9] by the end of the chat, its socket gets the end and is closed within the bound', async () => {
    await using scene = await openChat({}, { TERTULIA_SOCKET_CLOSE_SECONDS: '1' });
    const { api, ContactId } = scene;
    const ticket = await addBot(api, ContactId);
    const bot = await connection(api, ticket);
    using socket = await listen(bot.url);
    await api.connect.send(new StopContactCommand({ InstanceId, ContactId }));
    assert.equal((await socket.closed()).code, 1000);
    assert.deepEqual(inShort(socket.items.all), ['chat.ended']);
    for (const call of [say(api, bot, 'again'), connection(api, ticket)]) {
      await refused(
        call,
        AccessDeniedException,
        /The chat .* ended at 20.*; its tokens work no more\. Start a new chat/,
      );
    }
  });
});

describe('a ClientToken', () => {
  test('[CP14, CP6] makes one participant, however many calls race, and is answered the same an hour and six days later', async () => {
    await using scene = await openChat({ ChatDurationInMinutes: 10_080 });
    const { api, ContactId } = scene;
    const call = () => create(api, ContactId, { ClientToken: 'once' }).then(({ $metadata: _, ...rest }) => rest);
    const [answer, ...others] = await Promise.all(Array.from({ length: 20 }, call));
    for (const other of others) assert.deepEqual(other, answer);
    assert.equal((await scene.ask(`GET /contacts/${ContactId}`)).body.Participants.length, 2);

    const { ParticipantId = '', ParticipantCredentials } = answer ?? {};
    const bot = { ContactId, ParticipantId, ParticipantToken: ParticipantCredentials?.ParticipantToken ?? '' };
    const { body } = await scene.ask(`GET /contacts/${ContactId}`);
    assert.equal(ParticipantCredentials?.Expiry, body.ExpiryTimestamp);
    assert(bot.ParticipantToken.length <= 1000);
    const connected = await connection(api, bot);
    await scene.wait('1h');
    assert.deepEqual(await call(), answer);
    await leave(api, connected);
    await scene.wait('6d');
    assert.deepEqual(await call(), answer);
    await refused(connection(api, bot), AccessDeniedException, newToken);
    // The seven days are those of the chat as well: after them the token is no more, and neither is the chat.
    await scene.wait('1d');
    await refused(call(), NoSuchContact, /ended at/);
  });

  test('[CP14] is answered the same after its participant was not connected in time, or was removed', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const call = (ClientToken: string) =>
      create(api, ContactId, { ClientToken }).then(({ $metadata: _, ...rest }) => rest);
    const ticketOf = ({ ParticipantId, ParticipantCredentials }: Awaited<ReturnType<typeof call>>) =>
      ({ ContactId, ParticipantId, ParticipantToken: ParticipantCredentials?.ParticipantToken }) as Ticket;
    const expired = await call('expired');
    await scene.wait('16s');
    assert.deepEqual(await call('expired'), expired);
    await refused(connection(api, ticketOf(expired)), ResourceNotFoundException, newToken);
    const removed = await call('removed');
    await connection(api, await scene.put('AGENT', 'Eva'));
    assert.deepEqual(await call('removed'), removed);
    await refused(connection(api, ticketOf(removed)), AccessDeniedException, newToken);
  });

  test('[CP6, CP15] is good for one request of one operation on one contact', async () => {
    await using scene = await openChat();
    const { api, ContactId } = scene;
    const other = await startChat(api, { ClientToken: 'mine' });
    const first = await create(api, ContactId, { ClientToken: 'mine' });
    const named = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Another' } as const;
    await refused(
      create(api, ContactId, { ClientToken: 'mine', ParticipantDetails: named }),
      ConflictException,
      /This ClientToken was used for another request on this contact; use a new one/,
    );
    const second = await create(api, other.ContactId, { ClientToken: 'mine' });
    assert.notEqual(second.ParticipantId, first.ParticipantId);
    assert.deepEqual(
      (await create(api, ContactId, { ClientToken: 'mine' })).ParticipantCredentials,
      first.ParticipantCredentials,
    );
  });

  test('[CP14] is answered the same by a server that was killed between commit and answer', async () => {
    await using server = await startProcess();
    await using proxy = await openProxy(server.port);
    using direct = apiAt(server.endpoint);
    const behind = new ConnectClient({
      endpoint: `http://127.0.0.1:${proxy.port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      maxAttempts: 1,
    });
    const { ContactId, ...customer } = await startChat(direct);
    await connection(direct, { ContactId, ...customer });
    const bots = async () => {
      const { body } = await controlAt(server.endpoint)(`GET /contacts/${ContactId}`);
      return body.Participants.filter((each: { ParticipantRole: string }) => each.ParticipantRole === 'CUSTOM_BOT');
    };
    proxy.loseAnswer();
    await assert.rejects(create({ ...direct, connect: behind }, ContactId, { ClientToken: 'once' }));
    await server.kill();
    await server.restart();
    const [made, ...more] = await bots();
    assert.deepEqual(more, []);
    const again = await create(direct, ContactId, { ClientToken: 'once' });
    assert.equal(again.ParticipantId, made.ParticipantId);
    assert.equal((await bots()).length, 1);
    const ParticipantToken = again.ParticipantCredentials?.ParticipantToken ?? '';
    const bot = await connection(direct, { ContactId, ParticipantId: made.ParticipantId, ParticipantToken });
    await say(direct, bot, 'alive');
    behind.destroy();
  });
});

test('[CP16, CP5] a token works for its own contact and participant alone', async () => {
  await using scene = await openChat();
  const { api, ContactId, ana } = scene;
  const other = await startChat(api);
  const bob = await connection(api, other);
  const bot = await connection(api, await addBot(api, ContactId));
  // Whatever is sent goes to the chat of the token, in the name of the token's participant.
  await say(api, bob, 'of the other chat');
  await say(api, bot, 'of the bot');
  assert.deepEqual(await scene.lines(), ['joined Ana', 'joined Bot', 'of the bot']);
  const [message] = (await transcript(api, bot)).slice(-1);
  assert.deepEqual([message?.ParticipantRole, message?.DisplayName], ['CUSTOM_BOT', 'Bot']);
  await leave(api, bob);
  await say(api, ana, 'still here');
  for (const ConnectionToken of [scene.ticket.ParticipantToken, `${ana.token}x`]) {
    const send = new SendMessageCommand({ ConnectionToken, ContentType: 'text/plain', Content: 'x' });
    await refused(api.participant.send(send), AccessDeniedException, /x-amz-bearer header/);
  }
});
