-- The app's last refusal of a call although the account is active: a permission is missing, or the
-- access is not taken any more. refused_status: 401 or 403, as the app said.
ALTER TABLE connected_account ADD COLUMN refused_at INTEGER;
ALTER TABLE connected_account ADD COLUMN refused_status INTEGER;
ALTER TABLE connected_account ADD COLUMN refused_tool TEXT;

PRAGMA user_version = 8;
