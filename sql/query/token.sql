-- API tokens. The column order of every SELECT here is that of read_token in store/token.c.

-- name: token_insert
INSERT INTO api_token (hash, public_id, prefix, label, kind, owner_user_id, scopes, connections,
                       tools, identifiers, created_at, expires_at, calls_per_minute)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
RETURNING id;

-- name: token_count_live
SELECT count(*)
FROM api_token
WHERE owner_user_id = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2);

-- name: token_delete_dead_beyond
-- Keep the newest ?3 of person ?1's tokens that are revoked or expired at ?2.
DELETE FROM api_token
WHERE id IN (SELECT id FROM api_token
             WHERE owner_user_id = ?1 AND (revoked_at IS NOT NULL OR expires_at <= ?2)
             ORDER BY id DESC
             LIMIT -1 OFFSET ?3);

-- name: token_find_by_hash
-- The token and, for a personal one, its owner; the owner's columns as in user.sql.
SELECT t.id, t.public_id, t.prefix, t.label, t.kind, t.owner_user_id, t.scopes, t.connections,
       t.tools, t.identifiers, t.created_at, t.expires_at, t.last_used_at, t.revoked_at,
       t.calls_per_minute,
       u.id, u.issuer, u.subject, u.identifier, u.email, u.name, u.organization, u.created_at,
       u.last_seen_at, u.accounts_read_at, u.suspended_at
FROM api_token AS t
LEFT JOIN user AS u ON u.id = t.owner_user_id
WHERE t.hash = ?1;

-- name: token_find_by_public_id
SELECT id, public_id, prefix, label, kind, owner_user_id, scopes, connections, tools, identifiers,
       created_at, expires_at, last_used_at, revoked_at, calls_per_minute
FROM api_token
WHERE public_id = ?1;

-- name: token_list
SELECT id, public_id, prefix, label, kind, owner_user_id, scopes, connections, tools, identifiers,
       created_at, expires_at, last_used_at, revoked_at, calls_per_minute
FROM api_token
WHERE id > ?1
ORDER BY id
LIMIT ?2;

-- name: token_list_by_user
SELECT id, public_id, prefix, label, kind, owner_user_id, scopes, connections, tools, identifiers,
       created_at, expires_at, last_used_at, revoked_at, calls_per_minute
FROM api_token
WHERE owner_user_id = ?1
ORDER BY id DESC
LIMIT ?2;

-- name: token_revoke
-- ?2 NULL: whoever's it is.
UPDATE api_token
SET revoked_at = ifnull(revoked_at, ?3)
WHERE public_id = ?1 AND (?2 IS NULL OR owner_user_id = ?2)
RETURNING id;

-- name: token_touch
UPDATE api_token SET last_used_at = ?2 WHERE id = ?1 AND ifnull(last_used_at, 0) < ?2;
