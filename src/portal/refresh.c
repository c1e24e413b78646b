#include "portal/refresh.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/text.h"
#include "portal/account_ask.h"
#include "portal/blame.h"
#include "portal/connector_name.h"
#include "portal/state.h"
#include "store/connection.h"

#define CATALOGUE ((int64_t)0) /* in place of a user's id, of which the first is 1 */

/* So that page views do not hammer a Scalekit that is down. */
#define RETRY_AFTER_MS 2000
/* How long a failure is worth telling people. */
#define FAILURE_SHOWN_MS 30000
/* A refresh that takes longer is as good as failed to whoever looks at a page. */
#define SLOW_MS 3000
#define FAILURES_MAX 256

#define SWEEPS_MAX 4
/* How long sweeping rests after a failure. */
#define SWEEP_REST_MS 30000

/* A piece of work that cannot go on before the refresh ends. */
struct waiter {
    struct waiter *next;
    struct gate_ctx *ctx;
    gate_then_fn *then;
    void *state;
    int64_t since_ms; /* monotonic */
};

/* One refresh; lives in the arena of its own context. */
struct refresh {
    struct refresh *next;
    struct gate_refresher *refresher;
    struct gate_ctx *ctx;
    int64_t user_id; /* or CATALOGUE */
    const char *identifier;
    enum gate_account_source source;
    struct waiter *waiters;
    int64_t started_ms; /* monotonic */
    int64_t asked_at;   /* wall */

    struct gate_scalekit_connection *connections;
    struct gate_scalekit_account *accounts;
    size_t count;
    struct gate_connection *catalogue;
    struct gate_account_reading reading;
};

/* The last failure of one user's refresh; another user's may take its place, and then it is
 * forgotten. */
struct failure {
    int64_t user_id;
    enum gate_err err; /* GATE_OK: none */
    int64_t at_ms;     /* monotonic */
};

struct gate_refresher {
    struct gate_portal_parts parts;
    pthread_mutex_t lock; /* for the rest */
    struct refresh *under_way;
    size_t under_way_count;
    struct failure failures[FAILURES_MAX];
    struct failure catalogue_failure;
    int sweeps_under_way;
    bool sweep_has_failed;
    int64_t sweep_failed_ms; /* monotonic */
};

struct gate_refresher *gate_refresher_new(const struct gate_portal_parts *parts) {
    struct gate_refresher *refresher = calloc(1, sizeof *refresher);
    if (refresher == NULL) {
        abort();
    }
    refresher->parts = *parts;
    pthread_mutex_init(&refresher->lock, NULL);
    return refresher;
}

static bool is_idle(struct gate_refresher *refresher) {
    pthread_mutex_lock(&refresher->lock);
    bool idle = refresher->under_way == NULL;
    pthread_mutex_unlock(&refresher->lock);
    return idle;
}

/* A refresh is in a transfer, in the store's queue or in the run queue, and whoever has it will
 * touch it once more. The workers are gone by now, so their part is done here until every refresh
 * has ended. */
void gate_refresher_free(struct gate_refresher *refresher) {
    if (refresher == NULL) {
        return;
    }
    gate_runqueue *queue = refresher->parts.runqueue;
    while (!is_idle(refresher)) {
        if (gate_runqueue_run_one(queue)) {
            continue;
        }
        struct pollfd waiting = {.fd = gate_runqueue_fd(queue), .events = POLLIN};
        poll(&waiting, 1, 50);
        gate_runqueue_settle(queue);
    }
    pthread_mutex_destroy(&refresher->lock);
    free(refresher);
}

/* ---- failures; with the lock held ---- */

static struct failure *failure_slot(struct gate_refresher *refresher, int64_t user_id) {
    return user_id == CATALOGUE ? &refresher->catalogue_failure
                                : &refresher->failures[(uint64_t)user_id % FAILURES_MAX];
}

static void note_outcome(struct gate_refresher *refresher, int64_t user_id, enum gate_err err) {
    struct failure *slot = failure_slot(refresher, user_id);
    if (err != GATE_OK || slot->user_id == user_id) {
        *slot = (struct failure){
            .user_id = user_id,
            .err = err,
            .at_ms = gate_clock_monotonic_ms(refresher->parts.clock),
        };
    }
}

