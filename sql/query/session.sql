-- Signed-in browsers.

-- name: session_insert
INSERT INTO session (hash, user_id, created_at, last_seen_at, idle_expires_at, expires_at,
                     user_agent, sealed_id_token, provider_session)
VALUES (?1, ?2, ?3, ?4, min(?5, ?6), ?6, ?7, ?8, ?9)
RETURNING id;

-- name: session_delete_beyond
-- Keep the newest ?2 sessions of person ?1.
DELETE FROM session
WHERE id IN (SELECT id FROM session WHERE user_id = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2);

-- name: session_find_by_hash
-- The live session and its person, in one go; the person's columns as in user.sql.
SELECT s.id, s.hash, s.user_id, s.created_at, s.last_seen_at, s.idle_expires_at, s.expires_at,
       s.user_agent, s.sealed_id_token,
       u.id, u.issuer, u.subject, u.identifier, u.email, u.name, u.organization, u.created_at,
       u.last_seen_at, u.accounts_read_at, u.suspended_at
FROM session AS s
JOIN user AS u ON u.id = s.user_id
WHERE s.hash = ?1 AND s.idle_expires_at > ?2 AND s.expires_at > ?2 AND u.suspended_at IS NULL;

-- name: session_touch
UPDATE session
SET last_seen_at = max(last_seen_at, ?2),
    idle_expires_at = max(idle_expires_at, min(?3, expires_at))
WHERE id = ?1;

-- name: session_delete_by_hash
DELETE FROM session WHERE hash = ?1;

-- name: session_delete_expired
-- idle_expires_at is never later than expires_at, so one index finds both kinds.
DELETE FROM session
WHERE id IN (SELECT id FROM session WHERE idle_expires_at <= ?1 ORDER BY idle_expires_at LIMIT ?2);

-- name: session_delete_by_subject
-- ?3: the provider's session, NULL for all of this person's. Sessions of ours that do not know
-- theirs end with any.
DELETE FROM session
WHERE user_id = (SELECT id FROM user WHERE issuer = ?1 AND subject = ?2)
  AND (?3 IS NULL OR provider_session IS NULL OR provider_session = ?3);

-- name: session_delete_by_provider_session
DELETE FROM session
WHERE provider_session = ?2
  AND user_id IN (SELECT id FROM user WHERE id = session.user_id AND issuer = ?1);

-- name: logout_token_insert
INSERT INTO logout_token (jti_hash, expires_at) VALUES (?1, ?2);

-- name: logout_token_delete_expired
DELETE FROM logout_token
WHERE jti_hash IN (SELECT jti_hash FROM logout_token
                   WHERE expires_at <= ?1
                   ORDER BY expires_at
                   LIMIT ?2);
