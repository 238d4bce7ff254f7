import type { ChatHistory, Notified, Shown, SocketHistory } from '../support/history.ts';
import { ContactFlowId, InstanceId } from '../support/server.ts';
import type { Client } from './client.ts';
import { openPerson, type Person, type PersonParts } from './person.ts';

/** One chat: who comes, what they do, and what they saw of it; of a simulated service or of a real one. */

type Mutable<T> = T extends readonly (infer Each)[] ? Each[] : never;

/** What is written down while it happens. */
export interface Records {
  readonly sent: Mutable<ChatHistory['sent']>;
  readonly typed: Mutable<ChatHistory['typed']>;
  readonly receipts: Mutable<ChatHistory['receipts']>;
  readonly bots: Mutable<ChatHistory['bots']>;
  readonly readings: Mutable<ChatHistory['readings']>;
  readonly ends: Mutable<ChatHistory['ends']>;
  readonly streams: Omit<ChatHistory['streams'][number], 'parcels' | 'streamingIds'>[];
  readonly streamingIds: Map<string, string[]>;
  /** Asked at the end. */
  readonly sockets: (() => SocketHistory)[];
}

export interface ChatParts extends Pick<PersonParts, 'random' | 'scheduler' | 'now' | 'note' | 'dial'> {
  readonly name: string;
  /** A client of the service, by a name that no other has. */
  readonly client: (name: string) => Client;
  /** What came to a topic. */
  readonly parcels: (topic: string) => readonly Notified[];
  /** Nobody is late or silent, which ends a chat only after minutes. */
  readonly isUntimed?: boolean;
}

export interface SimChat {
  /** Resolves when everybody has done what they came for. */
  readonly played: Promise<void>;
  readonly people: readonly Person[];
  /** When something is still to happen that the time alone brings, as far as the clients know. */
  readonly waitMs: number;
  /** Undefined if it never began. */
  history(): Promise<ChatHistory | undefined>;
}

const minute = 60_000;
const silence = { idle: 2 * minute, disconnect: 2 * minute };

