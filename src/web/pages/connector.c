#include "core/text.h"
#include "core/timestamp.h"
#include "portal/connectors.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/connector_problem.h"
#include "web/pages/connector_words.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

struct connector_page {
    struct gate_request *request;
    struct gate_connector_details details;
};

/* ---- recent calls ---- */

struct outcome_words {
    const char *outcome; /* as recorded */
    const char *css_class;
    const char *word;
};

static const struct outcome_words outcomes[] = {
    {"ok", "connected", "Done"},
    {"provider_error", "attention", "Refused by the app"},
    {"denied", "attention", "Not allowed"},
    {"needs_authorization", "waiting", "Needed you to connect"},
    {"unavailable", "attention", "Not reached"},
    {"timeout", "attention", "Took too long"},
    {"outcome_unknown", "waiting", "Perhaps done"},
    {"invalid", "attention", "Not understood"},
    {"busy", "waiting", "Too much at a time"},
    {"over_quota", "waiting", "Over its limit"},
};

static const struct outcome_words *find_outcome(const char *outcome) {
    static const struct outcome_words other = {NULL, "attention", "Not done"};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (gate_text_equal(outcomes[i].outcome, outcome)) {
            return &outcomes[i];
        }
    }
    return &other;
}

static void show_call(gate_view_dict *calls, struct gate_ctx *ctx,
                      const struct gate_tool_call *call) {
    const struct outcome_words *outcome = find_outcome(call->outcome);
    gate_view_dict *shown = gate_view_add_section(calls, GATE_M_CONNECTOR_CALL);
    gate_view_set(shown, GATE_M_CONNECTOR_TOOL, call->tool_name);
    gate_view_set(shown, GATE_M_CONNECTOR_OUTCOME_CLASS, outcome->css_class);
    gate_view_set(shown, GATE_M_CONNECTOR_OUTCOME_WORD, outcome->word);
    gate_view_set(shown, GATE_M_CONNECTOR_WHEN_ISO, gate_timestamp_format(ctx->arena, call->at));
    gate_view_set(shown, GATE_M_CONNECTOR_WHEN_TEXT,
                  gate_page_relative_time(ctx->arena, call->at, gate_ctx_now_ms(ctx)));
    if (call->token_label != NULL) {
        gate_view_dict *caller = gate_view_add_section(shown, GATE_M_CONNECTOR_CALLER);
        gate_view_set(caller, GATE_M_CONNECTOR_CALLER, call->token_label);
    }
}

static void show_calls(gate_view_dict *body, struct gate_ctx *ctx,
                       const struct gate_connector_details *details) {
    if (details->call_count == 0) {
        gate_view_show_section(body, GATE_M_CONNECTOR_NO_CALLS);
        return;
    }
    gate_view_dict *calls = gate_view_add_section(body, GATE_M_CONNECTOR_CALLS);
    for (size_t i = 0; i < details->call_count; i++) {
        show_call(calls, ctx, &details->calls[i]);
    }
}

/* ---- history ---- */

static const char *describe_connecting(const struct gate_account_event *event) {
    enum gate_account_status before = gate_account_status_parse(event->old_status);
    bool is_again = before == GATE_ACCOUNT_EXPIRED || before == GATE_ACCOUNT_DISCONNECTED;
    return is_again ? "Connected again" : "Connected";
}

static const char *describe_event(const struct gate_account_event *event) {
    bool by_person = event->source == GATE_ACCOUNT_SOURCE_DISCONNECT;
    if (event->new_status == NULL) {
        return by_person ? "You removed it" : "It was removed";
    }
    if (gate_text_equal(event->new_status, GATE_ACCOUNT_EVENT_NOT_OFFERED)) {
        return "It is not offered here any more";
    }
    if (gate_text_equal(event->old_status, GATE_ACCOUNT_EVENT_NOT_OFFERED)) {
        return "It is offered here again";
    }
    switch (gate_account_status_parse(event->new_status)) {
    case GATE_ACCOUNT_ACTIVE:
        return describe_connecting(event);
    case GATE_ACCOUNT_EXPIRED:
        return "Its access ran out";
    case GATE_ACCOUNT_PENDING_AUTH:
        return "Connecting was begun";
    case GATE_ACCOUNT_PENDING_VERIFICATION:
        return "Allowed, not confirmed yet";
    case GATE_ACCOUNT_DISCONNECTED:
        return by_person ? "You disconnected it" : "Disconnected";
    case GATE_ACCOUNT_UNKNOWN:
    case GATE_ACCOUNT_STATUS_COUNT_:
        break;
    }
    return "Something was not right with it";
}

static void show_history(gate_view_dict *body, struct gate_ctx *ctx,
                         const struct gate_connector_details *details) {
    if (details->event_count == 0) {
        gate_view_show_section(body, GATE_M_CONNECTOR_NO_HISTORY);
        return;
    }
    gate_view_dict *history = gate_view_add_section(body, GATE_M_CONNECTOR_HISTORY);
    for (size_t i = 0; i < details->event_count; i++) {
        const struct gate_account_event *event = &details->events[i];
        gate_view_dict *shown = gate_view_add_section(history, GATE_M_CONNECTOR_EVENT);
        gate_view_set(shown, GATE_M_CONNECTOR_TEXT, describe_event(event));
        gate_view_set(shown, GATE_M_CONNECTOR_WHEN_ISO,
                      gate_timestamp_format(ctx->arena, event->at));
        gate_view_set(shown, GATE_M_CONNECTOR_WHEN_TEXT,
                      gate_page_relative_time(ctx->arena, event->at, gate_ctx_now_ms(ctx)));
    }
}

/* ---- what can be done ---- */

