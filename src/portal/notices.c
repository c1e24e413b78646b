#include "portal/notices.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/number.h"
#include "core/random.h"
#include "core/text.h"
#include "crypto/webhook_signature.h"
#include "portal/state.h"
#include "json/writer.h"

#define TIMEOUT_MS 15000
#define ANSWER_MAX_BYTES ((size_t)256 * 1024)
#define BODY_MAX_BYTES ((size_t)16 * 1024)
#define FIRST_DELAY_MS 1000
#define LAST_DELAY_MS (60 * 60 * 1000)
#define SPREAD_MAX_MS (LAST_DELAY_MS / 5)
#define CHANCES 1024
/* After a delivery that could not be put on record, which would be repeated at once otherwise. */
#define UNRECORDED_PAUSE_MS 30000
#define GONE 410

/* What is known of a target between two ticks. */
struct slot {
    int64_t target_id; /* 0: free */
    bool is_busy;
    int64_t not_before_ms; /* monotonic */
};

struct gate_notices {
    struct gate_portal_parts parts;
    struct gate_counter arrived;
    struct gate_counter failed;
    pthread_mutex_t lock; /* for the rest */
    struct slot slots[GATE_NOTICE_TARGETS_MAX];
    bool has_ended;
};

/* One attempt; lives in the arena of its own context. */
struct attempt {
    struct gate_notices *notices;
    struct gate_ctx *ctx;
    struct gate_notice_target target;
    struct gate_notice notice;
    struct gate_net_header headers[5];
    struct gate_net_request request;
    struct gate_net_response response;
    bool has_arrived;
    struct gate_notice_failure failure;
};

struct gate_notices *gate_notices_new(const struct gate_portal_parts *parts) {
    struct gate_notices *notices = calloc(1, sizeof *notices);
    if (notices == NULL) {
        abort();
    }
    notices->parts = *parts;
    pthread_mutex_init(&notices->lock, NULL);
    return notices;
}

static bool is_busy(void *state) {
    struct gate_notices *notices = state;
    bool busy = false;
    pthread_mutex_lock(&notices->lock);
    for (size_t i = 0; i < GATE_NOTICE_TARGETS_MAX; i++) {
        busy = busy || notices->slots[i].is_busy;
    }
    pthread_mutex_unlock(&notices->lock);
    return busy;
}

void gate_notices_free(struct gate_notices *notices) {
    if (notices == NULL) {
        return;
    }
    notices->has_ended = true; /* the workers are gone, and with them all other threads' ticks */
    gate_runqueue_run_while(notices->parts.runqueue, is_busy, notices);
    pthread_mutex_destroy(&notices->lock);
    free(notices);
}

void gate_portal_notices_end(gate_portal *portal) {
    pthread_mutex_lock(&portal->notices->lock);
    portal->notices->has_ended = true;
    pthread_mutex_unlock(&portal->notices->lock);
}

/* ---- what is said ---- */

