/* What Scalekit's answers mean: google.rpc.Status bodies to kinds of failure. */
#include "core/number.h"
#include "core/text.h"
#include "core/timestamp.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

#define RETRY_AFTER_MAX_S 86400

const char *gate_scalekit_text(const gate_json *object, const char *name) {
    const char *text = gate_json_member_text(object, name);
    return text == NULL ? "" : text;
}

int64_t gate_scalekit_time(const gate_json *object, const char *name) {
    int64_t wall_ms;
    const char *text = gate_json_member_text(object, name);
    return text != NULL && gate_timestamp_parse(text, &wall_ms) == GATE_OK ? wall_ms : 0;
}

static const char *text_unless_empty(const gate_json *object, const char *name) {
    const char *text = gate_json_member_text(object, name);
    return gate_text_is_empty(text) ? NULL : text;
}

static void read_details(const gate_json *details, struct gate_scalekit_failure *failure) {
    for (size_t i = 0; i < gate_json_length(details); i++) {
        const gate_json *detail = gate_json_element(details, i);
        const char *error_code = text_unless_empty(detail, WIRE_ERROR_CODE);
        if (error_code == NULL) {
            continue; /* another kind of detail */
        }
        const gate_json *tool = gate_json_member(detail, WIRE_TOOL_ERROR_INFO);
        failure->error_code = error_code;
        failure->execution_id = text_unless_empty(tool, WIRE_EXECUTION_ID);
        failure->tool_error_code = text_unless_empty(tool, WIRE_TOOL_ERROR_CODE);
        failure->tool_error_message = text_unless_empty(tool, WIRE_TOOL_ERROR_MESSAGE);
        return;
    }
}

/* Returns whether the body is a Status at all; a proxy's error page is not. */
static bool read_failure(struct gate_ctx *ctx, struct gate_scalekit_call *call) {
    const struct gate_net_response *response = &call->response;
    struct gate_scalekit_failure *failure = &call->failure;
    *failure = (struct gate_scalekit_failure){.status = response->status};
    const char *retry_after = gate_net_header_find(response, "retry-after");
    int64_t seconds;
    if (retry_after != NULL &&
        gate_number_parse(retry_after, 0, RETRY_AFTER_MAX_S, &seconds) == GATE_OK) {
        failure->retry_after_s = seconds;
    }
    const gate_json *json = NULL;
    if (gate_json_parse(ctx, response->body, response->body_length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return false;
    }
    int64_t code;
    failure->message = text_unless_empty(json, WIRE_MESSAGE);
    read_details(gate_json_member(json, WIRE_DETAILS), failure);
    return failure->message != NULL || failure->error_code != NULL ||
           gate_json_member_integer(json, WIRE_CODE, &code);
}

static enum gate_err choose_client_kind(int status) {
    switch (status) {
    case 400:
    case 422:
        return GATE_ERR_INPUT;
    case 403:
        return GATE_ERR_FORBIDDEN;
    case 404:
        return GATE_ERR_NOT_FOUND;
    case 409:
        return GATE_ERR_CONFLICT;
    default:
        return GATE_ERR_UPSTREAM;
    }
}

/* A write that was cut off on Scalekit's side may have been carried out; only its own word that it
 * was not available says that it was not. */
static enum gate_err choose_server_kind(const struct gate_scalekit_call *call, bool is_status) {
    if (call->is_repeatable || (call->failure.status == 503 && is_status)) {
        return GATE_ERR_UNAVAILABLE;
    }
    return GATE_ERR_OUTCOME_UNKNOWN;
}

static enum gate_err choose_kind(const struct gate_scalekit_call *call, bool is_status) {
    const struct gate_scalekit_failure *failure = &call->failure;
    if (gate_text_equal(failure->error_code, WIRE_CODE_TOOL_ERROR)) {
        return GATE_ERR_PROVIDER;
    }
    if (failure->status == 429 || gate_text_equal(failure->error_code, WIRE_CODE_RATE_LIMITED)) {
        return GATE_ERR_RATE_LIMITED;
    }
    bool was_given_up = failure->status == 408 || failure->status == 499;
    if (failure->status >= 500 || was_given_up) {
        return choose_server_kind(call, is_status);
    }
    return is_status ? choose_client_kind(failure->status) : GATE_ERR_UPSTREAM;
}

static enum gate_err fail_with_answer(struct gate_ctx *ctx, struct gate_scalekit_call *call) {
    bool is_status = read_failure(ctx, call);
    const struct gate_scalekit_failure *failure = &call->failure;
    enum gate_err kind = choose_kind(call, is_status);
    if (failure->status == 401 && kind == GATE_ERR_UPSTREAM) {
        return gate_fail(ctx, kind, "Scalekit refuses our token (401)");
    }
    if (!is_status) {
        return gate_fail(ctx, kind, "Scalekit answered %d without saying why", failure->status);
    }
    /* What a tool's failure says may quote its arguments and results, which are never logged; the
     * caller gets it from call->failure. */
    bool has_message = failure->message != NULL && !call->is_tool_call;
    return gate_fail(ctx, kind, "Scalekit answered %d%s%s%s%.160s", failure->status,
                     failure->error_code == NULL ? "" : " ",
                     failure->error_code == NULL ? "" : failure->error_code,
                     has_message ? ": " : "", has_message ? failure->message : "");
}

enum gate_err gate_scalekit_answer_read(struct gate_ctx *ctx, struct gate_scalekit_call *call) {
    const struct gate_net_response *response = &call->response;
    call->failure = (struct gate_scalekit_failure){0};
    call->json = NULL;
    if (response->status < 200 || response->status > 299) {
        return fail_with_answer(ctx, call);
    }
    const gate_json *json = NULL;
    enum gate_err err = call->is_tool_call
                            ? gate_json_parse_envelope(ctx, response->body, response->body_length,
                                                       GATE_UPSTREAM_JSON_DEPTH_MAX, &json)
                            : gate_json_parse(ctx, response->body, response->body_length, &json);
    if (err == GATE_OK && gate_json_is_object(json)) {
        call->json = json;
        return GATE_OK;
    }
    gate_error_clear(&ctx->error);
    return gate_fail(ctx, call->is_repeatable ? GATE_ERR_UPSTREAM : GATE_ERR_OUTCOME_UNKNOWN,
                     "Scalekit answered %d with what is no JSON object", response->status);
}
