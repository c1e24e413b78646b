#include "core/encoding.h"
#include "portal/connectors.h"
#include "portal/token.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

struct listing {
    struct gate_request *request;
    struct gate_connector_list list;
};

static void write_connector(struct gate_request *request, struct gate_json_writer *writer,
                            const struct gate_connector *connector) {
    gate_arena *arena = request->ctx->arena;
    gate_json_open_object(writer, NULL);
    gate_json_write_text(writer, "connection_name", connector->name);
    gate_json_write_text(writer, "display_name", connector->display_name);
    gate_json_write_text(writer, "provider", connector->provider);
    gate_json_write_text(writer, "type", connector->type);
    gate_json_write_text(
        writer, "status",
        connector->has_account ? gate_account_status_name(connector->account.status) : NULL);
    gate_json_write_text(writer, "connected_account_id",
                         connector->has_account ? connector->account.scalekit_id : NULL);
    gate_json_write_time(writer, "token_expires_at",
                         connector->has_account ? connector->account.token_expires_at : 0);
    gate_json_write_time(writer, "updated_at",
                         connector->has_account ? connector->account.updated_at : 0);
    gate_json_write_time(writer, "last_used_at", connector->last_used_at);
    gate_json_write_bool(writer, "offered", connector->state != GATE_CONNECTOR_NOT_OFFERED);
    gate_json_write_text(writer, "connect_url",
                         gate_arena_printf(arena, "%s/connect/%s",
                                           request->web->options.config->public_url,
                                           gate_percent_format(arena, connector->name)));
    gate_json_close_object(writer);
}

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    struct gate_request *request = listing->request;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_json_writer writer;
    gate_response_begin(&request->response, ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_open_array(&writer, "connections");
    for (size_t i = 0; i < listing->list.count; i++) {
        const struct gate_connector *connector = &listing->list.items[i];
        if (gate_portal_may_use_connection(&request->caller, connector->name)) {
            write_connector(request, &writer, connector);
        }
    }
    gate_json_close_array(&writer);
    gate_json_write_time(&writer, "stale_since", listing->list.stale_since);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

void gate_api_connections_handle(struct gate_request *request) {
    if (!gate_portal_has_scope(&request->caller, GATE_SCOPE_READ)) {
        gate_request_fail(
            request,
            gate_fail(request->ctx, GATE_ERR_FORBIDDEN,
                      "This token may not list connections (rule: scope " GATE_SCOPE_READ ")."));
        return;
    }
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    listing->request = request;
    gate_portal_connectors_list(request->ctx, request->web->options.portal, &request->caller,
                                &listing->list, finish, listing);
}
