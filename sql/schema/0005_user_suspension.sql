-- Since when the operator keeps this person out; NULL: not.
ALTER TABLE user ADD COLUMN suspended_at INTEGER;

PRAGMA user_version = 5;
