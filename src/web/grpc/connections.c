#include "portal/connection_list.h"

#include "web/grpc/call.h"
#include "web/grpc/grpc.h"
#include "web/route.h"
#include "web/state.h"

#define TEXT_MAX_BYTES 128
#define PAGE_TOKEN_MAX_BYTES 1024

struct listing {
    struct gate_request *request;
    struct gate_connection_query query;
    struct gate_connection_page page;
};

static pb_connection *make_connection(gate_arena *arena,
                                      const struct gate_scalekit_connection *from) {
    pb_connection *connection = gate_arena_make(arena, pb_connection);
    scalekit__v1__connections__list_connection__init(connection);
    connection->id = gate_message_text(from->id);
    connection->type = (Scalekit__V1__Connections__ConnectionType)gate_message_find_enum(
        &scalekit__v1__connections__connection_type__descriptor, from->type);
    connection->status = (Scalekit__V1__Connections__ConnectionStatus)gate_message_find_enum(
        &scalekit__v1__connections__connection_status__descriptor, from->status);
    connection->enabled = from->enabled;
    connection->provider_key = gate_message_text(from->provider);
    connection->key_id = gate_message_text(from->name);
    connection->created_at = gate_message_make_time(arena, from->created_at_ms);
    return connection;
}

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_connection_page *page = &listing->page;
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    pb_list_connections_response output;
    scalekit__v1__connections__list_app_connections_response__init(&output);
    output.connections =
        gate_arena_alloc_array(ctx->arena, page->count, sizeof *output.connections);
    output.n_connections = page->count;
    for (size_t i = 0; i < page->count; i++) {
        output.connections[i] = make_connection(ctx->arena, &page->items[i]);
    }
    output.next_page_token = gate_message_text(page->next_page_token);
    output.total_size = (uint32_t)page->total;
    gate_grpc_finish(listing->request, &output.base);
}

void gate_grpc_list_connections_handle(struct gate_request *request) {
    const pb_list_connections_request *input =
        (const pb_list_connections_request *)request->grpc->input;
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    struct gate_connection_query *query = &listing->query;
    listing->request = request;
    enum gate_err err = gate_grpc_read_page_size(request, input->page_size,
                                                 GATE_CONNECTION_PAGE_MAX, &query->page_size);
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "page_token", input->page_token, PAGE_TOKEN_MAX_BYTES,
                                  &query->page_token);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "provider", input->provider, TEXT_MAX_BYTES,
                                  &query->provider);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "query", input->query, TEXT_MAX_BYTES, &query->text);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_connections_list(request->ctx, request->web->options.portal, &request->caller,
                                 query, &listing->page, finish, listing);
}
