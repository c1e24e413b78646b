-- Persons. The column order of every SELECT here is that of read_user in store/user.c.

-- name: user_find
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at, suspended_at
FROM user
WHERE id = ?1;

-- name: user_find_by_identifier
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at, suspended_at
FROM user
WHERE identifier = ?1;

-- name: user_list
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at, suspended_at
FROM user
WHERE id > ?1 AND issuer <> 'forgotten'
ORDER BY id
LIMIT ?2;

-- name: user_list_stale
-- For the sweep: the longest unread first.
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at, suspended_at
FROM user
WHERE (accounts_read_at, id) > (?1, ?2) AND accounts_read_at <= ?3
ORDER BY accounts_read_at, id
LIMIT ?4;

-- name: user_list_recheck
SELECT user.id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at, suspended_at
FROM account_recheck CROSS JOIN user ON user.id = account_recheck.user_id
WHERE account_recheck.user_id > ?1
ORDER BY account_recheck.user_id
LIMIT ?2;

-- name: user_take_trail
-- Somebody known now has the identifier by which a service named them: what was done under it is theirs.
-- Parameters of this and the next three: issuer, subject, identifier.
UPDATE tool_call
SET user_id = (SELECT id FROM user WHERE issuer = ?1 AND subject = ?2)
WHERE user_id = (SELECT id FROM user WHERE identifier = ?3 AND issuer = 'service')
  AND EXISTS (SELECT 1 FROM user WHERE issuer = ?1 AND subject = ?2);

-- name: user_take_suspension
UPDATE user
SET suspended_at = (SELECT suspended_at FROM user WHERE identifier = ?3 AND issuer = 'service')
WHERE issuer = ?1 AND subject = ?2 AND suspended_at IS NULL
  AND EXISTS (SELECT 1 FROM user WHERE identifier = ?3 AND issuer = 'service'
                                   AND suspended_at IS NOT NULL);

-- name: user_retire_named
-- The row that the service made gives way; its accounts are read from Scalekit anew.
DELETE FROM user
WHERE identifier = ?3 AND issuer = 'service'
  AND EXISTS (SELECT 1 FROM user WHERE issuer = ?1 AND subject = ?2);

-- name: user_drop_renamed_accounts
-- Accounts belong to an identifier; those of the old one are not the new one's.
DELETE FROM connected_account
WHERE user_id = (SELECT id FROM user WHERE issuer = ?1 AND subject = ?2 AND identifier <> ?3);

-- name: user_update
-- Who signed in is known already: issuer, subject, identifier, email, name, organization, now.
UPDATE user
SET identifier = ?3, email = ?4, name = ?5, organization = ?6,
    accounts_read_at = CASE WHEN identifier = ?3 THEN accounts_read_at END,
    last_seen_at = max(ifnull(last_seen_at, 0), ?7)
WHERE issuer = ?1 AND subject = ?2
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at, suspended_at;

-- name: user_adopt
-- Who signed in was named by a service before; parameters as user_update.
UPDATE user
SET issuer = ?1, subject = ?2, email = ?4, name = ?5, organization = ?6,
    last_seen_at = max(ifnull(last_seen_at, 0), ?7)
WHERE identifier = ?3 AND issuer = 'service'
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at, suspended_at;

-- name: user_insert
-- Parameters as user_update.
INSERT INTO user (issuer, subject, identifier, email, name, organization, created_at, last_seen_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at, suspended_at;

-- name: user_insert_named
-- Somebody whom a service names and who has never signed in: identifier, now.
INSERT INTO user (issuer, subject, identifier, created_at)
VALUES ('service', ?1, ?1, ?2)
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at, suspended_at;

-- name: user_touch
UPDATE user SET last_seen_at = ?2 WHERE id = ?1 AND ifnull(last_seen_at, 0) < ?2;

-- name: user_move_accounts_read_at
-- Of two readings the one that was asked for later counts, unless that is yet to come: the clock was
-- set back then.
UPDATE user SET accounts_read_at = ?2
WHERE id = ?1 AND (ifnull(accounts_read_at, 0) < ?2 OR accounts_read_at > ?3);

-- name: user_set_accounts_read_at
UPDATE user SET accounts_read_at = ?2 WHERE id = ?1;

-- name: user_suspend
-- ?2 NULL: no longer. Says whether that is another thing than before.
UPDATE user SET suspended_at = ?2 WHERE id = ?1 AND (suspended_at IS NULL) = (?2 IS NOT NULL);

-- name: user_delete_sessions
DELETE FROM session WHERE user_id = ?1;

-- name: user_holdings
-- What is kept about a person, in numbers.
SELECT (SELECT count(*) FROM session WHERE user_id = ?1 AND idle_expires_at > ?2),
       (SELECT count(*) FROM api_token
        WHERE owner_user_id = ?1 AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > ?2)),
       (SELECT count(*) FROM connected_account WHERE user_id = ?1),
       (SELECT count(*) FROM tool_call WHERE user_id = ?1),
       (SELECT count(*) FROM account_event WHERE user_id = ?1);

-- name: user_ensure_nameless
-- The one row to which the trail of forgotten persons belongs; nobody can name its identifier.
INSERT INTO user (issuer, subject, identifier, created_at)
VALUES ('forgotten', '', 'forgotten ' || hex(randomblob(16)), ?1)
ON CONFLICT (issuer, subject) DO NOTHING;

-- name: user_unname_calls
-- Up to ?2 calls of person ?1: what was done stays, what could lead to the person goes. A path behind
-- a method may hold anything.
UPDATE tool_call
SET user_id = (SELECT id FROM user WHERE issuer = 'forgotten' AND subject = ''),
    token_id = (SELECT id FROM api_token WHERE id = token_id AND owner_user_id IS NULL),
    tool_name = substr(tool_name, 1, instr(tool_name || ' ', ' ') - 1),
    execution_id = NULL, agent_run_id = NULL, request_id = NULL
WHERE id IN (SELECT id FROM tool_call WHERE user_id = ?1 LIMIT ?2);

-- name: user_unname_events
UPDATE account_event
SET user_id = (SELECT id FROM user WHERE issuer = 'forgotten' AND subject = ''),
    scalekit_id = NULL
WHERE id IN (SELECT id FROM account_event WHERE user_id = ?1 LIMIT ?2);

-- name: user_delete
-- And with the row all that refers to it.
DELETE FROM user WHERE id = ?1;
