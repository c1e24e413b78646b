#include "store/database.h"

#include <stdlib.h>
#include <string.h>

/* What 0001_initial.sql writes as application_id. */
#define APPLICATION_ID 1195463749

#define fail_at_open(error, ...) gate_error_set_at((error), __FILE__, __LINE__, __VA_ARGS__)

static enum gate_err judge_constraint(int result) {
    switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return GATE_ERR_CONFLICT;
    default:
        return GATE_ERR_INTERNAL;
    }
}

enum gate_err gate_database_fail(gate_store_tx *tx, int result, const char *what,
                                 struct gate_error *error) {
    enum gate_err kind = GATE_ERR_STORE;
    const char *sentence;
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        sentence = "the database is locked by another process";
        break;
    case SQLITE_FULL:
        sentence = "the disk is full";
        break;
    case SQLITE_READONLY:
        sentence = "the database is read-only";
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        sentence = "the database file is damaged; restore it from a backup";
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        sentence = "the database file cannot be read or written";
        break;
    case SQLITE_TOOBIG:
        kind = GATE_ERR_TOO_LARGE;
        sentence = "a value is too large";
        break;
    case SQLITE_CONSTRAINT:
        kind = judge_constraint(result);
        sentence = "a constraint does not hold";
        break;
    case SQLITE_NOMEM:
        abort();
    default:
        kind = GATE_ERR_INTERNAL;
        sentence = "the statement is wrong";
    }
    return gate_error_set_at(error, __FILE__, __LINE__, kind, "%s: %s (SQLite %d: %s)", what,
                             sentence, result, sqlite3_errmsg(tx->handle));
}

enum gate_err gate_database_statement(gate_store_tx *tx, enum gate_sql name,
                                      struct gate_error *error, sqlite3_stmt **ret_statement) {
    if (tx->statements[name] == NULL) {
        int result = sqlite3_prepare_v3(tx->handle, gate_sql_statements[name].text, -1,
                                        SQLITE_PREPARE_PERSISTENT, &tx->statements[name], NULL);
        if (result != SQLITE_OK) {
            return gate_database_fail(tx, result, gate_sql_statements[name].name, error);
        }
    }
    *ret_statement = tx->statements[name];
    return GATE_OK;
}

enum gate_err gate_database_run(gate_store_tx *tx, enum gate_sql name, struct gate_error *error) {
    sqlite3_stmt *statement = NULL;
    enum gate_err err = gate_database_statement(tx, name, error, &statement);
    if (err != GATE_OK) {
        return err;
    }
    int result = sqlite3_step(statement);
    if (result != SQLITE_DONE) {
        err = gate_database_fail(tx, result, gate_sql_statements[name].name, error);
    }
    sqlite3_reset(statement);
    return err;
}

enum gate_err gate_database_run_text(gate_store_tx *tx, const struct gate_sql_text *text,
                                     struct gate_error *error) {
    int result = sqlite3_exec(tx->handle, text->text, NULL, NULL, NULL);
    if (result == SQLITE_OK) {
        return GATE_OK;
    }
    return gate_database_fail(tx, result, text->name, error);
}

bool gate_database_in_transaction(const gate_store_tx *tx) {
    return sqlite3_get_autocommit(tx->handle) == 0;
}

void gate_database_rollback(gate_store_tx *tx) {
    struct gate_error ignored = {0};
    if (!gate_database_in_transaction(tx) ||
        gate_database_run(tx, GATE_SQL_DATABASE_ROLLBACK, &ignored) == GATE_OK) {
        return;
    }
    /* It says no only when SQLite has rolled back by itself, and then there is nothing to undo. */
}

