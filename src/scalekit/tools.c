/* Tools: which there are, and running one. */
#include "core/text.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"
#include "json/writer.h"

/* Names and identifiers around the parameters. */
#define ENVELOPE_MAX_BYTES (16 * 1024)
/* More apps than this have one tool of the same name only if something is wrong. */
#define NAMED_MAX "100"

struct tool_call {
    struct gate_scalekit_call *call;
    struct gate_scalekit_reply *ret_reply;
    gate_then_fn *then;
    void *state;
};

static void fill_reply(const struct gate_scalekit_call *call, struct gate_scalekit_reply *reply) {
    *reply = (struct gate_scalekit_reply){
        .status = call->response.status,
        .failure = call->failure,
        .execution_id = call->failure.execution_id,
    };
    if (call->json == NULL) {
        return;
    }
    reply->body = call->response.body;
    reply->body_length = call->response.body_length;
    reply->execution_id = gate_json_member_text(call->json, WIRE_EXECUTION_ID);
    if (gate_json_raw_member(reply->body, reply->body_length, WIRE_DATA, &reply->data,
                             &reply->data_length) != GATE_OK) {
        reply->data = NULL;
        reply->data_length = 0;
    }
}

static void take_reply(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct tool_call *tool = state;
    fill_reply(tool->call, tool->ret_reply);
    tool->then(ctx, err, tool->state);
}

static struct tool_call *make_tool_call(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                        const char *method, const char *target,
                                        struct gate_scalekit_reply *ret_reply, gate_then_fn *then,
                                        void *state) {
    struct tool_call *tool = gate_arena_make(ctx->arena, struct tool_call);
    tool->call = gate_scalekit_call_make(ctx, scalekit, method, target);
    tool->call->then = take_reply;
    tool->call->state = tool;
    tool->ret_reply = ret_reply;
    tool->then = then;
    tool->state = state;
    return tool;
}

static void add_all(struct gate_ctx *ctx, struct gate_scalekit_call *call, const char *name,
                    const char *const *values) {
    for (; values != NULL && *values != NULL; values++) {
        gate_scalekit_call_query_add(ctx, call, name, *values);
    }
}

static const char *choose_path(const struct gate_scalekit_tools_query *query) {
    return query->workspace   ? WIRE_TOOLS_PATH
           : query->available ? WIRE_TOOLS_AVAILABLE_PATH
                              : WIRE_TOOLS_SCOPED_PATH;
}

static void add_filters(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                        const struct gate_scalekit_tools_query *query) {
    if (query->workspace) {
        gate_scalekit_call_query_add(ctx, call, WIRE_FILTER_PROVIDER, query->provider);
        gate_scalekit_call_query_add(ctx, call, WIRE_FILTER_QUERY, query->text);
        add_all(ctx, call, WIRE_FILTER_TOOL_NAME, query->tool_names);
        return;
    }
    gate_scalekit_call_query_add(ctx, call, WIRE_IDENTIFIER, query->identifier);
    if (!query->available) {
        add_all(ctx, call, WIRE_FILTER_CONNECTION_NAMES, query->connection_names);
        add_all(ctx, call, WIRE_FILTER_PROVIDERS, query->providers);
        add_all(ctx, call, WIRE_FILTER_TOOL_NAMES, query->tool_names);
    }
}

void gate_scalekit_tools_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               const struct gate_scalekit_tools_query *query,
                               struct gate_scalekit_reply *ret_reply, gate_then_fn *then,
                               void *state) {
    *ret_reply = (struct gate_scalekit_reply){0};
    if (gate_text_is_empty(query->identifier) && !query->workspace) {
        then(ctx, gate_fail(ctx, GATE_ERR_INPUT, "tools of nobody were asked for"), state);
        return;
    }
    struct tool_call *tool =
        make_tool_call(ctx, scalekit, "GET", choose_path(query), ret_reply, then, state);
    struct gate_scalekit_call *call = tool->call;
    add_filters(ctx, call, query);
    if (query->page_size > 0) {
        gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_SIZE,
                                     gate_arena_printf(ctx->arena, "%d", query->page_size));
    }
    if (!gate_text_is_empty(query->page_token)) {
        gate_scalekit_call_query_add(ctx, call, WIRE_PAGE_TOKEN, query->page_token);
    }
    gate_scalekit_call_start(ctx, call);
}

