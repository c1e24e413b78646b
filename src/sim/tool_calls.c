#include "sim/tool_calls.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "sim/account_calls.h"
#include "sim/answer.h"
#include "sim/paging.h"
#include "sim/tool.h"
#include "sim/world.h"

#define ROWS_DEFAULT 3
#define ROWS_MAX 100
#define PADDING_MAX_BYTES (32L * 1024 * 1024)

static const struct gate_sim_field list_request[] = {
    {.name = "filter.summary", .kind = GATE_SIM_FIELD_BOOL},
    {.name = "filter.provider", .kind = GATE_SIM_FIELD_TEXT, .max = 50},
    {.name = "filter.identifier", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "filter.tool_name", .kind = GATE_SIM_FIELD_TEXTS},
    {.name = "filter.query", .kind = GATE_SIM_FIELD_TEXT, .min = 3, .max = 100},
    {.name = "filter.connector", .kind = GATE_SIM_FIELD_NAME, .max = 400},
    {.name = "filter.organization_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},
    {.name = "filter.user_id", .kind = GATE_SIM_FIELD_TEXT, .max = 32},
    {.name = "filter.connected_account_id",
     .kind = GATE_SIM_FIELD_TEXT,
     .max = 100,
     .prefix = "ca_"},
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT},
    {0},
};

static const struct gate_sim_field scoped_request[] = {
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .required = true, .max = 100},
    {.name = "filter.providers", .kind = GATE_SIM_FIELD_TEXTS},
    {.name = "filter.tool_names", .kind = GATE_SIM_FIELD_TEXTS},
    {.name = "filter.connection_names", .kind = GATE_SIM_FIELD_TEXTS},
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT},
    {0},
};

static const struct gate_sim_field available_request[] = {
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .required = true, .max = 100},
    {.name = "page_size", .kind = GATE_SIM_FIELD_NUMBER},
    {.name = "page_token", .kind = GATE_SIM_FIELD_TEXT},
    {0},
};

static const struct gate_sim_field execute_request[] = {
    {.name = "tool_name", .kind = GATE_SIM_FIELD_TEXT, .required = true},
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT},
    {.name = "params", .kind = GATE_SIM_FIELD_STRUCT},
    {.name = "connected_account_id", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "connector", .kind = GATE_SIM_FIELD_NAME, .max = 400},
    {.name = "organization_id", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "user_id", .kind = GATE_SIM_FIELD_TEXT, .max = 100},
    {.name = "agent_run_id", .kind = GATE_SIM_FIELD_TEXT, .max = 255},
    {0},
};

static bool fits_list(const struct gate_sim_input *input, const struct gate_sim_tool *tool) {
    const char *provider = gate_sim_input_text(input, "filter.provider");
    const char *query = gate_sim_input_text(input, "filter.query");
    return (provider == NULL || gate_text_equal(provider, tool->provider)) &&
           (gate_sim_text_contains(tool->name, query) ||
            gate_sim_text_contains(tool->description, query)) &&
           gate_sim_value_allows(gate_sim_input_get(input, "filter.tool_name"), tool->name);
}

