#include "portal/tools.h"

#include "core/timestamp.h"
#include "web/grpc/call.h"
#include "web/grpc/grpc.h"
#include "web/grpc/struct.h"
#include "web/route.h"
#include "web/state.h"
#include "json/json.h"

#define PAGE_SIZE_MAX 100
#define PAGE_TOKEN_MAX_BYTES 1024
#define PROVIDER_MAX_BYTES 128

struct listing {
    struct gate_request *request;
    struct gate_scalekit_tools_query query;
    struct gate_tools_page page;
    bool wants_names; /* and nothing else of each tool */
};

static void free_buffer(void *buffer) {
    gate_buffer_done(buffer);
}

/* A member of a tool that is a Struct; one that is absent or null stays away. */
static enum gate_err read_struct(struct gate_ctx *ctx, const struct gate_tool_text *tool,
                                 const char *name, ProtobufCBinaryData *ret_bytes) {
    const char *text;
    size_t length;
    if (gate_json_raw_member(tool->text, tool->length, name, &text, &length) != GATE_OK ||
        *text == 'n') {
        return GATE_OK;
    }
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, GATE_RESPONSE_BODY_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_buffer, buffer);
    enum gate_err err = gate_struct_parse_json(ctx, text, length, buffer);
    if (err == GATE_OK) {
        *ret_bytes = (ProtobufCBinaryData){buffer->length, (uint8_t *)buffer->data};
    }
    return err;
}

static char **read_tags(gate_arena *arena, const gate_json *tags, size_t *ret_count) {
    size_t length = gate_json_length(tags);
    char **texts = gate_arena_alloc_array(arena, length, sizeof *texts);
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        const char *text = gate_json_text(gate_json_element(tags, i));
        if (text != NULL) {
            texts[count++] = gate_message_text(text);
        }
    }
    *ret_count = count;
    return texts;
}

static pb_bool *make_bool(gate_arena *arena, bool value) {
    pb_bool *wrapped = gate_arena_make(arena, pb_bool);
    google__protobuf__bool_value__init(wrapped);
    wrapped->value = value;
    return wrapped;
}

/* `json` is the tool, of which `text` are the bytes. */
static enum gate_err make_tool(struct gate_ctx *ctx, const gate_json *json,
                               const struct gate_tool_text *text, pb_tool **ret_tool) {
    pb_tool *tool = gate_arena_make(ctx->arena, pb_tool);
    scalekit__v1__tools__tool__init(tool);
    tool->id = gate_message_text(gate_json_member_text(json, "id"));
    tool->provider = gate_message_text(gate_json_member_text(json, "provider"));
    tool->tags = read_tags(ctx->arena, gate_json_member(json, "tags"), &tool->n_tags);
    if (!gate_json_is_null(gate_json_member(json, "is_default"))) {
        tool->is_default = make_bool(ctx->arena, gate_json_member_bool(json, "is_default"));
    }
    int64_t updated_at;
    const char *updated = gate_json_member_text(json, "updated_at");
    if (updated != NULL && gate_timestamp_parse(updated, &updated_at) == GATE_OK) {
        tool->updated_at = gate_message_make_time(ctx->arena, updated_at);
    }
    enum gate_err err = read_struct(ctx, text, "definition", &tool->definition);
    if (err == GATE_OK) {
        err = read_struct(ctx, text, "metadata", &tool->metadata);
    }
    if (err == GATE_OK) {
        *ret_tool = tool;
    }
    return err;
}

static enum gate_err make_scoped_tool(struct gate_ctx *ctx, const gate_json *json,
                                      const struct gate_tool_text *text,
                                      pb_scoped_tool **ret_scoped) {
    struct gate_tool_text inner;
    pb_scoped_tool *scoped = gate_arena_make(ctx->arena, pb_scoped_tool);
    scalekit__v1__tools__scoped_tool__init(scoped);
    scoped->identifier = gate_message_text(gate_json_member_text(json, "identifier"));
    scoped->connected_account_id =
        gate_message_text(gate_json_member_text(json, "connected_account_id"));
    enum gate_err err =
        gate_json_raw_member(text->text, text->length, "tool", &inner.text, &inner.length);
    if (err != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "a scoped tool without its tool");
    }
    err = make_tool(ctx, gate_json_member(json, "tool"), &inner, &scoped->tool);
    if (err == GATE_OK) {
        *ret_scoped = scoped;
    }
    return err;
}

