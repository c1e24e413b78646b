#include "portal/disconnecting.h"

#include <assert.h>

#include "portal/account_ask.h"
#include "portal/connector_name.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "store/connection.h"

/* How long finding out what became of a lost request may take. */
#define LOOK_AGAIN_MS 3000

struct disconnecting {
    gate_portal *portal;
    const struct gate_user *user;
    const char *connection_name;
    bool remove;
    const char **ret_display_name;
    gate_then_fn *then;
    void *state;

    struct gate_account account;
    struct gate_scalekit_account answer;
    enum gate_err outcome; /* of the request, while it is looked at what became of it */
};

static void end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnecting *disconnecting = state;
    disconnecting->then(ctx, err, disconnecting->state);
}

/* ---- the record follows ---- */

static enum gate_err forget(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct disconnecting *disconnecting = state;
    return gate_store_account_forget(ctx, tx, disconnecting->user->id,
                                     disconnecting->connection_name, GATE_ACCOUNT_SOURCE_DISCONNECT,
                                     gate_ctx_now_ms(ctx), NULL);
}

static enum gate_err save_answer(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct disconnecting *disconnecting = state;
    struct gate_account account = gate_account_from_scalekit(&disconnecting->answer);
    account.user_id = disconnecting->user->id;
    account.connection_name = disconnecting->connection_name;
    account.learned_from = GATE_ACCOUNT_SOURCE_DISCONNECT;
    return gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_ALWAYS,
                                   gate_ctx_now_ms(ctx), NULL);
}

static void record(struct gate_ctx *ctx, struct disconnecting *disconnecting,
                   gate_store_work_fn *work, gate_then_fn *then) {
    gate_error_clear(&ctx->error);
    gate_store_write(ctx, disconnecting->portal->parts.store, work, disconnecting, then,
                     disconnecting);
}

/* ---- what became of a request that failed ---- */

static bool is_as_wished(const struct disconnecting *disconnecting, enum gate_err ask_err) {
    if (ask_err == GATE_ERR_NOT_FOUND) {
        return true;
    }
    return ask_err == GATE_OK && !disconnecting->remove &&
           disconnecting->account.status == GATE_ACCOUNT_DISCONNECTED;
}

static void after_second_look(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnecting *disconnecting = state;
    if (is_as_wished(disconnecting, err)) {
        gate_error_clear(&ctx->error);
        end(ctx, GATE_OK, disconnecting);
        return;
    }
    /* It is known now that nothing was done: trying again is safe. */
    bool is_undone = err == GATE_OK && disconnecting->outcome == GATE_ERR_OUTCOME_UNKNOWN;
    enum gate_err outcome = is_undone ? GATE_ERR_UNAVAILABLE : disconnecting->outcome;
    end(ctx, gate_fail(ctx, outcome, "Scalekit did not disconnect the account"), disconnecting);
}

static void look_again(struct gate_ctx *ctx, struct disconnecting *disconnecting,
                       enum gate_err outcome) {
    disconnecting->outcome = outcome;
    gate_error_clear(&ctx->error);
    ctx->deadline_ms = gate_clock_monotonic_ms(ctx->clock) + LOOK_AGAIN_MS;
    gate_portal_account_ask(ctx, disconnecting->portal, disconnecting->user,
                            disconnecting->connection_name, GATE_ACCOUNT_SOURCE_DISCONNECT,
                            &disconnecting->account, after_second_look, disconnecting);
}

static bool is_worth_a_look(enum gate_err err) {
    return err == GATE_ERR_OUTCOME_UNKNOWN || err == GATE_ERR_CONFLICT || err == GATE_ERR_INPUT ||
           err == GATE_ERR_FORBIDDEN;
}

/* ---- the request ---- */

static void check_saved(struct gate_ctx *ctx, enum gate_err err, void *state) {
    const struct disconnecting *disconnecting = state;
    if (err == GATE_OK && disconnecting->answer.status == GATE_ACCOUNT_ACTIVE) {
        err = gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit says that the account is still active");
    }
    end(ctx, err, state);
}

