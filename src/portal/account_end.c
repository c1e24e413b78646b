#include "portal/account_end.h"

#include "portal/disconnecting.h"
#include "portal/token.h"

struct ending {
    gate_portal *portal;
    const struct gate_caller *caller;
    struct gate_connector *ret_connector; /* NULL: delete */
    gate_then_fn *then;
    void *state;

    const char *connection_name;
    const char *display_name;
};

static void after_disconnect(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct ending *ending = state;
    if (err != GATE_OK || ending->ret_connector == NULL) {
        ending->then(ctx, err, ending->state);
        return;
    }
    gate_account_look(ctx, ending->portal, ending->caller, ending->connection_name,
                      ending->ret_connector, ending->then, ending->state);
}

static void after_locating(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct ending *ending = state;
    if (err != GATE_OK) {
        ending->then(ctx, err, ending->state);
        return;
    }
    gate_portal_disconnect(ctx, ending->portal, ending->caller, ending->connection_name,
                           ending->ret_connector == NULL, &ending->display_name, after_disconnect,
                           ending);
}

static void start(struct gate_ctx *ctx, const struct ending *wish,
                  const struct gate_account_choice *choice) {
    enum gate_err err =
        gate_portal_scope_check(ctx, wish->caller, GATE_SCOPE_ACCOUNTS, "end connections");
    if (err != GATE_OK) {
        wish->then(ctx, err, wish->state);
        return;
    }
    struct ending *ending = gate_arena_make(ctx->arena, struct ending);
    *ending = *wish;
    gate_account_locate(ctx, ending->portal, ending->caller, choice, &ending->connection_name,
                        after_locating, ending);
}

void gate_portal_account_disconnect(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller,
                                    const struct gate_account_choice *choice,
                                    struct gate_connector *ret_connector, gate_then_fn *then,
                                    void *state) {
    start(ctx,
          &(struct ending){.portal = portal,
                           .caller = caller,
                           .ret_connector = ret_connector,
                           .then = then,
                           .state = state},
          choice);
}

void gate_portal_account_delete(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller,
                                const struct gate_account_choice *choice, gate_then_fn *then,
                                void *state) {
    start(ctx, &(struct ending){.portal = portal, .caller = caller, .then = then, .state = state},
          choice);
}
