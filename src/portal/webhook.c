#include "portal/webhook.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/metrics.h"
#include "core/number.h"
#include "core/text.h"
#include "crypto/webhook_signature.h"
#include "portal/refresh.h"
#include "portal/state.h"
#include "portal/webhook_event.h"
#include "store/account_news.h"
#include "store/user.h"
#include "store/webhook_delivery.h"

#define TOLERANCE_MS ((int64_t)5 * 60 * 1000)
#define TIMESTAMP_MAX_S INT64_C(99999999999)

struct gate_webhooks {
    atomic_int under_way;
    struct gate_counter counts[GATE_WEBHOOK_RESULT_COUNT_];
};

struct taking {
    gate_portal *portal;
    const char *webhook_id;
    gate_then_fn *then;
    void *state;

    struct gate_webhook_event event;
    struct gate_user user;
    enum gate_webhook_result result;
};

struct gate_webhooks *gate_webhooks_new(void) {
    struct gate_webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (webhooks == NULL) {
        abort();
    }
    return webhooks;
}

void gate_webhooks_free(struct gate_webhooks *webhooks) {
    free(webhooks);
}

const char *gate_webhook_result_name(enum gate_webhook_result result) {
    static const char *const names[GATE_WEBHOOK_RESULT_COUNT_] = {
        [GATE_WEBHOOK_APPLIED] = "applied",     [GATE_WEBHOOK_OLD] = "old",
        [GATE_WEBHOOK_UNCLEAR] = "unclear",     [GATE_WEBHOOK_UNKNOWN_USER] = "unknown_user",
        [GATE_WEBHOOK_IGNORED] = "ignored",     [GATE_WEBHOOK_DUPLICATE] = "duplicate",
        [GATE_WEBHOOK_MALFORMED] = "malformed", [GATE_WEBHOOK_FORGED] = "forged",
        [GATE_WEBHOOK_BUSY] = "busy",           [GATE_WEBHOOK_FAILED] = "failed",
    };
    return names[result];
}

uint64_t gate_portal_webhook_count_get(gate_portal *portal, enum gate_webhook_result result) {
    return gate_counter_get(&portal->webhooks->counts[result]);
}

void gate_portal_webhook_metrics_write(gate_portal *portal, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_webhooks_total", GATE_METRIC_COUNTER,
                                 "Webhooks that came in, by what became of them.");
    for (int i = 0; i < GATE_WEBHOOK_RESULT_COUNT_; i++) {
        enum gate_webhook_result result = (enum gate_webhook_result)i;
        const struct gate_metric_label label = {"result", gate_webhook_result_name(result)};
        gate_metric_value_write(&family, &label, 1,
                                (int64_t)gate_portal_webhook_count_get(portal, result));
    }
}

static void count(struct gate_webhooks *webhooks, enum gate_webhook_result result) {
    gate_counter_add(&webhooks->counts[result], 1);
}

static bool take_place(struct gate_webhooks *webhooks) {
    if (atomic_fetch_add(&webhooks->under_way, 1) < GATE_WEBHOOKS_UNDER_WAY_MAX) {
        return true;
    }
    atomic_fetch_sub(&webhooks->under_way, 1);
    count(webhooks, GATE_WEBHOOK_BUSY);
    return false;
}

/* ---- the end ---- */

static enum gate_webhook_result name_failure(const struct taking *taking, enum gate_err err) {
    switch (err) {
    case GATE_OK:
        return taking->result;
    case GATE_ERR_INPUT:
        return GATE_WEBHOOK_MALFORMED;
    case GATE_ERR_BUSY:
        return GATE_WEBHOOK_BUSY;
    default:
        return GATE_WEBHOOK_FAILED;
    }
}

static void end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct taking *taking = state;
    struct gate_webhooks *webhooks = taking->portal->webhooks;
    enum gate_webhook_result result = name_failure(taking, err);
    atomic_fetch_sub(&webhooks->under_way, 1);
    count(webhooks, result);
    gate_log_write(GATE_LOG_INFO, "webhook", GATE_LOG_TEXT("request_id", ctx->request_id),
                   GATE_LOG_TEXT("webhook_id", taking->webhook_id),
                   GATE_LOG_TEXT("type", taking->event.type),
                   GATE_LOG_TEXT("result", gate_webhook_result_name(result)),
                   GATE_LOG_NUMBER("user", taking->user.id));
    if (result == GATE_WEBHOOK_UNCLEAR) {
        gate_portal_accounts_recheck(ctx, taking->portal, &taking->user);
    }
    taking->then(ctx, err, taking->state);
}

/* ---- with the signature holding ---- */

static enum gate_webhook_result name_outcome(enum gate_account_news_outcome outcome) {
    switch (outcome) {
    case GATE_ACCOUNT_NEWS_TAKEN:
        return GATE_WEBHOOK_APPLIED;
    case GATE_ACCOUNT_NEWS_OLD:
        return GATE_WEBHOOK_OLD;
    case GATE_ACCOUNT_NEWS_UNCLEAR:
        break;
    }
    return GATE_WEBHOOK_UNCLEAR;
}

