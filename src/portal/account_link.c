#include "portal/account_link.h"

#include <assert.h>

#include "core/encoding.h"
#include "core/text.h"
#include "portal/refresh.h"
#include "portal/return_target.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/connection.h"

#define PAGE "/connect/"

const char *gate_account_link_format(gate_arena *arena, const struct gate_config *config,
                                     const char *connection_name, const char *return_to) {
    const char *link = gate_arena_printf(arena, "%s" PAGE "%s", config->public_url,
                                         gate_percent_format(arena, connection_name));
    return return_to == NULL ? link
                             : gate_arena_printf(arena, "%s?return_to=%s", link,
                                                 gate_percent_format(arena, return_to));
}

struct making {
    gate_portal *portal;
    const char *return_to; /* checked; NULL: none */
    const char *connection_name;
    const char **ret_link;
    gate_then_fn *then;
    void *state;
};

static enum gate_err check_offered(struct gate_ctx *ctx, const struct making *making) {
    gate_store *store = making->portal->parts.store;
    struct gate_connection connection;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_connection_find(ctx, tx, making->connection_name, &connection);
    gate_store_read_end(store, tx);
    return err == GATE_ERR_NOT_FOUND || (err == GATE_OK && !connection.enabled)
               ? gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.")
               : err;
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct making *making = state;
    if (err == GATE_OK) {
        err = check_offered(ctx, making);
    }
    if (err == GATE_OK) {
        *making->ret_link = gate_account_link_format(ctx->arena, making->portal->parts.config,
                                                     making->connection_name, making->return_to);
    }
    making->then(ctx, err, making->state);
}

static void after_locating(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct making *making = state;
    if (err != GATE_OK) {
        making->then(ctx, err, making->state);
        return;
    }
    gate_portal_catalogue_need(ctx, making->portal, after_catalogue, making);
}

/* A connection need not have an account yet; an id is of one that there must be. */
static void find_connection(struct gate_ctx *ctx, struct making *making,
                            const struct gate_caller *caller,
                            const struct gate_account_choice *choice) {
    if (choice->connection_name == NULL || choice->account_id != NULL) {
        gate_account_locate(ctx, making->portal, caller, choice, &making->connection_name,
                            after_locating, making);
        return;
    }
    making->connection_name = choice->connection_name;
    after_locating(ctx, gate_portal_connection_check(ctx, caller, choice->connection_name), making);
}

void gate_portal_account_link_make(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_account_link_wish *wish, const char **ret_link,
                                   gate_then_fn *then, void *state) {
    assert(caller->has_user);
    struct making *making = gate_arena_make(ctx->arena, struct making);
    *making = (struct making){.portal = portal, .ret_link = ret_link, .then = then, .state = state};
    enum gate_err err =
        gate_portal_scope_check(ctx, caller, GATE_SCOPE_READ, "make links to connect");
    if (err == GATE_OK && !gate_text_is_empty(wish->return_to) &&
        gate_portal_return_target_check(ctx->arena, portal->parts.config, wish->return_to,
                                        &making->return_to) != GATE_OK) {
        err = gate_fail(ctx, GATE_ERR_INPUT,
                        "user_verify_url must lead to this portal or to an origin that it may lead "
                        "back to: the portal verifies the user itself, and then sends them there.");
    }
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    find_connection(ctx, making, caller, &wish->choice);
}
