#include "portal/admission.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "portal/state.h"
#include "portal/trail.h"

#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define NO_SEAT 0 /* also the ring's anchor */
#define CHAINS 65536

/* Tokens and users have ids of their own. */
enum seat_kind {
    SEAT_TOKEN,
    SEAT_USER,
    SEAT_NEW_USERS, /* of a token */
    SEAT_PROXIED,   /* the proxied calls of a service token, or (its id below 0) of a user */
    SEAT_KIND_COUNT_,
};

/* A bucket holds `count` things and fills within `period_ms`. Its level is counted in parts of
 * which a thing has `period_ms`, so that each millisecond brings a whole number: the count. */
struct rate {
    int64_t count;
    int64_t period_ms;
};

static const struct rate failure_rate = {GATE_FAILURES_PER_MINUTE, MINUTE_MS};

struct bucket {
    int64_t level;     /* parts */
    int64_t filled_ms; /* monotonic; when `level` was true */
};

struct seat {
    int64_t id;
    enum seat_kind kind;
    int32_t in_flight; /* it is pinned while there are any */
    struct bucket bucket;
    int64_t trail_ms; /* monotonic; a refusal before then is not put on the trail */
    uint32_t chained; /* the next seat with the same hash */
    uint32_t newer;   /* a ring by last use, through the anchor */
    uint32_t older;
};

struct gate_admissions {
    pthread_mutex_t lock;
    uint32_t seat_count; /* taken so far, the anchor included */
    uint32_t chains[CHAINS];
    struct seat seats[GATE_ADMISSION_SEATS_MAX + 1];
    struct bucket failures[GATE_FAILURE_BUCKETS];
};

struct gate_admissions *gate_admissions_new(void) {
    /* Pages that nobody sits on stay untouched, so the table costs what is used of it. */
    struct gate_admissions *admissions = calloc(1, sizeof *admissions);
    if (admissions == NULL || pthread_mutex_init(&admissions->lock, NULL) != 0) {
        abort();
    }
    admissions->seat_count = NO_SEAT + 1;
    for (size_t i = 0; i < GATE_FAILURE_BUCKETS; i++) {
        admissions->failures[i].level = failure_rate.count * failure_rate.period_ms;
    }
    return admissions;
}

void gate_admissions_free(struct gate_admissions *admissions) {
    if (admissions == NULL) {
        return;
    }
    pthread_mutex_destroy(&admissions->lock);
    free(admissions);
}

/* ---- the table ---- */

static uint32_t *find_chain(struct gate_admissions *admissions, enum seat_kind kind, int64_t id) {
    uint64_t key = (uint64_t)id * SEAT_KIND_COUNT_ + (uint64_t)kind;
    return &admissions->chains[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 48];
}

static void unlink_from_ring(struct gate_admissions *admissions, uint32_t index) {
    struct seat *seats = admissions->seats;
    seats[seats[index].newer].older = seats[index].older;
    seats[seats[index].older].newer = seats[index].newer;
}

static void link_as_newest(struct gate_admissions *admissions, uint32_t index) {
    struct seat *seats = admissions->seats;
    seats[index].newer = NO_SEAT;
    seats[index].older = seats[NO_SEAT].older;
    seats[seats[NO_SEAT].older].newer = index;
    seats[NO_SEAT].older = index;
}

static void unlink_from_chain(struct gate_admissions *admissions, uint32_t index) {
    const struct seat *seat = &admissions->seats[index];
    uint32_t *at = find_chain(admissions, seat->kind, seat->id);
    while (*at != index) {
        at = &admissions->seats[*at].chained;
    }
    *at = seat->chained;
}

/* A seat that was never taken, or the one unused for the longest time. What is forgotten with it
 * is worth little: so many others called since. */
static uint32_t find_room(struct gate_admissions *admissions) {
    if (admissions->seat_count <= GATE_ADMISSION_SEATS_MAX) {
        return admissions->seat_count++;
    }
    uint32_t index = admissions->seats[NO_SEAT].newer;
    while (index != NO_SEAT && admissions->seats[index].in_flight > 0) {
        index = admissions->seats[index].newer;
    }
    if (index != NO_SEAT) {
        unlink_from_ring(admissions, index);
        unlink_from_chain(admissions, index);
    }
    return index;
}

static uint32_t find_seat(struct gate_admissions *admissions, enum seat_kind kind, int64_t id) {
    uint32_t index = *find_chain(admissions, kind, id);
    while (index != NO_SEAT &&
           (admissions->seats[index].id != id || admissions->seats[index].kind != kind)) {
        index = admissions->seats[index].chained;
    }
    return index;
}