void gate_sim_tools_list_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, list_request, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 100, &page)) {
        return;
    }
    bool summary = gate_sim_input_get(&input, "filter.summary")->number != 0;
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, summary ? "tool_names" : "tools");
    for (size_t i = 0; i < gate_sim_tool_count; i++) {
        const struct gate_sim_tool *tool = &gate_sim_tools[i];
        if (!fits_list(&input, tool) || !gate_sim_page_takes(&page)) {
            continue;
        }
        if (summary) {
            gate_json_write_text(&writer, NULL, tool->name);
        } else {
            gate_json_open_object(&writer, NULL);
            gate_sim_tool_write(&writer, tool);
            gate_json_close_object(&writer);
        }
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

/* The descriptors require the message `filter`; in a query it is there when any part of it is. */
static bool has_filter(const struct gate_sim_exchange *exchange) {
    for (size_t i = 0; i < exchange->query.count; i++) {
        if (gate_text_starts_with(exchange->query.items[i].name, "filter.")) {
            return true;
        }
    }
    return false;
}

static void write_scoped(struct gate_json_writer *writer, const struct gate_sim_tool *tool,
                         const struct gate_sim_account *account) {
    gate_json_open_object(writer, NULL);
    gate_json_open_object(writer, "tool");
    gate_sim_tool_write(writer, tool);
    gate_json_close_object(writer);
    gate_json_write_text(writer, "identifier", account->identifier);
    gate_json_write_text(writer, "connected_account_id", account->id);
    gate_json_close_object(writer);
}

static void write_account_tools(struct gate_json_writer *writer, const struct gate_sim_input *input,
                                const struct gate_sim_account *account,
                                struct gate_sim_page *page) {
    const struct gate_sim_connection *connection = account->connection;
    if (account->status != GATE_ACCOUNT_ACTIVE || !gate_sim_connection_is_usable(connection) ||
        !gate_sim_value_allows(gate_sim_input_get(input, "filter.connection_names"),
                               connection->name) ||
        !gate_sim_value_allows(gate_sim_input_get(input, "filter.providers"),
                               connection->provider)) {
        return;
    }
    for (size_t i = 0; i < gate_sim_tool_count; i++) {
        const struct gate_sim_tool *tool = &gate_sim_tools[i];
        if (gate_text_equal(tool->provider, connection->provider) &&
            gate_sim_value_allows(gate_sim_input_get(input, "filter.tool_names"), tool->name) &&
            gate_sim_page_takes(page)) {
            write_scoped(writer, tool, account);
        }
    }
}

void gate_sim_tools_scoped_handle(struct gate_sim_exchange *exchange) {
    const gate_sim_accounts *accounts = exchange->world->accounts;
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, scoped_request, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 100, &page)) {
        return;
    }
    if (!has_filter(exchange)) {
        gate_sim_answer_violation(exchange, "filter", "required", "filter: value is required");
        return;
    }
    const char *identifier = gate_sim_input_text(&input, "identifier");
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "tools");
    const struct gate_sim_account *account = NULL;
    while ((account = gate_sim_account_next_of(accounts, identifier, account)) != NULL) {
        write_account_tools(&writer, &input, account, &page);
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

static bool is_offered(const struct gate_sim_connections *connections, const char *provider) {
    for (size_t i = 0; i < connections->count; i++) {
        if (gate_text_equal(connections->items[i]->provider, provider) &&
            gate_sim_connection_is_usable(connections->items[i])) {
            return true;
        }
    }
    return false;
}

void gate_sim_tools_available_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_input input;
    struct gate_sim_page page;
    if (!gate_sim_input_read_query(exchange, available_request, &input) ||
        !gate_sim_page_read(exchange, &input, 10, 100, &page)) {
        return;
    }
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "tools");
    for (size_t i = 0; i < gate_sim_tool_count; i++) {
        if (is_offered(&exchange->world->connections, gate_sim_tools[i].provider) &&
            gate_sim_page_takes(&page)) {
            gate_json_open_object(&writer, NULL);
            gate_sim_tool_write(&writer, &gate_sim_tools[i]);
            gate_json_close_object(&writer);
        }
    }
    gate_json_close_array(&writer);
    gate_sim_page_write_end(exchange, &page, &writer);
    gate_json_close_object(&writer);
}

/* The one account of the identifier's that has the tool, when the call names no connection. */
static struct gate_sim_account *require_by_provider(struct gate_sim_exchange *exchange,
                                                    const char *provider, const char *identifier) {
    struct gate_sim_account *found = NULL;
    struct gate_sim_account *account = NULL;
    while ((account = gate_sim_account_next_of(exchange->world->accounts, identifier, account)) !=
           NULL) {
        if (!gate_text_equal(account->connection->provider, provider)) {
            continue;
        }
        if (found != NULL) {
            gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT",
                                  "more than one connected account has this tool");
            return NULL;
        }
        found = account;
    }
    if (found == NULL) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND", "connected account not found");
    }
    return found;
}

/* The active account a call runs as; otherwise NULL and answered. */
static struct gate_sim_account *require_active(struct gate_sim_exchange *exchange,
                                               const struct gate_sim_input *input,
                                               const struct gate_sim_tool *tool) {
    const char *id = gate_sim_input_text(input, "connected_account_id");
    const char *connector = gate_sim_input_text(input, "connector");
    const char *identifier = gate_sim_input_text(input, "identifier");
    struct gate_sim_account *account =
        id == NULL && connector == NULL && identifier != NULL
            ? require_by_provider(exchange, tool->provider, identifier)
            : gate_sim_account_require(exchange, id, connector, identifier);
    if (account == NULL) {
        return NULL;
    }
    if (!gate_text_equal(account->connection->provider, tool->provider)) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND",
                              "tool %s is not one of this connection's", tool->name);
        return NULL;
    }
    if (account->status != GATE_ACCOUNT_ACTIVE ||
        !gate_sim_connection_is_usable(account->connection)) {
        gate_sim_answer_error(exchange, 400, "FAILED_PRECONDITION",
                              "connected account is not active: %s",
                              gate_account_status_name(account->status));
        return NULL;
    }
    return account;
}