/* Whoever was never here has no record that could be wrong: it is read when they come. */
static enum gate_err apply(struct gate_ctx *ctx, gate_store_tx *tx, struct taking *taking) {
    const struct gate_webhook_event *event = &taking->event;
    if (event->kind == GATE_WEBHOOK_EVENT_OTHER) {
        taking->result = GATE_WEBHOOK_IGNORED;
        return GATE_OK;
    }
    enum gate_err err =
        event->identifier == NULL
            ? GATE_ERR_NOT_FOUND
            : gate_store_user_find_by_identifier(ctx, tx, event->identifier, &taking->user);
    if (err == GATE_ERR_NOT_FOUND) {
        taking->result = GATE_WEBHOOK_UNKNOWN_USER;
        return GATE_OK;
    }
    if (err != GATE_OK) {
        return err;
    }
    const struct gate_account_news news = {
        .user_id = taking->user.id,
        .connection_name = event->connection_name,
        .scalekit_id = event->scalekit_id,
        .authorization_type = event->authorization_type,
        .status = event->status,
        .token_expires_at = event->token_expires_at,
        .occurred_at = event->occurred_at,
        .is_deletion = event->kind == GATE_WEBHOOK_EVENT_DELETED,
    };
    enum gate_account_news_outcome outcome;
    err = gate_store_account_news_take(ctx, tx, &news, gate_ctx_now_ms(ctx), &outcome);
    if (err == GATE_OK && event->kind == GATE_WEBHOOK_EVENT_CONNECTED &&
        outcome == GATE_ACCOUNT_NEWS_TAKEN) {
        err = gate_store_account_end_refusal(ctx, tx, news.user_id, news.connection_name);
    }
    if (err == GATE_OK) {
        taking->result = name_outcome(outcome);
    }
    return err;
}

/* The change and the delivery's id are one step: both are there afterwards, or neither. */
static enum gate_err record(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct taking *taking = state;
    struct gate_webhook_delivery before;
    enum gate_err err = gate_store_webhook_delivery_find(ctx, tx, taking->webhook_id, &before);
    if (err == GATE_OK) {
        taking->result = GATE_WEBHOOK_DUPLICATE;
    }
    if (err != GATE_ERR_NOT_FOUND) {
        return err;
    }
    err = apply(ctx, tx, taking);
    if (err != GATE_OK) {
        return err;
    }
    const struct gate_webhook_delivery delivery = {
        .webhook_id = taking->webhook_id,
        .type = taking->event.type,
        .result = gate_webhook_result_name(taking->result),
        .received_at = gate_ctx_now_ms(ctx),
    };
    return gate_store_webhook_delivery_insert(ctx, tx, &delivery);
}

/* Most of what comes again is known before the writer has to look. */
static enum gate_err find_before(struct gate_ctx *ctx, const struct taking *taking) {
    gate_store *store = taking->portal->parts.store;
    struct gate_webhook_delivery before;
    gate_store_tx *tx = gate_store_read_begin(store);
    enum gate_err err = gate_store_webhook_delivery_find(ctx, tx, taking->webhook_id, &before);
    gate_store_read_end(store, tx);
    return err;
}

static void take_signed(struct gate_ctx *ctx, gate_portal *portal,
                        const struct gate_webhook *webhook, gate_then_fn *then, void *state) {
    if (!take_place(portal->webhooks)) {
        then(ctx, gate_fail(ctx, GATE_ERR_BUSY, "Too many webhooks at a time; send it again."),
             state);
        return;
    }
    struct taking *taking = gate_arena_make(ctx->arena, struct taking);
    *taking = (struct taking){.portal = portal,
                              .webhook_id = webhook->id,
                              .then = then,
                              .state = state,
                              .event = {.type = "-"}};
    enum gate_err err =
        gate_webhook_event_parse(ctx, webhook->body, webhook->body_length, &taking->event);
    if (err == GATE_OK) {
        taking->result = GATE_WEBHOOK_DUPLICATE;
        err = find_before(ctx, taking);
    }
    if (err != GATE_ERR_NOT_FOUND) {
        end(ctx, err, taking);
        return;
    }
    gate_store_write(ctx, portal->parts.store, record, taking, end, taking);
}

/* ---- is it Scalekit's? ---- */

static bool is_of_these_minutes(const struct gate_ctx *ctx, const char *timestamp) {
    int64_t at_s;
    if (gate_number_parse(timestamp, 0, TIMESTAMP_MAX_S, &at_s) != GATE_OK) {
        return false;
    }
    int64_t age_ms = gate_ctx_now_ms(ctx) - at_s * 1000;
    return age_ms <= TOLERANCE_MS && age_ms >= -TOLERANCE_MS;
}

/* Cheap looks first: a flood of rubbish must not even make us hash it. */
static bool is_signed(struct gate_ctx *ctx, gate_portal *portal,
                      const struct gate_webhook *webhook) {
    if (gate_text_is_empty(webhook->id) || gate_text_is_empty(webhook->timestamp) ||
        gate_text_is_empty(webhook->signatures) ||
        strlen(webhook->id) > GATE_WEBHOOK_ID_MAX_BYTES ||
        strlen(webhook->signatures) > GATE_WEBHOOK_SIGNATURES_MAX_BYTES ||
        !gate_text_is_one_line(webhook->id, strlen(webhook->id)) ||
        !gate_text_is_utf8(webhook->id, strlen(webhook->id)) ||
        !is_of_these_minutes(ctx, webhook->timestamp)) {
        return false;
    }
    const struct gate_webhook_message message = {
        .id = webhook->id,
        .timestamp = webhook->timestamp,
        .body = webhook->body,
        .body_length = webhook->body_length,
    };
    return gate_webhook_signature_check(ctx->arena, portal->parts.config->scalekit_webhook_keys,
                                        &message, webhook->signatures);
}

void gate_portal_webhook_take(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_webhook *webhook, gate_then_fn *then, void *state) {
    if (portal->parts.config->scalekit_webhook_keys == NULL) {
        then(ctx, gate_fail(ctx, GATE_ERR_NOT_FOUND, "This portal takes no webhooks."), state);
        return;
    }
    if (!is_signed(ctx, portal, webhook)) {
        count(portal->webhooks, GATE_WEBHOOK_FORGED);
        then(ctx, gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "The signature does not hold."), state);
        return;
    }
    take_signed(ctx, portal, webhook, then, state);
}
