-- What operators did.

-- name: admin_event_insert
INSERT INTO admin_event (at, uid, os_user, login_user, action, subject, user_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
RETURNING id;

-- name: admin_event_finish
UPDATE admin_event
SET outcome = ?2, subject = ifnull(?3, subject), user_id = ifnull(?4, user_id)
WHERE id = ?1;

-- name: admin_event_list
-- Newest first, with what people and tokens are called now. Somebody new may have the id of somebody
-- who was forgotten.
SELECT e.id, e.at, e.uid, e.os_user, e.login_user, e.action, e.subject, e.user_id, e.outcome,
       u.identifier, t.label
FROM admin_event AS e
LEFT JOIN user AS u ON u.id = e.user_id AND u.created_at <= e.at
LEFT JOIN api_token AS t ON t.public_id = e.subject
ORDER BY e.id DESC
LIMIT ?1;