static const char *find_missing(const struct gate_sim_tool *tool, const gate_json *params) {
    for (const struct gate_sim_tool_param *param = tool->params; param->name != NULL; param++) {
        if (param->required && gate_json_is_null(gate_json_member(params, param->name))) {
            return param->name;
        }
    }
    return NULL;
}

static int64_t read_number(const gate_json *params, const char *name, int64_t min, int64_t max,
                           int64_t fallback) {
    int64_t number = 0;
    if (!gate_json_member_integer(params, name, &number)) {
        return fallback;
    }
    return number < min ? min : number > max ? max : number;
}

static int64_t choose_row_count(const gate_json *params) {
    static const char *const names[] = {"max_results", "limit", "page_size", "per_page",
                                        "num_results"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t count = read_number(params, names[i], 0, ROWS_MAX, -1);
        if (count >= 0) {
            return count;
        }
    }
    return ROWS_DEFAULT;
}

static void write_row(struct gate_json_writer *writer, const char *name,
                      const struct gate_sim_tool *tool, int64_t number) {
    char text[160];
    gate_json_open_object(writer, name);
    snprintf(text, sizeof text, "%s_%lld", tool->result, (long long)number);
    gate_json_write_text(writer, "id", text);
    snprintf(text, sizeof text, "%s %lld from %s", tool->result, (long long)number, tool->name);
    gate_json_write_text(writer, "title", text);
    gate_json_close_object(writer);
}

static void write_result(struct gate_json_writer *writer, const struct gate_sim_tool *tool,
                         const gate_json *params) {
    if (!tool->gives_list) {
        write_row(writer, tool->result, tool, 1);
        return;
    }
    int64_t count = choose_row_count(params);
    gate_json_open_array(writer, tool->result);
    for (int64_t number = 1; number <= count; number++) {
        write_row(writer, NULL, tool, number);
    }
    gate_json_close_array(writer);
    gate_json_write_integer(writer, "count", count);
}

static void write_padding(struct gate_sim_exchange *exchange, struct gate_json_writer *writer,
                          const gate_json *params) {
    size_t bytes = (size_t)read_number(params, "sim_bytes", 0, PADDING_MAX_BYTES, 0);
    if (bytes > 0) {
        char *padding = gate_arena_alloc(exchange->ctx->arena, bytes + 1);
        memset(padding, 'x', bytes);
        gate_json_write_text(writer, "padding", padding);
    }
}

static void answer_result(struct gate_sim_exchange *exchange, const struct gate_sim_tool *tool,
                          const struct gate_sim_account *account, const gate_json *params,
                          const char *execution_id) {
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_object(&writer, "data");
    write_result(&writer, tool, params);
    gate_json_write_text(&writer, "account", account->provider_account);
    if (params != NULL) {
        gate_json_write_value(&writer, "echo", params);
    }
    write_padding(exchange, &writer, params);
    gate_json_close_object(&writer);
    gate_json_write_text(&writer, "execution_id", execution_id);
    gate_json_close_object(&writer);
}

void gate_sim_tool_execute_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, execute_request, &input)) {
        return;
    }
    const char *name = gate_sim_input_text(&input, "tool_name");
    const gate_json *params = gate_sim_input_get(&input, "params")->json;
    const struct gate_sim_tool *tool = gate_sim_tool_find(name);
    if (tool == NULL) {
        gate_sim_answer_error(exchange, 404, "RESOURCE_NOT_FOUND", "tool %s not found", name);
        return;
    }
    struct gate_sim_account *account = require_active(exchange, &input, tool);
    if (account == NULL) {
        return;
    }
    char execution_id[40];
    gate_sim_world_number(world, "exec_", execution_id, sizeof execution_id);
    account->last_used_ms = gate_ctx_now_ms(exchange->ctx);
    exchange->delay_ms = read_number(params, "sim_latency_ms", 0, GATE_SIM_WAIT_MAX_MS, 0);
    int status = (int)read_number(params, "sim_error", 400, 599, 0);
    const char *missing = find_missing(tool, params);
    if (status != 0) {
        gate_sim_answer_tool_error(exchange, status, execution_id, "PROVIDER_ERROR",
                                   gate_arena_printf(exchange->ctx->arena,
                                                     "%s refused with HTTP status %d",
                                                     tool->provider, status));
    } else if (missing != NULL) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "params: %s is required", missing);
    } else {
        answer_result(exchange, tool, account, params, execution_id);
    }
}
