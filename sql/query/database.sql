-- What the store itself needs: settings of a connection, transactions, the schema's version.
-- Parameters are numbered; C binds them in this order.

-- name: database_open_writer
-- Durable at each commit. mmap off: an I/O error must be an error code, not a SIGBUS.
-- The log is cut back to 16 MiB once a checkpoint has emptied it.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA mmap_size = 0;
PRAGMA cache_size = -16384;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 16777216;
PRAGMA temp_store = MEMORY;

-- name: database_journal_mode
-- Says "wal" unless the file system cannot do it.
PRAGMA journal_mode;

-- name: database_open_reader
PRAGMA mmap_size = 0;
PRAGMA cache_size = -4096;
PRAGMA temp_store = MEMORY;

-- name: database_erase_deleted
-- From here on this connection overwrites what it deletes.
PRAGMA secure_delete = ON;

-- name: database_identity
-- Who wrote this file: schema version, application, and whether there is any table at all.
SELECT (SELECT user_version FROM pragma_user_version()),
       (SELECT application_id FROM pragma_application_id()),
       (SELECT count(*) FROM sqlite_schema);

-- name: database_begin_read
BEGIN DEFERRED;

-- name: database_begin_write
BEGIN IMMEDIATE;

-- name: database_commit
COMMIT;

-- name: database_rollback
ROLLBACK;

-- name: database_savepoint
SAVEPOINT job;

-- name: database_savepoint_release
RELEASE job;

-- name: database_savepoint_rollback
ROLLBACK TO job;

-- name: database_probe
INSERT INTO probe (id, written_at) VALUES (1, ?1)
ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at;
