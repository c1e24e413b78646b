#include "sim/control.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "sim/answer.h"
#include "sim/fields.h"
#include "sim/world.h"

static const struct gate_sim_field fault_request[] = {
    {.name = "match", .kind = GATE_SIM_FIELD_TEXT, .required = true, .max = 200},
    {.name = "method", .kind = GATE_SIM_FIELD_TEXT, .max = 10},
    {.name = "times", .kind = GATE_SIM_FIELD_SIGNED},
    {.name = "latency_ms", .kind = GATE_SIM_FIELD_NUMBER, .max = GATE_SIM_WAIT_MAX_MS},
    {.name = "status", .kind = GATE_SIM_FIELD_NUMBER, .max = 599},
    {.name = "error_code", .kind = GATE_SIM_FIELD_TEXT, .max = 60},
    {.name = "message", .kind = GATE_SIM_FIELD_TEXT, .max = 190},
    {.name = "retry_after", .kind = GATE_SIM_FIELD_NUMBER, .max = 86400},
    {.name = "bytes", .kind = GATE_SIM_FIELD_NUMBER},
    {.name = "after", .kind = GATE_SIM_FIELD_BOOL},
    {.name = "kind", .kind = GATE_SIM_FIELD_TEXT, .max = 20},
    {0},
};

static const struct gate_sim_field account_request[] = {
    {.name = "connector", .kind = GATE_SIM_FIELD_NAME, .required = true, .max = 400},
    {.name = "identifier", .kind = GATE_SIM_FIELD_TEXT, .required = true, .max = 100},
    {.name = "status", .kind = GATE_SIM_FIELD_TEXT, .required = true, .max = 40},
    {.name = "quiet", .kind = GATE_SIM_FIELD_BOOL},
    {0},
};

static const struct gate_sim_field connection_request[] = {
    {.name = "name", .kind = GATE_SIM_FIELD_NAME, .required = true, .max = 128},
    {.name = "rename", .kind = GATE_SIM_FIELD_NAME, .max = 128},
    {.name = "enabled", .kind = GATE_SIM_FIELD_BOOL},
    {.name = "status", .kind = GATE_SIM_FIELD_TEXT, .max = 20},
    {.name = "provider", .kind = GATE_SIM_FIELD_TEXT, .max = 50},
    {.name = "type", .kind = GATE_SIM_FIELD_TEXT, .max = 20},
    {0},
};

void gate_sim_control_log_handle(struct gate_sim_exchange *exchange) {
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_open_array(&writer, "requests");
    gate_sim_journal_write(exchange->world->journal, exchange->ctx->arena, &writer);
    gate_json_close_array(&writer);
    gate_json_close_object(&writer);
    if (exchange->answer.body.overflowed) {
        gate_sim_answer_error(exchange, 413, "TOO_LARGE", "the log does not fit an answer");
    }
}

void gate_sim_control_log_clear_handle(struct gate_sim_exchange *exchange) {
    gate_sim_journal_clear(exchange->world->journal);
    gate_sim_answer_empty_object(exchange);
}

static void copy_text(char *target, size_t size, const char *text) {
    snprintf(target, size, "%s", text == NULL ? "" : text);
}

void gate_sim_control_fault_add_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_faults *faults = &exchange->world->faults;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, fault_request, &input)) {
        return;
    }
    struct gate_sim_fault fault = {
        .times = 1,
        .latency_ms = gate_sim_input_get(&input, "latency_ms")->number,
        .status = (int)gate_sim_input_get(&input, "status")->number,
        .retry_after_s = gate_sim_input_get(&input, "retry_after")->number,
        .bytes = gate_sim_input_get(&input, "bytes")->number,
        .after = gate_sim_input_get(&input, "after")->number != 0,
        .kind = gate_sim_fault_kind_parse(gate_sim_input_text(&input, "kind")),
    };
    copy_text(fault.match, sizeof fault.match, gate_sim_input_text(&input, "match"));
    copy_text(fault.method, sizeof fault.method, gate_sim_input_text(&input, "method"));
    copy_text(fault.error_code, sizeof fault.error_code, gate_sim_input_text(&input, "error_code"));
    copy_text(fault.message, sizeof fault.message, gate_sim_input_text(&input, "message"));
    if (gate_sim_input_get(&input, "times")->json != NULL) {
        fault.times = gate_sim_input_get(&input, "times")->number;
    }
    if (fault.kind == GATE_SIM_FAULT_COUNT_ || fault.times == 0 ||
        (fault.status != 0 && fault.status < 200) || faults->count == GATE_SIM_FAULTS_MAX) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "no such fault, or too many");
        return;
    }
    faults->items[faults->count++] = fault;
    gate_sim_answer_empty_object(exchange);
}