static const char *name_type(const struct gate_notice *notice) {
    static const struct {
        const char *status;
        const char *type;
    } types[] = {
        {"ACTIVE", "connected_account.activated"},
        {"EXPIRED", "connected_account.expired"},
        {"DISCONNECTED", "connected_account.disconnected"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (gate_text_equal(notice->new_status, types[i].status)) {
            return types[i].type;
        }
    }
    return "connected_account.removed";
}

static void write_text_or_null(struct gate_json_writer *writer, const char *name,
                               const char *text) {
    if (text == NULL) {
        gate_json_write_null(writer, name);
    } else {
        gate_json_write_text(writer, name, text);
    }
}

const char *gate_notice_body_make(gate_arena *arena, const struct gate_notice *notice) {
    struct gate_buffer body;
    struct gate_json_writer writer;
    gate_buffer_init(&body, BODY_MAX_BYTES);
    gate_json_writer_init(&writer, &body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "type", name_type(notice));
    gate_json_write_time(&writer, "timestamp", notice->at);
    gate_json_open_object(&writer, "data");
    gate_json_write_text(&writer, "identifier", notice->identifier);
    gate_json_write_text(&writer, "connection", notice->connection_name);
    write_text_or_null(&writer, "connected_account_id", notice->scalekit_id);
    write_text_or_null(&writer, "status", notice->new_status);
    write_text_or_null(&writer, "previous_status", notice->old_status);
    gate_json_close_object(&writer);
    gate_json_close_object(&writer);
    const char *text = gate_arena_strdup(arena, gate_buffer_text(&body));
    gate_buffer_done(&body);
    return text;
}

/* By every key there is, so that a receiver has time to learn the new one. */
static const char *sign(gate_arena *arena, const gate_secret *const *keys,
                        const struct gate_webhook_message *message) {
    const char *signatures = gate_webhook_signature_make(arena, *keys, message);
    for (keys++; *keys != NULL; keys++) {
        signatures = gate_arena_printf(arena, "%s %s", signatures,
                                       gate_webhook_signature_make(arena, *keys, message));
    }
    return signatures;
}

static void make_request(struct attempt *attempt) {
    const struct gate_config *config = attempt->notices->parts.config;
    gate_arena *arena = attempt->ctx->arena;
    const char *body = gate_notice_body_make(arena, &attempt->notice);
    const struct gate_webhook_message message = {
        .id = attempt->notice.message_id,
        .timestamp =
            gate_arena_printf(arena, "%lld", (long long)(gate_ctx_now_ms(attempt->ctx) / 1000)),
        .body = body,
        .body_length = strlen(body),
    };
    attempt->headers[0] = (struct gate_net_header){"content-type", "application/json"};
    attempt->headers[1] = (struct gate_net_header){"webhook-id", message.id};
    attempt->headers[2] = (struct gate_net_header){"webhook-timestamp", message.timestamp};
    attempt->headers[3] =
        (struct gate_net_header){"webhook-signature", sign(arena, config->webhook_keys, &message)};
    attempt->headers[4] = (struct gate_net_header){"user-agent", "Gatehouse"};
    attempt->request = (struct gate_net_request){
        .method = "POST",
        .url = attempt->target.url,
        .headers = attempt->headers,
        .header_count = sizeof attempt->headers / sizeof attempt->headers[0],
        .body = body,
        .body_length = message.body_length,
        .timeout_ms = TIMEOUT_MS,
        .max_response_bytes = ANSWER_MAX_BYTES,
        .is_public_only = !config->webhook_allow_private,
    };
}

/* ---- who is told, one thing at a time ---- */

static struct slot *find_slot(struct gate_notices *notices, int64_t target_id) {
    struct slot *free_slot = NULL;
    for (size_t i = 0; i < GATE_NOTICE_TARGETS_MAX; i++) {
        struct slot *slot = &notices->slots[i];
        if (slot->target_id == target_id) {
            return slot;
        }
        free_slot = slot->target_id == 0 ? slot : free_slot;
    }
    if (free_slot != NULL) {
        *free_slot = (struct slot){.target_id = target_id};
    }
    return free_slot;
}

static bool take_slot(struct gate_notices *notices, int64_t target_id) {
    int64_t now_ms = gate_clock_monotonic_ms(notices->parts.clock);
    pthread_mutex_lock(&notices->lock);
    struct slot *slot = notices->has_ended ? NULL : find_slot(notices, target_id);
    bool taken = slot != NULL && !slot->is_busy && now_ms >= slot->not_before_ms;
    if (taken) {
        slot->is_busy = true;
    }
    pthread_mutex_unlock(&notices->lock);
    return taken;
}

static void give_slot_back(struct gate_notices *notices, int64_t target_id, int64_t pause_ms) {
    int64_t now_ms = gate_clock_monotonic_ms(notices->parts.clock);
    pthread_mutex_lock(&notices->lock);
    struct slot *slot = find_slot(notices, target_id);
    slot->is_busy = false;
    slot->not_before_ms = now_ms + pause_ms;
    pthread_mutex_unlock(&notices->lock);
}

static void start_attempt(struct gate_notices *notices, const struct gate_notice_target *target);

/* ---- the end of an attempt ---- */

static void end_attempt(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct attempt *attempt = state;
    struct gate_notices *notices = attempt->notices;
    struct gate_notice_target next = {.id = attempt->target.id};
    bool goes_on = err == GATE_OK && attempt->has_arrived;
    if (err != GATE_OK) {
        gate_log_write(GATE_LOG_WARN, "notice_not_recorded",
                       GATE_LOG_NUMBER("target", attempt->target.id),
                       GATE_LOG_TEXT("error", ctx->error.message));
    }
    char *url = goes_on ? strdup(attempt->target.url) : NULL;
    gate_ctx_free(ctx);
    give_slot_back(notices, next.id, err == GATE_OK ? 0 : UNRECORDED_PAUSE_MS);
    if (url != NULL) {
        next.url = url;
        start_attempt(notices, &next); /* copies it */
    }
    free(url);
}

static enum gate_err write_outcome(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct attempt *attempt = state;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    if (attempt->has_arrived) {
        return gate_store_notice_delivered(ctx, tx, attempt->target.id, attempt->notice.id, now_ms);
    }
    return gate_store_notice_failed(ctx, tx, attempt->target.id, &attempt->failure, now_ms);
}

static void log_turn(const struct attempt *attempt) {
    const struct gate_notice_target *target = &attempt->target;
    if (attempt->has_arrived && target->failing_since != 0) {
        gate_log_write(GATE_LOG_INFO, "notices_arrive_again",
                       GATE_LOG_NUMBER("target", target->id));
    } else if (!attempt->has_arrived && (attempt->failure.disables || target->failing_since == 0)) {
        gate_log_write(attempt->failure.disables ? GATE_LOG_ERROR : GATE_LOG_WARN,
                       attempt->failure.disables ? "notices_disabled" : "notices_fail",
                       GATE_LOG_NUMBER("target", target->id),
                       GATE_LOG_TEXT("error", attempt->failure.error));
    }
}

int64_t gate_notice_delay_ms(int64_t attempts, int64_t chance) {
    int64_t delay_ms = FIRST_DELAY_MS;
    for (int64_t i = 0; i < attempts && delay_ms < LAST_DELAY_MS; i++) {
        delay_ms *= 2;
    }
    delay_ms = delay_ms < LAST_DELAY_MS ? delay_ms : LAST_DELAY_MS;
    return delay_ms * 4 / 5 + delay_ms * 2 / 5 * chance / (CHANCES - 1);
}

/* RFC 9110 section 10.2.3, in seconds; a date is passed over. */
static int64_t read_retry_after_ms(const struct gate_net_response *response) {
    const char *text = gate_net_header_find(response, "retry-after");
    int64_t seconds = 0;
    if (text == NULL || gate_number_parse(text, 0, LAST_DELAY_MS / 1000, &seconds) != GATE_OK) {
        return 0;
    }
    return seconds * 1000;
}

static const char *describe_status(gate_arena *arena, int status) {
    return gate_arena_printf(arena, "HTTP %d%s", status,
                             status >= 300 && status < 400 ? ", and redirects are not followed"
                             : status == GONE              ? ", which is the target's last word"
                                                           : "");
}

static void judge(struct gate_ctx *ctx, enum gate_err err, struct attempt *attempt) {
    int status = err == GATE_OK ? attempt->response.status : 0;
    attempt->has_arrived = status >= 200 && status < 300;
    if (attempt->has_arrived) {
        return;
    }
    const struct gate_notice_target *target = &attempt->target;
    int64_t now_ms = gate_ctx_now_ms(ctx);
    int64_t delay_ms = gate_notice_delay_ms(target->attempts, gate_random_below(CHANCES));
    int64_t asked_ms = err == GATE_OK ? read_retry_after_ms(&attempt->response) : 0;
    bool is_lasting =
        target->failing_since != 0 && now_ms - target->failing_since >= GATE_NOTICE_GIVE_UP_MS;
    attempt->failure = (struct gate_notice_failure){
        .error = err == GATE_OK ? describe_status(ctx->arena, status)
                                : gate_arena_strdup(ctx->arena, ctx->error.message),
        .next_at = now_ms + (asked_ms > delay_ms ? asked_ms : delay_ms),
        .disables = is_lasting || status == GONE,
    };
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct attempt *attempt = state;
    judge(ctx, err, attempt);
    gate_counter_add(attempt->has_arrived ? &attempt->notices->arrived : &attempt->notices->failed,
                     1);
    gate_error_clear(&ctx->error);
    log_turn(attempt);
    gate_store_write(ctx, attempt->notices->parts.store, write_outcome, attempt, end_attempt,
                     attempt);
}

/* ---- the beginning ---- */

static void start_attempt(struct gate_notices *notices, const struct gate_notice_target *target) {
    if (!take_slot(notices, target->id)) {
        return;
    }
    struct gate_ctx *ctx = gate_ctx_new(notices->parts.clock, notices->parts.runqueue, NULL);
    struct attempt *attempt = gate_arena_make(ctx->arena, struct attempt);
    attempt->notices = notices;
    attempt->ctx = ctx;
    attempt->target = *target;
    attempt->target.url = gate_arena_strdup(ctx->arena, target->url);
    gate_store_tx *tx = gate_store_read_begin(notices->parts.store);
    enum gate_err err = gate_store_notice_find_next(ctx, tx, target->id, &attempt->notice);
    gate_store_read_end(notices->parts.store, tx);
    if (err != GATE_OK) { /* nothing is left, or the next tick meets the same failure */
        give_slot_back(notices, target->id, 0);
        gate_ctx_free(ctx);
        return;
    }
    make_request(attempt);
    gate_net_fetch(ctx, notices->parts.net, &attempt->request, &attempt->response, take_answer,
                   attempt);
}

/* What is farther off than any delay was put off before the clock was set back. */
static bool is_due(const struct gate_notice_target *target, int64_t now_ms) {
    return target->pending > 0 && target->disabled_at == 0 &&
           (target->next_at <= now_ms || target->next_at > now_ms + LAST_DELAY_MS + SPREAD_MAX_MS);
}

void gate_portal_notices_tick(gate_portal *portal) {
    const struct gate_config *config = portal->parts.config;
    if (config->webhook_urls == NULL || config->webhook_keys == NULL) {
        return;
    }
    struct gate_ctx *ctx = gate_ctx_new(portal->parts.clock, portal->parts.runqueue, "notices");
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_notice_target_list(ctx, tx, &targets, &count);
    gate_store_read_end(portal->parts.store, tx);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        if (is_due(&targets[i], gate_ctx_now_ms(ctx))) {
            start_attempt(portal->notices, &targets[i]);
        }
    }
    gate_ctx_free(ctx);
}

