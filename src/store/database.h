/* One SQLite connection: opening it, its prepared statements, and what its failures mean. For the
 * files of store/ only; with statement.h the only place that knows SQLite.
 *
 * Owner: free with gate_database_close. Threads: confined; connections change hands under the
 * store's lock. Errors: GATE_ERR_STORE, GATE_ERR_CONFIG as in store/store.h; GATE_ERR_CONFLICT for
 * a constraint.
 */
#ifndef GATE_STORE_DATABASE_H
#define GATE_STORE_DATABASE_H

#include <sqlite3.h>

#include "store/sql.gen.h"
#include "store/store.h"

struct gate_store_tx {
    int64_t began_ms; /* a reader's snapshot, monotonic */
    sqlite3 *handle;
    sqlite3_stmt *statements[GATE_SQL_COUNT_]; /* prepared when first used */
    gate_store_tx *next;                       /* in the pool of idle readers */
    int64_t lock_wait_ms;                      /* how long it waits for other processes' locks */
    bool erases; /* what it has deleted shall not be found in the log either */
};

enum gate_database_mode { GATE_DATABASE_READ, GATE_DATABASE_WRITE };

/* Open a connection to an existing file and apply the settings that need no look into the file. */
enum gate_err gate_database_open(const char *path, enum gate_database_mode mode,
                                 int64_t lock_wait_ms, struct gate_error *error,
                                 gate_store_tx **ret_tx) GATE_MUST_CHECK;

/* Close the connection. NULL is fine. */
void gate_database_close(gate_store_tx *tx);

/* Create the file, or migrate what is there, and switch to write-ahead logging. */
enum gate_err gate_database_prepare(gate_store_tx *tx, const char *path,
                                    struct gate_error *error) GATE_MUST_CHECK;

/* Check that the file is ours and has exactly this program's schema. */
enum gate_err gate_database_require_current(gate_store_tx *tx, const char *path,
                                            struct gate_error *error) GATE_MUST_CHECK;

/* Check that the file is ours and of a schema this program knows, an older one perhaps. */
enum gate_err gate_database_require_known(gate_store_tx *tx, const char *path,
                                          struct gate_error *error,
                                          int *ret_schema_version) GATE_MUST_CHECK;

enum gate_err gate_database_page_bytes(gate_store_tx *tx, struct gate_error *error,
                                       int64_t *ret_bytes) GATE_MUST_CHECK;

/* Look through the whole file for damage: GATE_ERR_STORE, with the first thing that is wrong.
 * `thorough` also compares indexes with tables. Reads every page. */
enum gate_err gate_database_look_through(gate_store_tx *tx, const char *path, bool thorough,
                                         struct gate_error *error) GATE_MUST_CHECK;

/* Run a text of one or more statements that takes no parameters and whose rows do not matter. */
enum gate_err gate_database_run_text(gate_store_tx *tx, const struct gate_sql_text *text,
                                     struct gate_error *error) GATE_MUST_CHECK;

/* Run a prepared statement without parameters and rows: BEGIN, COMMIT and their like. */
enum gate_err gate_database_run(gate_store_tx *tx, enum gate_sql name,
                                struct gate_error *error) GATE_MUST_CHECK;

/* Is a transaction open? SQLite ends one by itself after some failures. */
bool gate_database_in_transaction(const gate_store_tx *tx);

/* Undo the open transaction, if there is one. */
void gate_database_rollback(gate_store_tx *tx);

/* The prepared statement of that name, preparing it if need be. Borrowed. */
enum gate_err gate_database_statement(gate_store_tx *tx, enum gate_sql name,
                                      struct gate_error *error,
                                      sqlite3_stmt **ret_statement) GATE_MUST_CHECK;

/* Record what SQLite's `result` means, with `what` (a statement's name) before the sentence. */
enum gate_err gate_database_fail(gate_store_tx *tx, int result, const char *what,
                                 struct gate_error *error);

#endif
