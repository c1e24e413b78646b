-- Persons. The column order of every SELECT here is that of read_user in store/user.c.

-- name: user_find
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at
FROM user
WHERE id = ?1;

-- name: user_find_by_identifier
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at
FROM user
WHERE identifier = ?1;

-- name: user_list
SELECT id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
       accounts_read_at
FROM user
WHERE id > ?1
ORDER BY id
LIMIT ?2;

-- name: user_take_trail
-- Somebody known now has the identifier by which a service named them: what was done under it is theirs.
-- Parameters of this and the next two: issuer, subject, identifier.
UPDATE tool_call
SET user_id = (SELECT id FROM user WHERE issuer = ?1 AND subject = ?2)
WHERE user_id = (SELECT id FROM user WHERE identifier = ?3 AND issuer = 'service')
  AND EXISTS (SELECT 1 FROM user WHERE issuer = ?1 AND subject = ?2);

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
          accounts_read_at;

-- name: user_adopt
-- Who signed in was named by a service before; parameters as user_update.
UPDATE user
SET issuer = ?1, subject = ?2, email = ?4, name = ?5, organization = ?6,
    last_seen_at = max(ifnull(last_seen_at, 0), ?7)
WHERE identifier = ?3 AND issuer = 'service'
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at;

-- name: user_insert
-- Parameters as user_update.
INSERT INTO user (issuer, subject, identifier, email, name, organization, created_at, last_seen_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at;

-- name: user_insert_named
-- Somebody whom a service names and who has never signed in: identifier, now.
INSERT INTO user (issuer, subject, identifier, created_at)
VALUES ('service', ?1, ?1, ?2)
RETURNING id, issuer, subject, identifier, email, name, organization, created_at, last_seen_at,
          accounts_read_at;

-- name: user_touch
UPDATE user SET last_seen_at = ?2 WHERE id = ?1 AND ifnull(last_seen_at, 0) < ?2;

-- name: user_set_accounts_read_at
UPDATE user SET accounts_read_at = ?2 WHERE id = ?1;
