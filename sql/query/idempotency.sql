-- Calls that came with an Idempotency-Key.

-- name: idempotency_find
-- The column order is that of read_row in store/idempotency.c.
SELECT id, user_id, owner, key_hash, request_hash, instance, state, started_at, runs_until,
       expires_at, status, content_type, sealed_answer
FROM idempotency
WHERE user_id = ?1 AND owner = ?2 AND key_hash = ?3;

-- name: idempotency_insert
INSERT INTO idempotency (user_id, owner, key_hash, request_hash, instance, state, started_at,
                         runs_until, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'started', ?6, ?7, ?8)
RETURNING id;

-- name: idempotency_answer
-- Only whoever started a row ends it, and only once; so in the next three.
UPDATE idempotency
SET state = 'answered', status = ?3, content_type = ?4, sealed_answer = ?5, answer_bytes = ?6
WHERE id = ?1 AND instance = ?2 AND state = 'started';

-- name: idempotency_give_up
UPDATE idempotency SET state = ?3 WHERE id = ?1 AND instance = ?2 AND state = 'started';

-- name: idempotency_release
DELETE FROM idempotency WHERE id = ?1 AND instance = ?2 AND state = 'started';

-- name: idempotency_delete_expired
DELETE FROM idempotency
WHERE id IN (SELECT id FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2);

-- name: idempotency_delete
DELETE FROM idempotency WHERE id = ?1;

-- name: idempotency_drop_answers
-- The oldest answers go; that their calls were made stays known.
UPDATE idempotency
SET state = 'not_kept', status = NULL, content_type = NULL, sealed_answer = NULL, answer_bytes = 0
WHERE id IN (SELECT id FROM idempotency
             WHERE owner = ?1 AND state = 'answered'
             ORDER BY id
             LIMIT ?2);

-- name: idempotency_usage
SELECT keys, bytes FROM idempotency_usage WHERE owner = ?1;
