#include "portal/tool_call.h"

#include "core/text.h"
#include "portal/account_settle.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "portal/tool_offers.h"
#include "portal/trail.h"
#include "store/account.h"
#include "store/tool_call.h"

/* After the app's first refusal Scalekit is asked at once, after further ones unless it was this
 * short a time ago. */
#define ASK_AGAIN_MS 1000

struct running {
    gate_portal *portal;
    const struct gate_caller *caller;
    const struct gate_tool_call_order *order;
    struct gate_tool_call_result *ret_result;
    gate_then_fn *then;
    void *state;

    struct gate_tool_offers offers;     /* for an order that names the tool alone */
    struct gate_tool_call_order chosen; /* that order with the one connection that offers it */
    struct gate_settled settled;
    bool knows_id; /* the account that the order names by its id is on record */
    bool has_read; /* all accounts of the user were read from Scalekit during this call */
    bool reached;  /* the outcome came from Scalekit, or on the way there */
    struct gate_scalekit_tool_call call;
    int64_t started_ms; /* monotonic */
    enum gate_err outcome;
    struct gate_tool_call row;
};

static bool is_refused_by_app(const struct running *running, enum gate_err err) {
    int status = running->ret_result->reply.failure.status;
    return err == GATE_ERR_PROVIDER && (status == 401 || status == 403);
}

/* The record says that the account is connected: perhaps it is not any more. */
static void ask_after_refusal(struct gate_ctx *ctx, const struct running *running) {
    bool is_first = running->settled.account.refused_at == 0;
    gate_portal_accounts_freshen(ctx, running->portal, &running->caller->user,
                                 is_first ? 0 : ASK_AGAIN_MS);
}

/* The tool has run; that the trail could not be written does not undo the answer. */
static void answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct running *running = state;
    if (is_refused_by_app(running, running->outcome)) {
        ask_after_refusal(ctx, running);
    }
    running->then(ctx, running->outcome, running->state);
}

static void record(struct gate_ctx *ctx, struct running *running, enum gate_err outcome) {
    const struct gate_scalekit_reply *reply = &running->ret_result->reply;
    running->outcome = outcome;
    running->ret_result->connection_name = running->call.connection_name != NULL
                                               ? running->call.connection_name
                                               : running->order->connection_name;
    running->ret_result->connected_account_id = running->settled.account.scalekit_id;
    if (running->order->explains) {
        running->then(ctx, outcome, running->state);
        return;
    }
    running->row = (struct gate_tool_call){
        .user_id = running->caller->user.id,
        .token_id = running->caller->token.id,
        .connection_name = running->ret_result->connection_name,
        .tool_name = running->order->tool_name,
        .outcome = gate_trail_outcome_name(outcome),
        .error_source = gate_trail_source_name(outcome, running->reached),
        .error_code = reply->failure.error_code,
        .execution_id = reply->execution_id,
        .agent_run_id = running->order->agent_run_id,
        .request_id = ctx->request_id,
        .at = gate_ctx_now_ms(ctx),
        .duration_ms = gate_clock_monotonic_ms(ctx->clock) - running->started_ms,
    };
    if (outcome == GATE_OK || outcome == GATE_ERR_PROVIDER) {
        gate_portal_trail_add_answered(ctx, running->portal, &running->row,
                                       outcome == GATE_OK ? 0 : reply->failure.status, answer,
                                       running);
        return;
    }
    gate_portal_trail_add(ctx, running->portal, &running->row, answer, running);
}

static void note_status(struct running *running) {
    running->ret_result->account_status =
        running->settled.is_there ? gate_account_status_name(running->settled.account.status)
                                  : NULL;
}

static void after_resettle(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    note_status(running);
    record(ctx, running, err);
}

/* Scalekit turns a call away before it looks at it when it refuses our own token, or gives us none.
 */
static bool was_turned_away(const struct running *running, enum gate_err err) {
    int status = running->ret_result->reply.failure.status;
    return err == GATE_ERR_UPSTREAM && (status == 0 || status == 401);
}

static void after_execute(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    running->ret_result->has_left = !was_turned_away(running, err);
    if (err == GATE_OK) {
        record(ctx, running, err);
        return;
    }
    gate_portal_account_resettle(ctx, running->portal, &running->caller->user,
                                 running->call.connection_name, err, &running->settled,
                                 after_resettle, running);
}

