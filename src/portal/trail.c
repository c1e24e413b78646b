#include "portal/trail.h"

#include "core/log.h"
#include "portal/state.h"
#include "store/account.h"
#include "store/connection.h"

struct adding {
    struct gate_tool_call *row;
    bool was_answered; /* by the app */
    int app_status;
    gate_then_fn *then;
    void *state;
};

const char *gate_trail_outcome_name(enum gate_err outcome) {
    switch (outcome) {
    case GATE_OK:
        return "ok";
    case GATE_ERR_PROVIDER:
        return "provider_error";
    case GATE_ERR_FORBIDDEN:
    case GATE_ERR_NOT_FOUND:
        return "denied";
    case GATE_ERR_NEEDS_AUTHORIZATION:
        return "needs_authorization";
    case GATE_ERR_TIMEOUT:
        return "timeout";
    case GATE_ERR_OUTCOME_UNKNOWN:
        return "outcome_unknown";
    case GATE_ERR_INPUT:
    case GATE_ERR_CONFLICT:
    case GATE_ERR_TOO_LARGE:
        return "invalid";
    case GATE_ERR_BUSY:
    case GATE_ERR_RATE_LIMITED:
        return "busy";
    case GATE_ERR_OVER_QUOTA:
        return "over_quota";
    default:
        return "unavailable";
    }
}

const char *gate_trail_source_name(enum gate_err outcome, bool was_reached) {
    switch (outcome) {
    case GATE_OK:
        return NULL;
    case GATE_ERR_PROVIDER:
        return "provider";
    case GATE_ERR_RATE_LIMITED:
    case GATE_ERR_UNAVAILABLE:
    case GATE_ERR_TIMEOUT:
    case GATE_ERR_OUTCOME_UNKNOWN:
    case GATE_ERR_UPSTREAM:
        return "scalekit";
    case GATE_ERR_INPUT:
    case GATE_ERR_FORBIDDEN:
    case GATE_ERR_NOT_FOUND:
    case GATE_ERR_CONFLICT:
        return was_reached ? "scalekit" : "gatehouse";
    default:
        return "gatehouse";
    }
}

/* The first refusal leaves open whether the account is still active: Scalekit is to be asked. */
static enum gate_err mark_refused(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct adding *adding) {
    const struct gate_tool_call *row = adding->row;
    struct gate_account account;
    enum gate_err err =
        gate_store_account_find(ctx, tx, row->user_id, row->connection_name, &account);
    if (err == GATE_OK && account.refused_at == 0) {
        err = gate_store_account_want_recheck(ctx, tx, row->user_id, row->at);
    }
    if (err == GATE_OK) {
        err = gate_store_account_note_refusal(ctx, tx, row->user_id, row->connection_name,
                                              adding->app_status, row->tool_name, row->at);
    }
    return err == GATE_ERR_NOT_FOUND ? GATE_OK : err;
}

/* What the call says about the account. */
static enum gate_err mark_account(struct gate_ctx *ctx, gate_store_tx *tx,
                                  const struct adding *adding) {
    const struct gate_tool_call *row = adding->row;
    if (!adding->was_answered || row->connection_name == NULL) {
        return GATE_OK;
    }
    if (adding->app_status == 0) {
        return gate_store_account_note_success(ctx, tx, row->user_id, row->connection_name,
                                               row->tool_name);
    }
    bool is_refusal = adding->app_status == 401 || adding->app_status == 403;
    return is_refusal ? mark_refused(ctx, tx, adding) : GATE_OK;
}

static enum gate_err insert_row(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct adding *adding = state;
    struct gate_tool_call *row = adding->row;
    struct gate_connection connection;
    enum gate_err err = GATE_OK;
    if (row->connection_name != NULL) {
        err = gate_store_connection_find(ctx, tx, row->connection_name, &connection);
    }
    if (err == GATE_ERR_NOT_FOUND) {
        row->connection_name = NULL;
        err = GATE_OK;
    }
    if (err == GATE_OK) {
        err = mark_account(ctx, tx, adding);
    }
    return err != GATE_OK ? err : gate_store_tool_call_insert(ctx, tx, row, NULL);
}

static void go_on(struct gate_ctx *ctx, enum gate_err err, void *state) {
    const struct adding *adding = state;
    const struct gate_tool_call *row = adding->row;
    if (err != GATE_OK) {
        gate_log_write(
            GATE_LOG_ERROR, "tool_call_not_recorded", GATE_LOG_TEXT("request_id", ctx->request_id),
            GATE_LOG_NUMBER("user", row->user_id), GATE_LOG_NUMBER("token", row->token_id),
            GATE_LOG_TEXT("connection", row->connection_name),
            GATE_LOG_TEXT("tool", row->tool_name), GATE_LOG_TEXT("outcome", row->outcome));
    }
    adding->then(ctx, GATE_OK, adding->state);
}

static void add(struct gate_ctx *ctx, gate_portal *portal, const struct adding *wish) {
    struct adding *adding = gate_arena_make(ctx->arena, struct adding);
    *adding = *wish;
    gate_store_write(ctx, portal->parts.store, insert_row, adding, go_on, adding);
}

void gate_portal_trail_add(struct gate_ctx *ctx, gate_portal *portal, struct gate_tool_call *row,
                           gate_then_fn *then, void *state) {
    add(ctx, portal, &(struct adding){.row = row, .then = then, .state = state});
}

void gate_portal_trail_add_answered(struct gate_ctx *ctx, gate_portal *portal,
                                    struct gate_tool_call *row, int app_status, gate_then_fn *then,
                                    void *state) {
    add(ctx, portal,
        &(struct adding){.row = row,
                         .was_answered = true,
                         .app_status = app_status,
                         .then = then,
                         .state = state});
}

enum gate_err gate_portal_trail_check(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_store_health health;
    return gate_store_check(portal->parts.store, &ctx->error, &health);
}