void gate_portal_notices_metrics_write(struct gate_ctx *ctx, gate_portal *portal,
                                       struct gate_buffer *buffer) {
    struct gate_notices *notices = portal->notices;
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_notices_total", GATE_METRIC_COUNTER,
                                 "Attempts to tell services of changes, by what became of them.");
    gate_metric_value_write(&family, &(struct gate_metric_label){"result", "arrived"}, 1,
                            (int64_t)gate_counter_get(&notices->arrived));
    gate_metric_value_write(&family, &(struct gate_metric_label){"result", "failed"}, 1,
                            (int64_t)gate_counter_get(&notices->failed));
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    gate_store_tx *tx = gate_store_read_begin(portal->parts.store);
    enum gate_err err = gate_store_notice_target_list(ctx, tx, &targets, &count);
    gate_store_read_end(portal->parts.store, tx);
    if (err != GATE_OK) {
        gate_error_clear(&ctx->error); /* that the store cannot be read is told elsewhere */
        return;
    }
    int64_t pending = 0;
    int64_t disabled = 0;
    for (size_t i = 0; i < count; i++) {
        pending += targets[i].pending;
        disabled += targets[i].disabled_at != 0;
    }
    family = gate_metric_family_write(buffer, "gatehouse_notices_pending", GATE_METRIC_GAUGE,
                                      "What services are still to be told.");
    gate_metric_value_write(&family, NULL, 0, pending);
    family =
        gate_metric_family_write(buffer, "gatehouse_notice_targets_disabled", GATE_METRIC_GAUGE,
                                 "Services that are not told any more until resumed.");
    gate_metric_value_write(&family, NULL, 0, disabled);
}

struct beginning {
    const char *const *urls;
    size_t lost;
};

static enum gate_err save_targets(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct beginning *beginning = state;
    return gate_store_notice_targets_save(ctx, tx, beginning->urls, &beginning->lost);
}

enum gate_err gate_portal_notices_begin(struct gate_ctx *ctx, gate_portal *portal) {
    struct beginning beginning = {.urls = portal->parts.config->webhook_urls};
    enum gate_err err = gate_store_write_now(ctx, portal->parts.store, save_targets, &beginning);
    if (err == GATE_OK && beginning.lost > 0) {
        gate_log_write(GATE_LOG_WARN, "notices_lost",
                       GATE_LOG_NUMBER("count", (int64_t)beginning.lost),
                       GATE_LOG_TEXT("reason", "their target is not in the settings any more"));
    }
    return err;
}
