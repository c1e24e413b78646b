-- Connected accounts and the history of their status.

-- name: account_find
SELECT id, user_id, connection_name, scalekit_id, authorization_type, status, token_expires_at,
       updated_at, event_at, learned_at, learned_from, refused_at, refused_status, refused_tool
FROM connected_account
WHERE user_id = ?1 AND connection_name = ?2;

-- name: account_list
SELECT id, user_id, connection_name, scalekit_id, authorization_type, status, token_expires_at,
       updated_at, event_at, learned_at, learned_from, refused_at, refused_status, refused_tool
FROM connected_account
WHERE user_id = ?1
ORDER BY connection_name
LIMIT ?2;

-- name: account_save
-- A refusal stays with the account for as long as it is active without a break.
INSERT INTO connected_account (user_id, connection_name, scalekit_id, authorization_type, status,
                               token_expires_at, updated_at, event_at, learned_at, learned_from)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (user_id, connection_name) DO UPDATE
SET scalekit_id = excluded.scalekit_id, authorization_type = excluded.authorization_type,
    status = excluded.status, token_expires_at = excluded.token_expires_at,
    updated_at = ifnull(excluded.updated_at, updated_at),
    event_at = ifnull(excluded.event_at, event_at),
    learned_at = excluded.learned_at, learned_from = excluded.learned_from,
    refused_at = CASE WHEN status = 'ACTIVE' AND excluded.status = 'ACTIVE'
                           AND scalekit_id IS excluded.scalekit_id THEN refused_at END;

-- name: account_note_refusal
UPDATE connected_account SET refused_at = ?3, refused_status = ?4, refused_tool = ?5
WHERE user_id = ?1 AND connection_name = ?2 AND status = 'ACTIVE';

-- name: account_note_success
-- Who is let in again is not locked out; what is allowed to one tool says nothing about another.
UPDATE connected_account SET refused_at = NULL
WHERE user_id = ?1 AND connection_name = ?2 AND refused_at IS NOT NULL
  AND (refused_status = 401 OR refused_tool IS ?3);

-- name: account_end_refusal
UPDATE connected_account SET refused_at = NULL
WHERE user_id = ?1 AND connection_name = ?2 AND refused_at IS NOT NULL;

-- name: account_delete
DELETE FROM connected_account WHERE user_id = ?1 AND connection_name = ?2;

-- name: account_mark_forgotten
-- Of two for the same place the one that went later stays.
INSERT INTO forgotten_account (user_id, connection_name, scalekit_id, gone_at, learned_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id, connection_name) DO UPDATE
SET scalekit_id = CASE WHEN excluded.gone_at >= gone_at THEN excluded.scalekit_id
                       ELSE scalekit_id END,
    gone_at = max(gone_at, excluded.gone_at), learned_at = max(learned_at, excluded.learned_at);

-- name: account_find_forgotten
SELECT scalekit_id, gone_at, learned_at FROM forgotten_account WHERE user_id = ?1 AND connection_name = ?2;

-- name: account_want_recheck
INSERT INTO account_recheck (user_id, wanted_at) VALUES (?1, ?2)
ON CONFLICT (user_id) DO UPDATE SET wanted_at = excluded.wanted_at;

-- name: account_end_recheck
-- What was asked for before the wish does not fulfil it, unless that is yet to come: the clock was set
-- back since.
DELETE FROM account_recheck WHERE user_id = ?1 AND (wanted_at < ?2 OR wanted_at > ?3);

-- name: account_event_insert
INSERT INTO account_event (user_id, connection_name, scalekit_id, old_status, new_status, source,
                           at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: account_event_delete_older
-- Of the ?2 oldest, what happened up to ?1.
DELETE FROM account_event
WHERE id IN (SELECT id FROM account_event ORDER BY id LIMIT ?2) AND at <= ?1;

-- name: account_event_list
SELECT connection_name, old_status, new_status, source, at
FROM account_event
WHERE user_id = ?1 AND connection_name = ?2
ORDER BY id DESC
LIMIT ?3;