enum gate_err gate_database_open(const char *path, enum gate_database_mode mode,
                                 int64_t lock_wait_ms, struct gate_error *error,
                                 gate_store_tx **ret_tx) {
    gate_store_tx *tx = calloc(1, sizeof *tx);
    if (tx == NULL) {
        abort();
    }
    int flags = mode == GATE_DATABASE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    /* No mutex in SQLite: a connection is with one thread at a time. */
    int result = sqlite3_open_v2(path, &tx->handle,
                                 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (tx->handle == NULL) {
        abort();
    }
    if (result != SQLITE_OK) {
        enum gate_err err = gate_database_fail(tx, result, path, error);
        gate_database_close(tx);
        return err;
    }
    /* Before anything else, so that even the first look into the file waits for a lock. */
    tx->lock_wait_ms = lock_wait_ms;
    sqlite3_busy_timeout(tx->handle, (int)lock_wait_ms);
    sqlite3_db_config(tx->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(tx->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(tx->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(tx->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (mode == GATE_DATABASE_READ) {
        enum gate_err err =
            gate_database_run_text(tx, &gate_sql_statements[GATE_SQL_DATABASE_OPEN_READER], error);
        if (err != GATE_OK) {
            gate_database_close(tx);
            return err;
        }
    }
    *ret_tx = tx;
    return GATE_OK;
}

void gate_database_close(gate_store_tx *tx) {
    if (tx == NULL) {
        return;
    }
    for (unsigned i = 0; i < GATE_SQL_COUNT_; i++) {
        sqlite3_finalize(tx->statements[i]);
    }
    sqlite3_close(tx->handle);
    free(tx);
}

struct identity {
    int schema_version;
    int application_id;
    int tables;
};

static enum gate_err read_identity(gate_store_tx *tx, const char *path, struct gate_error *error,
                                   struct identity *ret_identity) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(
        tx->handle, gate_sql_statements[GATE_SQL_DATABASE_IDENTITY].text, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    if (result == SQLITE_ROW) {
        ret_identity->schema_version = sqlite3_column_int(statement, 0);
        ret_identity->application_id = sqlite3_column_int(statement, 1);
        ret_identity->tables = sqlite3_column_int(statement, 2);
    }
    sqlite3_finalize(statement);
    if (result == SQLITE_ROW) {
        return GATE_OK;
    }
    if (result == SQLITE_NOTADB) {
        return fail_at_open(error, GATE_ERR_CONFIG, "%s is not a database file", path);
    }
    return gate_database_fail(tx, result, path, error);
}

static enum gate_err require_ours(const struct identity *identity, const char *path,
                                  struct gate_error *error) {
    if (identity->application_id != APPLICATION_ID) {
        return fail_at_open(error, GATE_ERR_CONFIG, "%s is not a Gatehouse database", path);
    }
    if (identity->schema_version > GATE_SQL_MIGRATION_COUNT) {
        return fail_at_open(error, GATE_ERR_CONFIG,
                            "%s was written by a newer version of Gatehouse (schema %d, this one "
                            "knows up to %d)",
                            path, identity->schema_version, GATE_SQL_MIGRATION_COUNT);
    }
    return GATE_OK;
}

enum gate_err gate_database_require_known(gate_store_tx *tx, const char *path,
                                          struct gate_error *error, int *ret_schema_version) {
    struct identity identity = {0};
    enum gate_err err = read_identity(tx, path, error, &identity);
    if (err == GATE_OK) {
        err = require_ours(&identity, path, error);
    }
    if (err == GATE_OK) {
        *ret_schema_version = identity.schema_version;
    }
    return err;
}

enum gate_err gate_database_require_current(gate_store_tx *tx, const char *path,
                                            struct gate_error *error) {
    int version = 0;
    enum gate_err err = gate_database_require_known(tx, path, error, &version);
    if (err == GATE_OK && version < GATE_SQL_MIGRATION_COUNT) {
        return fail_at_open(error, GATE_ERR_CONFIG,
                            "%s has the older schema %d: start the service once to migrate it",
                            path, version);
    }
    return err;
}

enum gate_err gate_database_page_bytes(gate_store_tx *tx, struct gate_error *error,
                                       int64_t *ret_bytes) {
    sqlite3_stmt *statement = NULL;
    enum gate_err err = gate_database_statement(tx, GATE_SQL_DATABASE_PAGE_SIZE, error, &statement);
    if (err != GATE_OK) {
        return err;
    }
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *ret_bytes = sqlite3_column_int64(statement, 0);
    } else {
        err = gate_database_fail(tx, result, "page size", error);
    }
    sqlite3_reset(statement);
    return err;
}

/* Run migration `version` (from version - 1) in a transaction that is open already. */
static enum gate_err run_migration(gate_store_tx *tx, int version, const char *path,
                                   struct gate_error *error) {
    const struct gate_sql_text *migration = &gate_sql_migrations[version - 1];
    enum gate_err err = gate_database_run_text(tx, migration, error);
    struct identity after = {0};
    if (err == GATE_OK) {
        err = read_identity(tx, path, error, &after);
    }
    if (err == GATE_OK && after.schema_version != version) {
        return fail_at_open(error, GATE_ERR_INTERNAL, "%s does not set user_version to %d",
                            migration->name, version);
    }
    return err;
}

/* All steps in one transaction: another process that starts at the same time waits, then finds
 * nothing to do. */
static enum gate_err migrate(gate_store_tx *tx, const char *path, struct gate_error *error) {
    enum gate_err err = gate_database_run(tx, GATE_SQL_DATABASE_BEGIN_WRITE, error);
    struct identity identity = {0};
    if (err == GATE_OK) {
        err = read_identity(tx, path, error, &identity);
    }
    for (int version = identity.schema_version + 1;
         err == GATE_OK && version <= GATE_SQL_MIGRATION_COUNT; version++) {
        err = run_migration(tx, version, path, error);
    }
    if (err == GATE_OK) {
        err = gate_database_run(tx, GATE_SQL_DATABASE_COMMIT, error);
    }
    if (err != GATE_OK) {
        gate_database_rollback(tx);
    }
    return err;
}

static enum gate_err require_write_ahead_log(gate_store_tx *tx, const char *path,
                                             struct gate_error *error) {
    sqlite3_stmt *statement = NULL;
    enum gate_err err =
        gate_database_statement(tx, GATE_SQL_DATABASE_JOURNAL_MODE, error, &statement);
    if (err != GATE_OK) {
        return err;
    }
    int result = sqlite3_step(statement);
    bool is_wal =
        result == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_reset(statement);
    if (!is_wal) {
        return fail_at_open(error, GATE_ERR_CONFIG,
                            "%s: the file system cannot do write-ahead logging", path);
    }
    return GATE_OK;
}

enum gate_err gate_database_prepare(gate_store_tx *tx, const char *path, struct gate_error *error) {
    if (sqlite3_db_readonly(tx->handle, "main") == 1) {
        return fail_at_open(error, GATE_ERR_CONFIG, "%s may not be written by this user", path);
    }
    struct identity identity = {0};
    enum gate_err err = read_identity(tx, path, error, &identity);
    if (err != GATE_OK) {
        return err;
    }
    /* Whose file it is comes first: switching the journal mode would change it already. */
    bool empty =
        identity.application_id == 0 && identity.schema_version == 0 && identity.tables == 0;
    if (!empty) {
        err = require_ours(&identity, path, error);
    }
    if (err == GATE_OK) {
        err =
            gate_database_run_text(tx, &gate_sql_statements[GATE_SQL_DATABASE_OPEN_WRITER], error);
    }
    if (err == GATE_OK) {
        err = require_write_ahead_log(tx, path, error);
    }
    if (err == GATE_OK) {
        err = migrate(tx, path, error);
    }
    return err;
}

enum gate_err gate_database_look_through(gate_store_tx *tx, const char *path, bool thorough,
                                         struct gate_error *error) {
    sqlite3_stmt *statement = NULL;
    enum gate_err err = gate_database_statement(
        tx, thorough ? GATE_SQL_DATABASE_FULL_CHECK : GATE_SQL_DATABASE_QUICK_CHECK, error,
        &statement);
    if (err != GATE_OK) {
        return err;
    }
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW) {
        err = gate_database_fail(tx, result, path, error);
    } else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0) {
        err = fail_at_open(error, GATE_ERR_STORE, "%s is damaged; restore it from a backup (%s)",
                           path, (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_reset(statement);
    return err;
}
