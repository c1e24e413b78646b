#include "portal/account_settle.h"

#include "portal/refresh.h"
#include "portal/state.h"
#include "store/connection.h"

struct settling {
    gate_portal *portal;
    const struct gate_user *user;
    const char *connection_name;
    struct gate_settled *settled;
    enum gate_err refusal;
    struct gate_error refusal_error;
    gate_then_fn *then;
    void *state;
};

static enum gate_err require_user_to_act(struct gate_ctx *ctx) {
    return gate_fail(
        ctx, GATE_ERR_NEEDS_AUTHORIZATION,
        "The user has to connect this connector first; send them to authorization_url.");
}

/* In one snapshot. */
static enum gate_err read_record(struct gate_ctx *ctx, const struct settling *settling) {
    gate_store *store = settling->portal->parts.store;
    struct gate_settled *settled = settling->settled;
    struct gate_connection connection;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_connection_find(ctx, tx, settling->connection_name, &connection);
    if (err == GATE_ERR_NOT_FOUND || (err == GATE_OK && !connection.enabled)) {
        err = gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.");
    }
    if (err == GATE_OK) {
        err = gate_store_account_find(ctx, tx, settling->user->id, settling->connection_name,
                                      &settled->account);
        settled->is_there = err == GATE_OK;
        err = err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
    }
    gate_store_read_end(store, tx);
    return err;
}

static bool is_active(const struct gate_settled *settled) {
    return settled->is_there && settled->account.status == GATE_ACCOUNT_ACTIVE;
}

static void ask(struct gate_ctx *ctx, struct settling *settling, gate_then_fn *then) {
    settling->settled->was_asked = true;
    gate_portal_account_ask(ctx, settling->portal, settling->user, settling->connection_name,
                            GATE_ACCOUNT_SOURCE_TOOL_CALL, &settling->settled->account, then,
                            settling);
}

static void after_ask(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct settling *settling = state;
    settling->settled->is_there = err == GATE_OK;
    if (err == GATE_ERR_NOT_FOUND) {
        gate_error_clear(&ctx->error);
        err = GATE_OK;
    }
    if (err == GATE_OK && !is_active(settling->settled)) {
        err = require_user_to_act(ctx);
    }
    settling->then(ctx, err, settling->state);
}

static struct settling *make_settling(struct gate_ctx *ctx, gate_portal *portal,
                                      const struct gate_user *user, const char *connection_name,
                                      struct gate_settled *settled, gate_then_fn *then,
                                      void *state) {
    struct settling *settling = gate_arena_make(ctx->arena, struct settling);
    settling->portal = portal;
    settling->user = user;
    settling->connection_name = connection_name;
    settling->settled = settled;
    settling->then = then;
    settling->state = state;
    return settling;
}

void gate_portal_account_settle(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_user *user, const char *connection_name,
                                struct gate_settled *ret_settled, gate_then_fn *then, void *state) {
    struct settling *settling =
        make_settling(ctx, portal, user, connection_name, ret_settled, then, state);
    *ret_settled = (struct gate_settled){0};
    enum gate_err err = read_record(ctx, settling);
    if (err != GATE_OK || is_active(ret_settled)) {
        then(ctx, err, state);
        return;
    }
    ask(ctx, settling, after_ask);
}

/* Where Scalekit does not say otherwise, what was asked for is what is answered. */
static void after_second_look(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct settling *settling = state;
    struct gate_settled *settled = settling->settled;
    const bool has_answer = err == GATE_OK || err == GATE_ERR_NOT_FOUND;
    gate_error_clear(&ctx->error);
    settled->is_there = err == GATE_OK;
    if (has_answer && !is_active(settled)) {
        settling->then(ctx, require_user_to_act(ctx), settling->state);
        return;
    }
    ctx->error = settling->refusal_error;
    settling->then(ctx, settling->refusal, settling->state);
}

static bool may_mean_ended_account(enum gate_err err) {
    return err == GATE_ERR_INPUT || err == GATE_ERR_FORBIDDEN || err == GATE_ERR_NOT_FOUND ||
           err == GATE_ERR_CONFLICT;
}

void gate_portal_account_resettle(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user, const char *connection_name,
                                  enum gate_err refusal, struct gate_settled *settled,
                                  gate_then_fn *then, void *state) {
    if (settled->was_asked || !may_mean_ended_account(refusal)) {
        then(ctx, refusal, state);
        return;
    }
    struct settling *settling =
        make_settling(ctx, portal, user, connection_name, settled, then, state);
    settling->refusal = refusal;
    settling->refusal_error = ctx->error;
    gate_error_clear(&ctx->error);
    ask(ctx, settling, after_second_look);
}
