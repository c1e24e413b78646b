#include "portal/connectors.h"
#include "core/timestamp.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/connector_words.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

struct connectors_page {
    struct gate_request *request;
    struct gate_connector_list list;
};

static void show_last_use(gate_view_dict *card, gate_arena *arena,
                          const struct gate_connector *connector, int64_t now_ms) {
    if (connector->last_used_at == 0) {
        return;
    }
    gate_view_dict *used = gate_view_add_section(card, GATE_M_CONNECTOR_CARD_LAST_USED);
    gate_view_set(used, GATE_M_CONNECTOR_CARD_LAST_USED_ISO,
                  gate_timestamp_format(arena, connector->last_used_at));
    gate_view_set(used, GATE_M_CONNECTOR_CARD_LAST_USED_TEXT,
                  gate_page_relative_time(arena, connector->last_used_at, now_ms));
    if (connector->last_used_by != NULL) {
        gate_view_dict *by = gate_view_add_section(used, GATE_M_CONNECTOR_CARD_LAST_USED_BY);
        gate_view_set(by, GATE_M_CONNECTOR_CARD_LAST_USED_BY, connector->last_used_by);
    }
}

/* One button: what to do next, or else the way to the connector's own page. */
static void show_action(gate_view_dict *card, gate_arena *arena,
                        const struct gate_connector *connector) {
    const struct gate_connector_words *words = gate_connector_words_get(connector->state);
    bool has_action = words->action_label != NULL;
    const char *url = gate_connector_page_path(arena, connector->name);
    const char *section = GATE_M_CONNECTOR_CARD_ACTION_LINK;
    if (has_action && words->acts_at_once) {
        url = gate_connector_connect_path(arena, connector->name);
        section = GATE_M_CONNECTOR_CARD_ACTION_POST;
    } else if (has_action) {
        url = gate_connector_deep_link_path(arena, connector->name, NULL);
    }
    gate_view_dict *action = gate_view_add_section(card, section);
    gate_view_set(action, GATE_M_CONNECTOR_CARD_ACTION_URL, url);
    gate_view_set(action, GATE_M_CONNECTOR_CARD_ACTION_LABEL,
                  has_action ? words->action_label : "Manage");
    gate_view_set(action, GATE_M_CONNECTOR_CARD_ACTION_CLASS,
                  has_action ? words->action_class : "secondary");
}

static void show_card(gate_view_dict *card, gate_arena *arena,
                      const struct gate_connector *connector, int64_t now_ms) {
    const struct gate_connector_words *words = gate_connector_words_get(connector->state);
    const struct gate_connector_tile tile = gate_connector_tile_make(arena, connector);
    gate_view_set(card, GATE_M_CONNECTOR_CARD_NAME, connector->display_name);
    gate_view_set(card, GATE_M_CONNECTOR_CARD_INITIALS, tile.initials);
    gate_view_set_integer(card, GATE_M_CONNECTOR_CARD_TINT, tile.tint);
    gate_view_set(card, GATE_M_CONNECTOR_CARD_PURPOSE, connector->purpose);
    gate_view_set(card, GATE_M_CONNECTOR_CARD_HREF,
                  gate_connector_page_path(arena, connector->name));
    gate_view_set(card, GATE_M_CONNECTOR_CARD_STATUS_CLASS, words->status_class);
    gate_view_set(card, GATE_M_CONNECTOR_CARD_STATUS_WORD, words->status_word);
    if (words->hint != NULL) {
        gate_view_dict *hint = gate_view_add_section(card, GATE_M_CONNECTOR_CARD_HINT);
        gate_view_set(hint, GATE_M_CONNECTOR_CARD_STATUS_HINT, words->hint);
    }
    show_last_use(card, arena, connector, now_ms);
    show_action(card, arena, connector);
}

/* The list is in the order of the groups. */
static void show_group(struct connectors_page *page, gate_view_dict *body,
                       enum gate_connector_group group, const char *section) {
    struct gate_ctx *ctx = page->request->ctx;
    gate_view_dict *shown = NULL;
    int count = 0;
    for (size_t i = 0; i < page->list.count; i++) {
        const struct gate_connector *connector = &page->list.items[i];
        if (gate_connector_group_get(connector->state) != group) {
            continue;
        }
        if (shown == NULL) {
            shown = gate_view_add_section(body, section);
        }
        count++;
        show_card(gate_view_add_include(shown, GATE_M_CONNECTORS_CARD, GATE_TPL_CONNECTOR_CARD),
                  ctx->arena, connector, gate_ctx_now_ms(ctx));
    }
    if (shown != NULL) {
        gate_view_set_integer(shown, GATE_M_CONNECTORS_COUNT, count);
    }
}

static void show_connectors(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct connectors_page *page = state;
    struct gate_request *request = page->request;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_page shown = gate_page_begin(request, GATE_TPL_CONNECTORS, "Connectors");
    gate_view_dict *refresh = gate_view_add_section(shown.shell, GATE_M_LAYOUT_REFRESH);
    gate_view_set(refresh, GATE_M_LAYOUT_REFRESH_URL, "/");
    if (page->list.stale_since != 0) {
        gate_view_dict *stale = gate_view_add_section(shown.body, GATE_M_CONNECTORS_STALE);
        gate_view_set(stale, GATE_M_CONNECTORS_STALE_ISO,
                      gate_timestamp_format(ctx->arena, page->list.stale_since));
        gate_view_set(
            stale, GATE_M_CONNECTORS_STALE_TEXT,
            gate_page_relative_time(ctx->arena, page->list.stale_since, gate_ctx_now_ms(ctx)));
    }
    show_group(page, shown.body, GATE_CONNECTOR_GROUP_NEEDS_YOU, GATE_M_CONNECTORS_NEEDS_YOU);
    show_group(page, shown.body, GATE_CONNECTOR_GROUP_CONNECTED, GATE_M_CONNECTORS_CONNECTED);
    show_group(page, shown.body, GATE_CONNECTOR_GROUP_AVAILABLE, GATE_M_CONNECTORS_AVAILABLE);
    if (page->list.count == 0) {
        gate_view_show_section(shown.body, GATE_M_CONNECTORS_EMPTY);
    }
    gate_page_finish(request, &shown, 200);
}

void gate_page_connectors_handle(struct gate_request *request) {
    struct connectors_page *page = gate_arena_make(request->ctx->arena, struct connectors_page);
    page->request = request;
    gate_portal_connectors_list(request->ctx, request->web->options.portal, &request->caller,
                                &page->list, show_connectors, page);
}
