#include "core/text.h"
#include "core/timestamp.h"
#include "portal/connectors.h"
#include "portal/disconnecting.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/connector_problem.h"
#include "web/pages/connector_words.h"
#include "web/pages/pages.h"
#include "web/route.h"
#include "web/state.h"

struct disconnect_page {
    struct gate_request *request;
    bool remove;
    struct gate_connector_details details; /* when asking */
    const char *display_name;              /* when doing it */
};

/* "disconnect" or "remove"; GATE_ERR_INPUT for anything else. */
static enum gate_err read_action(struct gate_ctx *ctx, const char *action, bool *ret_remove) {
    bool remove = gate_text_equal(action, "remove");
    if (!remove && !gate_text_equal(action, "disconnect")) {
        return gate_fail(ctx, GATE_ERR_INPUT, "action must be disconnect or remove.");
    }
    *ret_remove = remove;
    return GATE_OK;
}

static struct disconnect_page *make_page(struct gate_request *request) {
    struct disconnect_page *page = gate_arena_make(request->ctx->arena, struct disconnect_page);
    page->request = request;
    return page;
}

/* ---- asking first ---- */

static void show_last_use(gate_view_dict *body, struct gate_ctx *ctx,
                          const struct gate_connector *connector) {
    if (connector->last_used_at == 0) {
        return;
    }
    gate_view_dict *used = gate_view_add_section(body, GATE_M_DISCONNECT_LAST_USED);
    gate_view_set(used, GATE_M_DISCONNECT_LAST_USED_ISO,
                  gate_timestamp_format(ctx->arena, connector->last_used_at));
    gate_view_set(
        used, GATE_M_DISCONNECT_LAST_USED_TEXT,
        gate_page_relative_time(ctx->arena, connector->last_used_at, gate_ctx_now_ms(ctx)));
    if (connector->last_used_by != NULL) {
        gate_view_dict *by = gate_view_add_section(used, GATE_M_DISCONNECT_LAST_USED_BY);
        gate_view_set(by, GATE_M_DISCONNECT_LAST_USED_BY, connector->last_used_by);
    }
}

static void show_question(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnect_page *asked = state;
    struct gate_request *request = asked->request;
    const struct gate_connector *connector = &asked->details.connector;
    const char *connector_path = gate_connector_page_path(ctx->arena, request->route_value);
    if (err != GATE_OK) {
        gate_connector_page_fail(request, err, connector_path);
        return;
    }
    if (!connector->has_account) { /* nothing to end */
        gate_response_redirect(&request->response, ctx->arena, connector_path);
        gate_request_finish(request);
        return;
    }
    const struct gate_connector_tile tile = gate_connector_tile_make(ctx->arena, connector);
    struct gate_page page =
        gate_page_begin(request, GATE_TPL_DISCONNECT,
                        gate_arena_printf(ctx->arena, asked->remove ? "Remove %s" : "Disconnect %s",
                                          connector->display_name));
    gate_view_set(page.body, GATE_M_DISCONNECT_NAME, connector->display_name);
    gate_view_set(page.body, GATE_M_DISCONNECT_INITIALS, tile.initials);
    gate_view_set_integer(page.body, GATE_M_DISCONNECT_TINT, tile.tint);
    gate_view_show_section(page.body,
                           asked->remove ? GATE_M_DISCONNECT_REMOVE : GATE_M_DISCONNECT_DISCONNECT);
    show_last_use(page.body, ctx, connector);
    gate_view_set(page.body, GATE_M_DISCONNECT_ACTION_URL,
                  gate_connector_disconnect_path(ctx->arena, connector->name, NULL));
    gate_view_set(page.body, GATE_M_DISCONNECT_CANCEL_URL, connector_path);
    gate_page_finish(request, &page, 200);
}

void gate_page_disconnect_ask_handle(struct gate_request *request) {
    struct disconnect_page *page = make_page(request);
    const char *action = gate_request_query(request, "action");
    enum gate_err err =
        gate_text_is_empty(action) ? GATE_OK : read_action(request->ctx, action, &page->remove);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_connector_find(request->ctx, request->web->options.portal, &request->caller,
                               request->route_value, &page->details, show_question, page);
}

/* ---- doing it ---- */

static void leave(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct disconnect_page *page = state;
    struct gate_request *request = page->request;
    if (err != GATE_OK) {
        gate_connector_page_fail(request, err,
                                 gate_connector_page_path(ctx->arena, request->route_value));
        return;
    }
    gate_page_leave_notice(request, page->remove ? GATE_NOTICE_REMOVED : GATE_NOTICE_DISCONNECTED,
                           page->display_name);
    gate_response_redirect(&request->response, ctx->arena, "/");
    gate_request_finish(request);
}

void gate_page_disconnect_handle(struct gate_request *request) {
    struct disconnect_page *page = make_page(request);
    enum gate_err err =
        read_action(request->ctx, gate_request_form(request, "action"), &page->remove);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_disconnect(request->ctx, request->web->options.portal, &request->caller,
                           request->route_value, page->remove, &page->display_name, leave, page);
}