/* The failure of this user's last refresh, if it is younger than `max_age_ms`. */
static enum gate_err find_failure(struct gate_refresher *refresher, int64_t user_id,
                                  int64_t max_age_ms) {
    const struct failure *slot = failure_slot(refresher, user_id);
    int64_t now_ms = gate_clock_monotonic_ms(refresher->parts.clock);
    bool fits = slot->user_id == user_id && now_ms - slot->at_ms < max_age_ms;
    return fits ? slot->err : GATE_OK;
}

static struct refresh *find_under_way(struct gate_refresher *refresher, int64_t user_id) {
    struct refresh *refresh = refresher->under_way;
    while (refresh != NULL && refresh->user_id != user_id) {
        refresh = refresh->next;
    }
    return refresh;
}

size_t gate_refresher_length(struct gate_refresher *refresher) {
    pthread_mutex_lock(&refresher->lock);
    size_t length = refresher->under_way_count;
    pthread_mutex_unlock(&refresher->lock);
    return length;
}

bool gate_portal_refresh_is_failing(gate_portal *portal, int64_t user_id) {
    struct gate_refresher *refresher = portal->refresher;
    pthread_mutex_lock(&refresher->lock);
    const struct refresh *refresh = find_under_way(refresher, user_id);
    bool is_failing = find_failure(refresher, user_id, FAILURE_SHOWN_MS) != GATE_OK;
    if (refresh != NULL) {
        int64_t now_ms = gate_clock_monotonic_ms(refresher->parts.clock);
        is_failing = is_failing || now_ms - refresh->started_ms > SLOW_MS;
    }
    pthread_mutex_unlock(&refresher->lock);
    return is_failing;
}

/* ---- the end of a refresh ---- */

static void unlink_refresh(struct gate_refresher *refresher, struct refresh *refresh) {
    struct refresh **link = &refresher->under_way;
    while (*link != refresh) {
        link = &(*link)->next;
    }
    *link = refresh->next;
    refresher->under_way_count--;
}

static void note_sweep(struct gate_refresher *refresher, enum gate_err err) {
    refresher->sweeps_under_way--;
    if (err != GATE_OK) {
        refresher->sweep_has_failed = true;
        refresher->sweep_failed_ms = gate_clock_monotonic_ms(refresher->parts.clock);
    }
}

static void log_failure(const struct refresh *refresh, enum gate_err err) {
    gate_log_write(GATE_LOG_WARN, "refresh_failed",
                   GATE_LOG_TEXT("what", refresh->user_id == CATALOGUE ? "catalogue" : "accounts"),
                   GATE_LOG_NUMBER("user", refresh->user_id),
                   GATE_LOG_TEXT("kind", gate_err_name(err)),
                   GATE_LOG_TEXT("error", refresh->ctx->error.message));
}

static void end_refresh(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct refresh *refresh = state;
    struct gate_refresher *refresher = refresh->refresher;
    err = err == GATE_ERR_NOT_FOUND ? GATE_ERR_UPSTREAM : gate_blame_upstream(err);
    if (err != GATE_OK) {
        log_failure(refresh, err);
    }
    pthread_mutex_lock(&refresher->lock);
    struct waiter *waiters = refresh->waiters;
    note_outcome(refresher, refresh->user_id, err);
    if (refresh->source == GATE_ACCOUNT_SOURCE_SWEEP) {
        note_sweep(refresher, err);
    }
    unlink_refresh(refresher, refresh);
    pthread_mutex_unlock(&refresher->lock);
    /* From here on the refresher may be gone. */
    while (waiters != NULL) {
        struct waiter *waiter = waiters;
        waiters = waiter->next; /* a waiter is gone once its context runs */
        if (err != GATE_OK) {
            (void)gate_fail(waiter->ctx, err, "%s", ctx->error.message);
        }
        gate_ctx_waited_share(waiter->ctx, ctx, waiter->since_ms);
        gate_ctx_resume(waiter->ctx, err, waiter->then, waiter->state);
    }
    gate_ctx_free(ctx);
}

