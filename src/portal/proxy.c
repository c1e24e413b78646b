#include "portal/proxy.h"

#include <string.h>

#include "core/text.h"
#include "portal/account_settle.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/token.h"
#include "portal/trail.h"

/* How often a long answer is held against the record again. */
#define HOLDS_EVERY_MS 2000

struct gate_proxying {
    gate_portal *portal;
    const struct gate_caller *caller;
    const struct gate_proxy_order *order;
    struct gate_proxy_result *ret_result;
    gate_then_fn *then;
    void *state;

    struct gate_settled settled;
    bool was_reached; /* the outcome came from Scalekit, or on the way there */
    struct gate_scalekit_proxy_call call;
    gate_scalekit_proxying *upstream;
    int64_t started_ms; /* monotonic, as the next */
    int64_t held_ms;    /* when it was known last that the caller's right holds */
    enum gate_err outcome;
    struct gate_tool_call row;
};

/* ---- the rules ---- */

bool gate_portal_proxy_reads(const char *method) {
    return gate_scalekit_proxy_reads(method);
}

enum gate_err gate_portal_proxy_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                      const struct gate_proxy_order *order) {
    if (!caller->has_user) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN,
                         "This token may not act for that user (rule: users).");
    }
    const char *scope =
        gate_portal_proxy_reads(order->method) ? GATE_SCOPE_PROXY_READ : GATE_SCOPE_PROXY_WRITE;
    if (!gate_portal_has_scope(caller, scope)) {
        return gate_fail(ctx, GATE_ERR_FORBIDDEN,
                         "This token may not make such REST calls (rule: scope %s).", scope);
    }
    return order->connection_name == NULL
               ? GATE_OK
               : gate_portal_connection_check(ctx, caller, order->connection_name);
}

/* ---- the trail ---- */

/* "POST /v1/customers", without the query, which may hold arguments. */
static const char *name_call(gate_arena *arena, const struct gate_proxy_order *order) {
    size_t length = strcspn(order->target, "?");
    const bool is_cut = length > GATE_PROXY_TRAIL_PATH_MAX_BYTES;
    length = is_cut ? GATE_PROXY_TRAIL_PATH_MAX_BYTES : length;
    while (is_cut && ((unsigned char)order->target[length] & 0xc0) == 0x80) {
        length--; /* not within a character */
    }
    return gate_arena_printf(arena, "%s %.*s%s", order->method, (int)length, order->target,
                             is_cut ? "…" : "");
}

static void answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct gate_proxying *proxying = state;
    proxying->then(ctx, proxying->outcome, proxying->state);
}

static void record(struct gate_ctx *ctx, struct gate_proxying *proxying, enum gate_err outcome) {
    const struct gate_scalekit_proxy_answer *reply = &proxying->ret_result->answer;
    const bool has_refused = outcome == GATE_OK && reply->status >= 400;
    const enum gate_err recorded = has_refused ? GATE_ERR_PROVIDER : outcome;
    proxying->outcome = outcome;
    proxying->row = (struct gate_tool_call){
        .user_id = proxying->caller->user.id,
        .token_id = proxying->caller->token.id,
        .connection_name = proxying->order->connection_name,
        .tool_name = name_call(ctx->arena, proxying->order),
        .outcome = gate_trail_outcome_name(recorded),
        .error_source = gate_trail_source_name(recorded, proxying->was_reached),
        .error_code = has_refused ? gate_arena_printf(ctx->arena, "HTTP_%d", reply->status)
                                  : reply->failure.error_code,
        .execution_id = reply->failure.execution_id,
        .request_id = ctx->request_id,
        .at = gate_ctx_now_ms(ctx),
        .duration_ms = gate_clock_monotonic_ms(ctx->clock) - proxying->started_ms,
    };
    gate_portal_trail_add(ctx, proxying->portal, &proxying->row, answer, proxying);
}

/* ---- the call ---- */

static void note_status(struct gate_proxying *proxying) {
    const struct gate_settled *settled = &proxying->settled;
    proxying->ret_result->account_status =
        settled->is_there ? gate_account_status_name(settled->account.status) : NULL;
}

static void after_resettle(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_proxying *proxying = state;
    note_status(proxying);
    record(ctx, proxying, err);
}

static void after_open(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_proxying *proxying = state;
    proxying->was_reached = proxying->ret_result->answer.failure.status != 0;
    if (err == GATE_OK || !proxying->was_reached) { /* or it is not Scalekit's word */
        record(ctx, proxying, err);
        return;
    }
    gate_portal_account_resettle(ctx, proxying->portal, &proxying->caller->user,
                                 proxying->order->connection_name, err, &proxying->settled,
                                 after_resettle, proxying);
}

