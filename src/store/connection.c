#include "store/connection.h"

#include "store/account.h"
#include "store/statement.h"

static enum gate_err run_with_time(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql name,
                                   int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, name);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}

static enum gate_err save_one(struct gate_ctx *ctx, gate_store_tx *tx,
                              const struct gate_connection *connection, int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_CONNECTION_SAVE);
    gate_bind_text(&statement, connection->name);
    gate_bind_text(&statement, connection->provider != NULL ? connection->provider : "");
    gate_bind_text(&statement, connection->type != NULL ? connection->type : "");
    gate_bind_text(&statement,
                   connection->display_name != NULL ? connection->display_name : connection->name);
    gate_bind_number(&statement, connection->enabled);
    gate_bind_number(&statement, connection->position);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}

static enum gate_err note_offered(struct gate_ctx *ctx, gate_store_tx *tx) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_CONNECTION_NOTE_OFFERED);
    return gate_statement_run(&statement);
}

static enum gate_err record_changes(struct gate_ctx *ctx, gate_store_tx *tx, int64_t now_ms) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_CONNECTION_RECORD_CHANGES);
    gate_bind_number(&statement, now_ms);
    gate_bind_text(&statement, GATE_ACCOUNT_EVENT_NOT_OFFERED);
    gate_bind_text(&statement, gate_account_source_name(GATE_ACCOUNT_SOURCE_CATALOGUE));
    return gate_statement_run(&statement);
}

enum gate_err gate_store_connection_catalogue_replace(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      const struct gate_connection *connections,
                                                      size_t count, int64_t now_ms) {
    enum gate_err err = note_offered(ctx, tx);
    if (err == GATE_OK) {
        err = run_with_time(ctx, tx, GATE_SQL_CONNECTION_MARK_GONE, now_ms);
    }
    for (size_t i = 0; i < count && err == GATE_OK; i++) {
        err = save_one(ctx, tx, &connections[i], now_ms);
    }
    if (err == GATE_OK) {
        err = record_changes(ctx, tx, now_ms);
    }
    if (err != GATE_OK) {
        return err;
    }
    return run_with_time(ctx, tx, GATE_SQL_CATALOGUE_SET_READ_AT, now_ms);
}

enum gate_err gate_store_connection_catalogue_read_at(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      int64_t *ret_at) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_CATALOGUE_READ_AT);
    int64_t at = 0;
    enum gate_err err = gate_statement_next(&statement);
    if (err == GATE_OK) {
        at = gate_column_number(&statement);
        err = gate_statement_finish(&statement);
    }
    if (err != GATE_OK && err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_at = at;
    return GATE_OK;
}

static struct gate_connection read_connection(struct gate_statement *row) {
    struct gate_connection connection;
    connection.name = gate_column_text(row);
    connection.provider = gate_column_text(row);
    connection.type = gate_column_text(row);
    connection.display_name = gate_column_text(row);
    connection.enabled = gate_column_number(row) != 0;
    connection.position = (int)gate_column_number(row);
    connection.read_at = gate_column_number(row);
    return connection;
}

enum gate_err gate_store_connection_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                         struct gate_connection **ret_connections,
                                         size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_CONNECTION_LIST);
    gate_bind_number(&statement, GATE_CONNECTIONS_MAX);
    struct gate_connection *connections = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        connections = gate_rows_grow(ctx->arena, connections, count, sizeof *connections);
        connections[count++] = read_connection(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_connections = connections;
    *ret_count = count;
    return GATE_OK;
}

static enum gate_err find_by(struct gate_ctx *ctx, gate_store_tx *tx, enum gate_sql sql,
                             const char *name, struct gate_connection *ret_connection) {
    struct gate_statement statement = gate_statement_open(ctx, tx, sql);
    gate_bind_text(&statement, name);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_connection connection = read_connection(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_connection = connection;
    }
    return err;
}

enum gate_err gate_store_connection_find(struct gate_ctx *ctx, gate_store_tx *tx, const char *name,
                                         struct gate_connection *ret_connection) {
    return find_by(ctx, tx, GATE_SQL_CONNECTION_FIND, name, ret_connection);
}

enum gate_err gate_store_connection_find_former(struct gate_ctx *ctx, gate_store_tx *tx,
                                                const char *name,
                                                struct gate_connection *ret_connection) {
    return find_by(ctx, tx, GATE_SQL_CONNECTION_FIND_FORMER, name, ret_connection);
}