static enum gate_err make_scoped_tools(struct gate_ctx *ctx, const struct gate_tools_page *page,
                                       pb_scoped_tool ***ret_tools) {
    pb_scoped_tool **tools = gate_arena_alloc_array(ctx->arena, page->count, sizeof *tools);
    for (size_t i = 0; i < page->count; i++) {
        const gate_json *json;
        enum gate_err err = gate_json_parse(ctx, page->tools[i].text, page->tools[i].length, &json);
        if (err == GATE_OK) {
            err = make_scoped_tool(ctx, json, &page->tools[i], &tools[i]);
        }
        if (err != GATE_OK) {
            return err;
        }
    }
    *ret_tools = tools;
    return GATE_OK;
}

static enum gate_err make_tools(struct gate_ctx *ctx, const struct gate_tools_page *page,
                                pb_tool ***ret_tools) {
    pb_tool **tools = gate_arena_alloc_array(ctx->arena, page->count, sizeof *tools);
    for (size_t i = 0; i < page->count; i++) {
        const gate_json *json;
        enum gate_err err = gate_json_parse(ctx, page->tools[i].text, page->tools[i].length, &json);
        if (err == GATE_OK) {
            err = make_tool(ctx, json, &page->tools[i], &tools[i]);
        }
        if (err != GATE_OK) {
            return err;
        }
    }
    *ret_tools = tools;
    return GATE_OK;
}

/* How many there are is not said when something was taken out. */
static uint32_t choose_total(const struct gate_tools_page *page) {
    return page->total_size > 0 && page->total_size <= UINT32_MAX ? (uint32_t)page->total_size : 0;
}

static void finish_scoped(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_tools_page *page = &listing->page;
    pb_list_scoped_tools_response output;
    scalekit__v1__tools__list_scoped_tools_response__init(&output);
    if (err == GATE_OK) {
        err = make_scoped_tools(ctx, page, &output.tools);
    }
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    output.n_tools = page->count;
    output.next_page_token = gate_message_text(page->next_page_token);
    output.total_size = choose_total(page);
    gate_grpc_finish(listing->request, &output.base);
}

static void finish_available(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_tools_page *page = &listing->page;
    pb_list_available_tools_response output;
    scalekit__v1__tools__list_available_tools_response__init(&output);
    if (err == GATE_OK) {
        err = make_tools(ctx, page, &output.tools);
    }
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    output.n_tools = page->count;
    output.next_page_token = gate_message_text(page->next_page_token);
    output.total_size = choose_total(page);
    gate_grpc_finish(listing->request, &output.base);
}

static enum gate_err read_paging(struct gate_request *request, uint32_t page_size,
                                 const char *page_token, struct gate_scalekit_tools_query *query) {
    enum gate_err err =
        gate_grpc_read_page_size(request, page_size, PAGE_SIZE_MAX, &query->page_size);
    return err != GATE_OK ? err
                          : gate_grpc_read_text(request, "page_token", page_token,
                                                PAGE_TOKEN_MAX_BYTES, &query->page_token);
}

static enum gate_err read_filter(struct gate_request *request, const pb_scoped_tool_filter *filter,
                                 struct gate_scalekit_tools_query *query) {
    if (filter == NULL) {
        return GATE_OK;
    }
    enum gate_err err =
        gate_grpc_read_texts(request, "providers", filter->providers, filter->n_providers,
                             PROVIDER_MAX_BYTES, &query->providers);
    if (err == GATE_OK) {
        err = gate_grpc_read_texts(request, "tool_names", filter->tool_names, filter->n_tool_names,
                                   GATE_TOOL_NAME_MAX_BYTES, &query->tool_names);
    }
    return err != GATE_OK
               ? err
               : gate_grpc_read_texts(request, "connection_names", filter->connection_names,
                                      filter->n_connection_names, GATE_CONNECTION_NAME_MAX_BYTES,
                                      &query->connection_names);
}

static struct listing *make_listing(struct gate_request *request) {
    struct listing *listing = gate_arena_make(request->ctx->arena, struct listing);
    listing->request = request;
    return listing;
}

