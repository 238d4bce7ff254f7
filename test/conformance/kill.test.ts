import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { startProcess, type TestProcess } from '../support/process.ts';
import { addBot, apiAt, connection, startChat, transcript } from '../support/server.ts';

/** Random and always the same; `PROPERTY_SEED` in the environment walks another way. */
function openDice(seed = Number(process.env.PROPERTY_SEED ?? 1)): (from: number, to: number) => number {
  let state = seed;
  return (from, to) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from + (state % (to - from + 1));
  };
}

interface Message {
  readonly content: string;
  readonly clientToken: string;
  /** What was acknowledged, if anything came. */
  ack?: { readonly Id: string; readonly AbsoluteTime: string } | undefined;
}

/** A client that sends one message after another on one connection, and what became of them. */
interface Sender {
  readonly name: string;
  readonly chat: string;
  readonly token: string;
  readonly agent: Agent;
  readonly sent: Message[];
}

/** Sends it; undefined if the connection broke before the answer. */
function send(port: number, { agent, token }: Sender, { content, clientToken }: Message): Promise<Message['ack']> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        port,
        agent,
        method: 'POST',
        path: '/participant/message',
        headers: { 'content-type': 'application/json', 'x-amz-bearer': token },
      },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('error', () => resolve(undefined));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(body));
          else reject(new Error(`answered ${response.statusCode} ${body}`));
        });
      },
    );
    call.on('error', () => resolve(undefined));
    call.end(JSON.stringify({ ContentType: 'text/plain', Content: content, ClientToken: clientToken }));
  });
}

/** All send at once until the server is killed, which is when `acknowledgements` have come in all. */
async function flood(server: TestProcess, senders: readonly Sender[], round: number, acknowledgements: number) {
  let left = acknowledgements;
  let killed: Promise<void> | undefined;
  await Promise.all(
    senders.map(async (sender) => {
      for (let number = 1; ; number += 1) {
        const content = `${sender.name} ${round}.${number}`;
        const message: Message = { content, clientToken: `token of ${content}` };
        sender.sent.push(message);
        message.ack = await send(server.port, sender, message);
        if (!message.ack) return;
        left -= 1;
        if (left <= 0) killed ??= server.kill();
      }
    }),
  );
  await killed;
}

test('[DU3] has every acknowledged message once and in order after kill -9 under load, and every other once it is sent again', async () => {
  await using server = await startProcess();
  const dice = openDice();
  const api = apiAt(server.endpoint);
  const senders: Sender[] = [];
  for (const name of ['first', 'second', 'third']) {
    const ticket = await startChat(api);
    for (const who of [ticket, await addBot(api, ticket.ContactId)]) {
      const { token } = await connection(api, who, ['CONNECTION_CREDENTIALS']);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      senders.push({ name: `${name}/${who.ParticipantId}`, chat: ticket.ContactId, token, agent, sent: [] });
    }
  }
  for (const round of [1, 2, 3]) {
    await flood(server, senders, round, dice(30, 200));
    await server.restart();
    const lost = senders.flatMap(({ sent }) => sent.filter(({ ack }) => !ack));
    assert.ok(lost.length > 0, 'the kill came while messages were on their way');
    for (const sender of senders) {
      // Those that were not acknowledged, and the last one that was: it answers the same again.
      for (const message of sender.sent.slice(-2)) {
        const ack = await send(server.port, sender, message);
        assert.ok(ack);
        message.ack ??= ack;
        assert.deepEqual([ack.Id, ack.AbsoluteTime], [message.ack.Id, message.ack.AbsoluteTime]);
      }
    }
    for (const chat of new Set(senders.map((each) => each.chat))) await check(senders, chat);
  }
  for (const { agent } of senders) agent.destroy();
  api[Symbol.dispose]();

  /** Holds what the senders of a chat know against its transcript. */
  async function check(all: readonly Sender[], chat: string) {
    const own = all.filter((sender) => sender.chat === chat);
    const items = (await transcript(api, own[0] as Sender)).filter(({ Type }) => Type === 'MESSAGE');
    const acknowledged = own
      .flatMap(({ sent }) => sent)
      .map(({ content, ack }) => ({ Id: ack?.Id, AbsoluteTime: ack?.AbsoluteTime, Content: content }))
      .sort((one, other) => ((one.AbsoluteTime ?? '') < (other.AbsoluteTime ?? '') ? -1 : 1));
    assert.deepEqual(
      items.map(({ Id, AbsoluteTime, Content }) => ({ Id, AbsoluteTime, Content })),
      acknowledged,
    );
    for (const { name, sent } of own) {
      const inTranscript = items.filter(({ Content }) => Content?.startsWith(`${name} `));
      assert.deepEqual(
        inTranscript.map(({ Content }) => Content),
        sent.map(({ content }) => content),
      );
    }
  }
});
