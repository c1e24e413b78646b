-- The catalogue of connections.

-- name: connection_note_offered
-- Before anything is changed by a reading, for connection_record_changes after it.
UPDATE connection SET was_offered = NOT was_offered
WHERE was_offered <> (enabled = 1 AND gone_at IS NULL);

-- name: connection_record_changes
-- One event for each account on a connection that is offered no more, or again.
INSERT INTO account_event (user_id, connection_name, scalekit_id, old_status, new_status, source,
                           at)
SELECT user_id, connection_name, scalekit_id,
       CASE WHEN was_offered THEN status ELSE ?2 END,
       CASE WHEN was_offered THEN ?2 ELSE status END, ?3, ?1
FROM connection CROSS JOIN connected_account ON connection_name = connection.name
WHERE was_offered <> (enabled = 1 AND gone_at IS NULL);

-- name: connection_mark_gone
-- Before a complete reading is saved row by row; what it holds comes back by connection_save.
UPDATE connection SET gone_at = ?1 WHERE gone_at IS NULL;

-- name: connection_save
-- A new one is no change for whoever has an account there: they were never told otherwise.
INSERT INTO connection (name, provider, type, display_name, enabled, position, read_at, gone_at,
                        was_offered)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?5)
ON CONFLICT (name) DO UPDATE
SET provider = excluded.provider, type = excluded.type, display_name = excluded.display_name,
    enabled = excluded.enabled, position = excluded.position, read_at = excluded.read_at,
    gone_at = NULL;

-- name: connection_list
SELECT name, provider, type, display_name, enabled, position, read_at
FROM connection
WHERE gone_at IS NULL AND enabled = 1
ORDER BY position, name
LIMIT ?1;

-- name: connection_find
SELECT name, provider, type, display_name, enabled, position, read_at
FROM connection
WHERE name = ?1 AND gone_at IS NULL;

-- name: connection_find_former
SELECT name, provider, type, display_name, enabled AND gone_at IS NULL, position, read_at
FROM connection
WHERE name = ?1;

-- name: catalogue_read_at
SELECT read_at FROM catalogue WHERE id = 1;

-- name: catalogue_set_read_at
INSERT INTO catalogue (id, read_at) VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET read_at = excluded.read_at;
