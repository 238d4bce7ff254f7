import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescribeContactCommand, UpdateParticipantRoleConfigCommand } from '@aws-sdk/client-connect';
import { openPage } from '../support/chatjs.ts';
import { openJournal } from '../support/journal.ts';
import { openChat } from '../support/people.ts';
import { addBot, connection, InstanceId, inShort, say, startChat } from '../support/server.ts';

/** Silence, and many chats beside each other, as unmodified chatjs sees them. */

type Scene = Awaited<ReturnType<typeof openChat>>;

/** Two minutes until the customer is idle, three more until it is disconnected. */
function configureTimers({ api, ContactId }: Scene) {
  const timer = (TimerType: 'IDLE' | 'DISCONNECT_NONCUSTOMER', minutes: number) =>
    ({
      ParticipantRole: 'CUSTOMER',
      TimerType,
      TimerValue: { ParticipantTimerDurationInMinutes: minutes },
    }) as const;
  const ParticipantTimerConfigList = [timer('IDLE', 2), timer('DISCONNECT_NONCUSTOMER', 3)];
  const ChannelConfiguration = { Chat: { ParticipantTimerConfigList } };
  return api.connect.send(new UpdateParticipantRoleConfigCommand({ InstanceId, ContactId, ChannelConfiguration }));
}

/** What chatjs tells of the timers, in order. */
// biome-ignore lint/suspicious/noExplicitAny: the library is untyped
function silences(session: any) {
  const told = openJournal<{ what: string; of: string }>();
  const on = (what: string) => (event: { data: { ParticipantId: string } }) =>
    told.add({ what, of: event.data.ParticipantId });
  session.onParticipantIdle(on('idle'));
  session.onParticipantReturned(on('returned'));
  session.onAutoDisconnection(on('autodisconnection'));
  return told;
}

test('[IT3, IT4, IT7, IT9] tells chatjs of both sides who is idle, who returned, and who was disconnected, by the moved clock', async () => {
  await using scene = await openChat();
  const { api, ContactId, ticket } = scene;
  await configureTimers(scene);
  await using ana = openPage(api).customer(ticket);
  await ana.ready();
  await using eva = openPage(api).agent(await scene.put('AGENT', 'Eva'));
  await eva.ready();
  const both = [silences(ana.session), silences(eva.session)];
  const of = ticket.ParticipantId;
  await scene.wait('2m');
  for (const told of both) await told.until('idle', ({ what }) => what === 'idle');
  await ana.session.sendMessage({ contentType: 'text/plain', message: 'Still here' });
  for (const told of both) await told.until('returned', ({ what }) => what === 'returned');
  await scene.wait('5m');
  for (const { events } of [ana, eva]) await events.until('the end', ({ kind }) => kind === 'ended');
  for (const told of both)
    assert.deepEqual(
      told.all,
      ['idle', 'returned', 'idle', 'autodisconnection'].map((what) => ({ what, of })),
    );
  const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
  assert.equal(Contact?.DisconnectReason, 'IDLE_DISCONNECT');
});

test('[IT3] takes the bot away from a silent customer, whose chatjs goes on with the next bot', async () => {
  await using scene = await openChat();
  const { api, ContactId, ticket } = scene;
  await configureTimers(scene);
  await using ana = openPage(api).customer(ticket);
  await ana.ready();
  const told = silences(ana.session);
  await connection(api, await addBot(api, ContactId, 'First'));
  await scene.wait('5m');
  await told.until('the disconnection', ({ what }) => what === 'autodisconnection');
  await ana.message('the bot left', ({ ContentType }) => ContentType?.endsWith('participant.left') === true);
  const next = await connection(api, await addBot(api, ContactId, 'Next'));
  await say(api, next, 'Hello again');
  await ana.message('the next bot', ({ Content }) => Content === 'Hello again');
  assert.deepEqual(await scene.lines(), ['joined Ana', 'joined First', 'left First', 'joined Next', 'Hello again']);
});

test('[WS4] keeps many chats of one page apart, for customers and for agents', async () => {
  await using scene = await openChat();
  const { api } = scene;
  const [customers, agents] = [openPage(api), openPage(api)];
  await using open = new AsyncDisposableStack();
  const pairs = [];
  for (const name of ['one', 'two', 'three', 'four']) {
    const ticket = await startChat(api);
    const customer = open.use(customers.customer(ticket));
    await customer.ready();
    const { body } = await scene.ask(`POST /contacts/${ticket.ContactId}/participants`, {
      ...{ ParticipantRole: 'AGENT', DisplayName: `Agent ${name}` },
    });
    const { ParticipantId, ParticipantCredentials } = body;
    const { ParticipantToken } = ParticipantCredentials;
    const agent = open.use(agents.agent({ ...ticket, ParticipantId, ParticipantToken }));
    await agent.ready();
    pairs.push({ name, customer, agent });
  }
  const rounds = [1, 2, 3, 4, 5];
  for (const round of rounds)
    await Promise.all(
      pairs.map(async ({ name, customer, agent }) => {
        await customer.session.sendMessage({ contentType: 'text/plain', message: `${name} asks ${round}` });
        await agent.message('the question', ({ Content }) => Content === `${name} asks ${round}`);
        await agent.session.sendMessage({ contentType: 'text/plain', message: `${name} hears ${round}` });
        for (const each of [customer, agent])
          await each.message('the answer', ({ Content }) => Content === `${name} hears ${round}`);
      }),
    );
  for (const { name, customer, agent } of pairs) {
    const said = rounds.flatMap((round) => [`${name} asks ${round}`, `${name} hears ${round}`]);
    assert.deepEqual(inShort(customer.messages()), [`joined Agent ${name}`, ...said]);
    assert.deepEqual(
      inShort(agent.messages()).filter((each) => !each.startsWith('joined')),
      said,
    );
  }
});
