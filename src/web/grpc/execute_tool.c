#include "portal/tool_call.h"

#include "web/grpc/call.h"
#include "web/grpc/grpc.h"
#include "web/grpc/struct.h"
#include "web/route.h"
#include "web/state.h"
#include "web/tool_problem.h"

struct execution {
    struct gate_request *request;
    struct gate_tool_call_order order;
    struct gate_buffer params; /* JSON */
    struct gate_tool_call_result result;
};

static void free_buffer(void *buffer) {
    gate_buffer_done(buffer);
}

/* The tool has run: an answer that does not fit is said to be that, and nothing else. */
static void fail_too_long(struct execution *execution) {
    gate_error_clear(&execution->request->ctx->error);
    gate_problem_finish(execution->request,
                        &(struct gate_problem){
                            .kind = GATE_ERR_TOO_LARGE,
                            .detail = "The tool has run, but its answer is too long to be passed "
                                      "on; look in the app before you repeat it.",
                            .execution_id = execution->result.reply.execution_id,
                            .connection = execution->result.connection_name,
                        });
}

static void write_result(struct execution *execution) {
    struct gate_request *request = execution->request;
    const struct gate_scalekit_reply *reply = &execution->result.reply;
    struct gate_buffer data;
    pb_execute_tool_response output;
    scalekit__v1__tools__execute_tool_response__init(&output);
    output.execution_id = gate_message_text(reply->execution_id);
    /* Room for the execution id and the lengths around it. */
    gate_buffer_init(&data, GATE_RESPONSE_BODY_MAX_BYTES - 4096);
    enum gate_err err = GATE_OK;
    if (reply->data != NULL && *reply->data != 'n') {
        err = gate_struct_parse_json(request->ctx, reply->data, reply->data_length, &data);
    }
    if (err == GATE_ERR_TOO_LARGE) {
        fail_too_long(execution);
    } else if (err != GATE_OK) {
        gate_request_fail(request, err);
    } else {
        output.data = (ProtobufCBinaryData){data.length, (uint8_t *)data.data};
        gate_grpc_finish(request, &output.base);
    }
    gate_buffer_done(&data);
}

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct execution *execution = state;
    if (err == GATE_OK) {
        write_result(execution);
        return;
    }
    const struct gate_problem problem =
        gate_tool_problem_make(execution->request, err, &execution->result, NULL);
    gate_problem_finish(execution->request, &problem);
}

/* As JSON, which is what Scalekit gets; no longer than the JSON endpoint takes it. */
static enum gate_err read_params(struct execution *execution, const ProtobufCBinaryData *params) {
    struct gate_ctx *ctx = execution->request->ctx;
    gate_buffer_init(&execution->params, GATE_JSON_BODY_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_buffer, &execution->params);
    enum gate_err err = gate_struct_format_json(ctx, params->data, params->len, &execution->params);
    execution->order.params_json = gate_buffer_text(&execution->params);
    execution->order.params_length = execution->params.length;
    return err;
}

static enum gate_err read_names(struct gate_request *request, const pb_execute_tool_request *input,
                                struct gate_tool_call_order *order) {
    enum gate_err err = gate_grpc_read_text(request, "tool_name", input->tool_name,
                                            GATE_TOOL_NAME_MAX_BYTES, &order->tool_name);
    if (err == GATE_OK && order->tool_name == NULL) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "tool_name is missing.");
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "agent_run_id", input->agent_run_id,
                                  GATE_AGENT_RUN_ID_MAX_BYTES, &order->agent_run_id);
    }
    if (err == GATE_OK) {
        err = gate_grpc_read_text(request, "connector", input->connector,
                                  GATE_CONNECTION_NAME_MAX_BYTES, &order->connection_name);
    }
    return err != GATE_OK
               ? err
               : gate_grpc_read_text(request, "connected_account_id", input->connected_account_id,
                                     GATE_ACCOUNT_ID_MAX_BYTES, &order->connected_account_id);
}

static enum gate_err read_order(struct execution *execution) {
    struct gate_request *request = execution->request;
    const pb_execute_tool_request *input = (const pb_execute_tool_request *)request->grpc->input;
    enum gate_err err = read_names(request, input, &execution->order);
    if (err == GATE_OK) {
        err = gate_grpc_check_scope(request, input->organization_id, input->user_id);
    }
    execution->order.deadline_ms = request->grpc->deadline_ms;
    return err != GATE_OK ? err : read_params(execution, &input->params);
}

void gate_grpc_execute_tool_handle(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    gate_portal *portal = request->web->options.portal;
    struct execution *execution = gate_arena_make(ctx->arena, struct execution);
    execution->request = request;
    enum gate_err err = read_order(execution);
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
        gate_portal_tool_call_run(ctx, portal, &request->caller, &execution->order,
                                  &execution->result, finish, execution);
    }
}
