#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "portal/account_link.h"
#include "portal/return_target.h"
#include "portal/tool_call.h"
#include "web/api/api.h"
#include "web/api/members.h"
#include "web/idempotency.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"
#include "web/tool_problem.h"

struct execution {
    struct gate_request *request;
    struct gate_tool_call_order order;
    const char *return_to; /* checked; NULL: none */
    struct gate_tool_call_result result;
    struct gate_key_look key; /* for an explanation */
};

static void write_result(struct gate_request *request, const struct gate_scalekit_reply *reply) {
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    if (reply->data != NULL) {
        gate_json_write_raw(&writer, "data", reply->data, reply->data_length);
    } else {
        gate_json_open_object(&writer, "data");
        gate_json_close_object(&writer);
    }
    gate_json_write_text(&writer, "execution_id", reply->execution_id);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

static struct gate_problem make_problem(const struct execution *execution, enum gate_err err) {
    return gate_tool_problem_make(execution->request, err, &execution->result,
                                  execution->return_to);
}

/* ---- what would happen ---- */

static void write_limit(struct gate_json_writer *writer, const char *name, bool is_limited,
                        int64_t number) {
    if (is_limited) {
        gate_json_write_integer(writer, name, number);
    } else {
        gate_json_write_null(writer, name);
    }
}

/* Of the caller's own, those that are nearest, with this request counted. */
static void write_limits(struct gate_json_writer *writer, const struct gate_quota *quota) {
    bool has_rate = quota->limit > 0;
    bool has_places = quota->in_flight_max > 0;
    gate_json_open_object(writer, "limits");
    write_limit(writer, "calls_per_minute", has_rate, quota->limit);
    write_limit(writer, "calls_remaining", has_rate, quota->remaining);
    write_limit(writer, "in_flight_max", has_places, quota->in_flight_max);
    write_limit(writer, "in_flight", has_places, quota->in_flight);
    gate_json_write_integer(writer, "timeout_ms", GATE_TOOL_TIMEOUT_MS);
    gate_json_write_integer(writer, "request_max_bytes", GATE_JSON_BODY_MAX_BYTES);
    gate_json_write_integer(writer, "answer_max_bytes", GATE_UPSTREAM_TOOL_MAX_BYTES);
    gate_json_close_object(writer);
}

/* A call that the rules shut out does not get to its key, and one that stops at its key gets no
 * further. */
static enum gate_err choose_failure(const struct execution *execution, enum gate_err err) {
    if (execution->key.would_run || err == GATE_ERR_FORBIDDEN) {
        return err;
    }
    const struct gate_error *error = execution->key.error;
    gate_error_clear(&execution->request->ctx->error);
    if (error == NULL) {
        return GATE_OK;
    }
    execution->request->ctx->error = *error;
    return error->kind;
}

static void write_explanation(const struct execution *execution, enum gate_err outcome) {
    struct gate_request *request = execution->request;
    enum gate_err err = choose_failure(execution, outcome);
    const struct gate_tool_call_result *result = &execution->result;
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_bool(&writer, "would_run", err == GATE_OK && execution->key.would_run);
    gate_json_write_text(&writer, "tool_name", execution->order.tool_name);
    gate_json_write_text(&writer, "identifier", request->caller.user.identifier);
    gate_json_write_text(&writer, "connection", result->connection_name);
    gate_json_write_text(&writer, "connected_account_id", result->connected_account_id);
    gate_json_write_text(&writer, "account_status", result->account_status);
    gate_json_write_text(&writer, "rule", result->rule);
    gate_json_write_text(&writer, "idempotency_key", execution->key.name);
    write_limits(&writer, &request->quota);
    if (err == GATE_OK) {
        gate_json_write_null(&writer, "problem");
    } else {
        const struct gate_problem problem = make_problem(execution, err);
        gate_problem_write(request, &writer, "problem", &problem);
    }
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

/* An answer to "what would happen"; anything else means that it could not be found out. */
static bool is_verdict(enum gate_err err) {
    return err == GATE_OK || err == GATE_ERR_NEEDS_AUTHORIZATION ||
           gate_tool_problem_is_refused_order(err);
}

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct execution *execution = state;
    if (execution->order.explains && is_verdict(err)) {
        write_explanation(execution, err);
        return;
    }
    gate_idempotency_judge(execution->request, err, execution->result.has_left);
    if (err == GATE_OK) {
        write_result(execution->request, &execution->result.reply);
    } else {
        const struct gate_problem problem = make_problem(execution, err);
        gate_problem_finish(execution->request, &problem);
    }
}

/* `params`, or `tool_input` as the SDKs' documentation calls it; the exact bytes are passed on. */
static enum gate_err read_params(struct gate_request *request, struct gate_tool_call_order *order) {
    const gate_json *params = gate_json_member(request->json, "params");
    const gate_json *input = gate_json_member(request->json, "tool_input");
    if (params != NULL && input != NULL) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "Send params or tool_input, not both.");
    }
    const gate_json *given = params != NULL ? params : input;
    if (gate_json_is_null(given)) {
        order->params_json = "{}";
        order->params_length = 2;
        return GATE_OK;
    }
    if (!gate_json_is_object(given)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "params must be a JSON object.");
    }
    return gate_json_raw_member(request->body, request->body_length,
                                params != NULL ? "params" : "tool_input", &order->params_json,
                                &order->params_length);
}