static void after_request(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnecting *disconnecting = state;
    if ((err == GATE_OK || err == GATE_ERR_NOT_FOUND) && disconnecting->remove) {
        record(ctx, disconnecting, forget, end);
    } else if (err == GATE_ERR_NOT_FOUND) {
        /* The id is gone; perhaps the account was made anew elsewhere and has another one. */
        look_again(ctx, disconnecting, GATE_ERR_OUTCOME_UNKNOWN);
    } else if (err == GATE_OK) {
        record(ctx, disconnecting, save_answer, check_saved);
    } else if (is_worth_a_look(err)) {
        look_again(ctx, disconnecting, err);
    } else {
        end(ctx, err, disconnecting);
    }
}

static void send_request(struct gate_ctx *ctx, struct disconnecting *disconnecting) {
    gate_scalekit *scalekit = disconnecting->portal->parts.scalekit;
    if (disconnecting->remove) {
        gate_scalekit_account_delete(ctx, scalekit, disconnecting->connection_name,
                                     disconnecting->user->identifier, after_request, disconnecting);
        return;
    }
    gate_scalekit_account_disconnect(ctx, scalekit, disconnecting->account.scalekit_id,
                                     &disconnecting->answer, after_request, disconnecting);
}

/* Disconnecting goes by Scalekit's id; without one on record Scalekit knows it. */
static void after_ask(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnecting *disconnecting = state;
    if (err == GATE_ERR_NOT_FOUND) {
        gate_error_clear(&ctx->error);
        end(ctx, GATE_OK, disconnecting); /* there is nothing to disconnect */
        return;
    }
    if (err == GATE_OK && disconnecting->account.scalekit_id == NULL) {
        err = gate_fail(ctx, GATE_ERR_UPSTREAM, "Scalekit gave an account without an id");
    }
    if (err != GATE_OK) {
        end(ctx, err, disconnecting);
        return;
    }
    send_request(ctx, disconnecting);
}

static enum gate_err find_account(struct gate_ctx *ctx, struct disconnecting *disconnecting) {
    gate_store *store = disconnecting->portal->parts.store;
    const char *name = disconnecting->connection_name;
    struct gate_connection connection;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err connection_err = gate_store_connection_find(ctx, tx, name, &connection);
    enum gate_err err =
        gate_store_account_find(ctx, tx, disconnecting->user->id, name, &disconnecting->account);
    gate_store_read_end(store, tx);
    if (connection_err == GATE_OK) {
        *disconnecting->ret_display_name = connection.display_name;
        return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
    }
    *disconnecting->ret_display_name = gate_connector_display_name_make(ctx->arena, NULL, name);
    return err == GATE_ERR_NOT_FOUND
               ? gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.")
               : err;
}

void gate_portal_disconnect(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller, const char *connection_name,
                            bool remove, const char **ret_display_name, gate_then_fn *then,
                            void *state) {
    assert(caller->has_user);
    struct disconnecting *disconnecting = gate_arena_make(ctx->arena, struct disconnecting);
    *disconnecting = (struct disconnecting){.portal = portal,
                                            .user = &caller->user,
                                            .connection_name = connection_name,
                                            .remove = remove,
                                            .ret_display_name = ret_display_name,
                                            .then = then,
                                            .state = state};
    enum gate_err err = find_account(ctx, disconnecting);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    ctx->deadline_ms =
        gate_clock_monotonic_ms(ctx->clock) + gate_ctx_time_left_ms(ctx, GATE_CONTROL_TIMEOUT_MS);
    if (remove || disconnecting->account.scalekit_id != NULL) {
        send_request(ctx, disconnecting);
        return;
    }
    gate_portal_account_ask(ctx, portal, disconnecting->user, connection_name,
                            GATE_ACCOUNT_SOURCE_DISCONNECT, &disconnecting->account, after_ask,
                            disconnecting);
}
