#include <stdlib.h>

#include "portal/tools.h"
#include "web/api/api.h"
#include "web/fields.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

struct listing {
    struct gate_request *request;
    struct gate_scalekit_tools_query query;
    struct gate_tools_page page;
};

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    struct gate_request *request = listing->request;
    const struct gate_tools_page *page = &listing->page;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_json_writer writer;
    gate_response_begin(&request->response, ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_open_array(&writer, "tools");
    for (size_t i = 0; i < page->count; i++) {
        gate_json_write_raw(&writer, NULL, page->tools[i].text, page->tools[i].length);
    }
    gate_json_close_array(&writer);
    gate_json_write_text(&writer, "next_page_token",
                         page->next_page_token == NULL ? "" : page->next_page_token);
    if (page->total_size >= 0) {
        gate_json_write_integer(&writer, "total_size", page->total_size);
    }
    gate_json_close_object(&writer);
    gate_request_finish_tagged(request);
}

static void list(struct gate_request *request, bool available) {
    gate_arena *arena = request->ctx->arena;
    struct listing *listing = gate_arena_make(arena, struct listing);
    const char *page_size = gate_request_query(request, "page_size");
    listing->request = request;
    listing->query = (struct gate_scalekit_tools_query){
        .available = available,
        .connection_names = gate_fields_collect(arena, &request->query, "filter.connection_names"),
        .providers = gate_fields_collect(arena, &request->query, "filter.providers"),
        .tool_names = gate_fields_collect(arena, &request->query, "filter.tool_names"),
        .page_size = page_size == NULL ? 0 : atoi(page_size),
        .page_token = gate_request_query(request, "page_token"),
    };
    gate_portal_tools_list(request->ctx, request->web->options.portal, &request->caller,
                           &listing->query, &listing->page, finish, listing);
}

void gate_api_tools_scoped_handle(struct gate_request *request) {
    list(request, false);
}

void gate_api_tools_available_handle(struct gate_request *request) {
    list(request, true);
}
