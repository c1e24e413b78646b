-- The catalogue of connections.

-- name: connection_mark_gone
-- Before a complete reading is saved row by row; what it holds comes back by connection_save.
UPDATE connection SET gone_at = ?1 WHERE gone_at IS NULL;

-- name: connection_save
INSERT INTO connection (name, provider, type, display_name, enabled, position, read_at, gone_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)
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

-- name: catalogue_read_at
SELECT read_at FROM catalogue WHERE id = 1;

-- name: catalogue_set_read_at
INSERT INTO catalogue (id, read_at) VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET read_at = excluded.read_at;
