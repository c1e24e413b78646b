-- Times are wall-clock milliseconds since 1970 UTC; NULL is "never" or "none".
-- Secrets of ours (cookie values, states, tokens) are kept as SHA-256 hashes only.

-- 'GATE' in ASCII: tells our files from other programs'.
PRAGMA application_id = 1195463749;

-- One person. issuer 'service': named by a backend service, has never signed in.
CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    identifier TEXT NOT NULL UNIQUE CHECK (identifier <> ''),
    email TEXT,
    name TEXT,
    organization TEXT,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER,
    accounts_read_at INTEGER,
    UNIQUE (issuer, subject)
) STRICT;

-- One signed-in browser.
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    user_agent TEXT,
    sealed_id_token TEXT,
    CHECK (idle_expires_at <= expires_at)
) STRICT;
CREATE INDEX session_user ON session (user_id);
CREATE INDEX session_expiry ON session (idle_expires_at);

-- The catalogue as last read. gone_at: no longer listed by Scalekit.
CREATE TABLE connection (
    name TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    type TEXT NOT NULL,
    display_name TEXT NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    position INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    gone_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX connection_offered ON connection (enabled, position, name) WHERE gone_at IS NULL;

-- One row, there once the catalogue was read for the first time (it may be empty).
CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    read_at INTEGER NOT NULL
) STRICT;

-- User x connection. No foreign key to connection: an account may be known before the catalogue is.
CREATE TABLE connected_account (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    connection_name TEXT NOT NULL CHECK (connection_name <> ''),
    scalekit_id TEXT,
    authorization_type TEXT,
    status TEXT NOT NULL,
    token_expires_at INTEGER,
    updated_at INTEGER,
    learned_at INTEGER NOT NULL,
    learned_from TEXT NOT NULL,
    UNIQUE (user_id, connection_name)
) STRICT;

-- Every change of status. Append-only. new_status NULL: the account was forgotten.
CREATE TABLE account_event (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    connection_name TEXT NOT NULL,
    scalekit_id TEXT,
    old_status TEXT,
    new_status TEXT,
    source TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX account_event_user ON account_event (user_id, connection_name);

-- One attempt to connect.
CREATE TABLE authorization_request (
    state_hash BLOB PRIMARY KEY CHECK (length(state_hash) = 32),
    browser_hash BLOB NOT NULL CHECK (length(browser_hash) = 32),
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    connection_name TEXT NOT NULL,
    return_to TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    outcome TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_request_user ON authorization_request (user_id, created_at);
CREATE INDEX authorization_request_expiry ON authorization_request (expires_at);

-- AUTOINCREMENT, so that the trail never shows a deleted token's calls under another token.
CREATE TABLE api_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    public_id TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    label TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('personal', 'service')),
    owner_user_id INTEGER REFERENCES user ON DELETE CASCADE,
    scopes TEXT,
    connections TEXT,
    tools TEXT,
    identifiers TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER,
    CHECK ((kind = 'personal') = (owner_user_id IS NOT NULL))
) STRICT;
CREATE INDEX api_token_owner ON api_token (owner_user_id);

-- The trail. Append-only. No foreign key to api_token: the trail outlives the token.
CREATE TABLE tool_call (
    id INTEGER PRIMARY KEY,
    user_id INTEGER REFERENCES user ON DELETE CASCADE,
    token_id INTEGER,
    connection_name TEXT,
    tool_name TEXT,
    outcome TEXT NOT NULL CHECK (outcome <> ''),
    error_source TEXT,
    error_code TEXT,
    execution_id TEXT,
    agent_run_id TEXT,
    request_id TEXT,
    at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tool_call_user ON tool_call (user_id);
CREATE INDEX tool_call_user_connection ON tool_call (user_id, connection_name);

-- One row that the readiness probe writes.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    written_at INTEGER NOT NULL
) STRICT;

PRAGMA user_version = 1;