void gate_scalekit_tools_named_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                     const char *tool_name, struct gate_scalekit_reply *ret_reply,
                                     gate_then_fn *then, void *state) {
    *ret_reply = (struct gate_scalekit_reply){0};
    if (gate_text_is_empty(tool_name)) {
        then(ctx, gate_fail(ctx, GATE_ERR_INPUT, "tools without a name were asked for"), state);
        return;
    }
    struct tool_call *tool =
        make_tool_call(ctx, scalekit, "GET", WIRE_TOOLS_PATH, ret_reply, then, state);
    gate_scalekit_call_query_add(ctx, tool->call, WIRE_FILTER_TOOL_NAME, tool_name);
    gate_scalekit_call_query_add(ctx, tool->call, WIRE_PAGE_SIZE, NAMED_MAX);
    gate_scalekit_call_start(ctx, tool->call);
}

static void free_buffer(void *buffer) {
    gate_buffer_done(buffer);
}

static void write_optional(struct gate_json_writer *writer, const char *name, const char *text) {
    if (!gate_text_is_empty(text)) {
        gate_json_write_text(writer, name, text);
    }
}

static void set_tool_body(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                          const struct gate_scalekit_tool_call *wanted) {
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, GATE_JSON_BODY_MAX_BYTES + ENVELOPE_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_buffer, buffer);
    struct gate_json_writer writer;
    gate_json_writer_init(&writer, buffer);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, WIRE_TOOL_NAME, wanted->tool_name);
    if (wanted->params_json == NULL) {
        gate_json_open_object(&writer, WIRE_PARAMS);
        gate_json_close_object(&writer);
    } else {
        gate_json_write_raw(&writer, WIRE_PARAMS, wanted->params_json, wanted->params_length);
    }
    gate_json_write_text(&writer, WIRE_IDENTIFIER, wanted->identifier);
    write_optional(&writer, WIRE_CONNECTOR, wanted->connection_name);
    write_optional(&writer, WIRE_CONNECTED_ACCOUNT_ID, wanted->connected_account_id);
    write_optional(&writer, WIRE_AGENT_RUN_ID, wanted->agent_run_id);
    gate_json_close_object(&writer);
    call->body = buffer->overflowed ? NULL : gate_buffer_text(buffer);
    call->body_length = buffer->overflowed ? 0 : buffer->length;
}

void gate_scalekit_tool_execute(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                const struct gate_scalekit_tool_call *wanted,
                                struct gate_scalekit_reply *ret_reply, gate_then_fn *then,
                                void *state) {
    *ret_reply = (struct gate_scalekit_reply){0};
    /* Two accounts may offer a tool of the same name: which one is meant must be said. */
    if (gate_text_is_empty(wanted->tool_name) || gate_text_is_empty(wanted->identifier) ||
        (gate_text_is_empty(wanted->connection_name) &&
         gate_text_is_empty(wanted->connected_account_id))) {
        then(ctx, gate_fail(ctx, GATE_ERR_INPUT, "a tool call lacks tool, user or connection"),
             state);
        return;
    }
    struct tool_call *tool =
        make_tool_call(ctx, scalekit, "POST", WIRE_EXECUTE_TOOL_PATH, ret_reply, then, state);
    tool->call->is_tool_call = true;
    tool->call->work = GATE_SCALEKIT_WORK_TOOL;
    tool->call->pass.who = gate_scalekit_who(wanted->identifier);
    tool->call->timeout_ms = GATE_TOOL_TIMEOUT_MS;
    tool->call->max_response_bytes = GATE_UPSTREAM_TOOL_MAX_BYTES;
    set_tool_body(ctx, tool->call, wanted);
    gate_scalekit_call_start(ctx, tool->call);
}
