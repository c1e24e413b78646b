-- Connected accounts and the history of their status.

-- name: account_find
SELECT id, user_id, connection_name, scalekit_id, authorization_type, status, token_expires_at,
       updated_at, learned_at, learned_from
FROM connected_account
WHERE user_id = ?1 AND connection_name = ?2;

-- name: account_list
SELECT id, user_id, connection_name, scalekit_id, authorization_type, status, token_expires_at,
       updated_at, learned_at, learned_from
FROM connected_account
WHERE user_id = ?1
ORDER BY connection_name
LIMIT ?2;

-- name: account_save
INSERT INTO connected_account (user_id, connection_name, scalekit_id, authorization_type, status,
                               token_expires_at, updated_at, learned_at, learned_from)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (user_id, connection_name) DO UPDATE
SET scalekit_id = excluded.scalekit_id, authorization_type = excluded.authorization_type,
    status = excluded.status, token_expires_at = excluded.token_expires_at,
    updated_at = ifnull(excluded.updated_at, updated_at),
    learned_at = excluded.learned_at, learned_from = excluded.learned_from;

-- name: account_delete
DELETE FROM connected_account WHERE user_id = ?1 AND connection_name = ?2;

-- name: account_event_insert
INSERT INTO account_event (user_id, connection_name, scalekit_id, old_status, new_status, source,
                           at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: account_event_last
-- The newest event of one account, for telling late news of a forgotten account.
SELECT scalekit_id, new_status, at
FROM account_event
WHERE user_id = ?1 AND connection_name = ?2
ORDER BY id DESC
LIMIT 1;

-- name: account_event_list
SELECT connection_name, old_status, new_status, source, at
FROM account_event
WHERE user_id = ?1 AND connection_name = ?2
ORDER BY id DESC
LIMIT ?3;
