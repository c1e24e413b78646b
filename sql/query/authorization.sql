-- Attempts to connect.

-- name: authorization_insert
INSERT INTO authorization_request (state_hash, browser_hash, user_id, connection_name, return_to,
                                   created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: authorization_delete_beyond
-- Keep the newest ?2 attempts of person ?1.
DELETE FROM authorization_request
WHERE state_hash IN (SELECT state_hash FROM authorization_request
                     WHERE user_id = ?1
                     ORDER BY created_at DESC
                     LIMIT -1 OFFSET ?2);

-- name: authorization_find
SELECT state_hash, browser_hash, user_id, connection_name, return_to, created_at, expires_at,
       used_at, outcome
FROM authorization_request
WHERE state_hash = ?1;

-- name: authorization_use
-- Guarded again by used_at, whatever the caller has looked at before.
UPDATE authorization_request SET used_at = ?2 WHERE state_hash = ?1 AND used_at IS NULL;

-- name: authorization_finish
UPDATE authorization_request SET outcome = ?2 WHERE state_hash = ?1;

-- name: authorization_delete_expired
DELETE FROM authorization_request
WHERE state_hash IN (SELECT state_hash FROM authorization_request
                     WHERE expires_at <= ?1
                     ORDER BY expires_at
                     LIMIT ?2);

-- name: authorization_list_open
-- Attempts that nobody has come back from yet, newest first.
SELECT state_hash, browser_hash, user_id, connection_name, return_to, created_at, expires_at,
       used_at, outcome
FROM authorization_request
WHERE user_id = ?1 AND used_at IS NULL AND outcome IS NULL AND expires_at > ?2
ORDER BY created_at DESC
LIMIT ?3;