static void execute(struct gate_ctx *ctx, struct running *running) {
    if (running->order->explains) {
        record(ctx, running, GATE_OK);
        return;
    }
    running->call.tool_name = running->order->tool_name;
    running->call.identifier = running->caller->user.identifier;
    running->call.connected_account_id = running->order->connected_account_id;
    running->call.agent_run_id = running->order->agent_run_id;
    running->call.params_json = running->order->params_json;
    running->call.params_length = running->order->params_length;
    running->reached = true;
    gate_scalekit_tool_execute(ctx, running->portal->parts.scalekit, &running->call,
                               &running->ret_result->reply, after_execute, running);
}

static void after_settle(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    note_status(running);
    running->reached = running->settled.was_asked;
    if (err != GATE_OK) {
        record(ctx, running, err);
        return;
    }
    execute(ctx, running);
}

/* The connection the order means: the one it names, or that of the account it names by Scalekit's
 * id among this user's own. */
static enum gate_err find_connection(struct gate_ctx *ctx, struct running *running) {
    const struct gate_tool_call_order *order = running->order;
    if (order->connected_account_id == NULL) {
        running->call.connection_name = order->connection_name;
        return GATE_OK;
    }
    gate_store *store = running->portal->parts.store;
    struct gate_account *accounts;
    size_t count;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err =
        gate_store_account_list(ctx, tx, running->caller->user.id, &accounts, &count);
    gate_store_read_end(store, tx);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        if (!gate_text_equal(accounts[i].scalekit_id, order->connected_account_id)) {
            continue;
        }
        running->knows_id = true;
        if (order->connection_name == NULL ||
            gate_text_equal(order->connection_name, accounts[i].connection_name)) {
            running->call.connection_name = accounts[i].connection_name;
            return GATE_OK;
        }
    }
    return err != GATE_OK ? err
                          : gate_fail(ctx, GATE_ERR_NOT_FOUND,
                                      "This user has no connected account with that id.");
}

/* Without a connection, as much as can be said before it is known. */
static enum gate_err check_rules(struct gate_ctx *ctx, const struct running *running,
                                 const char *connection_name) {
    struct gate_tool_call_result *result = running->ret_result;
    if (!running->caller->has_user) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN,
                         "This token may not act for that user (rule: users).");
    }
    result->rule = "scope";
    if (!gate_portal_has_scope(running->caller, GATE_SCOPE_EXECUTE)) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN,
                         "This token may not run tools (rule: scope " GATE_SCOPE_EXECUTE ").");
    }
    if (connection_name == NULL) {
        return GATE_OK;
    }
    bool is_browser = running->caller->kind == GATE_CALLER_BROWSER;
    result->rule = !gate_portal_may_use_connection(running->caller, connection_name) ? "connections"
                   : is_browser                                                      ? "session"
                                                                                     : "tools";
    return gate_portal_tool_check(ctx, running->caller, connection_name, running->order->tool_name);
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    running->reached = err != GATE_OK;
    if (err == GATE_OK) {
        err = find_connection(ctx, running);
    }
    if (err == GATE_OK) {
        err = check_rules(ctx, running, running->call.connection_name);
    }
    if (err == GATE_ERR_NOT_FOUND && running->order->connected_account_id != NULL &&
        !running->knows_id && !running->has_read) {
        /* The account may be younger than the record. */
        running->has_read = true;
        gate_error_clear(&ctx->error);
        gate_portal_accounts_read(ctx, running->portal, &running->caller->user, after_catalogue,
                                  running);
        return;
    }
    if (err != GATE_OK) {
        record(ctx, running, err);
        return;
    }
    gate_portal_account_settle(ctx, running->portal, &running->caller->user,
                               running->call.connection_name, &running->settled, after_settle,
                               running);
}

/* "gmail, slack", as far as a recorded sentence has room; the result has them all. */
static const char *join_names(gate_arena *arena, const struct gate_tool_offers *offers) {
    const char *joined = offers->connection_names[0];
    for (size_t i = 1; i < offers->count; i++) {
        joined = gate_arena_printf(arena, "%s, %s", joined, offers->connection_names[i]);
    }
    return joined;
}

static enum gate_err choose_offer(struct gate_ctx *ctx, struct running *running) {
    const struct gate_tool_offers *offers = &running->offers;
    if (offers->count == 0) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND,
                         "No connection that this user has, or could make, offers a tool of that "
                         "name; see /api/v1/tools/available.");
    }
    if (offers->count > 1) {
        running->ret_result->offers = offers->connection_names;
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "More than one connection offers that tool; name one as connector: %s",
                         join_names(ctx->arena, offers));
    }
    running->chosen = *running->order;
    running->chosen.connection_name = offers->connection_names[0];
    running->order = &running->chosen;
    return GATE_OK;
}

