#include "portal/account_find.h"

#include <assert.h>

#include "core/text.h"
#include "portal/blame.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "store/connection.h"

/* ---- which one is meant ---- */

struct locating {
    gate_portal *portal;
    const struct gate_caller *caller;
    const struct gate_account_choice *choice;
    const char **ret_connection_name;
    gate_then_fn *then;
    void *state;

    struct gate_account account;
    bool has_read; /* all accounts were read from Scalekit for this */
};

static enum gate_err fail_not_there(struct gate_ctx *ctx) {
    return gate_fail(ctx, GATE_ERR_NOT_FOUND, "This user has no such connected account.");
}

static void end_locating(struct gate_ctx *ctx, struct locating *locating, enum gate_err err) {
    const struct gate_account_choice *choice = locating->choice;
    if (err == GATE_OK && choice->account_id != NULL &&
        !gate_text_equal(choice->account_id, locating->account.scalekit_id)) {
        err = fail_not_there(ctx);
    }
    if (err == GATE_OK) {
        *locating->ret_connection_name = locating->account.connection_name;
    }
    locating->then(ctx, err, locating->state);
}

static void after_ask(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct locating *locating = state;
    if (err == GATE_ERR_NOT_FOUND) {
        gate_error_clear(&ctx->error);
        err = fail_not_there(ctx);
    }
    end_locating(ctx, locating, gate_blame_upstream(err));
}

/* Names that are only made up are not worth asking Scalekit about. */
static void find_by_connection(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct locating *locating = state;
    const char *name = locating->choice->connection_name;
    gate_store *store = locating->portal->parts.store;
    struct gate_connection connection = {0};
    if (err != GATE_OK) {
        end_locating(ctx, locating, err);
        return;
    }
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err connection_err = gate_store_connection_find(ctx, tx, name, &connection);
    err = gate_store_account_find(ctx, tx, locating->caller->user.id, name, &locating->account);
    gate_store_read_end(store, tx);
    if (err != GATE_ERR_NOT_FOUND) {
        end_locating(ctx, locating, err);
    } else if (connection_err == GATE_OK && connection.enabled) {
        gate_portal_account_ask(ctx, locating->portal, &locating->caller->user, name,
                                GATE_ACCOUNT_SOURCE_PAGE, &locating->account, after_ask, locating);
    } else {
        end_locating(
            ctx, locating,
            connection_err == GATE_OK || connection_err == GATE_ERR_NOT_FOUND
                ? gate_fail(ctx, GATE_ERR_NOT_FOUND, "There is no connection of that name.")
                : connection_err);
    }
}

static enum gate_err search_record(struct gate_ctx *ctx, struct locating *locating) {
    gate_store *store = locating->portal->parts.store;
    struct gate_account *accounts;
    size_t count;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err =
        gate_store_account_list(ctx, tx, locating->caller->user.id, &accounts, &count);
    gate_store_read_end(store, tx);
    if (err != GATE_OK) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        if (gate_text_equal(accounts[i].scalekit_id, locating->choice->account_id)) {
            locating->account = accounts[i];
            return gate_portal_connection_check(ctx, locating->caller, accounts[i].connection_name);
        }
    }
    return GATE_ERR_NOT_FOUND;
}

static void find_by_id(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct locating *locating = state;
    if (err == GATE_OK) {
        err = search_record(ctx, locating);
    }
    if (err == GATE_ERR_NOT_FOUND && !locating->has_read) {
        locating->has_read = true;
        gate_portal_accounts_read(ctx, locating->portal, &locating->caller->user, find_by_id,
                                  locating);
        return;
    }
    end_locating(ctx, locating, err == GATE_ERR_NOT_FOUND ? fail_not_there(ctx) : err);
}

void gate_account_locate(struct gate_ctx *ctx, gate_portal *portal,
                         const struct gate_caller *caller, const struct gate_account_choice *choice,
                         const char **ret_connection_name, gate_then_fn *then, void *state) {
    assert(caller->has_user);
    enum gate_err err = GATE_OK;
    if (choice->connection_name != NULL) {
        err = gate_portal_connection_check(ctx, caller, choice->connection_name);
    } else if (choice->account_id == NULL) {
        err = gate_fail(ctx, GATE_ERR_INPUT, "Say which account: its connector, or its id.");
    }
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct locating *locating = gate_arena_make(ctx->arena, struct locating);
    *locating = (struct locating){.portal = portal,
                                  .caller = caller,
                                  .choice = choice,
                                  .ret_connection_name = ret_connection_name,
                                  .then = then,
                                  .state = state};
    if (choice->connection_name != NULL) {
        gate_portal_catalogue_need(ctx, portal, find_by_connection, locating);
    } else {
        find_by_id(ctx, GATE_OK, locating);
    }
}

/* ---- how it is now ---- */

struct looking {
    struct gate_connector_details details;
    struct gate_connector *ret_connector;
    gate_then_fn *then;
    void *state;
};

static void take_details(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct looking *looking = state;
    if (err == GATE_OK && !looking->details.connector.has_account) {
        err = fail_not_there(ctx);
    }
    if (err == GATE_OK) {
        *looking->ret_connector = looking->details.connector;
    }
    looking->then(ctx, err, looking->state);
}

void gate_account_look(struct gate_ctx *ctx, gate_portal *portal, const struct gate_caller *caller,
                       const char *connection_name, struct gate_connector *ret_connector,
                       gate_then_fn *then, void *state) {
    struct looking *looking = gate_arena_make(ctx->arena, struct looking);
    looking->ret_connector = ret_connector;
    looking->then = then;
    looking->state = state;
    gate_portal_connector_find(ctx, portal, caller, connection_name, &looking->details,
                               take_details, looking);
}

/* ---- both ---- */

struct finding {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *connection_name;
    struct gate_connector *ret_connector;
    gate_then_fn *then;
    void *state;
};

static void after_locating(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finding *finding = state;
    if (err != GATE_OK) {
        finding->then(ctx, err, finding->state);
        return;
    }
    gate_account_look(ctx, finding->portal, finding->caller, finding->connection_name,
                      finding->ret_connector, finding->then, finding->state);
}

void gate_portal_account_find(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_account_choice *choice,
                              struct gate_connector *ret_connector, gate_then_fn *then,
                              void *state) {
    enum gate_err err =
        gate_portal_scope_check(ctx, caller, GATE_SCOPE_READ, "look at connected accounts");
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    struct finding *finding = gate_arena_make(ctx->arena, struct finding);
    *finding = (struct finding){.portal = portal,
                                .caller = caller,
                                .ret_connector = ret_connector,
                                .then = then,
                                .state = state};
    gate_account_locate(ctx, portal, caller, choice, &finding->connection_name, after_locating,
                        finding);
}
