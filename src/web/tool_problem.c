#include "web/tool_problem.h"

#include "portal/account_link.h"
#include "web/state.h"

bool gate_tool_problem_is_refused_order(enum gate_err err) {
    return err == GATE_ERR_INPUT || err == GATE_ERR_FORBIDDEN || err == GATE_ERR_NOT_FOUND ||
           err == GATE_ERR_CONFLICT;
}

struct gate_problem gate_call_problem_make(const struct gate_request *request, enum gate_err err,
                                           const struct gate_scalekit_failure *failure,
                                           const struct gate_called *called) {
    struct gate_problem problem = {
        .kind = err,
        .connection = called->connection_name,
        .execution_id = failure->execution_id,
        .retry_after_s = failure->retry_after_s,
        .upstream_status = failure->status,
    };
    if (err == GATE_ERR_NEEDS_AUTHORIZATION) {
        problem.source = "gatehouse";
        problem.account_status = called->account_status;
        problem.authorization_url =
            gate_account_link_format(request->ctx->arena, request->web->options.config,
                                     called->connection_name, called->return_to);
        return problem;
    }
    problem.error_code = failure->error_code;
    if (failure->status != 0) {
        /* Scalekit's and the app's own words are the caller's to read, but never logged. */
        problem.source = err == GATE_ERR_PROVIDER ? NULL : "scalekit";
        problem.detail =
            failure->tool_error_message != NULL ? failure->tool_error_message : failure->message;
        problem.provider_error_code = failure->tool_error_code;
    }
    return problem;
}

struct gate_problem gate_tool_problem_make(const struct gate_request *request, enum gate_err err,
                                           const struct gate_tool_call_result *result,
                                           const char *return_to) {
    struct gate_problem problem = gate_call_problem_make(
        request, err, &result->reply.failure,
        &(struct gate_called){result->connection_name, result->account_status, return_to});
    problem.execution_id = result->reply.execution_id;
    problem.connections = result->offers;
    return problem;
}