/* The seat of a token or user, now the newest; a new one has a full bucket. NULL: no room. */
static struct seat *take_seat(struct gate_admissions *admissions, enum seat_kind kind, int64_t id,
                              struct rate rate, int64_t now_ms) {
    uint32_t *chain = find_chain(admissions, kind, id);
    uint32_t index = find_seat(admissions, kind, id);
    if (index != NO_SEAT) {
        unlink_from_ring(admissions, index);
        link_as_newest(admissions, index);
        return &admissions->seats[index];
    }
    index = find_room(admissions);
    if (index == NO_SEAT) {
        return NULL;
    }
    admissions->seats[index] = (struct seat){
        .id = id,
        .kind = kind,
        .bucket = {rate.count * rate.period_ms, now_ms},
        .chained = *chain,
    };
    *chain = index;
    link_as_newest(admissions, index);
    return &admissions->seats[index];
}

/* ---- the buckets ---- */

static void fill(struct bucket *bucket, struct rate rate, int64_t now_ms) {
    int64_t elapsed_ms = now_ms - bucket->filled_ms;
    int64_t full = rate.count * rate.period_ms;
    elapsed_ms = elapsed_ms < 0 ? 0 : elapsed_ms > rate.period_ms ? rate.period_ms : elapsed_ms;
    bucket->level += elapsed_ms * rate.count;
    bucket->level = bucket->level > full ? full : bucket->level;
    bucket->filled_ms = now_ms;
}

/* Whole seconds until the bucket has gained so many parts, rounded up. */
static int64_t seconds_until(int64_t parts, struct rate rate) {
    int64_t per_second = rate.count * 1000;
    return parts <= 0 ? 0 : (parts + per_second - 1) / per_second;
}

/* Take one out of the bucket if there is one, and tell how it stands. */
static bool spend(struct bucket *bucket, struct rate rate, int64_t now_ms,
                  struct gate_quota *ret_quota) {
    fill(bucket, rate, now_ms);
    bool enough = bucket->level >= rate.period_ms;
    bucket->level -= enough ? rate.period_ms : 0;
    *ret_quota = (struct gate_quota){
        .limit = rate.count,
        .remaining = bucket->level / rate.period_ms,
        .full_in_s = seconds_until(rate.count * rate.period_ms - bucket->level, rate),
        .retry_after_s = enough ? 0 : seconds_until(rate.period_ms - bucket->level, rate),
    };
    return enough;
}

static void keep_tighter(struct gate_quota *quota, const struct gate_quota *other) {
    if (quota->limit == 0 || other->retry_after_s > 0 || other->remaining < quota->remaining) {
        quota->limit = other->limit;
        quota->remaining = other->remaining;
        quota->full_in_s = other->full_in_s;
        quota->retry_after_s = other->retry_after_s;
    }
}

static void keep_fuller(struct gate_quota *quota, int32_t in_flight, int32_t in_flight_max) {
    if (quota->in_flight_max == 0 ||
        in_flight_max - in_flight < quota->in_flight_max - quota->in_flight) {
        quota->in_flight = in_flight;
        quota->in_flight_max = in_flight_max;
    }
}

/* ---- admitting ---- */

struct stay {
    struct gate_admissions *admissions;
    struct seat *seat;
};

static void end_stay(void *object) {
    struct stay *stay = object;
    pthread_mutex_lock(&stay->admissions->lock);
    stay->seat->in_flight--;
    pthread_mutex_unlock(&stay->admissions->lock);
}

enum answer { ADMITTED, NO_ROOM, OVER_RATE, OVER_IN_FLIGHT };

/* Who asks, and how much they may; 0 for no limit. */
struct asking {
    enum seat_kind kind;
    int64_t id;
    struct rate rate;
    int32_t in_flight_max;
    const char *name; /* for the sentence of a refusal */
};

/* Where calls at a time are limited, an admitted one is under way: then `stay` gets its seat. */
static enum answer admit(struct gate_admissions *admissions, const struct asking *asking,
                         int64_t now_ms, struct gate_quota *quota, struct stay *stay) {
    struct gate_quota spent = {0};
    enum answer answer = ADMITTED;
    pthread_mutex_lock(&admissions->lock);
    struct seat *seat = take_seat(admissions, asking->kind, asking->id, asking->rate, now_ms);
    if (seat == NULL) {
        answer = NO_ROOM;
    } else if (asking->in_flight_max > 0 && seat->in_flight >= asking->in_flight_max) {
        answer = OVER_IN_FLIGHT;
    } else if (asking->rate.count > 0 && !spend(&seat->bucket, asking->rate, now_ms, &spent)) {
        answer = OVER_RATE;
    } else if (asking->in_flight_max > 0) {
        seat->in_flight++;
        *stay = (struct stay){admissions, seat};
        keep_fuller(quota, seat->in_flight, asking->in_flight_max);
    }
    pthread_mutex_unlock(&admissions->lock);
    if (spent.limit > 0) {
        keep_tighter(quota, &spent);
    }
    return answer;
}

