#include "portal/connector_wait.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/text.h"
#include "portal/refresh.h"
#include "portal/state.h"

/* How often the record is looked at, and how old it may get while somebody waits: at first, and
 * once it takes long. */
#define LOOK_MS 250
#define ASK_MS 2000
#define LOOK_LATER_MS 500
#define ASK_LATER_MS 4000
#define LATER_MS 15000
/* What is left for the answer once the wait is over. */
#define ANSWER_MS 10000

struct gate_waits {
    pthread_mutex_t lock;             /* for the rest */
    int64_t user_ids[GATE_WAITS_MAX]; /* who waits, in no order */
    size_t count;
    bool is_ending;
};

struct waiting {
    gate_portal *portal;
    const struct gate_caller *caller;
    const char *connection_name;
    const struct gate_connector_wait *wish;
    struct gate_connector_details *ret_details;
    gate_then_fn *then;
    void *state;

    const char *status; /* that is waited out; NULL: no account */
    int64_t started_ms; /* monotonic, as the next */
    int64_t ends_ms;
};

struct gate_waits *gate_waits_new(void) {
    struct gate_waits *waits = calloc(1, sizeof *waits);
    if (waits == NULL) {
        abort();
    }
    pthread_mutex_init(&waits->lock, NULL);
    return waits;
}

void gate_waits_free(struct gate_waits *waits) {
    if (waits == NULL) {
        return;
    }
    pthread_mutex_destroy(&waits->lock);
    free(waits);
}

void gate_portal_waits_end(gate_portal *portal) {
    struct gate_waits *waits = portal->waits;
    pthread_mutex_lock(&waits->lock);
    waits->is_ending = true;
    pthread_mutex_unlock(&waits->lock);
}

static bool are_ending(struct gate_waits *waits) {
    pthread_mutex_lock(&waits->lock);
    bool is_ending = waits->is_ending;
    pthread_mutex_unlock(&waits->lock);
    return is_ending;
}

static bool take_place(struct gate_waits *waits, int64_t user_id) {
    pthread_mutex_lock(&waits->lock);
    size_t same = 0;
    for (size_t i = 0; i < waits->count; i++) {
        same += waits->user_ids[i] == user_id;
    }
    bool is_free = same < GATE_WAITS_PER_USER_MAX && waits->count < GATE_WAITS_MAX;
    if (is_free) {
        waits->user_ids[waits->count++] = user_id;
    }
    pthread_mutex_unlock(&waits->lock);
    return is_free;
}

static void leave_place(struct gate_waits *waits, int64_t user_id) {
    pthread_mutex_lock(&waits->lock);
    for (size_t i = 0; i < waits->count; i++) {
        if (waits->user_ids[i] == user_id) {
            waits->user_ids[i] = waits->user_ids[--waits->count];
            break;
        }
    }
    pthread_mutex_unlock(&waits->lock);
}

size_t gate_waits_length(struct gate_waits *waits) {
    pthread_mutex_lock(&waits->lock);
    size_t length = waits->count;
    pthread_mutex_unlock(&waits->lock);
    return length;
}

static bool is_same_status(const char *a, const char *b) {
    return (a == NULL && b == NULL) || gate_text_equal(a, b);
}

static const char *read_status(const struct gate_connector *connector) {
    return connector->has_account ? gate_account_status_name(connector->account.status) : NULL;
}

static void find(struct gate_ctx *ctx, struct waiting *waiting, gate_then_fn *then, void *state) {
    gate_portal_connector_find(ctx, waiting->portal, waiting->caller, waiting->connection_name,
                               waiting->ret_details, then, state);
}

static void finish(struct gate_ctx *ctx, struct waiting *waiting) {
    leave_place(waiting->portal->waits, waiting->caller->user.id);
    gate_error_clear(&ctx->error); /* that waiting ended early is no failure */
    find(ctx, waiting, waiting->then, waiting->state);
}

/* True when there is something to answer. `scratch`, because a wait's own arena only grows. */
static bool look(struct gate_ctx *scratch, const struct waiting *waiting) {
    gate_store *store = waiting->portal->parts.store;
    struct gate_account account;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_account_find(scratch, tx, waiting->caller->user.id,
                                                waiting->connection_name, &account);
    gate_store_read_end(store, tx);
    const char *status = err == GATE_OK ? gate_account_status_name(account.status) : NULL;
    bool failed = err != GATE_OK && err != GATE_ERR_NOT_FOUND;
    return failed || !is_same_status(status, waiting->status);
}

static void after_pause(struct gate_ctx *ctx, enum gate_err err, void *state);

static void pause_a_little(struct gate_ctx *ctx, struct waiting *waiting) {
    int64_t now_ms = gate_clock_monotonic_ms(ctx->clock);
    int64_t left_ms = waiting->ends_ms - now_ms;
    if (left_ms <= 0 || are_ending(waiting->portal->waits)) {
        finish(ctx, waiting);
        return;
    }
    bool is_later = now_ms - waiting->started_ms >= LATER_MS;
    int64_t pause_ms = is_later ? LOOK_LATER_MS : LOOK_MS;
    struct gate_ctx *scratch = gate_ctx_new(ctx->clock, ctx->runqueue, ctx->request_id);
    gate_ctx_trace_follow(scratch, ctx);
    bool may_answer = look(scratch, waiting);
    if (!may_answer) {
        gate_portal_accounts_freshen(scratch, waiting->portal, &waiting->caller->user,
                                     is_later ? ASK_LATER_MS : ASK_MS);
    }
    gate_ctx_free(scratch);
    if (may_answer) {
        finish(ctx, waiting);
        return;
    }
    gate_net_delay(ctx, waiting->portal->parts.net, left_ms < pause_ms ? left_ms : pause_ms,
                   after_pause, waiting);
}

static void after_pause(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct waiting *waiting = state;
    if (err != GATE_OK) {
        finish(ctx, waiting);
        return;
    }
    pause_a_little(ctx, waiting);
}

static void after_first_look(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct waiting *waiting = state;
    const struct gate_connector_wait *wish = waiting->wish;
    if (err != GATE_OK) {
        waiting->then(ctx, err, waiting->state);
        return;
    }
    const char *status = read_status(&waiting->ret_details->connector);
    waiting->status = wish->has_status ? wish->status : status;
    if (wish->wait_ms == 0 || !is_same_status(status, waiting->status)) {
        waiting->then(ctx, GATE_OK, waiting->state);
        return;
    }
    if (!take_place(waiting->portal->waits, waiting->caller->user.id)) {
        waiting->then(ctx,
                      gate_fail(ctx, GATE_ERR_BUSY,
                                "Too many callers wait already; ask without wait, or later."),
                      waiting->state);
        return;
    }
    pause_a_little(ctx, waiting);
}

void gate_portal_connector_wait(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                const struct gate_connector_wait *wish,
                                struct gate_connector_details *ret_details, gate_then_fn *then,
                                void *state) {
    struct waiting *waiting = gate_arena_make(ctx->arena, struct waiting);
    waiting->portal = portal;
    waiting->caller = caller;
    waiting->connection_name = connection_name;
    waiting->wish = wish;
    waiting->ret_details = ret_details;
    waiting->then = then;
    waiting->state = state;
    waiting->started_ms = gate_clock_monotonic_ms(ctx->clock);
    waiting->ends_ms = waiting->started_ms + wish->wait_ms;
    ctx->deadline_ms = waiting->ends_ms + ANSWER_MS;
    find(ctx, waiting, after_first_look, waiting);
}
