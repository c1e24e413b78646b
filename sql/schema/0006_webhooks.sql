-- Deliveries of webhooks that were taken, so that one that comes again changes nothing. For a few
-- days, and never more than a limit; the ids are in the order of arrival.
CREATE TABLE webhook_delivery (
    id INTEGER PRIMARY KEY,
    webhook_id TEXT NOT NULL UNIQUE CHECK (webhook_id <> ''),
    type TEXT NOT NULL,
    result TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_delivery_received ON webhook_delivery (received_at);

-- When the newest event that told of the account occurred, by Scalekit's clock as updated_at is.
ALTER TABLE connected_account ADD COLUMN event_at INTEGER;

-- The account that was last known of a person on a connection and is gone: against late news of it.
-- gone_at: by Scalekit's clock, as late as is known; learned_at: by ours.
CREATE TABLE forgotten_account (
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    connection_name TEXT NOT NULL CHECK (connection_name <> ''),
    scalekit_id TEXT,
    gone_at INTEGER NOT NULL,
    learned_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, connection_name)
) STRICT, WITHOUT ROWID;

-- Persons about whose accounts Scalekit has to be asked, because what it told of them was not clear.
CREATE TABLE account_recheck (
    user_id INTEGER PRIMARY KEY REFERENCES user ON DELETE CASCADE,
    wanted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For the sweep.
CREATE INDEX user_accounts_read ON user (accounts_read_at);

-- To tell what a reading of the catalogue changed for whoever has an account there.
ALTER TABLE connection ADD COLUMN was_offered INTEGER NOT NULL DEFAULT 0;
UPDATE connection SET was_offered = 1 WHERE enabled = 1 AND gone_at IS NULL;
CREATE INDEX connected_account_connection ON connected_account (connection_name);

PRAGMA user_version = 6;
