import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreatePersistentContactAssociationCommand,
  DescribeContactCommand,
  type PersistentChat,
  StartChatContactCommand,
} from '@aws-sdk/client-connect';
import { type Item, SendEventCommand } from '@aws-sdk/client-connectparticipant';
import { read, rehydrated } from '../../src/domain/content-type.ts';
import { type ChatjsItem, type ChatjsSession, openPage } from '../support/chatjs.ts';
import { type Journal, openJournal } from '../support/journal.ts';
import {
  type Api,
  addBot,
  ContactFlowId,
  connection,
  InstanceId,
  inShort,
  say,
  startChat,
  type Ticket,
  testServer,
  transcript,
} from '../support/server.ts';
import { listen } from '../support/socket.ts';

/** A chat of Ana by chatjs and a bot, of one message each, that Ana has left; answers its id and items but for the end. */
async function pastChat(api: Api, name: string, PersistentChat?: PersistentChat) {
  const started = await continued(api, PersistentChat, name);
  const page = openPage(api);
  await using ana = page.customer(started);
  await ana.ready();
  const bot = await connection(api, await addBot(api, started.ContactId, `Bot of ${name}`));
  await ana.session.sendMessage({ contentType: 'text/plain', message: `Ana in ${name}` });
  const { Id } = await say(api, bot, `bot in ${name}`);
  await ana.message('the answer', (item) => item.Id === Id);
  const own = (await transcript(api, bot)).find(({ Content }) => Content === `Ana in ${name}`);
  await api.participant.send(
    new SendEventCommand({
      ConnectionToken: bot.token,
      ContentType: read,
      Content: JSON.stringify({ messageId: own?.Id }),
    }),
  );
  const items = await transcript(api, bot);
  await ana.session.disconnectParticipant();
  await ana.events.until('the end', ({ kind }) => kind === 'ended');
  return { ContactId: started.ContactId, items };
}

type Started = Ticket & { readonly ContinuedFromContactId?: string };

async function continued({ connect }: Api, PersistentChat?: PersistentChat, name = 'Ana'): Promise<Started> {
  const command = new StartChatContactCommand({
    InstanceId,
    ContactFlowId,
    ParticipantDetails: { DisplayName: `Ana of ${name}` },
    PersistentChat,
  });
  return (await connect.send(command)) as Started;
}

/** What chatjs reports of a past that can be read. */
function pastEvents({ session }: ChatjsSession): Journal<ChatjsItem> {
  const events = openJournal<ChatjsItem>();
  session.onChatRehydrated(({ data }: { data: ChatjsItem }) => events.add(data));
  return events;
}

/** Every page that chatjs gets, as it asks for them. */
async function pagesOf({ session }: ChatjsSession): Promise<Item[][]> {
  const pages: Item[][] = [];
  let nextToken: string | undefined;
  do {
    const { data } = await session.getTranscript({ nextToken, maxResults: 5 });
    pages.push(data.Transcript);
    nextToken = data.NextToken;
  } while (nextToken);
  return pages;
}

test('[PC1, PC8, PC10, PC11, PC14] lets chatjs go on where chats before ended, and read them page after page', async () => {
  await using server = await testServer();
  const { api } = server;
  const first = await pastChat(api, 'May');
  const second = await pastChat(api, 'June', {
    RehydrationType: 'ENTIRE_PAST_SESSION',
    SourceContactId: first.ContactId,
  });
  const ticket = await continued(api, { RehydrationType: 'FROM_SEGMENT', SourceContactId: second.ContactId }, 'July');
  assert.equal(ticket.ContinuedFromContactId, second.ContactId);

  await using ana = openPage(api).customer(ticket);
  const events = pastEvents(ana);
  await ana.ready();
  const event = await events.until('chat.rehydrated', () => true);
  assert.deepEqual(
    [event.Type, event.ContentType, event.InitialContactId, event.ContactId],
    ['EVENT', rehydrated, ticket.ContactId, ticket.ContactId],
  );

  const [own = [], ...past] = await pagesOf(ana);
  assert.deepEqual(inShort(own), ['joined Ana of July']);
  const old = past.toReversed().flat();
  const months = (name: string) => [
    `joined Ana of ${name}`,
    `joined Bot of ${name}`,
    `Ana in ${name}`,
    `bot in ${name}`,
    `left Ana of ${name}`,
    'chat.ended',
  ];
  assert.deepEqual(inShort(old), [...months('May'), ...months('June')]);
  const shown = [...first.items, ...second.items].map(({ ContactId, ...item }) => ({
    ...item,
    RelatedContactId: ContactId,
  }));
  assert.deepEqual(
    old.filter(({ Id }) => shown.some((item) => item.Id === Id)),
    shown,
  );
  assert.equal(shown[2]?.MessageMetadata?.Receipts?.length, 1);

  await ana.session.sendMessage({ contentType: 'text/plain', message: 'as I said' });
  const [now = []] = await pagesOf(ana);
  assert.deepEqual(inShort(now), ['joined Ana of July', 'as I said']);
  assert.equal(events.all.length, 1);
});

test('[PC1, PC7, PC10, PC14] tells open sessions and sockets that a running chat now continues another', async () => {
  await using server = await testServer();
  const { api } = server;
  const { ContactId: SourceContactId } = await pastChat(api, 'May');
  const ticket = await startChat(api);
  await using ana = openPage(api).customer(ticket);
  const events = pastEvents(ana);
  await ana.ready();
  const bot = await connection(api, await addBot(api, ticket.ContactId));
  using socket = await listen(bot.url);
  assert.equal((await pagesOf(ana)).length, 1);

  const { ContinuedFromContactId } = await api.connect.send(
    new CreatePersistentContactAssociationCommand({
      InstanceId,
      InitialContactId: ticket.ContactId,
      RehydrationType: 'ENTIRE_PAST_SESSION',
      SourceContactId,
    }),
  );
  assert.equal(ContinuedFromContactId, SourceContactId);
  const event = await events.until('chat.rehydrated', () => true);
  const others = await socket.item('chat.rehydrated', ({ ContentType }) => ContentType === rehydrated);
  assert.equal(others.Id, event.Id);

  const [own = [], ...past] = await pagesOf(ana);
  assert.deepEqual(inShort(own), ['joined Ana', 'joined Bot']);
  assert.equal(past.flat().length, 6);
  assert.ok(past.flat().every((item) => item.RelatedContactId === SourceContactId && !('ContactId' in item)));
  assert.ok(![...own, ...past.flat()].some(({ ContentType }) => ContentType === rehydrated));
  const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId: ticket.ContactId }));
  assert.deepEqual([Contact?.RelatedContactId, Contact?.ContactAssociationId], [SourceContactId, SourceContactId]);
});

test('[PC14] tells each page of one customer, by the same Id', async () => {
  await using server = await testServer();
  const { api } = server;
  const { ContactId: SourceContactId } = await pastChat(api, 'May');
  const ticket = await continued(api, { RehydrationType: 'FROM_SEGMENT', SourceContactId });
  await using early = openPage(api).customer(ticket);
  await using late = openPage(api).customer(ticket);
  const ids: string[] = [];
  for (const each of [early, late]) {
    const events = pastEvents(each);
    await each.ready();
    ids.push((await events.until('chat.rehydrated', () => true)).Id);
  }
  assert.equal(ids[0], ids[1]);
});