static void after_settle(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_proxying *proxying = state;
    const struct gate_proxy_order *order = proxying->order;
    note_status(proxying);
    proxying->was_reached = proxying->settled.was_asked;
    if (err != GATE_OK) {
        record(ctx, proxying, err);
        return;
    }
    proxying->call = (struct gate_scalekit_proxy_call){
        .method = order->method,
        .target = order->target,
        .identifier = proxying->caller->user.identifier,
        .connection_name = order->connection_name,
        .headers = order->headers,
        .header_count = order->header_count,
        .body_length = order->body_length,
        .read_body = order->read_body,
        .body_source = order->body_source,
        .cancel_id = order->cancel_id,
    };
    gate_scalekit_proxy_open(ctx, proxying->portal->parts.scalekit, &proxying->call,
                             &proxying->upstream, &proxying->ret_result->answer, after_open,
                             proxying);
}

static void after_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_proxying *proxying = state;
    if (err != GATE_OK) {
        proxying->was_reached = true;
        record(ctx, proxying, err);
        return;
    }
    gate_portal_account_settle(ctx, proxying->portal, &proxying->caller->user,
                               proxying->order->connection_name, &proxying->settled, after_settle,
                               proxying);
}

static struct gate_proxying *make_proxying(struct gate_ctx *ctx, gate_portal *portal,
                                           const struct gate_caller *caller,
                                           const struct gate_proxy_order *order,
                                           struct gate_proxy_result *ret_result, gate_then_fn *then,
                                           void *state) {
    struct gate_proxying *proxying = gate_arena_make(ctx->arena, struct gate_proxying);
    *ret_result = (struct gate_proxy_result){0};
    proxying->portal = portal;
    proxying->caller = caller;
    proxying->order = order;
    proxying->ret_result = ret_result;
    proxying->then = then;
    proxying->state = state;
    proxying->started_ms = gate_clock_monotonic_ms(ctx->clock);
    proxying->held_ms = proxying->started_ms;
    return proxying;
}

void gate_portal_proxy_refuse(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_proxy_order *order, enum gate_err refusal,
                              gate_then_fn *then, void *state) {
    struct gate_proxy_result *unused = gate_arena_make(ctx->arena, struct gate_proxy_result);
    record(ctx, make_proxying(ctx, portal, caller, order, unused, then, state), refusal);
}

void gate_portal_proxy_open(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller, const struct gate_proxy_order *order,
                            gate_proxying **ret_proxying, struct gate_proxy_result *ret_result,
                            gate_then_fn *then, void *state) {
    struct gate_proxying *proxying =
        make_proxying(ctx, portal, caller, order, ret_result, then, state);
    *ret_proxying = proxying;
    ctx->deadline_ms = proxying->started_ms + GATE_PROXY_LIFE_MAX_MS;
    enum gate_err err = gate_portal_proxy_check(ctx, caller, order);
    if (err == GATE_OK && order->connection_name == NULL) {
        err = gate_fail(ctx, GATE_ERR_INPUT,
                        "Name the connection in the header connection_name or Connection-Name.");
    }
    if (err == GATE_OK) {
        err = gate_portal_trail_check(ctx, portal);
    }
    if (err != GATE_OK) {
        record(ctx, proxying, err);
        return;
    }
    gate_portal_catalogue_need(ctx, portal, after_catalogue, proxying);
}

static void fail_ended(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct gate_proxying *proxying = state;
    gate_error_clear(&ctx->error);
    proxying->then(ctx,
                   gate_fail(ctx, GATE_ERR_FORBIDDEN,
                             "The token was revoked, or its user suspended, during the answer."),
                   proxying->state);
}

/* An answer may last for an hour, but who is put out is out at once. */
static void after_next(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_proxying *proxying = state;
    const int64_t now_ms = gate_clock_monotonic_ms(ctx->clock);
    const bool is_due = err == GATE_OK && !proxying->ret_result->answer.is_last &&
                        now_ms - proxying->held_ms >= HOLDS_EVERY_MS;
    if (!is_due) {
        proxying->then(ctx, err, proxying->state);
        return;
    }
    if (!gate_portal_caller_holds(ctx, proxying->portal, proxying->caller)) {
        gate_scalekit_proxy_close(ctx, proxying->upstream, fail_ended, proxying);
        return;
    }
    proxying->held_ms = now_ms;
    proxying->then(ctx, GATE_OK, proxying->state);
}

void gate_portal_proxy_next(struct gate_ctx *ctx, gate_proxying *proxying, gate_then_fn *then,
                            void *state) {
    proxying->then = then;
    proxying->state = state;
    gate_scalekit_proxy_next(ctx, proxying->upstream, after_next, proxying);
}

void gate_portal_proxy_cancel(gate_portal *portal, uint64_t cancel_id) {
    gate_scalekit_proxy_cancel(portal->parts.scalekit, cancel_id);
}

void gate_portal_proxy_close(struct gate_ctx *ctx, gate_proxying *proxying, gate_then_fn *then,
                             void *state) {
    gate_scalekit_proxy_close(ctx, proxying->upstream, then, state);
}