void gate_sim_control_faults_clear_handle(struct gate_sim_exchange *exchange) {
    exchange->world->faults.count = 0;
    gate_sim_timer_release(exchange->world->timer);
    gate_sim_answer_empty_object(exchange);
}

void gate_sim_control_account_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_world *world = exchange->world;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, account_request, &input)) {
        return;
    }
    const char *identifier = gate_sim_input_text(&input, "identifier");
    enum gate_account_status status =
        gate_account_status_parse(gate_sim_input_text(&input, "status"));
    const struct gate_sim_connection *connection =
        gate_sim_connection_find(&world->connections, gate_sim_input_text(&input, "connector"));
    if (status == GATE_ACCOUNT_UNKNOWN || connection == NULL) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "no such status or connection");
        return;
    }
    struct gate_sim_account *account =
        gate_sim_account_find(world->accounts, connection, identifier);
    if (account == NULL) {
        account = gate_sim_account_add(world, connection, identifier, GATE_ACCOUNT_PENDING_AUTH);
    }
    if (account == NULL) {
        gate_sim_answer_error(exchange, 503, "UNAVAILABLE", "the simulator is full");
        return;
    }
    gate_sim_account_set_status(world, account, status,
                                gate_sim_input_get(&input, "quiet")->number != 0);
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(&writer, "id", account->id);
    gate_json_close_object(&writer);
}

static struct gate_sim_connection *find_or_add(struct gate_sim_exchange *exchange,
                                               const struct gate_sim_input *input) {
    struct gate_sim_connections *connections = &exchange->world->connections;
    const char *name = gate_sim_input_text(input, "name");
    const char *provider = gate_sim_input_text(input, "provider");
    const char *type = gate_sim_connection_type_parse(gate_sim_input_text(input, "type"));
    struct gate_sim_connection *connection = gate_sim_connection_find(connections, name);
    if (connection == NULL && provider != NULL) {
        connection =
            gate_sim_connection_add(connections, name, provider, type == NULL ? "OAUTH" : type);
    }
    return connection;
}

void gate_sim_control_connection_handle(struct gate_sim_exchange *exchange) {
    struct gate_sim_connections *connections = &exchange->world->connections;
    struct gate_sim_input input;
    if (!gate_sim_input_read_body(exchange, connection_request, &input)) {
        return;
    }
    const char *rename = gate_sim_input_text(&input, "rename");
    const char *status = gate_sim_input_text(&input, "status");
    const struct gate_sim_value *enabled = gate_sim_input_get(&input, "enabled");
    struct gate_sim_connection *connection = find_or_add(exchange, &input);
    if (connection == NULL ||
        (status != NULL && gate_sim_connection_status_parse(status) == NULL) ||
        (rename != NULL && gate_sim_connection_find(connections, rename) != NULL)) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT",
                              "no such connection or status, or the new name is taken");
        return;
    }
    if (enabled->json != NULL) {
        connection->enabled = enabled->number != 0;
    }
    if (status != NULL) {
        connection->status = gate_sim_connection_status_parse(status);
    }
    if (rename != NULL) {
        copy_text(connection->name, sizeof connection->name, rename);
    }
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_write_text(&writer, "id", connection->id);
    gate_json_close_object(&writer);
}

void gate_sim_control_reset_handle(struct gate_sim_exchange *exchange) {
    gate_sim_world_reset(exchange->world);
    gate_sim_answer_empty_object(exchange);
}

void gate_sim_control_rotate_keys_handle(struct gate_sim_exchange *exchange) {
    gate_sim_people_rotate_keys(exchange->world->people);
    gate_sim_answer_empty_object(exchange);
}

void gate_sim_control_expire_tokens_handle(struct gate_sim_exchange *exchange) {
    gate_sim_tokens_expire(exchange->world->tokens);
    gate_sim_answer_empty_object(exchange);
}

void gate_sim_control_expire_links_handle(struct gate_sim_exchange *exchange) {
    gate_sim_links_expire(exchange->world->links);
    gate_sim_answer_empty_object(exchange);
}
