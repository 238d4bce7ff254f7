import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { message } from '../../test/contract/store-fixtures.ts';
import { addAgent } from '../../test/support/agents.ts';
import { addBot, InstanceId, startChat, testPipeline, transcript } from '../../test/support/pipeline.ts';
import { typing } from '../domain/content-type.ts';
import { showingOf } from '../domain/visibility.ts';

const event = (name: string) => typing.replace('typing', name);

describe('transcripts and visibility', () => {
  it('[VI2] leave out what the reader may not see, and lose nothing around it', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const bot = await addBot(at, chat.ContactId);
    const key = (await at.store.chat({ contactId: chat.ContactId }))?.key ?? 0;
    const say = (type: 'MESSAGE' | 'EVENT', content: string, contentType: string) => {
      const append = message(key, bot.ParticipantId, { now: at.time.now });
      return at.store.append({ ...append, item: { ...append.item, type, content, contentType } });
    };
    await say('MESSAGE', 'before', 'text/plain');
    for (let count = 0; count < 5; count += 1) await say('EVENT', 'for Ana', event('authentication.initiated'));
    await say('MESSAGE', 'after', 'text/plain');
    const around = ['participant.joined Ana', 'participant.joined Bot', 'before'];
    assert.deepEqual(await transcript(at, chat.token), [...around, ...Array(5).fill('for Ana'), 'after']);
    assert.deepEqual(await transcript(at, bot.token), [...around, 'after']);
    // Page by page, some of which are short, or empty.
    const pages: string[] = [];
    let NextToken: string | undefined;
    do {
      const { body } = await at.call('GetTranscript', { MaxResults: 2, SortOrder: 'ASCENDING', NextToken }, bot.token);
      pages.unshift(...body.Transcript.map(({ Content }: { Content?: string }) => Content ?? 'joined'));
      NextToken = body.NextToken;
    } while (NextToken !== undefined);
    assert.deepEqual(pages, ['joined', 'joined', 'before', 'after']);
  });

  it('[VI1] hold no event that passes by, whatever happens in a chat', async () => {
    const at = await testPipeline();
    const chat = await startChat(at, {}, false);
    const ParticipantTimerConfigList = ['IDLE', 'DISCONNECT_NONCUSTOMER'].map((TimerType) => ({
      ParticipantRole: 'CUSTOMER',
      TimerType,
      TimerValue: { ParticipantTimerDurationInMinutes: 2 },
    }));
    const ChannelConfiguration = { Chat: { ParticipantTimerConfigList } };
    await at.call('UpdateParticipantRoleConfig', { InstanceId, ContactId: chat.ContactId, ChannelConfiguration });
    await at.call('SendEvent', { ContentType: event('connection.acknowledged') }, chat.token);
    const bot = await addBot(at, chat.ContactId);
    const said = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'Hello' }, chat.token);
    const Content = JSON.stringify({ messageId: said.body.Id });
    for (const name of ['typing', 'message.delivered', 'message.read']) {
      assert.equal((await at.call('SendEvent', { ContentType: event(name), Content }, bot.token)).status, 200);
    }
    await at.wait(5 * 60_000);
    const agent = await addAgent(at, chat.ContactId);
    await at.call('DisconnectParticipant', {}, agent.token);
    const passed = at.news.flatMap((news) => (news.kind === 'event' ? news.contentType : []));
    assert.deepEqual(passed, ['typing', 'participant.idle', 'participant.autodisconnection'].map(event));
    for (const contentType of passed) assert.equal(showingOf({ type: 'EVENT', contentType }).isStored, false);
    const key = (await at.store.chat({ contactId: chat.ContactId }))?.key ?? 0;
    const items = await at.store.items(key, { newestFirst: false, limit: 100 });
    assert.ok(items.length > 6);
    for (const item of items) assert.equal(showingOf(item).isStored, true, item.contentType);
  });
});