static enum gate_err refuse(struct gate_ctx *ctx, enum answer answer, const struct asking *asking,
                            struct gate_quota *quota) {
    quota->is_users = asking->kind == SEAT_USER || asking->id < 0;
    switch (answer) {
    case OVER_RATE:
        quota->limit_name = quota->is_users ? "user_rate" : "token_rate";
        return gate_fail(ctx, GATE_ERR_OVER_QUOTA,
                         "%s made more than %lld calls in a minute (limit: rate).", asking->name,
                         (long long)asking->rate.count);
    case OVER_IN_FLIGHT:
        quota->limit_name = quota->is_users ? "user_in_flight" : "token_in_flight";
        quota->retry_after_s = 1;
        return gate_fail(ctx, GATE_ERR_OVER_QUOTA,
                         "%s has %d calls under way already (limit: calls at a time).",
                         asking->name, (int)asking->in_flight_max);
    case NO_ROOM:
        return gate_fail(ctx, GATE_ERR_BUSY, "Too much is going on at once; try again shortly.");
    case ADMITTED:
        break;
    }
    return GATE_OK;
}

static enum gate_err admit_caller(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct asking *asking, struct gate_quota *quota) {
    if (asking->rate.count == 0 && asking->in_flight_max == 0) {
        return GATE_OK;
    }
    struct stay stay = {0};
    enum answer answer =
        admit(portal->admissions, asking, gate_clock_monotonic_ms(ctx->clock), quota, &stay);
    if (stay.seat != NULL) {
        struct stay *kept = gate_arena_make(ctx->arena, struct stay);
        *kept = stay;
        gate_arena_defer(ctx->arena, end_stay, kept);
    }
    return refuse(ctx, answer, asking, quota);
}

enum gate_err gate_portal_admit_token(struct gate_ctx *ctx, gate_portal *portal,
                                      const struct gate_caller *caller, struct gate_quota *quota) {
    struct asking asking = {
        .kind = SEAT_TOKEN,
        .id = caller->token.id,
        .rate = {caller->token.calls_per_minute, MINUTE_MS},
        .name = "This token",
    };
    if (caller->kind == GATE_CALLER_SERVICE_TOKEN) {
        /* A personal token's calls are all its owner's, who has a limit already. */
        asking.in_flight_max = portal->parts.config->token_in_flight_max;
    } else if (caller->kind != GATE_CALLER_PERSONAL_TOKEN) {
        return GATE_OK;
    }
    return admit_caller(ctx, portal, &asking, quota);
}

enum gate_err gate_portal_admit_user(struct gate_ctx *ctx, gate_portal *portal,
                                     const struct gate_caller *caller, struct gate_quota *quota) {
    const struct gate_config *config = portal->parts.config;
    if (caller->kind != GATE_CALLER_BROWSER && !caller->has_user) {
        return GATE_OK;
    }
    const struct asking asking = {
        .kind = SEAT_USER,
        .id = caller->user.id,
        .rate = {config->user_calls_per_minute, MINUTE_MS},
        .in_flight_max = config->user_in_flight_max,
        .name = "This user",
    };
    return admit_caller(ctx, portal, &asking, quota);
}

/* Half of the places: whoever fills them leaves as many to all others. */
enum gate_err gate_portal_admit_proxied(struct gate_ctx *ctx, gate_portal *portal,
                                        const struct gate_caller *caller,
                                        struct gate_quota *quota) {
    const int places = portal->parts.config->proxy_in_flight_max;
    const bool is_service = caller->kind == GATE_CALLER_SERVICE_TOKEN;
    const struct asking asking = {
        .kind = SEAT_PROXIED,
        .id = is_service ? caller->token.id : -caller->user.id,
        .in_flight_max = (places + 1) / 2,
        .name = is_service ? "This token" : "This user",
    };
    return admit_caller(ctx, portal, &asking, quota);
}

