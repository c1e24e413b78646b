-- What operators did with gatehousectl. Append-only but for the outcome, which comes after the act:
-- none means that the command was cut off. A person is named by id alone, which means nothing once they
-- are forgotten; hence no foreign key.
CREATE TABLE admin_event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    os_user TEXT,
    login_user TEXT,
    action TEXT NOT NULL CHECK (action <> ''),
    subject TEXT,
    user_id INTEGER,
    outcome TEXT CHECK (outcome IN ('done', 'failed'))
) STRICT;

PRAGMA user_version = 9;
