#include "store/token.h"

#include "core/text.h"
#include "store/rows.h"
#include "store/statement.h"

static const char kind_personal[] = "personal";
static const char kind_service[] = "service";

static enum gate_err require_room(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct gate_token *token) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_COUNT_LIVE);
    gate_bind_number(&statement, token->owner_user_id);
    gate_bind_number(&statement, token->created_at);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    int64_t count = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK && count >= GATE_TOKENS_PER_USER_MAX) {
        return gate_fail(ctx, GATE_ERR_TOO_LARGE,
                         "There are %d of them that work already; revoke one first.",
                         GATE_TOKENS_PER_USER_MAX);
    }
    return err;
}

static enum gate_err drop_dead(struct gate_ctx *ctx, gate_store_tx *tx,
                               const struct gate_token *token) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_TOKEN_DELETE_DEAD_BEYOND);
    gate_bind_number(&statement, token->owner_user_id);
    gate_bind_number(&statement, token->created_at);
    gate_bind_number(&statement, GATE_TOKENS_PER_USER_MAX);
    return gate_statement_run(&statement);
}

static enum gate_err insert_row(struct gate_ctx *ctx, gate_store_tx *tx,
                                const struct gate_digest *hash, const struct gate_token *token,
                                int64_t *ret_id) {
    bool personal = token->kind == GATE_TOKEN_PERSONAL;
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_INSERT);
    gate_bind_digest(&statement, hash);
    gate_bind_text(&statement, token->public_id);
    gate_bind_text(&statement, token->prefix);
    gate_bind_text(&statement, token->label);
    gate_bind_text(&statement, personal ? kind_personal : kind_service);
    gate_bind_id(&statement, token->owner_user_id);
    gate_bind_text(&statement, token->scopes);
    gate_bind_text(&statement, token->connections);
    gate_bind_text(&statement, token->tools);
    gate_bind_text(&statement, token->identifiers);
    gate_bind_number(&statement, token->created_at);
    gate_bind_time(&statement, token->expires_at);
    gate_bind_id(&statement, token->calls_per_minute); /* 0 is none */
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    int64_t id = gate_column_number(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        *ret_id = id;
    }
    return err;
}

enum gate_err gate_store_token_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const struct gate_digest *hash,
                                      const struct gate_token *token, int64_t *ret_id) {
    enum gate_err err = GATE_OK;
    if (token->owner_user_id != 0) {
        err = require_room(ctx, tx, token);
    }
    if (err == GATE_OK && token->owner_user_id != 0) {
        err = drop_dead(ctx, tx, token);
    }
    if (err != GATE_OK) {
        return err;
    }
    return insert_row(ctx, tx, hash, token, ret_id);
}

static struct gate_token read_token(struct gate_statement *row) {
    struct gate_token token;
    token.id = gate_column_number(row);
    token.public_id = gate_column_text(row);
    token.prefix = gate_column_text(row);
    token.label = gate_column_text(row);
    token.kind = gate_text_equal(gate_column_text(row), kind_personal) ? GATE_TOKEN_PERSONAL
                                                                       : GATE_TOKEN_SERVICE;
    token.owner_user_id = gate_column_number(row);
    token.scopes = gate_column_text(row);
    token.connections = gate_column_text(row);
    token.tools = gate_column_text(row);
    token.identifiers = gate_column_text(row);
    token.created_at = gate_column_number(row);
    token.expires_at = gate_column_number(row);
    token.last_used_at = gate_column_number(row);
    token.revoked_at = gate_column_number(row);
    token.calls_per_minute = gate_column_number(row);
    return token;
}

static enum gate_err check_works(const struct gate_token *token, int64_t now_ms) {
    if (token->revoked_at != 0) {
        return GATE_ERR_FORBIDDEN;
    }
    return token->expires_at != 0 && token->expires_at <= now_ms ? GATE_ERR_EXPIRED : GATE_OK;
}

enum gate_err gate_store_token_find_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_digest *hash, int64_t now_ms,
                                            struct gate_token *ret_token,
                                            struct gate_user *ret_owner) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_FIND_BY_HASH);
    gate_bind_digest(&statement, hash);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_token token = read_token(&statement);
    struct gate_user owner = gate_user_read(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK && owner.suspended_at != 0) {
        err = GATE_ERR_FORBIDDEN;
    }
    if (err == GATE_OK) {
        err = check_works(&token, now_ms);
    }
    if (err == GATE_OK) {
        *ret_token = token;
        *ret_owner = owner;
    }
    return err;
}

enum gate_err gate_store_token_find_by_public_id(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const char *public_id, int64_t now_ms,
                                                 struct gate_token *ret_token) {
    struct gate_statement statement =
        gate_statement_open(ctx, tx, GATE_SQL_TOKEN_FIND_BY_PUBLIC_ID);
    gate_bind_text(&statement, public_id);
    enum gate_err err = gate_statement_next(&statement);
    if (err != GATE_OK) {
        return err;
    }
    struct gate_token token = read_token(&statement);
    err = gate_statement_finish(&statement);
    if (err == GATE_OK) {
        err = check_works(&token, now_ms);
    }
    if (err == GATE_OK) {
        *ret_token = token;
    }
    return err;
}

static enum gate_err read_list(struct gate_statement *statement, struct gate_token **ret_tokens,
                               size_t *ret_count) {
    struct gate_token *tokens = NULL;
    size_t count = 0;
    enum gate_err err;
    while ((err = gate_statement_next(statement)) == GATE_OK) {
        tokens = gate_rows_grow(statement->ctx->arena, tokens, count, sizeof *tokens);
        tokens[count++] = read_token(statement);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    *ret_tokens = tokens;
    *ret_count = count;
    return GATE_OK;
}

enum gate_err gate_store_token_list(struct gate_ctx *ctx, gate_store_tx *tx, int64_t after_id,
                                    size_t max, struct gate_token **ret_tokens, size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_LIST);
    gate_bind_number(&statement, after_id);
    gate_bind_number(&statement, (int64_t)max);
    return read_list(&statement, ret_tokens, ret_count);
}

enum gate_err gate_store_token_list_by_user(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t user_id, struct gate_token **ret_tokens,
                                            size_t *ret_count) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_LIST_BY_USER);
    gate_bind_number(&statement, user_id);
    /* Working ones and dead ones, each kept up to the limit; what dies later is dropped at the next
     * insert. */
    gate_bind_number(&statement, 3 * GATE_TOKENS_PER_USER_MAX);
    return read_list(&statement, ret_tokens, ret_count);
}

enum gate_err gate_store_token_revoke(struct gate_ctx *ctx, gate_store_tx *tx,
                                      const char *public_id, int64_t owner_user_id,
                                      int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_REVOKE);
    gate_bind_text(&statement, public_id);
    gate_bind_id(&statement, owner_user_id);
    gate_bind_number(&statement, now_ms);
    enum gate_err err = gate_statement_next(&statement);
    return err == GATE_OK ? gate_statement_finish(&statement) : err;
}

enum gate_err gate_store_token_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                     int64_t now_ms) {
    struct gate_statement statement = gate_statement_open(ctx, tx, GATE_SQL_TOKEN_TOUCH);
    gate_bind_number(&statement, id);
    gate_bind_number(&statement, now_ms);
    return gate_statement_run(&statement);
}