void gate_grpc_list_scoped_tools_handle(struct gate_request *request) {
    const pb_list_scoped_tools_request *input =
        (const pb_list_scoped_tools_request *)request->grpc->input;
    struct listing *listing = make_listing(request);
    enum gate_err err = read_paging(request, input->page_size, input->page_token, &listing->query);
    if (err == GATE_OK) {
        err = read_filter(request, input->filter, &listing->query);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_tools_list(request->ctx, request->web->options.portal, &request->caller,
                           &listing->query, &listing->page, finish_scoped, listing);
}

void gate_grpc_list_available_tools_handle(struct gate_request *request) {
    const pb_list_available_tools_request *input =
        (const pb_list_available_tools_request *)request->grpc->input;
    struct listing *listing = make_listing(request);
    listing->query.available = true;
    enum gate_err err = read_paging(request, input->page_size, input->page_token, &listing->query);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_tools_list(request->ctx, request->web->options.portal, &request->caller,
                           &listing->query, &listing->page, finish_available, listing);
}

/* ---- the workspace's tools ---- */

/* What a program needs that only looks for a name. */
static enum gate_err make_names(struct gate_ctx *ctx, const struct gate_tools_page *page,
                                pb_list_tools_response *output) {
    output->tool_names = gate_arena_alloc_array(ctx->arena, page->count, sizeof(char *));
    for (size_t i = 0; i < page->count; i++) {
        const gate_json *json;
        enum gate_err err = gate_json_parse(ctx, page->tools[i].text, page->tools[i].length, &json);
        if (err != GATE_OK) {
            return err;
        }
        output->tool_names[output->n_tool_names++] =
            gate_message_text(gate_json_member_text(gate_json_member(json, "definition"), "name"));
    }
    return GATE_OK;
}

static void finish_workspace(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct listing *listing = state;
    const struct gate_tools_page *page = &listing->page;
    pb_list_tools_response output;
    scalekit__v1__tools__list_tools_response__init(&output);
    if (err == GATE_OK && listing->wants_names) {
        err = make_names(ctx, page, &output);
    } else if (err == GATE_OK) {
        err = make_tools(ctx, page, &output.tools);
        output.n_tools = page->count;
    }
    if (err != GATE_OK) {
        gate_request_fail(listing->request, err);
        return;
    }
    output.next_page_token = gate_message_text(page->next_page_token);
    output.total_size = choose_total(page);
    gate_grpc_finish(listing->request, &output.base);
}

/* One connection, as the list that the portal takes. */
static enum gate_err read_connector(struct gate_request *request, const char *connector,
                                    struct gate_scalekit_tools_query *query) {
    const char *name;
    enum gate_err err =
        gate_grpc_read_text(request, "connector", connector, GATE_CONNECTION_NAME_MAX_BYTES, &name);
    if (err == GATE_OK && name != NULL) {
        const char **names = gate_arena_alloc_array(request->ctx->arena, 2, sizeof *names);
        names[0] = name;
        query->connection_names = names;
    }
    return err;
}

static enum gate_err read_workspace_filter(struct gate_request *request,
                                           const pb_tool_filter *filter,
                                           struct gate_scalekit_tools_query *query) {
    enum gate_err err = gate_grpc_check_scope(request, filter->organization_id, filter->user_id);
    if (err == GATE_OK && *filter->connected_account_id != '\0') {
        err = gate_fail(request->ctx, GATE_ERR_INPUT,
                        "Tools are listed by connector here, not by connected_account_id.");
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "provider", filter->provider, PROVIDER_MAX_BYTES,
                                  &query->provider);
    }
    if (err == GATE_OK) {
        err =
            gate_grpc_read_text(request, "query", filter->query, PROVIDER_MAX_BYTES, &query->text);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_texts(request, "tool_name", filter->tool_name, filter->n_tool_name,
                                   GATE_TOOL_NAME_MAX_BYTES, &query->tool_names);
    }
    return err != GATE_OK ? err : read_connector(request, filter->connector, query);
}

void gate_grpc_list_tools_handle(struct gate_request *request) {
    const pb_list_tools_request *input = (const pb_list_tools_request *)request->grpc->input;
    struct listing *listing = make_listing(request);
    listing->query.available = true;
    listing->query.workspace = true;
    enum gate_err err = read_paging(request, input->page_size, input->page_token, &listing->query);
    if (err == GATE_OK && input->filter != NULL) {
        listing->wants_names = input->filter->summary != NULL && input->filter->summary->value;
        err = read_workspace_filter(request, input->filter, &listing->query);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    gate_portal_tools_list(request->ctx, request->web->options.portal, &request->caller,
                           &listing->query, &listing->page, finish_workspace, listing);
}
