#include <stdlib.h>

#include "core/text.h"
#include "portal/account_link.h"
#include "portal/connector_wait.h"
#include "portal/token.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

struct listing {
    struct gate_request *request;
    struct gate_connector_list list;
};

/* The app's, of a call although the account is active. */
static void write_refusal(struct gate_json_writer *writer, const struct gate_connector *connector) {
    if (connector->state != GATE_CONNECTOR_REFUSED) {
        gate_json_write_null(writer, "refusal");
        return;
    }
    gate_json_open_object(writer, "refusal");
    gate_json_write_time(writer, "at", connector->account.refused_at);
    gate_json_write_text(writer, "tool_name", connector->account.refused_tool);
    gate_json_write_integer(writer, "provider_status", connector->account.refused_status);
    gate_json_close_object(writer);
}

static void write_members(struct gate_request *request, struct gate_json_writer *writer,
                          const struct gate_connector *connector) {
    gate_json_write_text(writer, "connection_name", connector->name);
    gate_json_write_text(writer, "display_name", connector->display_name);
    gate_json_write_text(writer, "provider", connector->provider);
    gate_json_write_text(writer, "type", connector->type);
    gate_json_write_text(
        writer, "status",
        connector->has_account ? gate_account_status_name(connector->account.status) : NULL);
    gate_json_write_text(writer, "state", gate_connector_state_name(connector->state));
    gate_json_write_text(writer, "connected_account_id",
                         connector->has_account ? connector->account.scalekit_id : NULL);
    gate_json_write_time(writer, "token_expires_at",
                         connector->has_account ? connector->account.token_expires_at : 0);
    gate_json_write_time(writer, "updated_at",
                         connector->has_account ? connector->account.updated_at : 0);
    gate_json_write_time(writer, "last_used_at", connector->last_used_at);
    write_refusal(writer, connector);
    gate_json_write_bool(writer, "offered", connector->state != GATE_CONNECTOR_NOT_OFFERED);
    gate_json_write_text(writer, "connect_url",
                         gate_account_link_format(request->ctx->arena, request->web->options.config,
                                                  connector->name, NULL));
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
            gate_json_open_object(&writer, NULL);
            write_members(request, &writer, connector);
            gate_json_close_object(&writer);
        }
    }
    gate_json_close_array(&writer);
    gate_json_write_time(&writer, "stale_since", listing->list.stale_since);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

static enum gate_err check_scope(struct gate_request *request) {
    return gate_portal_scope_check(request->ctx, &request->caller, GATE_SCOPE_READ,
                                   "list connections");
}

void gate_api_connections_handle(struct gate_request *request) {
    enum gate_err err = check_scope(request);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    listing->request = request;
    gate_portal_connectors_list(request->ctx, request->web->options.portal, &request->caller,
                                &listing->list, finish, listing);
}

/* ---- one of them ---- */

struct single {
    struct gate_request *request;
    struct gate_connector_wait wish;
    struct gate_connector_details details;
};

static void finish_single(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct single *single = state;
    struct gate_request *request = single->request;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_json_writer writer;
    gate_response_begin(&request->response, ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    write_members(request, &writer, &single->details.connector);
    gate_json_write_time(&writer, "stale_since", single->details.stale_since);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

/* A status is spelled as it is answered; "" is that of a user without an account. */
static enum gate_err read_wish(struct gate_request *request, struct gate_connector_wait *wish) {
    const char *wait = gate_request_query(request, "wait");
    const char *status = gate_request_query(request, "status");
    wish->wait_ms = wait == NULL ? 0 : INT64_C(1000) * atoi(wait);
    wish->has_status = status != NULL;
    if (gate_text_is_empty(status)) {
        return GATE_OK;
    }
    wish->status = gate_account_status_name(gate_account_status_parse(status));
    return gate_text_equal(wish->status, status)
               ? GATE_OK
               : gate_fail(request->ctx, GATE_ERR_INPUT,
                           "status must be one that a connection can have, or empty.");
}

void gate_api_connection_handle(struct gate_request *request) {
    struct single *single = gate_arena_make(request->ctx->arena, struct single);
    single->request = request;
    enum gate_err err = check_scope(request);
    if (err == GATE_OK) {
        err = read_wish(request, &single->wish);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_connector_wait(request->ctx, request->web->options.portal, &request->caller,
                               request->route_value, &single->wish, &single->details, finish_single,
                               single);
}
