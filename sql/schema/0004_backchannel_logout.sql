-- OpenID Connect Back-Channel Logout. provider_session: the ID token's sid, by which the provider
-- names its own session; NULL: it gave none.
ALTER TABLE session ADD COLUMN provider_session TEXT;
CREATE INDEX session_provider_session ON session (provider_session)
WHERE provider_session IS NOT NULL;

-- Logout tokens that were carried out, until they would be too old anyway: each works once.
CREATE TABLE logout_token (
    jti_hash BLOB PRIMARY KEY CHECK (length(jti_hash) = 32),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logout_token_expiry ON logout_token (expires_at);

PRAGMA user_version = 4;
