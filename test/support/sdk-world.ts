import assert from 'node:assert/strict';
import type { QuotaProfile } from '../../src/domain/quota.ts';
import { parsePolicy } from '../../src/http/policy.ts';
import type { Store } from '../../src/store/store.ts';
import { type Answer, ContactFlowId, InstanceId, testPipeline } from './pipeline.ts';
import { type Outcome, sdk } from './sdk.ts';

/** What the tests that go through the SDK, operation by operation, are about. */

export type World = Awaited<ReturnType<typeof openWorld>>;

const account = '123456789012';

/** Where the clock stands, unless it is moved. */
export const begun = Date.parse('2026-01-31T12:00:00.000Z');
export const instanceArn = `arn:aws:connect:us-east-1:${account}:instance/${InstanceId}`;

/** A chat with its customer connected, in a system of its own that verifies signatures. */
export async function openWorld(quotas: QuotaProfile = { rates: {} }) {
  const owner = { id: 'AKIAOWNER0000000', account, name: 'owner', secret: 'secret', version: '1', policy: undefined };
  const nobody = { ...owner, id: 'AKIANOBODY000000', name: 'nobody', policy: nothingAllowed() };
  let isBroken = false;
  const wrap = (store: Store) =>
    new Proxy(store, {
      get(target, name) {
        if (isBroken) throw new Error('the disk is gone');
        return Reflect.get(target, name);
      },
    });
  const system = await testPipeline({ quotas, wrap, keys: [owner, nobody] });
  let last: Answer | undefined;
  const raw: typeof system.raw = async (...request) => {
    last = await system.raw(...request);
    return last;
  };
  const as = ({ id, secret }: { id: string; secret: string }) =>
    sdk({ raw }, { accessKeyId: id, secretAccessKey: secret });
  const call = as(owner);

  /** The output of a call that must succeed. */
  async function done(name: string, input: object): Promise<Outcome['output']> {
    const { status, error, message, output } = await call(name, input);
    assert.equal(status, 200, `${name}: ${error}: ${message}`);
    return output;
  }

  /** Another chat, whose customer has not connected. */
  async function start(more: object = {}) {
    const ParticipantDetails = { DisplayName: 'Ana' };
    const started = await done('StartChatContact', { InstanceId, ContactFlowId, ParticipantDetails, ...more });
    return started as Readonly<Record<'ContactId' | 'ParticipantId' | 'ParticipantToken', string>>;
  }

  /** Connects a participant; answers its connection token. */
  async function connect(ParticipantToken: string): Promise<string> {
    const Type = ['CONNECTION_CREDENTIALS'];
    const connected = await done('CreateParticipantConnection', { ParticipantToken, Type, ConnectParticipant: true });
    return connected.ConnectionCredentials.ConnectionToken;
  }

  const chat = await start();
  return {
    ...chat,
    ConnectionToken: await connect(chat.ParticipantToken),
    system,
    call,
    /** By who may do nothing. */
    callAsNobody: as(nobody),
    done,
    start,
    connect,
    /** From now on the store fails. */
    break() {
      isBroken = true;
    },
    /** What came over the wire last. */
    lastBody: () => last?.body,
  };
}

function nothingAllowed() {
  const Statement = [{ Effect: 'Allow', Action: 'connect:Nothing', Resource: '*' }];
  const read = parsePolicy({ Version: '2012-10-17', Statement });
  assert.ok(read.ok);
  return read.policy;
}

/** A token, an id or a sentence, of which only that much is known. */
export function text(value: unknown): string {
  assert.ok(typeof value === 'string' && value !== '');
  return value;
}
