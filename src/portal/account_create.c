#include "portal/account_create.h"

#include <assert.h>

#include "core/text.h"
#include "portal/account_ask.h"
#include "portal/account_find.h"
#include "portal/blame.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/connection.h"

/* How long finding out what became of a request may take. */
#define LOOK_AGAIN_MS 3000

struct creating {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *connection_name;
    struct gate_connector *ret_connector;
    gate_then_fn *then;
    void *state;

    struct gate_scalekit_account answer;
    struct gate_account account;
    enum gate_err outcome; /* of the request, while it is looked at what became of it */
};

static void end(struct gate_ctx *ctx, enum gate_err err, struct creating *creating) {
    creating->then(ctx, err, creating->state);
}

static void show(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct creating *creating = state;
    if (err != GATE_OK) {
        end(ctx, err, creating);
        return;
    }
    gate_account_look(ctx, creating->portal, creating->caller, creating->connection_name,
                      creating->ret_connector, creating->then, creating->state);
}

static enum gate_err save_answer(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct creating *creating = state;
    struct gate_account account = gate_account_from_scalekit(&creating->answer);
    account.user_id = creating->caller->user.id;
    account.connection_name = creating->connection_name;
    account.learned_from = GATE_ACCOUNT_SOURCE_CONNECT;
    return gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_ALWAYS,
                                   gate_ctx_now_ms(ctx), NULL);
}

static enum gate_err fail_exists(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_CONFLICT,
                     "This user has an account on that connection already.");
}

/* An account that is there now is as good as made: whoever asks for one that there was before
 * hears "conflict" from Scalekit itself. */
static void after_second_look(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct creating *creating = state;
    gate_error_clear(&ctx->error);
    if (creating->outcome == GATE_ERR_CONFLICT) {
        end(ctx, fail_exists(ctx), creating);
    } else if (err == GATE_OK) {
        show(ctx, GATE_OK, creating);
    } else {
        bool is_undone = err == GATE_ERR_NOT_FOUND;
        end(ctx,
            gate_fail(ctx, is_undone ? GATE_ERR_UNAVAILABLE : GATE_ERR_OUTCOME_UNKNOWN,
                      "Scalekit did not say whether it made the account"),
            creating);
    }
}

static void look_again(struct gate_ctx *ctx, struct creating *creating, enum gate_err outcome) {
    creating->outcome = outcome;
    gate_error_clear(&ctx->error);
    ctx->deadline_ms = gate_clock_monotonic_ms(ctx->clock) + LOOK_AGAIN_MS;
    gate_portal_account_ask(ctx, creating->portal, &creating->caller->user,
                            creating->connection_name, GATE_ACCOUNT_SOURCE_CONNECT,
                            &creating->account, after_second_look, creating);
}

static void after_request(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct creating *creating = state;
    if (err == GATE_OK) {
        gate_store_write(ctx, creating->portal->parts.store, save_answer, creating, show, creating);
    } else if (err == GATE_ERR_CONFLICT || err == GATE_ERR_OUTCOME_UNKNOWN) {
        look_again(ctx, creating, err);
    } else if (err == GATE_ERR_NOT_FOUND) {
        gate_error_clear(&ctx->error);
        end(ctx, gate_fail(ctx, err, "Scalekit has no connection of that name."), creating);
    } else {
        end(ctx, gate_blame_upstream(err), creating);
    }
}

static enum gate_err check_connection(struct gate_ctx *ctx, const struct creating *creating) {
    gate_store *store = creating->portal->parts.store;
    struct gate_connection connection;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_connection_find(ctx, tx, creating->connection_name, &connection);
    gate_store_read_end(store, tx);
    if (err == GATE_ERR_NOT_FOUND || (err == GATE_OK && !connection.enabled)) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.");
    }
    if (err == GATE_OK && gate_text_equal(connection.type, "NO_AUTH")) {
        return gate_portal_scope_check(ctx, creating->caller, GATE_SCOPE_ACCOUNTS,
                                       "connect what needs no consent");
    }
    return err;
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct creating *creating = state;
    if (err == GATE_OK) {
        err = check_connection(ctx, creating);
    }
    if (err != GATE_OK) {
        end(ctx, err, creating);
        return;
    }
    gate_scalekit_account_create(ctx, creating->portal->parts.scalekit, creating->connection_name,
                                 creating->caller->user.identifier, &creating->answer,
                                 after_request, creating);
}

/* Who may only look makes nothing at Scalekit in a user's name. */
static enum gate_err check_scope(struct gate_ctx *ctx, const struct gate_caller *caller) {
    return gate_portal_has_scope(caller, GATE_SCOPE_EXECUTE) ||
                   gate_portal_has_scope(caller, GATE_SCOPE_ACCOUNTS)
               ? GATE_OK
               : gate_fail(
                     ctx, GATE_ERR_FORBIDDEN,
                     "This token may not make connected accounts (rule: scope " GATE_SCOPE_EXECUTE
                     " or " GATE_SCOPE_ACCOUNTS ").");
}

void gate_portal_account_create(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                struct gate_connector *ret_connector, gate_then_fn *then,
                                void *state) {
    assert(caller->has_user);
    enum gate_err err = check_scope(ctx, caller);
    if (err == GATE_OK) {
        err = gate_portal_connection_check(ctx, caller, connection_name);
    }
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct creating *creating = gate_arena_make(ctx->arena, struct creating);
    *creating = (struct creating){.portal = portal,
                                  .caller = caller,
                                  .connection_name = connection_name,
                                  .ret_connector = ret_connector,
                                  .then = then,
                                  .state = state};
    gate_portal_catalogue_need(ctx, portal, after_catalogue, creating);
}
