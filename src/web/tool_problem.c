#include "web/tool_problem.h"

#include "portal/account_link.h"
#include "web/state.h"

bool gate_tool_problem_is_refused_order(enum gate_err err) {
    return err == GATE_ERR_INPUT || err == GATE_ERR_FORBIDDEN || err == GATE_ERR_NOT_FOUND ||
           err == GATE_ERR_CONFLICT;
}

struct gate_problem gate_tool_problem_make(const struct gate_request *request, enum gate_err err,
                                           const struct gate_tool_call_result *result,
                                           const char *return_to) {
    const struct gate_scalekit_failure *failure = &result->reply.failure;
    struct gate_problem problem = {
        .kind = err,
        .error_code = failure->error_code,
        .execution_id = result->reply.execution_id,
        .connection = result->connection_name,
        .connections = result->offers,
        .retry_after_s = failure->retry_after_s,
        .source = failure->status != 0 && err != GATE_ERR_PROVIDER ? "scalekit" : NULL,
        .upstream_status = failure->status,
    };
    if (err == GATE_ERR_NEEDS_AUTHORIZATION) {
        problem.source = "gatehouse";
        problem.error_code = NULL;
        problem.account_status = result->account_status;
        problem.authorization_url = gate_account_link_format(
            request->ctx->arena, request->web->options.config, result->connection_name, return_to);
    } else if (failure->status != 0) {
        /* Scalekit's and the provider's own words are the caller's to read, but never logged. */
        problem.detail =
            failure->tool_error_message != NULL ? failure->tool_error_message : failure->message;
        problem.provider_error_code = failure->tool_error_code;
    } else if (gate_tool_problem_is_refused_order(err)) {
        problem.detail = failure->message; /* NULL when the refusal is ours, which has a sentence */
    }
    return problem;
}
