#include "portal/account_ask.h"

#include "core/text.h"
#include "portal/refresh.h"
#include "portal/state.h"

struct asking {
    gate_portal *portal;
    int64_t user_id;
    const char *connection_name;
    enum gate_account_source source;
    struct gate_account *ret_account;
    gate_then_fn *then;
    void *state;

    int64_t asked_at; /* wall */
    struct gate_scalekit_account answer;
    struct gate_account account;
    bool is_there;
};

static const char *text_or_null(const char *text) {
    return gate_text_is_empty(text) ? NULL : text;
}

struct gate_account gate_account_from_scalekit(const struct gate_scalekit_account *account) {
    return (struct gate_account){
        .connection_name = account->connection_name,
        .scalekit_id = text_or_null(account->id),
        .authorization_type = text_or_null(account->authorization_type),
        .status = account->status,
        .token_expires_at = account->token_expires_at_ms,
        .updated_at = account->updated_at_ms,
    };
}

/* What was learned while we asked is newer than the answer. What bears a time that is yet to come
 * was learned before the clock was set back. */
static enum gate_err find_newer(struct gate_ctx *ctx, gate_store_tx *tx, struct asking *asking) {
    struct gate_account recorded;
    enum gate_err err =
        gate_store_account_find(ctx, tx, asking->user_id, asking->connection_name, &recorded);
    asking->is_there = err == GATE_OK && recorded.learned_at > asking->asked_at &&
                       recorded.learned_at <= gate_ctx_now_ms(ctx);
    if (asking->is_there) {
        asking->account = recorded;
    }
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

static enum gate_err forget(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct asking *asking = state;
    enum gate_err err = find_newer(ctx, tx, asking);
    if (err != GATE_OK || asking->is_there) {
        return err;
    }
    return gate_store_account_forget(ctx, tx, asking->user_id, asking->connection_name,
                                     asking->source, gate_ctx_now_ms(ctx), NULL);
}

/* Without a time of Scalekit's own the answer stands for now. */
static enum gate_err save(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct asking *asking = state;
    struct gate_account account = gate_account_from_scalekit(&asking->answer);
    account.user_id = asking->user_id;
    account.connection_name = asking->connection_name;
    account.learned_from = asking->source;
    account.asked_at = asking->asked_at;
    enum gate_err err = gate_store_account_save(ctx, tx, &account,
                                                account.updated_at == 0 ? GATE_ACCOUNT_SAVE_ALWAYS
                                                                        : GATE_ACCOUNT_SAVE_NEWER,
                                                gate_ctx_now_ms(ctx), NULL);
    if (err != GATE_OK) {
        return err;
    }
    err = gate_store_account_find(ctx, tx, asking->user_id, asking->connection_name,
                                  &asking->account);
    asking->is_there = err == GATE_OK;
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

static void answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct asking *asking = state;
    if (err == GATE_OK && !asking->is_there) {
        err = GATE_ERR_NOT_FOUND;
    }
    if (err == GATE_OK) {
        *asking->ret_account = asking->account;
    }
    asking->then(ctx, err, asking->state);
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct asking *asking = state;
    gate_store *store = asking->portal->parts.store;
    if (err == GATE_ERR_NOT_FOUND) {
        gate_store_write(ctx, store, forget, asking, answer, asking);
        return;
    }
    if (err != GATE_OK) {
        asking->then(ctx, err, asking->state);
        return;
    }
    gate_store_write(ctx, store, save, asking, answer, asking);
}

void gate_portal_account_ask(struct gate_ctx *ctx, gate_portal *portal,
                             const struct gate_user *user, const char *connection_name,
                             enum gate_account_source source, struct gate_account *ret_account,
                             gate_then_fn *then, void *state) {
    struct asking *asking = gate_arena_make(ctx->arena, struct asking);
    asking->portal = portal;
    asking->user_id = user->id;
    asking->connection_name = connection_name;
    asking->source = source;
    asking->ret_account = ret_account;
    asking->then = then;
    asking->state = state;
    asking->asked_at = gate_ctx_now_ms(ctx);
    gate_scalekit_account_fetch(ctx, portal->parts.scalekit, connection_name, user->identifier,
                                &asking->answer, take_answer, asking);
}
