#include "store/authorization.h"

#include "store/statement.h"

static enum gate_err drop_oldest(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_DELETE_BEYOND);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, GATE_AUTHORIZATION_REQUESTS_PER_USER_MAX);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_authorization_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                              const struct gate_authorization *authorization) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_INSERT);
    gate_bind_digest(&statement, &authorization->state_hash);
    gate_bind_digest(&statement, &authorization->browser_hash);
    gate_bind_number(&statement, authorization->user_id);
    gate_bind_text(&statement, authorization->connection_name);
    gate_bind_text(&statement, authorization->return_to);
    gate_bind_number(&statement, authorization->created_at);
    gate_bind_number(&statement, authorization->expires_at);
    enum gate_err err = gate_statement_run(&statement);
    if (err != GATE_OK) {
        return err;
    }
    return drop_oldest(ctx, tx, authorization->user_id);
}

static struct gate_authorization read_authorization(struct gate_statement *row) {
    struct gate_authorization authorization;
    authorization.state_hash = gate_column_digest(row);
    authorization.browser_hash = gate_column_digest(row);
    authorization.user_id = gate_column_number(row);
    authorization.connection_name = gate_column_text(row);
    authorization.return_to = gate_column_text(row);
    authorization.created_at = gate_column_number(row);
    authorization.expires_at = gate_column_number(row);
    authorization.used_at = gate_column_number(row);
    authorization.outcome = gate_column_text(row);
    return authorization;
}

enum gate_err gate_store_authorization_find(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_digest *state_hash,
                                            struct gate_authorization *ret_authorization) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_FIND);
    gate_bind_digest(&statement, state_hash);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_authorization authorization = read_authorization(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_authorization = authorization;
    }
    return err;
}

enum gate_err gate_store_authorization_use(struct gate_ctx *ctx, gate_store_tx *tx,
                                           const struct gate_digest *state_hash, int64_t now_ms,
                                           struct gate_authorization *ret_authorization) {
    struct gate_authorization authorization;
    enum gate_err err = gate_store_authorization_find(ctx, tx, state_hash, &authorization);
    if (err != GATE_OK) {
        return err;
    }
    if (authorization.used_at != 0) {
        return GATE_ERR_CONFLICT;
    }
    if (authorization.expires_at <= now_ms) {
        return GATE_ERR_EXPIRED;
    }
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_USE);
    gate_bind_digest(&statement, state_hash);
    gate_bind_number(&statement, now_ms);
    size_t changed = 0;
    err = gate_statement_run_counted(&statement, &changed);
    if (err == GATE_OK && changed != 1) {
        return GATE_ERR_CONFLICT;
    }
    if (err == GATE_OK && ret_authorization != NULL) {
        authorization.used_at = now_ms;
        *ret_authorization = authorization;
    }
    return err;
}

enum gate_err gate_store_authorization_finish(struct gate_ctx *ctx, gate_store_tx *tx,
                                              const struct gate_digest *state_hash,
                                              const char *outcome) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_FINISH);
    gate_bind_digest(&statement, state_hash);
    gate_bind_text(&statement, outcome);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_authorization_list_open(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 int64_t user_id, int64_t now_ms, size_t max,
                                                 struct gate_authorization **ret_authorizations,
                                                 size_t *ret_count) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_AUTHORIZATION_LIST_OPEN);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, (int64_t)max);
    struct gate_authorization *authorizations = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(&statement)) == GATE_OK) {
        authorizations = gate_rows_grow(ctx->arena, authorizations, count, sizeof *authorizations);
        authorizations[count++] = read_authorization(&statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_authorizations = authorizations;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_authorization_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      int64_t now_ms, size_t max,
                                                      size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_AUTHORIZATION_DELETE_EXPIRED, now_ms, max,
                                ret_deleted);
}
