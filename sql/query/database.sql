-- What the store itself needs: settings of a connection, transactions, the schema's version.
-- Parameters are numbered; C binds them in this order.

-- name: database_open_writer
-- Durable at each commit. mmap off: an I/O error must be an error code, not a SIGBUS.
-- When the log is copied into the database and cut is up to store/write_log.c; a checkpoint of
-- somebody else cuts it back to 16 MiB.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
-- What is deleted is overwritten in the pages that are written anyway.
PRAGMA secure_delete = FAST;
PRAGMA foreign_keys = ON;
PRAGMA mmap_size = 0;
PRAGMA cache_size = -16384;
PRAGMA journal_size_limit = 16777216;
PRAGMA temp_store = MEMORY;

-- name: database_journal_mode
-- Says "wal" unless the file system cannot do it.
PRAGMA journal_mode;

-- name: database_page_size
PRAGMA page_size;

-- name: database_quick_check
-- The first thing that is wrong, or "ok".
PRAGMA quick_check (1);

-- name: database_full_check
-- The same, slower: also whether indexes and tables say the same.
PRAGMA integrity_check (1);

-- name: database_leave_log
-- A file of its own again, as a copy is kept; needs that nobody else has the database open.
PRAGMA journal_mode = DELETE;

-- name: database_take_alone
-- Fails while anybody else has the database open, and keeps everybody out until it is closed.
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = FULL;
BEGIN EXCLUSIVE;
COMMIT;

-- name: database_open_reader
PRAGMA mmap_size = 0;
PRAGMA cache_size = -4096;
PRAGMA temp_store = MEMORY;

-- name: database_erase_deleted
-- From here on this connection overwrites all that it deletes, also pages that become free.
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
