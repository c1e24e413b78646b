#include "core/context.h"

#include <stdio.h>
#include <string.h>

#include "core/encoding.h"
#include "core/random.h"

struct gate_ctx *gate_ctx_new(const struct gate_clock *clock, gate_runqueue *runqueue,
                              const char *request_id) {
    gate_arena *arena = gate_arena_new();
    struct gate_ctx *ctx = gate_arena_make(arena, struct gate_ctx);
    ctx->arena = arena;
    ctx->clock = clock;
    ctx->runqueue = runqueue;
    if (request_id == NULL) {
        unsigned char bytes[16];
        gate_random_fill(bytes, sizeof bytes);
        request_id = gate_hex_format(arena, bytes, sizeof bytes);
    }
    snprintf(ctx->request_id, sizeof ctx->request_id, "%s", request_id);
    ctx->trace = gate_trace_make(ctx->request_id);
    return ctx;
}

void gate_ctx_free(struct gate_ctx *ctx) {
    if (ctx != NULL) {
        gate_arena_free(ctx->arena);
    }
}

void gate_ctx_trace_follow(struct gate_ctx *ctx, const struct gate_ctx *asker) {
    ctx->trace = asker->trace;
    if (asker->trace.state != NULL) {
        ctx->trace.state = gate_arena_strdup(ctx->arena, asker->trace.state);
    }
}

static int64_t take_at_most(int64_t *left_ms, int64_t ms) {
    int64_t taken = ms < *left_ms ? ms : *left_ms;
    *left_ms -= taken;
    return taken;
}

void gate_ctx_waited_share(struct gate_ctx *ctx, const struct gate_ctx *other, int64_t since_ms) {
    int64_t left_ms = gate_clock_monotonic_ms(ctx->clock) - since_ms;
    ctx->waited.upstream_ms += take_at_most(&left_ms, other->waited.upstream_ms);
    ctx->waited.pause_ms += take_at_most(&left_ms, other->waited.pause_ms);
}

static void run_continuation(struct gate_step *step) {
    struct gate_ctx *ctx = (struct gate_ctx *)((char *)step - offsetof(struct gate_ctx, step));
    ctx->then(ctx, ctx->then_err, ctx->then_state);
}

void gate_ctx_resume(struct gate_ctx *ctx, enum gate_err err, gate_then_fn *then, void *state) {
    ctx->then = then;
    ctx->then_err = err;
    ctx->then_state = state;
    ctx->step.run = run_continuation;
    gate_runqueue_push(ctx->runqueue, &ctx->step);
}

int64_t gate_ctx_time_left_ms(const struct gate_ctx *ctx, int64_t cap_ms) {
    if (ctx->deadline_ms == 0) {
        return cap_ms;
    }
    int64_t left = ctx->deadline_ms - gate_clock_monotonic_ms(ctx->clock);
    if (left < 0) {
        return 0;
    }
    return left < cap_ms ? left : cap_ms;
}

int64_t gate_ctx_now_ms(const struct gate_ctx *ctx) {
    return gate_clock_wall_ms(ctx->clock);
}