/* ---- the catalogue ---- */

static bool is_offered(const struct gate_scalekit_connection *connection) {
    return connection->enabled && !gate_text_equal(connection->status, "DRAFT") &&
           !gate_text_equal(connection->status, "IN_PROGRESS");
}

/* Two connections of one app: their own names tell them apart. */
static void tell_apart(gate_arena *arena, struct gate_connection *connections, size_t count) {
    const char **names = gate_arena_alloc_array(arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = connections[i].display_name;
        for (size_t other = 0; other < count; other++) {
            const char *taken = other < i ? names[other] : connections[other].display_name;
            if (other != i && connections[other].enabled && gate_text_equal(taken, names[i])) {
                connections[i].display_name =
                    gate_arena_printf(arena, "%s (%s)", names[i], connections[i].name);
                break;
            }
        }
    }
}

static void make_catalogue(struct refresh *refresh) {
    gate_arena *arena = refresh->ctx->arena;
    if (refresh->count > GATE_CONNECTIONS_MAX) {
        refresh->count = GATE_CONNECTIONS_MAX;
    }
    refresh->catalogue = gate_arena_alloc_array(arena, refresh->count, sizeof *refresh->catalogue);
    size_t count = 0;
    for (size_t i = 0; i < refresh->count; i++) {
        const struct gate_scalekit_connection *from = &refresh->connections[i];
        if (strlen(from->name) > GATE_CONNECTION_NAME_MAX_BYTES) {
            continue; /* no request of ours could name it */
        }
        refresh->catalogue[count] = (struct gate_connection){
            .name = from->name,
            .provider = from->provider,
            .type = from->type,
            .display_name = gate_connector_display_name_make(arena, from->provider, from->name),
            .enabled = is_offered(from),
            .position = (int)count,
        };
        count++;
    }
    refresh->count = count;
    tell_apart(arena, refresh->catalogue, count);
}

static enum gate_err write_catalogue(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct refresh *refresh = state;
    return gate_store_connection_catalogue_replace(ctx, tx, refresh->catalogue, refresh->count,
                                                   gate_ctx_now_ms(ctx));
}

static void take_catalogue(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct refresh *refresh = state;
    if (err != GATE_OK) {
        end_refresh(ctx, err, refresh);
        return;
    }
    make_catalogue(refresh);
    gate_store_write(ctx, refresh->refresher->parts.store, write_catalogue, refresh, end_refresh,
                     refresh);
}

/* ---- one user's accounts ---- */

static void make_reading(struct refresh *refresh) {
    gate_arena *arena = refresh->ctx->arena;
    if (refresh->count > GATE_CONNECTIONS_MAX) {
        refresh->count = GATE_CONNECTIONS_MAX;
    }
    struct gate_account *accounts = gate_arena_alloc_array(arena, refresh->count, sizeof *accounts);
    size_t count = 0;
    for (size_t i = 0; i < refresh->count; i++) {
        if (!gate_text_is_empty(refresh->accounts[i].connection_name)) {
            accounts[count++] = gate_account_from_scalekit(&refresh->accounts[i]);
        }
    }
    refresh->reading = (struct gate_account_reading){
        .accounts = accounts,
        .count = count,
        .asked_at = refresh->asked_at,
        .learned_from = refresh->source,
    };
}

static enum gate_err write_reading(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct refresh *refresh = state;
    return gate_store_account_reconcile(ctx, tx, refresh->user_id, &refresh->reading,
                                        gate_ctx_now_ms(ctx), NULL);
}

static void take_accounts(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct refresh *refresh = state;
    if (err != GATE_OK) {
        end_refresh(ctx, err, refresh);
        return;
    }
    make_reading(refresh);
    gate_store_write(ctx, refresh->refresher->parts.store, write_reading, refresh, end_refresh,
                     refresh);
}

/* ---- the beginning ---- */

