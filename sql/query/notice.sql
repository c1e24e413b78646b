-- What the operator's own services are to be told. The column order of every SELECT of targets is that
-- of read_target in store/notice.c.

-- name: notice_target_insert
INSERT INTO notice_target (url) VALUES (?1) ON CONFLICT (url) DO NOTHING;

-- name: notice_target_delete
DELETE FROM notice_target WHERE id = ?1;

-- name: notice_target_list
SELECT id, url, attempts, failing_since, next_at, last_error, delivered_at, disabled_at, pending,
       dropped
FROM notice_target
WHERE id > ?1
ORDER BY id
LIMIT ?2;

-- name: notice_next
SELECT id, message_id, identifier, connection_name, scalekit_id, old_status, new_status, at
FROM notice
WHERE target_id = ?1
ORDER BY id
LIMIT 1;

-- name: notice_delete
DELETE FROM notice WHERE id = ?1;

-- name: notice_target_delivered
UPDATE notice_target
SET attempts = 0, failing_since = NULL, next_at = 0, last_error = NULL, delivered_at = ?2
WHERE id = ?1;

-- name: notice_target_failed
-- ?5 1: no more until the operator says so.
UPDATE notice_target
SET attempts = attempts + 1, failing_since = ifnull(failing_since, ?2), next_at = ?3,
    last_error = ?4, disabled_at = CASE WHEN ?5 = 1 THEN ?2 ELSE disabled_at END
WHERE id = ?1;

-- name: notice_target_wake
-- Try again now; what was disabled only if ?2 is 1. Says whether there was anything to do.
UPDATE notice_target
SET next_at = 0, attempts = 0, failing_since = NULL, disabled_at = NULL
WHERE id = ?1 AND (disabled_at IS NULL OR ?2 = 1)
  AND (disabled_at IS NOT NULL OR failing_since IS NOT NULL);

-- name: notice_delete_older
-- Of a target that is not told any more, what happened up to ?1.
DELETE FROM notice
WHERE id IN (SELECT notice.id
             FROM notice_target CROSS JOIN notice ON notice.target_id = notice_target.id
             WHERE notice_target.disabled_at IS NOT NULL AND notice.at <= ?1
             LIMIT ?2);
