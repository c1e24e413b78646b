#include "portal/upkeep.h"

#include <stdlib.h>

#include "core/log.h"
#include "portal/notices.h"
#include "portal/refresh.h"
#include "portal/retention.h"
#include "portal/state.h"
#include "store/account.h"
#include "store/connection.h"
#include "store/user.h"

#define RECHECKS_MAX 8
/* What failed is tried again after so long. */
#define CATALOGUE_PAUSE_MS 10000
#define RECHECK_PAUSE_MS 5000
/* How many sweeps may be made up for at once after a pause. */
#define SWEEPS_SAVED_MAX 8
#define MINUTE_MS 60000

struct gate_upkeep {
    const struct gate_clock *clock;
    int64_t ticked_ms;        /* monotonic */
    int64_t allowance;        /* in sweeps times MINUTE_MS */
    int64_t catalogue_due_ms; /* monotonic, as the next */
    int64_t recheck_due_ms;
    int64_t recheck_after; /* the user's id */
    /* How far the sweep has come: through the users by when they were read. */
    int64_t swept_read_at;
    int64_t swept_id;
    bool sweeps_ahead; /* the second part of a round */
};

struct gate_upkeep *gate_upkeep_new(const struct gate_portal_parts *parts) {
    struct gate_upkeep *upkeep = calloc(1, sizeof *upkeep);
    if (upkeep == NULL) {
        abort();
    }
    upkeep->clock = parts->clock;
    upkeep->ticked_ms = gate_clock_monotonic_ms(parts->clock);
    return upkeep;
}

void gate_upkeep_free(struct gate_upkeep *upkeep) {
    free(upkeep);
}

static void read_catalogue(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_upkeep *upkeep = portal->upkeep;
    int64_t now_ms = gate_clock_monotonic_ms(ctx->clock);
    if (now_ms < upkeep->catalogue_due_ms) {
        return;
    }
    int64_t read_at = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_connection_catalogue_read_at(ctx, tx, &read_at);
    gate_store_read_end(portal->parts.store, tx);
    int64_t age_ms = gate_ctx_now_ms(ctx) - read_at;
    bool is_old = age_ms >= portal->parts.config->catalogue_max_age_ms ||
                  age_ms < 0; /* the clock was set back */
    if (err == GATE_OK && is_old) {
        upkeep->catalogue_due_ms = now_ms + CATALOGUE_PAUSE_MS;
        gate_portal_catalogue_freshen(ctx, portal);
    }
}

/* A few at a time, and round and round, so that one that keeps failing holds up nobody. */
static void recheck_accounts(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_upkeep *upkeep = portal->upkeep;
    int64_t now_ms = gate_clock_monotonic_ms(ctx->clock);
    if (now_ms < upkeep->recheck_due_ms) {
        return;
    }
    upkeep->recheck_due_ms = now_ms + RECHECK_PAUSE_MS;
    struct gate_user *users = NULL;
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err =
        gate_store_user_recheck_list(ctx, tx, upkeep->recheck_after, RECHECKS_MAX, &users, &count);
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        gate_portal_accounts_recheck(ctx, portal, &users[i]);
    }
    upkeep->recheck_after = count < RECHECKS_MAX ? 0 : users[count - 1].id;
}

static void save_allowance(struct gate_upkeep *upkeep, int per_minute) {
    int64_t now_ms = gate_clock_monotonic_ms(upkeep->clock);
    upkeep->allowance += (now_ms - upkeep->ticked_ms) * per_minute;
    upkeep->ticked_ms = now_ms;
    if (upkeep->allowance > SWEEPS_SAVED_MAX * MINUTE_MS) {
        upkeep->allowance = SWEEPS_SAVED_MAX * MINUTE_MS;
    }
}

/* The next of the round: those who were read long ago, then those who were read at a time that is
 * yet to come, which was before the clock was set back. */
static enum gate_err list_to_sweep(struct gate_ctx *ctx, gate_portal *portal, size_t max,
                                   struct gate_user **ret_users, size_t *ret_count) {
    const struct gate_upkeep *upkeep = portal->upkeep;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    int64_t after_ms = upkeep->swept_read_at;
    int64_t until_ms = now_ms - portal->parts.config->sweep_age_ms;
    if (upkeep->sweeps_ahead) {
        after_ms = after_ms > now_ms + MINUTE_MS ? after_ms : now_ms + MINUTE_MS;
        until_ms = INT64_MAX;
    }
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_user_stale_list(ctx, tx, after_ms, upkeep->swept_id, until_ms,
                                                   max, ret_users, ret_count);
    gate_store_read_end(portal->parts.store, tx);
    return err;
}

/* Those who wait longest come first. Whoever was tried is passed over until the round has ended, so
 * that one whose accounts cannot be read holds up nobody. */
static void sweep_accounts(struct gate_ctx *ctx, gate_portal *portal) {
    struct gate_upkeep *upkeep = portal->upkeep;
    int64_t may_start = gate_portal_sweeps_may_start(portal);
    int64_t allowed = upkeep->allowance / MINUTE_MS;
    int64_t max = allowed < may_start ? allowed : may_start;
    if (max <= 0) {
        return;
    }
    struct gate_user *users = NULL;
    size_t count = 0;
    enum gate_err err = list_to_sweep(ctx, portal, (size_t)max, &users, &count);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        if (gate_portal_accounts_sweep(ctx, portal, &users[i]) == GATE_ERR_BUSY) {
            return;
        }
        upkeep->swept_read_at = users[i].accounts_read_at;
        upkeep->swept_id = users[i].id;
        upkeep->allowance -= MINUTE_MS;
    }
    if (err == GATE_OK && (int64_t)count < max) {
        upkeep->sweeps_ahead = !upkeep->sweeps_ahead; /* or the next round */
        upkeep->swept_read_at = 0;
        upkeep->swept_id = 0;
    }
}

void gate_portal_tick(gate_portal *portal) {
    struct gate_ctx *ctx = gate_ctx_new(portal->parts.clock, portal->parts.runqueue, "tick");
    read_catalogue(ctx, portal);
    recheck_accounts(ctx, portal);
    save_allowance(portal->upkeep, portal->parts.config->sweeps_per_minute);
    sweep_accounts(ctx, portal);
    gate_portal_retention_tick(portal);
    gate_portal_notices_tick(portal);
    if (ctx->error.kind != GATE_OK) {
        gate_log_write(GATE_LOG_WARN, "tick_failed",
                       GATE_LOG_TEXT("kind", gate_err_name(ctx->error.kind)),
                       GATE_LOG_TEXT("error", ctx->error.message));
    }
    gate_ctx_free(ctx);
}
