#include "portal/webhook_event.h"

#include <string.h>

#include "core/text.h"
#include "core/timestamp.h"
#include "json/json.h"

#define WORD_MAX_BYTES 64 /* of ids, types and statuses, which are Scalekit's own */

static const struct {
    const char *type;
    enum gate_webhook_event_kind kind;
} known_types[] = {
    {"connected_account.created", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.updated", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.status_updated", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.deleted", GATE_WEBHOOK_EVENT_DELETED},
    {"connected_account.magic_link_generated", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.oauth_tokens_fetched", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.token_refresh_succeeded", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.token_refresh_failed", GATE_WEBHOOK_EVENT_STATE},
    {"connected_account.oauth_succeeded", GATE_WEBHOOK_EVENT_CONNECTED},
};

static void find_kind(const gate_json *json, struct gate_webhook_event *event) {
    const char *type = gate_json_member_text(json, "type");
    event->kind = GATE_WEBHOOK_EVENT_OTHER;
    event->type = "other";
    for (size_t i = 0; i < sizeof known_types / sizeof known_types[0]; i++) {
        if (gate_text_equal(type, known_types[i].type)) {
            event->kind = known_types[i].kind;
            event->type = known_types[i].type;
        }
    }
}

static const char *read_text(struct gate_ctx *ctx, const gate_json *data, const char *name,
                             size_t max_bytes) {
    const char *text = gate_json_member_text(data, name);
    size_t length = text == NULL ? 0 : strlen(text);
    bool fits = length > 0 && length <= max_bytes && gate_text_is_one_line(text, length);
    return fits ? gate_arena_strdup(ctx->arena, text) : NULL;
}

static int64_t read_time(const gate_json *json, const char *name) {
    const char *text = gate_json_member_text(json, name);
    int64_t at_ms;
    return text != NULL && gate_timestamp_parse(text, &at_ms) == GATE_OK ? at_ms : 0;
}

enum gate_err gate_webhook_event_parse(struct gate_ctx *ctx, const char *body, size_t length,
                                       struct gate_webhook_event *ret_event) {
    const gate_json *json;
    enum gate_err err = gate_json_parse(ctx, body, length, &json);
    if (err != GATE_OK) {
        return err;
    }
    if (!gate_json_is_object(json)) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The body must be a JSON object.");
    }
    const gate_json *data = gate_json_member(json, "data");
    struct gate_webhook_event event = {
        .occurred_at = read_time(json, "occurred_at"),
        .identifier = read_text(ctx, data, "identifier", GATE_IDENTIFIER_MAX_BYTES),
        .connection_name = read_text(ctx, data, "connection_name", GATE_CONNECTION_NAME_MAX_BYTES),
        .scalekit_id = read_text(ctx, data, "id", WORD_MAX_BYTES),
        .authorization_type = read_text(ctx, data, "authorization_type", WORD_MAX_BYTES),
        .status = read_text(ctx, data, "status", WORD_MAX_BYTES),
        .token_expires_at = read_time(data, "token_expires_at"),
    };
    find_kind(json, &event);
    *ret_event = event;
    return GATE_OK;
}