enum gate_err gate_portal_admit_new_user(struct gate_ctx *ctx, gate_portal *portal,
                                         const struct gate_caller *caller,
                                         struct gate_quota *quota) {
    const struct asking asking = {
        .kind = SEAT_NEW_USERS,
        .id = caller->token.id,
        .rate = {portal->parts.config->token_new_users_per_hour, HOUR_MS},
    };
    struct gate_quota spent = {0};
    struct stay unused;
    if (asking.rate.count == 0 ||
        admit(portal->admissions, &asking, gate_clock_monotonic_ms(ctx->clock), &spent, &unused) ==
            ADMITTED) {
        return GATE_OK;
    }
    quota->retry_after_s = spent.retry_after_s;
    quota->limit_name = "token_new_users";
    quota->is_users = false;
    return gate_fail(ctx, GATE_ERR_OVER_QUOTA,
                     "This token named more than %lld users in an hour that nobody had named "
                     "before (limit: new users).",
                     (long long)asking.rate.count);
}

/* ---- the trail of refusals ---- */

/* Without a seat it was forgotten in between, since so many others call. */
static bool take_turn(struct gate_admissions *admissions, enum seat_kind kind, int64_t id,
                      int64_t now_ms) {
    pthread_mutex_lock(&admissions->lock);
    uint32_t index = find_seat(admissions, kind, id);
    bool is_first = index != NO_SEAT && now_ms >= admissions->seats[index].trail_ms;
    if (is_first) {
        admissions->seats[index].trail_ms = now_ms + GATE_OVER_QUOTA_TRAIL_EVERY_MS;
    }
    pthread_mutex_unlock(&admissions->lock);
    return is_first;
}

void gate_portal_refusal_record(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const struct gate_quota *quota,
                                const struct gate_refused_call *call, gate_then_fn *then,
                                void *state) {
    enum seat_kind kind = quota->is_users ? SEAT_USER : SEAT_TOKEN;
    int64_t id = quota->is_users ? caller->user.id : caller->token.id;
    if (!take_turn(portal->admissions, kind, id, gate_clock_monotonic_ms(ctx->clock))) {
        then(ctx, GATE_OK, state);
        return;
    }
    struct gate_tool_call *row = gate_arena_make(ctx->arena, struct gate_tool_call);
    *row = (struct gate_tool_call){
        .user_id = caller->user.id,
        .token_id = caller->token.id,
        .connection_name = call->connection_name,
        .tool_name = call->tool_name,
        .outcome = gate_trail_outcome_name(GATE_ERR_OVER_QUOTA),
        .error_source = gate_trail_source_name(GATE_ERR_OVER_QUOTA, false),
        .error_code = quota->limit_name,
        .agent_run_id = call->agent_run_id,
        .request_id = ctx->request_id,
        .at = gate_ctx_now_ms(ctx),
    };
    gate_portal_trail_add(ctx, portal, row, then, state);
}

/* ---- failures ---- */

/* What of an address its owner cannot change at will. */
static size_t read_network(const char *address, unsigned char bytes[16]) {
    static const unsigned char mapped[12] = {
        [10] = 0xff, [11] = 0xff}; /* RFC 4291 section 2.5.5.2 */
    if (address == NULL) {
        return 0;
    }
    if (inet_pton(AF_INET, address, bytes) == 1) {
        return 4;
    }
    if (inet_pton(AF_INET6, address, bytes) != 1) {
        return 0;
    }
    if (memcmp(bytes, mapped, sizeof mapped) != 0) {
        return 8;
    }
    memcpy(bytes, bytes + sizeof mapped, 4);
    return 4;
}

/* A table of its own and of one size, so that no number of addresses drives out a token's or a
 * user's seat. Which bucket is keyed, so that nobody can choose whom to share one with. */
enum gate_err gate_portal_admit_failure(struct gate_ctx *ctx, gate_portal *portal,
                                        const char *address, struct gate_quota *quota) {
    unsigned char network[16];
    size_t length = read_network(address, network);
    const struct gate_digest digest =
        gate_hmac_make(portal->instance.bytes, sizeof portal->instance.bytes, network, length);
    struct gate_admissions *admissions = portal->admissions;
    size_t index = (digest.bytes[0] * 256u + digest.bytes[1]) % GATE_FAILURE_BUCKETS;
    struct gate_quota spent;
    pthread_mutex_lock(&admissions->lock);
    bool is_within = spend(&admissions->failures[index], failure_rate,
                           gate_clock_monotonic_ms(ctx->clock), &spent);
    pthread_mutex_unlock(&admissions->lock);
    if (is_within) {
        return GATE_OK;
    }
    *quota = spent;
    return gate_fail(ctx, GATE_ERR_OVER_QUOTA, "Too many attempts failed; try again later.");
}