/* What could offer it is chosen like what does; that it is not connected then ends the call. */
static void after_prospects(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    running->reached = err != GATE_OK && err != GATE_ERR_FORBIDDEN;
    if (err == GATE_OK) {
        err = choose_offer(ctx, running);
    }
    if (err != GATE_OK) {
        record(ctx, running, err);
        return;
    }
    after_catalogue(ctx, GATE_OK, running);
}

static void after_offers(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    if (err == GATE_OK && running->offers.count == 0) {
        gate_portal_tool_prospects_find(ctx, running->portal, running->caller,
                                        running->order->tool_name, &running->offers,
                                        after_prospects, running);
        return;
    }
    after_prospects(ctx, err, running);
}

/* An account named by its id must be on record before it can be told from somebody else's. */
static void after_connections(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct running *running = state;
    if (err == GATE_OK && running->order->connected_account_id != NULL) {
        running->has_read = running->caller->user.accounts_read_at == 0;
        gate_portal_accounts_need(ctx, running->portal, &running->caller->user, after_catalogue,
                                  running);
        return;
    }
    if (err == GATE_OK && running->order->connection_name == NULL) {
        gate_portal_tool_offers_find(ctx, running->portal, running->caller,
                                     running->order->tool_name, &running->offers, after_offers,
                                     running);
        return;
    }
    after_catalogue(ctx, err, running);
}

/* The same for an account that may not be on record, which is no matter here. */
static enum gate_err find_known_connection(struct gate_ctx *ctx, struct running *running) {
    if (running->order->connected_account_id == NULL) {
        return GATE_OK;
    }
    enum gate_err err = find_connection(ctx, running);
    if (err == GATE_ERR_NOT_FOUND) {
        gate_error_clear(&ctx->error);
        return GATE_OK;
    }
    return err;
}

enum gate_err gate_portal_tool_call_check(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller,
                                          const struct gate_tool_call_order *order) {
    struct gate_tool_call_result unused = {0};
    struct running running = {
        .portal = portal, .caller = caller, .order = order, .ret_result = &unused};
    enum gate_err err = check_rules(ctx, &running, order->connection_name);
    if (err != GATE_OK || order->connection_name != NULL) {
        return err;
    }
    err = find_known_connection(ctx, &running);
    return err != GATE_OK ? err : check_rules(ctx, &running, running.call.connection_name);
}

static struct running *make_running(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller,
                                    const struct gate_tool_call_order *order,
                                    struct gate_tool_call_result *ret_result, gate_then_fn *then,
                                    void *state) {
    struct running *running = gate_arena_make(ctx->arena, struct running);
    *ret_result = (struct gate_tool_call_result){0};
    running->portal = portal;
    running->caller = caller;
    running->order = order;
    running->ret_result = ret_result;
    running->then = then;
    running->state = state;
    running->started_ms = gate_clock_monotonic_ms(ctx->clock);
    return running;
}

void gate_portal_tool_call_refuse(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller,
                                  const struct gate_tool_call_order *order,
                                  struct gate_tool_call_result *ret_result, gate_then_fn *then,
                                  void *state) {
    struct running *running = make_running(ctx, portal, caller, order, ret_result, then, state);
    const struct gate_error refusal = ctx->error;
    if (caller->has_user && order->connection_name == NULL &&
        find_known_connection(ctx, running) != GATE_OK) {
        running->call.connection_name = NULL; /* the trail is without it then */
    }
    ctx->error = refusal;
    record(ctx, running, GATE_ERR_FORBIDDEN);
}

void gate_portal_tool_call_run(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_caller *caller,
                               const struct gate_tool_call_order *order,
                               struct gate_tool_call_result *ret_result, gate_then_fn *then,
                               void *state) {
    struct running *running = make_running(ctx, portal, caller, order, ret_result, then, state);
    const int64_t latest_ms = running->started_ms + GATE_TOOL_TIMEOUT_MS;
    bool is_sooner = order->deadline_ms != 0 && order->deadline_ms < latest_ms;
    ctx->deadline_ms = is_sooner ? order->deadline_ms : latest_ms;
    /* Who may not do it does not make us ask Scalekit either. */
    enum gate_err err = check_rules(ctx, running, order->connection_name);
    if (err == GATE_OK) {
        err = gate_portal_trail_check(ctx, portal);
    }
    if (err != GATE_OK) {
        record(ctx, running, err);
        return;
    }
    gate_portal_catalogue_need(ctx, portal, after_connections, running);
}