/* What to read, and on whose account. */
struct wish {
    int64_t user_id;        /* or CATALOGUE */
    const char *identifier; /* of the user */
    enum gate_account_source source;
};

static struct refresh *make_refresh(const struct gate_ctx *asker, struct gate_refresher *refresher,
                                    const struct wish *wish) {
    struct gate_ctx *ctx = gate_ctx_new(refresher->parts.clock, refresher->parts.runqueue, NULL);
    gate_ctx_trace_follow(ctx, asker);
    struct refresh *refresh = gate_arena_make(ctx->arena, struct refresh);
    refresh->refresher = refresher;
    refresh->ctx = ctx;
    refresh->user_id = wish->user_id;
    refresh->identifier = gate_arena_strdup(ctx->arena, wish->identifier);
    refresh->source = wish->source;
    refresh->started_ms = gate_clock_monotonic_ms(ctx->clock);
    refresh->asked_at = gate_ctx_now_ms(ctx);
    ctx->deadline_ms = refresh->started_ms + GATE_CONTROL_TIMEOUT_MS;
    return refresh;
}

/* After this the refresh may have ended already. */
static void start_refresh(struct refresh *refresh) {
    gate_scalekit *scalekit = refresh->refresher->parts.scalekit;
    if (refresh->user_id == CATALOGUE) {
        gate_scalekit_connections_fetch(refresh->ctx, scalekit, &refresh->connections,
                                        &refresh->count, take_catalogue, refresh);
        return;
    }
    gate_scalekit_accounts_fetch(refresh->ctx, scalekit, refresh->identifier, &refresh->accounts,
                                 &refresh->count, take_accounts, refresh);
}

static void add_waiter(struct refresh *refresh, struct waiter *waiter) {
    if (waiter != NULL) {
        waiter->next = refresh->waiters;
        refresh->waiters = waiter;
    }
}

/* Begin a refresh, or join the one under way. GATE_OK: `waiter` (may be NULL) will be resumed. */
static enum gate_err begin_refresh(const struct gate_ctx *ctx, struct gate_refresher *refresher,
                                   const struct wish *wish, struct waiter *waiter) {
    struct refresh *started = NULL;
    pthread_mutex_lock(&refresher->lock);
    struct refresh *refresh = find_under_way(refresher, wish->user_id);
    enum gate_err err = GATE_OK;
    if (refresh == NULL) {
        err = find_failure(refresher, wish->user_id, RETRY_AFTER_MS);
        if (err == GATE_OK && refresher->under_way_count >= GATE_REFRESHES_MAX &&
            wish->user_id != CATALOGUE) {
            err = GATE_ERR_BUSY;
        }
        if (err == GATE_OK) {
            started = refresh = make_refresh(ctx, refresher, wish);
            refresh->next = refresher->under_way;
            refresher->under_way = refresh;
            refresher->under_way_count++;
            refresher->sweeps_under_way += wish->source == GATE_ACCOUNT_SOURCE_SWEEP;
        }
    }
    if (err == GATE_OK) {
        add_waiter(refresh, waiter);
    }
    pthread_mutex_unlock(&refresher->lock);
    if (started != NULL) {
        start_refresh(started);
    }
    return err;
}

static struct wish wish_for(const struct gate_user *user, enum gate_account_source source) {
    return user == NULL ? (struct wish){.user_id = CATALOGUE, .source = source}
                        : (struct wish){user->id, user->identifier, source};
}

static struct waiter *make_waiter(struct gate_ctx *ctx, gate_then_fn *then, void *state) {
    struct waiter *waiter = gate_arena_make(ctx->arena, struct waiter);
    waiter->ctx = ctx;
    waiter->then = then;
    waiter->state = state;
    waiter->since_ms = gate_clock_monotonic_ms(ctx->clock);
    return waiter;
}

static void wait_for_refresh(struct gate_ctx *ctx, gate_portal *portal, const struct wish *wish,
                             gate_then_fn *then, void *state) {
    enum gate_err err = begin_refresh(ctx, portal->refresher, wish, make_waiter(ctx, then, state));
    if (err != GATE_OK) {
        const char *why = err == GATE_ERR_BUSY ? "too many accounts are being read"
                                               : "Scalekit could not be asked a moment ago";
        then(ctx, gate_fail(ctx, err, "%s", why), state);
    }
}

