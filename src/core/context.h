/* What every step of a piece of work carries: arena, error, request id, trace, deadline, clock; and
 * the one mechanism by which work waits without holding a thread.
 *
 * Owner: made by gate_ctx_new for one request or one background job, freed by its owner at the end.
 * Threads: confined, and handed over as a whole. Work is in one place at a time: either a worker
 * runs it, or exactly one operation (a transfer, a store write) holds it.
 *
 * Waiting. An operation that may wait takes a `gate_then_fn` and its `state` last, and calls it
 * exactly once: at once when nothing has to be waited for, or later, on a worker, after
 * gate_ctx_resume. Results go through `ret_…` pointers, which must outlive the wait: into the
 * context's arena or the state, never the stack. After starting an operation, return.
 */
#ifndef GATE_CORE_CONTEXT_H
#define GATE_CORE_CONTEXT_H

#include <stdint.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/runqueue.h"
#include "core/trace.h"

struct gate_ctx;

/* The continuation of a piece of work. `err` is the outcome of what was waited for. */
typedef void gate_then_fn(struct gate_ctx *ctx, enum gate_err err, void *state);

/* How long a piece of work has waited for others so far. */
struct gate_waited {
    int64_t upstream_ms; /* for answers to what it asked elsewhere */
    int64_t pause_ms;    /* because it chose to: until it tries again, until something changes */
};

struct gate_ctx {
    gate_arena *arena;
    struct gate_error error;
    char request_id[GATE_REQUEST_ID_MAX_BYTES + 1];
    struct gate_trace trace; /* what requests upstream are part of */
    int64_t deadline_ms;     /* monotonic; 0 means none */
    struct gate_waited waited;
    const struct gate_clock *clock;
    gate_runqueue *runqueue;

    /* The continuation to run, set by gate_ctx_resume. */
    struct gate_step step;
    gate_then_fn *then;
    enum gate_err then_err;
    void *then_state;
};

/* Make a context with its own arena and a trace of its own. `request_id` is copied (cut at the
 * limit); NULL makes a random one. */
struct gate_ctx *gate_ctx_new(const struct gate_clock *clock, gate_runqueue *runqueue,
                              const char *request_id);
void gate_ctx_free(struct gate_ctx *ctx);

/* Carry on the trace of `asker` in a context that was made for what it asks. */
void gate_ctx_trace_follow(struct gate_ctx *ctx, const struct gate_ctx *asker);

/* Count what a context has waited since `since_ms` (monotonic) while `other` did for it what others
 * needed as well: no longer than `other` has waited itself. */
void gate_ctx_waited_share(struct gate_ctx *ctx, const struct gate_ctx *other, int64_t since_ms);

/* Hand the work back to the workers: one of them calls then(ctx, err, state). Any thread; the
 * caller must not touch `ctx` afterwards. */
void gate_ctx_resume(struct gate_ctx *ctx, enum gate_err err, gate_then_fn *then, void *state);

/* Milliseconds until the deadline, at most `cap_ms`; 0 when it has passed. */
int64_t gate_ctx_time_left_ms(const struct gate_ctx *ctx, int64_t cap_ms);

/* Wall-clock now, for records. */
int64_t gate_ctx_now_ms(const struct gate_ctx *ctx);

#endif
