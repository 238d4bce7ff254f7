/**
 * The distributed store's schema, one entry a version, applied in order and never changed once released. It holds what
 * the embedded one holds, in the same columns: the statements of plan.ts and lanes.ts are for both.
 *
 * Texts are compared byte by byte, as SQLite does, whatever the database's own order is. A chat's row has room in its
 * page, and no index on what an append changes, so that an append leaves the indexes alone.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE chat (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    ended bigint NOT NULL,
    connected text COLLATE "C" NOT NULL,
    idle text COLLATE "C" NOT NULL,
    streamed bigint NOT NULL,
    last bigint NOT NULL,
    last_time bigint NOT NULL,
    revision bigint NOT NULL,
    due bigint,
    lease text,
    leased_until timestamptz,
    leased_revision bigint
  ) WITH (fillfactor = 50);
  CREATE INDEX chat_by_due ON chat (due, key) WHERE due IS NOT NULL;
  CREATE TABLE chat_detail (chat bigint PRIMARY KEY, document text NOT NULL);
  CREATE TABLE contact (
    id text COLLATE "C" PRIMARY KEY,
    chat bigint NOT NULL,
    instance text COLLATE "C" NOT NULL,
    association text COLLATE "C" NOT NULL,
    initiated_at bigint NOT NULL,
    ended_at bigint
  );
  CREATE INDEX contact_by_initiation ON contact (instance, initiated_at, id);
  CREATE INDEX contact_by_end ON contact (instance, ended_at, id) WHERE ended_at IS NOT NULL;
  CREATE INDEX contact_open ON contact (instance) WHERE ended_at IS NULL;
  CREATE INDEX contact_by_association ON contact (association, initiated_at, id);
  CREATE INDEX contact_by_chat ON contact (chat);
  CREATE TABLE contact_term (
    instance text COLLATE "C" NOT NULL,
    term bytea NOT NULL,
    initiated_at bigint NOT NULL,
    contact text COLLATE "C" NOT NULL,
    ended_at bigint,
    PRIMARY KEY (instance, term, initiated_at, contact)
  );
  CREATE INDEX contact_term_by_end ON contact_term (instance, term, ended_at, contact) WHERE ended_at IS NOT NULL;
  CREATE INDEX contact_term_by_contact ON contact_term (contact);
  CREATE TABLE item (
    chat bigint NOT NULL,
    time bigint NOT NULL,
    number bigint NOT NULL,
    tail bytea NOT NULL,
    type bigint NOT NULL,
    content_type text,
    content text,
    participant text,
    extra text,
    PRIMARY KEY (chat, time)
  );
  CREATE TABLE message_token (
    chat bigint NOT NULL,
    key bytea NOT NULL,
    request bytea NOT NULL,
    number bigint NOT NULL,
    time bigint NOT NULL,
    tail bytea NOT NULL,
    PRIMARY KEY (chat, key)
  );
  CREATE TABLE token (key bytea PRIMARY KEY, request bytea NOT NULL, answer text NOT NULL, expires_at bigint NOT NULL);
  CREATE INDEX token_by_expiry ON token (expires_at);
  CREATE TABLE mark (
    chat bigint NOT NULL,
    reader text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    time bigint NOT NULL,
    PRIMARY KEY (chat, reader, kind, number)
  );
  CREATE TABLE resource (
    kind text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    revision bigint NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (kind, instance, id)
  );
  CREATE TABLE lane (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    time bigint NOT NULL,
    until bigint,
    due bigint,
    since bigint NOT NULL,
    attempts bigint NOT NULL,
    rejections bigint NOT NULL,
    parked bigint NOT NULL,
    error text COLLATE "C",
    fence bigint NOT NULL,
    lease text,
    leased_until timestamptz,
    leased_fence bigint,
    UNIQUE (chat, id)
  ) WITH (fillfactor = 70);
  CREATE INDEX lane_by_due ON lane (destination, due, key) WHERE due IS NOT NULL;
  CREATE INDEX lane_parked ON lane (destination, key) WHERE parked = 1;
  CREATE TABLE notice (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane bigint NOT NULL,
    after bigint NOT NULL,
    parcel text NOT NULL
  );
  CREATE INDEX notice_by_lane ON notice (lane, key);
  CREATE TABLE node (id text PRIMARY KEY, until timestamptz NOT NULL);
  CREATE TABLE dead_letter (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chat bigint NOT NULL,
    lane text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    parcel text NOT NULL,
    error text NOT NULL,
    attempts bigint NOT NULL,
    died_at bigint NOT NULL
  );
  CREATE INDEX dead_letter_by_destination ON dead_letter (destination, key);
  CREATE INDEX dead_letter_by_death ON dead_letter (died_at);
  CREATE INDEX dead_letter_by_chat ON dead_letter (chat);

  -- Fails the transaction of a statement that did not change as many rows as it must.
  CREATE FUNCTION expect_rows(changed bigint, expected bigint) RETURNS bigint LANGUAGE plpgsql AS $$
  BEGIN
    IF changed <> expected THEN RAISE EXCEPTION 'changed % rows, not %', changed, expected USING ERRCODE = 'TE001'; END IF;
    RETURN changed;
  END $$;

  -- A batch of appends, one of each array's elements each. All chats are locked first, in the order of their keys, so
  -- that two batches never wait for each other in a circle, and each statement after that sees what was committed by
  -- then. What an append expects is its first write: one that is refused has written nothing.
  -- The plans are kept, and must not be those that are best while the tables are empty: these would read them whole.
  CREATE FUNCTION append_items(
    chats bigint[], authors text[], nows bigint[], keys bytea[], requests bytea[], tails bytea[], types bigint[],
    content_types text[], contents text[], participants text[], extras text[]
  ) RETURNS TABLE (verdict text, number bigint, "time" bigint, tail bytea, revision bigint, streamed bigint, was_idle boolean)
  LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
  #variable_conflict use_column
  DECLARE
    head record;
    used record;
  BEGIN
    PERFORM 1 FROM chat WHERE chat.key = ANY (chats) ORDER BY chat.key FOR NO KEY UPDATE;
    FOR n IN 1 .. cardinality(chats) LOOP
      UPDATE chat SET last = last + 1, last_time = greatest(nows[n], last_time + 1)
      WHERE key = chats[n] AND ended = 0 AND strpos(connected, authors[n]) > 0
        AND NOT EXISTS (SELECT 1 FROM message_token t WHERE t.chat = chats[n] AND t.key = keys[n])
      RETURNING chat.last, chat.last_time, chat.revision, chat.streamed, strpos(chat.idle, authors[n]) > 0 AS was_idle
      INTO head;
      IF FOUND THEN
        INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
        VALUES (chats[n], head.last_time, head.last, tails[n], types[n], content_types[n], contents[n],
                participants[n], extras[n]);
        INSERT INTO message_token (chat, key, request, number, time, tail)
        VALUES (chats[n], keys[n], requests[n], head.last, head.last_time, tails[n]);
        IF head.streamed = 1 THEN
          UPDATE lane SET since = CASE WHEN due IS NULL THEN nows[n] ELSE since END, due = coalesce(due, nows[n])
          WHERE lane.chat = chats[n] AND kind = 'stream' AND until IS NULL AND parked = 0;
        END IF;
        RETURN QUERY SELECT 'done', head.last, head.last_time, tails[n], head.revision, head.streamed, head.was_idle;
      ELSE
        -- A used token comes first: a repeat is answered even after the end.
        SELECT chat.ended, chat.revision, chat.streamed, strpos(chat.idle, authors[n]) > 0 AS was_idle
        INTO head FROM chat WHERE chat.key = chats[n];
        IF NOT FOUND THEN
          RETURN QUERY SELECT 'no-chat', 0::bigint, 0::bigint, ''::bytea, 0::bigint, 0::bigint, false;
          CONTINUE;
        END IF;
        SELECT t.request, t.number, t.time, t.tail INTO used
        FROM message_token t WHERE t.chat = chats[n] AND t.key = keys[n];
        IF NOT FOUND THEN
          RETURN QUERY SELECT CASE head.ended WHEN 0 THEN 'not-connected' ELSE 'ended' END,
            0::bigint, 0::bigint, ''::bytea, 0::bigint, 0::bigint, false;
        ELSIF used.request <> requests[n] THEN
          RETURN QUERY SELECT 'token-conflict', 0::bigint, 0::bigint, ''::bytea, 0::bigint, 0::bigint, false;
        ELSE
          RETURN QUERY SELECT 'again', used.number, used.time, used.tail, head.revision, head.streamed, head.was_idle;
        END IF;
      END IF;
    END LOOP;
  END $$;
  `,
];
