-- Where the operator wants to be told of changes: the settings say which there are.
-- pending and dropped are kept by the triggers.
CREATE TABLE notice_target (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE CHECK (url <> ''),
    attempts INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    next_at INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    delivered_at INTEGER,
    disabled_at INTEGER,
    pending INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a target is still to be told, oldest first. AUTOINCREMENT, so that the order is that of the
-- changes.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target_id INTEGER NOT NULL REFERENCES notice_target ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    message_id TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL,
    connection_name TEXT NOT NULL,
    scalekit_id TEXT,
    old_status TEXT,
    new_status TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_of_target ON notice (target_id, id);
CREATE INDEX notice_user ON notice (user_id);

-- In the same transaction as the change itself, whoever makes it.
CREATE TRIGGER account_event_noticed AFTER INSERT ON account_event
WHEN new.new_status IS NOT new.old_status
    AND ifnull(new.new_status, 'gone') IN ('ACTIVE', 'EXPIRED', 'DISCONNECTED', 'gone')
BEGIN
    INSERT INTO notice (target_id, user_id, message_id, identifier, connection_name, scalekit_id,
                        old_status, new_status, at)
    SELECT notice_target.id, user.id, 'msg_' || lower(hex(randomblob(16))), user.identifier,
           new.connection_name, new.scalekit_id, new.old_status, new.new_status, new.at
    FROM notice_target CROSS JOIN user ON user.id = new.user_id;
END;

CREATE TRIGGER notice_inserted AFTER INSERT ON notice BEGIN
    UPDATE notice_target SET pending = pending + 1 WHERE id = new.target_id;
END;

CREATE TRIGGER notice_deleted AFTER DELETE ON notice BEGIN
    UPDATE notice_target SET pending = pending - 1 WHERE id = old.target_id;
END;

-- A target that nobody listens to does not fill the disk: the oldest gives way.
CREATE TRIGGER notice_overflowed AFTER UPDATE OF pending ON notice_target
WHEN new.pending > 100000
BEGIN
    UPDATE notice_target SET dropped = dropped + 1 WHERE id = new.id;
    DELETE FROM notice WHERE id = (SELECT min(id) FROM notice WHERE target_id = new.id);
END;

PRAGMA user_version = 7;
