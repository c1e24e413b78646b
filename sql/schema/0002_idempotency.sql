-- Calls that came with an Idempotency-Key, for as long as the key holds. owner: who is held to one
-- quota together, a token's id, or minus the person's for a browser. The key is kept as a SHA-256
-- hash, the request as a keyed one, the answer sealed and bound to the rest of its row.
CREATE TABLE idempotency (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    owner INTEGER NOT NULL CHECK (owner <> 0),
    key_hash BLOB NOT NULL CHECK (length(key_hash) = 32),
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    instance BLOB NOT NULL CHECK (length(instance) = 32),
    state TEXT NOT NULL CHECK (state IN ('started', 'answered', 'unknown', 'not_kept')),
    started_at INTEGER NOT NULL,
    runs_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status INTEGER,
    content_type TEXT,
    sealed_answer TEXT,
    answer_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (user_id, owner, key_hash),
    CHECK ((state = 'answered') = (sealed_answer IS NOT NULL))
) STRICT;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE INDEX idempotency_kept ON idempotency (owner) WHERE state = 'answered';

-- What each owner holds, and under 0 all of them together. Kept by the triggers, so that it is right
-- also when rows go with their person.
CREATE TABLE idempotency_usage (
    owner INTEGER PRIMARY KEY,
    keys INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

CREATE TRIGGER idempotency_inserted AFTER INSERT ON idempotency BEGIN
    INSERT INTO idempotency_usage (owner, keys, bytes)
    VALUES (new.owner, 1, new.answer_bytes), (0, 1, new.answer_bytes)
    ON CONFLICT (owner) DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER idempotency_updated AFTER UPDATE OF answer_bytes ON idempotency BEGIN
    UPDATE idempotency_usage SET bytes = bytes + new.answer_bytes - old.answer_bytes
    WHERE owner IN (new.owner, 0);
END;

CREATE TRIGGER idempotency_deleted AFTER DELETE ON idempotency BEGIN
    UPDATE idempotency_usage SET keys = keys - 1, bytes = bytes - old.answer_bytes
    WHERE owner IN (old.owner, 0);
    DELETE FROM idempotency_usage WHERE owner = old.owner AND keys = 0;
END;

PRAGMA user_version = 2;