static enum gate_err read_connection(struct gate_request *request,
                                     struct gate_tool_call_order *order) {
    const char *connector;
    const char *connection_name;
    enum gate_err err =
        gate_members_read_text(request, "connector", GATE_CONNECTION_NAME_MAX_BYTES, &connector);
    if (err == GATE_OK) {
        err = gate_members_read_text(request, "connection_name", GATE_CONNECTION_NAME_MAX_BYTES,
                                     &connection_name);
    }
    if (err == GATE_OK) {
        err = gate_members_read_text(request, "connected_account_id", GATE_ACCOUNT_ID_MAX_BYTES,
                                     &order->connected_account_id);
    }
    if (err != GATE_OK) {
        return err;
    }
    if (connector != NULL && connection_name != NULL && strcmp(connector, connection_name) != 0) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "connector and connection_name name two different connections.");
    }
    order->connection_name = connector != NULL ? connector : connection_name;
    return GATE_OK;
}

/* Where the user comes out after connecting; checked now, so that no link of ours ever leads to a
 * place that it would not lead to. */
static enum gate_err read_return_to(struct gate_request *request, const char **ret_target) {
    const char *text;
    enum gate_err err =
        gate_members_read_text(request, "return_to", GATE_RETURN_TO_MAX_BYTES, &text);
    if (err != GATE_OK || text == NULL) {
        return err;
    }
    if (gate_portal_return_target_check(request->ctx->arena, request->web->options.config, text,
                                        ret_target) != GATE_OK) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "return_to must be a path of this portal, or a URL of an origin that it "
                         "may lead back to.");
    }
    return GATE_OK;
}

static enum gate_err read_order(struct gate_request *request, struct gate_tool_call_order *order) {
    static const char *const known[] = {
        "tool_name",    "params",          "tool_input",
        "connector",    "connection_name", "connected_account_id",
        "agent_run_id", "identifier",      "return_to",
        NULL,
    };
    enum gate_err err = gate_members_check_known(request, known);
    if (err == GATE_OK) {
        err = gate_members_read_text(request, "tool_name", GATE_TOOL_NAME_MAX_BYTES,
                                     &order->tool_name);
    }
    if (err == GATE_OK && order->tool_name == NULL) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "tool_name is missing.");
    }
    if (err == GATE_OK) {
        err = gate_members_read_text(request, "agent_run_id", GATE_AGENT_RUN_ID_MAX_BYTES,
                                     &order->agent_run_id);
    }
    if (err == GATE_OK) {
        err = read_connection(request, order);
    }
    return err != GATE_OK ? err : read_params(request, order);
}

static void run(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct execution *execution = state;
    struct gate_request *request = execution->request;
    gate_portal_tool_call_run(ctx, request->web->options.portal, &request->caller,
                              &execution->order, &execution->result, finish, execution);
}

/* Not for a user that the token may not act for: who tries that is refused, and on record. */
static bool is_explanation_wanted(const struct gate_request *request) {
    const char *explain = gate_request_query(request, "explain");
    return explain != NULL && atoi(explain) != 0 && request->caller.has_user;
}

void gate_api_execute_tool_handle(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    gate_portal *portal = request->web->options.portal;
    struct execution *execution = gate_arena_make(ctx->arena, struct execution);
    execution->request = request;
    execution->order.explains = is_explanation_wanted(request);
    enum gate_err err = read_order(request, &execution->order);
    if (err == GATE_OK) {
        err = read_return_to(request, &execution->return_to);
    }
    if (err == GATE_OK && execution->order.explains) {
        err = gate_idempotency_look(request, &execution->key);
    }
    if (err == GATE_OK && execution->order.explains) {
        run(ctx, GATE_OK, execution); /* nothing that could be repeated */
        return;
    }
    if (err == GATE_OK) {
        err = gate_portal_tool_call_check(ctx, portal, &request->caller, &execution->order);
    }
    /* Without a user whatever was sent is refused, and what of it is well-formed goes on record. */
    if (err == GATE_ERR_FORBIDDEN || !request->caller.has_user) {
        gate_portal_tool_call_refuse(ctx, portal, &request->caller, &execution->order,
                                     &execution->result, finish, execution);
    } else if (err != GATE_OK) {
        gate_request_fail(request, err);
    } else {
        /* Behind the rules, so that an answer is not even repeated to whom they shut out. */
        gate_idempotency_begin(request, run, execution);
    }
}
