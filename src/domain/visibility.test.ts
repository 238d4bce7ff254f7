import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as contentTypes from './content-type.ts';
import { roles } from './participant.ts';
import { maySee, showingOf } from './visibility.ts';

const prefix = 'application/vnd.amazonaws.connect.event.';
const event = (name: string) => showingOf({ type: 'EVENT', contentType: prefix + name });

/** All events that clients know. */
const names = [
  'authentication.cancelled',
  'authentication.expired',
  'authentication.failed',
  'authentication.initiated',
  'authentication.succeeded',
  'authentication.timeout',
  'chat.ended',
  'chat.rehydrated',
  'connection.acknowledged',
  'message.delivered',
  'message.metadata',
  'message.read',
  'participant.active',
  'participant.autodisconnection',
  'participant.displayname.updated',
  'participant.idle',
  'participant.inactive',
  'participant.invited',
  'participant.joined',
  'participant.left',
  'participant.returned',
  'transfer.failed',
  'transfer.succeeded',
  'typing',
  'workflow.cancelled',
];

describe('visibility', () => {
  it('[VI1] stores exactly the events that Amazon names for the transcript of an ended chat', () => {
    assert.deepEqual(
      names.filter((name) => event(name).isStored),
      [
        'chat.ended',
        'participant.invited',
        'participant.joined',
        'participant.left',
        'transfer.failed',
        'transfer.succeeded',
      ],
    );
  });

  it('[VI1] streams what Amazon streams, idleness included', () => {
    for (const name of [
      'typing',
      'participant.joined',
      'participant.left',
      'participant.idle',
      'participant.returned',
      'participant.autodisconnection',
      'transfer.succeeded',
      'transfer.failed',
      'chat.ended',
    ]) {
      assert.equal(event(name).isStreamed, true, name);
    }
    for (const name of ['message.read', 'message.metadata', 'connection.acknowledged', 'authentication.initiated']) {
      assert.equal(event(name).isStreamed, false, name);
    }
  });

  it('[VI1] has a row for every event that the code knows', () => {
    const known: unknown[] = Object.values(contentTypes);
    for (const each of known) {
      if (typeof each !== 'string' || !each.startsWith(prefix)) continue;
      assert.ok(names.includes(each.slice(prefix.length)), each);
    }
  });

  it('[VI2] shows all but the authentication of customers, and what is never shown as it is, to everybody', () => {
    const seenBy = (name: string) => roles.filter((role) => maySee(role, event(name)));
    const unseen = ['connection.acknowledged', 'message.delivered', 'message.read'];
    for (const name of names) {
      const expected = unseen.includes(name) ? [] : name.startsWith('authentication.') ? ['CUSTOMER'] : [...roles];
      assert.deepEqual(seenBy(name), expected, name);
    }
    const agentsOnly = { visibleTo: 'AGENT' } as const;
    assert.deepEqual(
      roles.filter((role) => maySee(role, agentsOnly)),
      ['AGENT', 'SYSTEM', 'CUSTOM_BOT', 'SUPERVISOR'],
    );
  });

  it('[VI3] has messages and attachments for everybody, stored and streamed, whatever they call themselves', () => {
    for (const item of [
      { type: 'MESSAGE', contentType: 'text/plain' },
      { type: 'MESSAGE', contentType: contentTypes.interactive },
      { type: 'MESSAGE', contentType: `${prefix}typing` },
      { type: 'ATTACHMENT', contentType: undefined },
      { type: 'EVENT', contentType: 'application/vnd.something.new' },
    ] as const) {
      assert.deepEqual(showingOf(item), { visibleTo: 'ALL', isStored: true, isStreamed: true });
    }
  });
});
