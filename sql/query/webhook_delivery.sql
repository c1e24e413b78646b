-- Deliveries of webhooks that were taken.

-- name: webhook_delivery_find
SELECT type, result, received_at FROM webhook_delivery WHERE webhook_id = ?1;

-- name: webhook_delivery_insert
INSERT INTO webhook_delivery (webhook_id, type, result, received_at) VALUES (?1, ?2, ?3, ?4);

-- name: webhook_delivery_delete_old
DELETE FROM webhook_delivery
WHERE id IN (SELECT id FROM webhook_delivery WHERE received_at <= ?1 ORDER BY received_at LIMIT ?2);

-- name: webhook_delivery_delete_beyond
-- All but the newest so many: ids are counted up, and the oldest go first.
DELETE FROM webhook_delivery WHERE id <= (SELECT max(id) FROM webhook_delivery) - ?1;