static void show_action(gate_view_dict *body, gate_arena *arena,
                        const struct gate_connector *connector) {
    const struct gate_connector_words *words = gate_connector_words_get(connector->state);
    if (words->action_label == NULL) {
        return;
    }
    gate_view_dict *action = gate_view_add_section(
        body, words->acts_at_once ? GATE_M_CONNECTOR_ACTION_POST : GATE_M_CONNECTOR_ACTION_LINK);
    gate_view_set(action, GATE_M_CONNECTOR_ACTION_URL,
                  words->acts_at_once
                      ? gate_connector_connect_path(arena, connector->name)
                      : gate_connector_deep_link_path(arena, connector->name, NULL));
    gate_view_set(action, GATE_M_CONNECTOR_ACTION_LABEL, words->action_label);
    gate_view_set(action, GATE_M_CONNECTOR_ACTION_CLASS, words->action_class);
}

/* What was never finished can only be removed. */
static bool may_disconnect(const struct gate_connector *connector) {
    switch (connector->account.status) {
    case GATE_ACCOUNT_ACTIVE:
    case GATE_ACCOUNT_EXPIRED:
    case GATE_ACCOUNT_UNKNOWN:
        return true;
    default:
        return false;
    }
}

static void show_ending(gate_view_dict *body, gate_arena *arena,
                        const struct gate_connector *connector) {
    if (!connector->has_account) {
        return;
    }
    gate_view_dict *ending = gate_view_add_section(body, GATE_M_CONNECTOR_ENDING);
    if (may_disconnect(connector)) {
        gate_view_dict *disconnect = gate_view_add_section(ending, GATE_M_CONNECTOR_DISCONNECT);
        gate_view_set(disconnect, GATE_M_CONNECTOR_DISCONNECT_URL,
                      gate_connector_disconnect_path(arena, connector->name, "disconnect"));
    }
    gate_view_dict *removal = gate_view_add_section(ending, GATE_M_CONNECTOR_REMOVE);
    gate_view_set(removal, GATE_M_CONNECTOR_REMOVE_URL,
                  gate_connector_disconnect_path(arena, connector->name, "remove"));
}

static void show_head(struct gate_page *page, gate_arena *arena,
                      const struct gate_connector *connector) {
    const struct gate_connector_words *words = gate_connector_words_get(connector->state);
    const struct gate_connector_tile tile = gate_connector_tile_make(arena, connector);
    gate_view_dict *refresh = gate_view_add_section(page->shell, GATE_M_LAYOUT_REFRESH);
    gate_view_set(refresh, GATE_M_LAYOUT_REFRESH_URL,
                  gate_connector_page_path(arena, connector->name));
    gate_view_set(page->body, GATE_M_CONNECTOR_NAME, connector->display_name);
    gate_view_set(page->body, GATE_M_CONNECTOR_INITIALS, tile.initials);
    gate_view_set_integer(page->body, GATE_M_CONNECTOR_TINT, tile.tint);
    gate_view_set(page->body, GATE_M_CONNECTOR_PURPOSE, connector->purpose);
    gate_view_set(page->body, GATE_M_CONNECTOR_STATUS_CLASS, words->status_class);
    gate_view_set(page->body, GATE_M_CONNECTOR_STATUS_WORD, words->status_word);
    gate_view_set(page->body, GATE_M_CONNECTOR_STATUS_SENTENCE, words->sentence);
}

static void show_refusal(gate_view_dict *body, struct gate_ctx *ctx,
                         const struct gate_connector *connector) {
    const struct gate_account *account = &connector->account;
    if (connector->state != GATE_CONNECTOR_REFUSED || account->refused_tool == NULL) {
        return;
    }
    gate_view_dict *refusal = gate_view_add_section(body, GATE_M_CONNECTOR_REFUSAL);
    gate_view_set(refusal, GATE_M_CONNECTOR_REFUSED_TOOL, account->refused_tool);
    gate_view_set(refusal, GATE_M_CONNECTOR_REFUSED_ISO,
                  gate_timestamp_format(ctx->arena, account->refused_at));
    gate_view_set(refusal, GATE_M_CONNECTOR_REFUSED_TEXT,
                  gate_page_relative_time(ctx->arena, account->refused_at, gate_ctx_now_ms(ctx)));
}

static void show_connector(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct connector_page *connector_page = state;
    struct gate_request *request = connector_page->request;
    const struct gate_connector_details *details = &connector_page->details;
    const struct gate_connector *connector = &details->connector;
    if (err != GATE_OK) {
        gate_connector_page_fail(request, err,
                                 gate_connector_page_path(ctx->arena, request->route_value));
        return;
    }
    struct gate_page page = gate_page_begin(request, GATE_TPL_CONNECTOR, connector->display_name);
    show_head(&page, ctx->arena, connector);
    if (details->stale_since != 0) {
        gate_view_dict *stale = gate_view_add_section(page.body, GATE_M_CONNECTOR_STALE);
        gate_view_set(stale, GATE_M_CONNECTOR_STALE_ISO,
                      gate_timestamp_format(ctx->arena, details->stale_since));
        gate_view_set(
            stale, GATE_M_CONNECTOR_STALE_TEXT,
            gate_page_relative_time(ctx->arena, details->stale_since, gate_ctx_now_ms(ctx)));
    }
    show_refusal(page.body, ctx, connector);
    show_action(page.body, ctx->arena, connector);
    show_calls(page.body, ctx, details);
    show_history(page.body, ctx, details);
    show_ending(page.body, ctx->arena, connector);
    gate_page_finish(request, &page, 200);
}

void gate_page_connector_handle(struct gate_request *request) {
    struct connector_page *page = gate_arena_make(request->ctx->arena, struct connector_page);
    page->request = request;
    gate_portal_connector_find(request->ctx, request->web->options.portal, &request->caller,
                               request->route_value, &page->details, show_connector, page);
}
