#include "portal/retention.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/log.h"
#include "portal/state.h"
#include "store/account.h"
#include "store/authorization.h"
#include "store/idempotency.h"
#include "store/notice.h"
#include "store/session.h"
#include "store/tool_call.h"
#include "store/webhook_delivery.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
/* Once everything was looked at. */
#define ROUND_EVERY_MS (10 * 60 * 1000)
#define RETRY_AFTER_MS (60 * 1000)

/* What there is to delete, each by one bounded statement. */
enum step {
    STEP_SESSIONS,
    STEP_AUTHORIZATIONS,
    STEP_IDEMPOTENCY,
    STEP_TOOL_CALLS,
    STEP_ACCOUNT_EVENTS,
    STEP_WEBHOOKS,
    STEP_NOTICES,
    STEP_COUNT_,
};

struct gate_retention {
    struct gate_portal_parts parts;
    pthread_mutex_t lock; /* for the rest */
    enum step step;
    int64_t next_ms; /* monotonic */
    bool is_busy;
};

/* One transaction; lives in the arena of its own context. */
struct batch {
    struct gate_retention *retention;
    enum step step;
    size_t deleted;
};

struct gate_retention *gate_retention_new(const struct gate_portal_parts *parts) {
    struct gate_retention *retention = calloc(1, sizeof *retention);
    if (retention == NULL) {
        abort();
    }
    retention->parts = *parts;
    pthread_mutex_init(&retention->lock, NULL);
    return retention;
}

static bool is_busy(void *state) {
    struct gate_retention *retention = state;
    pthread_mutex_lock(&retention->lock);
    bool busy = retention->is_busy;
    pthread_mutex_unlock(&retention->lock);
    return busy;
}

void gate_retention_free(struct gate_retention *retention) {
    if (retention == NULL) {
        return;
    }
    gate_runqueue_run_while(retention->parts.runqueue, is_busy, retention);
    pthread_mutex_destroy(&retention->lock);
    free(retention);
}

static enum gate_err delete_batch(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct batch *batch = state;
    const struct gate_config *config = batch->retention->parts.config;
    const size_t max = GATE_RETENTION_BATCH;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    int64_t trail_before_ms = config->trail_days == 0 ? 0 : now_ms - config->trail_days * DAY_MS;
    int64_t deliveries_before_ms = now_ms - config->delivery_days * DAY_MS;
    switch (batch->step) {
    case STEP_SESSIONS:
        return gate_store_session_delete_expired(ctx, tx, now_ms, max, &batch->deleted);
    case STEP_AUTHORIZATIONS:
        return gate_store_authorization_delete_expired(ctx, tx, now_ms, max, &batch->deleted);
    case STEP_IDEMPOTENCY:
        return gate_store_idempotency_delete_expired(ctx, tx, now_ms, max, &batch->deleted);
    case STEP_TOOL_CALLS:
        return gate_store_tool_call_delete_older(ctx, tx, trail_before_ms, max, &batch->deleted);
    case STEP_ACCOUNT_EVENTS:
        return gate_store_account_event_delete_older(ctx, tx, trail_before_ms, max,
                                                     &batch->deleted);
    case STEP_WEBHOOKS:
        return gate_store_webhook_delivery_delete_older(ctx, tx, deliveries_before_ms, max,
                                                        &batch->deleted);
    case STEP_NOTICES:
        return gate_store_notice_delete_older(ctx, tx, deliveries_before_ms, max, &batch->deleted);
    case STEP_COUNT_:
        break;
    }
    return gate_fail(ctx, GATE_ERR_INTERNAL, "no such step");
}

/* A full batch is followed by another one at the next tick, anything else by the next step. */
static void end_batch(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct batch *batch = state;
    struct gate_retention *retention = batch->retention;
    int64_t now_ms = gate_clock_monotonic_ms(ctx->clock);
    if (err != GATE_OK) {
        gate_log_write(GATE_LOG_WARN, "retention_failed", GATE_LOG_TEXT("kind", gate_err_name(err)),
                       GATE_LOG_TEXT("error", ctx->error.message));
    }
    bool is_step_done = batch->deleted < GATE_RETENTION_BATCH;
    gate_ctx_free(ctx);
    pthread_mutex_lock(&retention->lock);
    retention->is_busy = false;
    if (err != GATE_OK) {
        retention->next_ms = now_ms + RETRY_AFTER_MS;
    } else if (is_step_done) {
        retention->step = (enum step)((retention->step + 1) % STEP_COUNT_);
        retention->next_ms = retention->step == 0 ? now_ms + ROUND_EVERY_MS : now_ms;
    }
    pthread_mutex_unlock(&retention->lock);
}

void gate_portal_retention_tick(gate_portal *portal) {
    struct gate_retention *retention = portal->retention;
    int64_t now_ms = gate_clock_monotonic_ms(retention->parts.clock);
    pthread_mutex_lock(&retention->lock);
    bool starts = !retention->is_busy && now_ms >= retention->next_ms;
    enum step step = retention->step;
    retention->is_busy = retention->is_busy || starts;
    pthread_mutex_unlock(&retention->lock);
    if (!starts) {
        return;
    }
    struct gate_ctx *ctx =
        gate_ctx_new(retention->parts.clock, retention->parts.runqueue, "retention");
    struct batch *batch = gate_arena_make(ctx->arena, struct batch);
    batch->retention = retention;
    batch->step = step;
    gate_store_write(ctx, retention->parts.store, delete_batch, batch, end_batch, batch);
}