export function openChat(parts: ChatParts): SimChat {
  const { scheduler, random, now, name, note, dial } = parts;
  const operator = parts.client(`${name} operator`);
  const records: Records = {
    ...{ sent: [], typed: [], receipts: [], bots: [], readings: [], ends: [], streams: [], sockets: [] },
    streamingIds: new Map(),
  };
  const people: Person[] = [];
  const plot = {
    comes: !random.chance(0.05) || parts.isUntimed === true,
    bot: random.chance(0.7),
    agent: random.chance(0.5),
    streams: random.pick([0, 0, 1, 1, 2]),
    end: random.pick(['stop', 'customer leaves', 'agent leaves', 'silence', 'none'] as const),
  };
  const isSilent = plot.end === 'silence' && plot.agent && plot.comes && !parts.isUntimed;
  let chat = '';
  let startedAt = 0;
  let areTimersSet = false;
  let texts = 0;

  const pause = (ms: number) => scheduler.sleep(ms * random.share());

  function enter(who: string, role: Person['role'], id: string, participantToken: string): Person {
    const own = { scheduler, random: random.fork(who), now, note, dial, records };
    const person = openPerson({ ...own, id, role, participantToken, client: parts.client(`${name} ${who}`) });
    people.push(person);
    return person;
  }

  /** Talks for a while: says something, reads, types, says what it has read. */
  async function talk(person: Person, turns: number): Promise<void> {
    await person.arrived;
    for (let turn = 0; turn < turns && !person.isOver(); turn += 1) {
      await pause(random.pick([5, 300, 3000]));
      const others = person.heard.filter((each) => each.Type === 'MESSAGE' && each.ParticipantId !== person.id);
      const what = random.below(10);
      if (what < 6) await sayMore(person);
      else if (what === 6) await person.type();
      else if (what === 7) await person.read();
      else if (others.length > 0)
        await person.mark(random.pick(['delivered', 'read']), random.pick(others.slice(-4)).Id);
      if (random.chance(0.02)) person.breakLine();
    }
  }

  async function sayMore(person: Person): Promise<void> {
    const count = random.pick([1, 1, 1, 3]);
    const said: Promise<unknown>[] = [];
    for (let index = 0; index < count; index += 1) {
      texts += 1;
      said.push(person.say(`${name} ${texts}`));
    }
    await Promise.all(said);
    if (random.chance(0.3)) await person.type();
  }

  /** Asked on several nodes at once with one token, as by a client that does not wait, or by two programs. */
  async function createBot(who: string): Promise<void> {
    const ClientToken = `${name} ${who}`;
    const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName: who };
    const input = { InstanceId, ContactId: chat, ClientToken, ParticipantDetails };
    const calls = [1, 2].map(async () => {
      const { sentAt, answeredAt, answer } = await operator.call('CreateParticipant', input);
      const participantId: string | undefined = answer?.body?.ParticipantId;
      records.bots.push({ clientToken: ClientToken, sentAt, answeredAt, status: answer?.status, participantId });
      return answer;
    });
    const answers = await Promise.all(calls.slice(0, random.pick([1, 2])));
    const made = answers.find((each) => each?.status === 200);
    if (!made) return;
    await pause(500);
    const bot = enter(who, 'CUSTOM_BOT', made.body.ParticipantId, made.body.ParticipantCredentials.ParticipantToken);
    await talk(bot, 2 + random.below(8));
    if (random.chance(0.4)) await bot.leave();
  }

  async function startStream(count: number): Promise<void> {
    const clientToken = `${name} stream ${count}`;
    const topic = `arn:aws:sns:us-east-1:123456789012:${clientToken.replaceAll(' ', '-')}`;
    const input = {
      ...{ InstanceId, ContactId: chat, ClientToken: clientToken },
      ChatStreamingConfiguration: { StreamingEndpointArn: topic },
    };
    const asked = await Promise.all([1, 2].map(() => operator.call('StartContactStreaming', input)));
    const [first] = asked.filter(({ answer }) => answer?.status === 200);
    const { sentAt, answeredAt, answer } = first ?? asked[0] ?? { sentAt: now() };
    records.streams.push({ topic, clientToken, sentAt, answeredAt, status: answer?.status });
    const ids = asked.flatMap((each) => each.answer?.body?.StreamingId ?? []);
    records.streamingIds.set(topic, ids);
  }

  async function addAgent(): Promise<Person | undefined> {
    if (isSilent) areTimersSet = await setTimers();
    const input = { ContactId: chat, ParticipantRole: 'AGENT', DisplayName: 'Agent' };
    const { answer } = await operator.control('POST', '/participants', input);
    if (answer?.status !== 200) return undefined;
    const { ParticipantId, ParticipantCredentials } = answer.body;
    return enter('agent', 'AGENT', ParticipantId, ParticipantCredentials.ParticipantToken);
  }

  async function setTimers(): Promise<boolean> {
    const timer = (TimerType: string, ms: number) => ({
      ...{ ParticipantRole: 'CUSTOMER', TimerType },
      TimerValue: { ParticipantTimerDurationInMinutes: ms / minute },
    });
    const ParticipantTimerConfigList = [
      timer('IDLE', silence.idle),
      timer('DISCONNECT_NONCUSTOMER', silence.disconnect),
    ];
    const ChannelConfiguration = { Chat: { ParticipantTimerConfigList } };
    const { answer } = await operator.call('UpdateParticipantRoleConfig', {
      ...{ InstanceId, ContactId: chat, ChannelConfiguration },
    });
    return answer?.status === 200;
  }

  async function stop(): Promise<void> {
    const { sentAt, answeredAt, answer } = await operator.call('StopContact', { InstanceId, ContactId: chat });
    records.ends.push({ sentAt, answeredAt, status: answer?.status });
  }

  async function play(): Promise<void> {
    await pause(1000);
    const ParticipantDetails = { DisplayName: 'Customer' };
    const input = { InstanceId, ContactFlowId, ParticipantDetails, ClientToken: `${name} start` };
    const asked = await Promise.all([1, 2].map(() => operator.call('StartChatContact', input)));
    const answers = asked.flatMap(({ answer }) => (answer?.status === 200 ? [answer] : []));
    const [started] = answers;
    if (!started) return;
    if (new Set(answers.map(({ body }) => body.ContactId)).size > 1) throw new Error('one token started two chats');
    chat = started.body.ContactId;
    startedAt = Math.min(...asked.map(({ sentAt }) => sentAt));
    const streams = Array.from({ length: plot.streams }, (_, index) => startStream(index));
    if (!plot.comes) return void (await Promise.all(streams));
    const customer = enter('customer', 'CUSTOMER', started.body.ParticipantId, started.body.ParticipantToken);
    const bots = plot.bot ? random.pick([['bot'], ['bot'], ['bot', 'rival']]) : [];
    const talks = [talk(customer, 6 + random.below(12)), ...bots.map(createBot), ...streams];
    if (plot.agent) {
      await pause(6000);
      const agent = await addAgent();
      if (agent) talks.push(talk(agent, 4 + random.below(10)));
    }
    if (random.chance(0.3)) await pause(10_000);
    else await Promise.all(talks);
    if (plot.end === 'stop') await stop();
    if (plot.end === 'customer leaves') await customer.leave();
    if (plot.end === 'agent leaves') await people.find(({ role }) => role === 'AGENT')?.leave();
    await Promise.all(talks);
  }

  const waitMs = !plot.comes ? 5 * minute : isSilent ? silence.idle + silence.disconnect : 0;

  return {
    ...{ played: play(), people, waitMs },
    async history() {
      if (chat === '') return undefined;
      const log = await readLog();
      const { sockets, streams, streamingIds, ...rest } = records;
      return {
        ...{ chat, startedAt, endedAt: now(), log, ...rest, silence: areTimersSet ? silence : undefined },
        sockets: sockets.map((each) => each()),
        streams: streams.map((each) => ({
          ...{ ...each, streamingIds: streamingIds.get(each.topic) ?? [], parcels: parts.parcels(each.topic) },
        })),
      };
    },
  };

  /** As the control API shows it. */
  async function readLog(): Promise<Shown[]> {
    const { answer } = await operator.control('GET', '/transcript', { ContactId: chat, MaxResults: 1000 });
    if (answer?.status !== 200) throw new Error(`the transcript of ${name} cannot be read: ${answer?.status}`);
    return answer.body.Transcript;
  }
}
