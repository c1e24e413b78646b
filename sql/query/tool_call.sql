-- The trail of tool calls. The column order of the lists is that of read_call in store/tool_call.c.

-- name: tool_call_insert
-- A person who was forgotten while the call ran leaves a nameless one.
INSERT INTO tool_call (user_id, token_id, connection_name, tool_name, outcome, error_source,
                       error_code, execution_id, agent_run_id, request_id, at, duration_ms)
VALUES ((SELECT id FROM user WHERE id = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
RETURNING id;

-- name: tool_call_delete_older
-- Of the ?2 oldest, what was done up to ?1.
DELETE FROM tool_call
WHERE id IN (SELECT id FROM tool_call ORDER BY id LIMIT ?2) AND at <= ?1;

-- name: tool_call_list
SELECT c.id, c.user_id, c.token_id, t.label, c.connection_name, c.tool_name, c.outcome,
       c.error_source, c.error_code, c.execution_id, c.agent_run_id, c.request_id, c.at,
       c.duration_ms
FROM tool_call AS c
LEFT JOIN api_token AS t ON t.id = c.token_id
WHERE c.user_id = ?1 AND c.id < ?2
ORDER BY c.id DESC
LIMIT ?3;

-- name: tool_call_list_by_connection
SELECT c.id, c.user_id, c.token_id, t.label, c.connection_name, c.tool_name, c.outcome,
       c.error_source, c.error_code, c.execution_id, c.agent_run_id, c.request_id, c.at,
       c.duration_ms
FROM tool_call AS c
LEFT JOIN api_token AS t ON t.id = c.token_id
WHERE c.user_id = ?1 AND c.id < ?2 AND c.connection_name = ?4
ORDER BY c.id DESC
LIMIT ?3;

-- name: tool_call_last_list
-- One hop through the index for each connection there is, however long the trail.
WITH used (name) AS (
    SELECT name FROM connection
    UNION
    SELECT connection_name FROM connected_account WHERE user_id = ?1
)
SELECT c.connection_name, t.label, c.outcome, c.at
FROM used
JOIN tool_call AS c ON c.id = (SELECT max(id) FROM tool_call
                               WHERE user_id = ?1 AND connection_name = used.name)
LEFT JOIN api_token AS t ON t.id = c.token_id
ORDER BY used.name
LIMIT ?2;
