#include "store/statement.h"

#include <assert.h>
#include <string.h>

#define ROWS_AT_FIRST 8

struct gate_statement gate_statement_open(struct gate_ctx *ctx, gate_store_tx *tx,
                                          enum gate_sql name) {
    struct gate_statement statement = {
        .ctx = ctx, .tx = tx, .name = gate_sql_statements[name].name};
    statement.err = gate_database_statement(tx, name, &ctx->error, &statement.raw);
    return statement;
}

static void judge_binding(struct gate_statement *statement, int result) {
    if (result != SQLITE_OK && statement->err == GATE_OK) {
        statement->err =
            gate_database_fail(statement->tx, result, statement->name, &statement->ctx->error);
    }
}

void gate_bind_number(struct gate_statement *statement, int64_t number) {
    if (statement->err == GATE_OK) {
        judge_binding(statement,
                      sqlite3_bind_int64(statement->raw, ++statement->parameter, number));
    }
}

void gate_bind_time(struct gate_statement *statement, int64_t at_ms) {
    if (at_ms != 0) {
        gate_bind_number(statement, at_ms);
    } else if (statement->err == GATE_OK) {
        judge_binding(statement, sqlite3_bind_null(statement->raw, ++statement->parameter));
    }
}

void gate_bind_id(struct gate_statement *statement, int64_t id) {
    gate_bind_time(statement, id);
}

void gate_bind_text(struct gate_statement *statement, const char *text) {
    if (statement->err == GATE_OK) {
        judge_binding(statement, sqlite3_bind_text(statement->raw, ++statement->parameter, text, -1,
                                                   SQLITE_STATIC));
    }
}

void gate_bind_digest(struct gate_statement *statement, const struct gate_digest *digest) {
    if (statement->err == GATE_OK) {
        judge_binding(statement,
                      sqlite3_bind_blob(statement->raw, ++statement->parameter, digest->bytes,
                                        sizeof digest->bytes, SQLITE_STATIC));
    }
}

void gate_statement_close(struct gate_statement *statement) {
    if (statement->raw != NULL) {
        sqlite3_reset(statement->raw);
        sqlite3_clear_bindings(statement->raw);
        statement->raw = NULL;
    }
}

enum gate_err gate_statement_next(struct gate_statement *statement) {
    if (statement->err != GATE_OK) {
        gate_statement_close(statement);
        return statement->err;
    }
    assert(statement->parameter == sqlite3_bind_parameter_count(statement->raw));
    statement->column = 0;
    int result = sqlite3_step(statement->raw);
    if (result == SQLITE_ROW) {
        return GATE_OK;
    }
    statement->err =
        result == SQLITE_DONE
            ? GATE_ERR_NOT_FOUND
            : gate_database_fail(statement->tx, result, statement->name, &statement->ctx->error);
    gate_statement_close(statement);
    return statement->err;
}

enum gate_err gate_statement_run(struct gate_statement *statement) {
    enum gate_err err = gate_statement_next(statement);
    assert(err != GATE_OK);
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

enum gate_err gate_statement_run_counted(struct gate_statement *statement, size_t *ret_changed) {
    enum gate_err err = gate_statement_run(statement);
    if (err == GATE_OK) {
        *ret_changed = (size_t)sqlite3_changes(statement->tx->handle);
    }
    return err;
}

enum gate_err gate_statement_sweep(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                                   int64_t now_ms, size_t max, size_t *ret_deleted) {
    struct gate_statement statement = gate_statement_open(ctx, tx, name);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, (int64_t)max);
    size_t deleted = 0;
    enum gate_err err = gate_statement_run_counted(&statement, &deleted);
    if (err == GATE_OK && ret_deleted != NULL) {
        *ret_deleted = deleted;
    }
    return err;
}

enum gate_err gate_statement_finish(struct gate_statement *statement) {
    return gate_statement_run(statement);
}

int64_t gate_column_number(struct gate_statement *statement) {
    return sqlite3_column_int64(statement->raw, statement->column++);
}

const char *gate_column_text(struct gate_statement *statement) {
    int column = statement->column++;
    const unsigned char *text = sqlite3_column_text(statement->raw, column);
    if (text == NULL) {
        return NULL;
    }
    return gate_arena_strndup(statement->ctx->arena, (const char *)text,
                              (size_t)sqlite3_column_bytes(statement->raw, column));
}

struct gate_digest gate_column_digest(struct gate_statement *statement) {
    struct gate_digest digest = {{0}};
    int column = statement->column++;
    const void *bytes = sqlite3_column_blob(statement->raw, column);
    if (bytes != NULL && sqlite3_column_bytes(statement->raw, column) == sizeof digest.bytes) {
        memcpy(digest.bytes, bytes, sizeof digest.bytes);
    }
    return digest;
}

void *gate_rows_grow(gate_arena *arena, void *rows, size_t count, size_t element_bytes) {
    bool full = count == 0 || (count >= ROWS_AT_FIRST && (count & (count - 1)) == 0);
    if (!full) {
        return rows;
    }
    size_t capacity = count == 0 ? ROWS_AT_FIRST : count * 2;
    void *grown = gate_arena_alloc_array(arena, capacity, element_bytes);
    if (count > 0) {
        memcpy(grown, rows, count * element_bytes);
    }
    return grown;
}