/* What was read at a time that is yet to come was read before the clock was set back. */
static bool is_old(const struct gate_ctx *ctx, int64_t read_at, int64_t max_age_ms) {
    int64_t age_ms = gate_ctx_now_ms(ctx) - read_at;
    return age_ms >= max_age_ms || age_ms < 0;
}

/* With a record: refresh it in the background when it is older than `max_age_ms`. Without: wait for
 * one. */
static void need_record(struct gate_ctx *ctx, gate_portal *portal, int64_t read_at,
                        int64_t max_age_ms, const struct gate_user *user, gate_then_fn *then,
                        void *state) {
    const struct wish wish = wish_for(user, GATE_ACCOUNT_SOURCE_PAGE);
    if (read_at == 0) {
        wait_for_refresh(ctx, portal, &wish, then, state);
        return;
    }
    if (is_old(ctx, read_at, max_age_ms)) {
        /* Whether it begins or not: there is a record to go on with. */
        (void)begin_refresh(ctx, portal->refresher, &wish, NULL);
    }
    then(ctx, GATE_OK, state);
}

void gate_portal_catalogue_need(struct gate_ctx *ctx, gate_portal *portal, gate_then_fn *then,
                                void *state) {
    int64_t read_at = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_connection_catalogue_read_at(ctx, tx, &read_at);
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    need_record(ctx, portal, read_at, portal->parts.config->catalogue_max_age_ms, NULL, then,
                state);
}

void gate_portal_accounts_need(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_user *user, gate_then_fn *then, void *state) {
    need_record(ctx, portal, user->accounts_read_at, portal->parts.config->account_max_age_ms, user,
                then, state);
}

void gate_portal_accounts_read(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_user *user, gate_then_fn *then, void *state) {
    const struct wish wish = wish_for(user, GATE_ACCOUNT_SOURCE_PAGE);
    wait_for_refresh(ctx, portal, &wish, then, state);
}

void gate_portal_accounts_freshen(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user, int64_t max_age_ms) {
    struct gate_user recorded;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_user_find(ctx, tx, user->id, &recorded);
    gate_store_read_end(portal->parts.store, tx);
    if (err == GATE_OK && is_old(ctx, recorded.accounts_read_at, max_age_ms)) {
        const struct wish wish = wish_for(user, GATE_ACCOUNT_SOURCE_PAGE);
        (void)begin_refresh(ctx, portal->refresher, &wish, NULL);
    }
}

void gate_portal_accounts_recheck(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user) {
    const struct wish wish = wish_for(user, GATE_ACCOUNT_SOURCE_WEBHOOK);
    (void)begin_refresh(ctx, portal->refresher, &wish, NULL);
}

void gate_portal_catalogue_freshen(struct gate_ctx *ctx, gate_portal *portal) {
    const struct wish wish = wish_for(NULL, GATE_ACCOUNT_SOURCE_CATALOGUE);
    (void)begin_refresh(ctx, portal->refresher, &wish, NULL);
}

enum gate_err gate_portal_accounts_sweep(struct gate_ctx *ctx, gate_portal *portal,
                                         const struct gate_user *user) {
    const struct wish wish = wish_for(user, GATE_ACCOUNT_SOURCE_SWEEP);
    return begin_refresh(ctx, portal->refresher, &wish, NULL);
}

int gate_portal_sweeps_may_start(gate_portal *portal) {
    struct gate_refresher *refresher = portal->refresher;
    int64_t now_ms = gate_clock_monotonic_ms(refresher->parts.clock);
    pthread_mutex_lock(&refresher->lock);
    bool rests = refresher->sweep_has_failed && now_ms - refresher->sweep_failed_ms < SWEEP_REST_MS;
    int count = rests ? 0 : SWEEPS_MAX - refresher->sweeps_under_way;
    pthread_mutex_unlock(&refresher->lock);
    return count;
}
