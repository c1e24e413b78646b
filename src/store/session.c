#include "store/session.h"

#include "store/rows.h"
#include "store/statement.h"

/* Each order that comes drops a few that have expired. */
#define ORDERS_SWEPT_MAX 20

static enum gate_err drop_oldest(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_SESSION_DELETE_BEYOND);
    gate_bind_number(&statement, user_id);
    gate_bind_number(&statement, GATE_SESSIONS_PER_USER_MAX);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_session_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                        const struct gate_session *session, int64_t *ret_id) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_SESSION_INSERT);
    gate_bind_digest(&statement, &session->hash);
    gate_bind_number(&statement, session->user_id);
    gate_bind_number(&statement, session->created_at);
    gate_bind_number(&statement, session->last_seen_at);
    gate_bind_number(&statement, session->idle_expires_at);
    gate_bind_number(&statement, session->expires_at);
    gate_bind_text(&statement, session->user_agent);
    gate_bind_text(&statement, session->sealed_id_token);
    gate_bind_text(&statement, session->provider_session);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    int64_t id = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        err = drop_oldest(ctx, tx, session->user_id);
    }
    if (err == GATE_OK) {
        *ret_id = id;
    }
    return err;
}

enum gate_err gate_store_session_find_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                              const struct gate_digest *hash, int64_t now_ms,
                                              struct gate_session *ret_session,
                                              struct gate_user *ret_user) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_SESSION_FIND_BY_HASH);
    gate_bind_digest(&statement, hash);
    gate_bind_number(&statement, now_ms);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_session session;
    session.id = gate_column_number(&statement);
    session.hash = gate_column_digest(&statement);
    session.user_id = gate_column_number(&statement);
    session.created_at = gate_column_number(&statement);
    session.last_seen_at = gate_column_number(&statement);
    session.idle_expires_at = gate_column_number(&statement);
    session.expires_at = gate_column_number(&statement);
    session.user_agent = gate_column_text(&statement);
    session.sealed_id_token = gate_column_text(&statement);
    struct gate_user user = gate_user_read(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_session = session;
        *ret_user = user;
    }
    return err;
}

enum gate_err gate_store_session_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                       int64_t now_ms, int64_t idle_expires_at) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_SESSION_TOUCH);
    gate_bind_number(&statement, id);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, idle_expires_at);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_session_delete_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                                const struct gate_digest *hash) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_SESSION_DELETE_BY_HASH);
    gate_bind_digest(&statement, hash);
    return gate_statement_run(&statement);
}

static enum gate_err note_order(struct gate_ctx *ctx, gate_store_tx *tx,
                                const struct gate_session_ending *ending, int64_t now_ms) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_LOGOUT_TOKEN_DELETE_EXPIRED);
    gate_bind_number(&statement, now_ms);
    gate_bind_number(&statement, ORDERS_SWEPT_MAX);
    enum gate_err err = gate_statement_run(&statement);
    if (err != GATE_OK) {
        return err;
    }
    statement = gate_statement_open(ctx, tx, GATE_SQL_LOGOUT_TOKEN_INSERT);
    gate_bind_digest(&statement, &ending->jti_hash);
    gate_bind_number(&statement, ending->jti_expires_at);
    return gate_statement_run(&statement);
}

enum gate_err gate_store_session_end_by_provider(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const struct gate_session_ending *ending,
                                                 int64_t now_ms, size_t *ret_ended) {
    enum gate_err err = note_order(ctx, tx, ending, now_ms);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_statement statement =
        gate_statement_open(ctx, tx,
                            ending->subject != NULL ? GATE_SQL_SESSION_DELETE_BY_SUBJECT
                                                    : GATE_SQL_SESSION_DELETE_BY_PROVIDER_SESSION);
    gate_bind_text(&statement, ending->issuer);
    if (ending->subject != NULL) {
        gate_bind_text(&statement, ending->subject);
    }
    gate_bind_text(&statement, ending->provider_session);
    return gate_statement_run_counted(&statement, ret_ended);
}

enum gate_err gate_store_session_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                int64_t now_ms, size_t max, size_t *ret_deleted) {
    return gate_statement_sweep(ctx, tx, GATE_SQL_SESSION_DELETE_EXPIRED, now_ms, max, ret_deleted);
}
