/* A failure as the status of a call. */
#include <string.h>
#include <strings.h>

#include "core/encoding.h"
#include "web/grpc/call.h"
#include "web/grpc/grpc.h"
#include "web/grpc/status.h"
#include "web/route.h"

struct failure {
    struct gate_request *request;
    const struct gate_problem *problem;
    struct gate_problem_words words;
    enum gate_grpc_code code;
    const char *message;
};

/* Of a service of Scalekit's, but not one that is offered here. */
static bool is_unknown_call(const struct gate_request *request,
                            const struct gate_problem *problem) {
    return request->route == NULL && problem->kind == GATE_ERR_NOT_FOUND;
}

static enum gate_grpc_code choose_code(const struct gate_request *request,
                                       const struct gate_problem *problem) {
    if (is_unknown_call(request, problem)) {
        return GATE_GRPC_UNIMPLEMENTED;
    }
    if (problem->kind == GATE_ERR_PROVIDER) {
        return gate_grpc_code_of_tool(problem->upstream_status);
    }
    bool is_late = gate_ctx_time_left_ms(request->ctx, 1) == 0;
    if (problem->kind == GATE_ERR_OUTCOME_UNKNOWN && is_late) {
        return GATE_GRPC_DEADLINE_EXCEEDED;
    }
    return gate_grpc_code_get(problem->kind);
}

/* The link also here: most programs show nothing but this. */
static const char *choose_message(struct failure *failure) {
    const struct gate_problem *problem = failure->problem;
    gate_arena *arena = failure->request->ctx->arena;
    if (is_unknown_call(failure->request, problem)) {
        return "Gatehouse does not offer this call; its README lists those that it does.";
    }
    if (problem->authorization_url != NULL) {
        return gate_arena_printf(arena, "The user has to connect %s first: %s", problem->connection,
                                 problem->authorization_url);
    }
    return failure->words.detail != NULL ? failure->words.detail : failure->words.title;
}

static void add_help(gate_arena *arena, pb_error_info *info, const struct failure *failure) {
    const struct gate_problem *problem = failure->problem;
    if (problem->authorization_url == NULL) {
        return;
    }
    pb_help_link *link = gate_arena_make(arena, pb_help_link);
    scalekit__v1__errdetails__help_info__link__init(link);
    link->description = gate_arena_printf(arena, "Connect %s", problem->connection);
    link->url = gate_message_text(problem->authorization_url);
    info->help_info = gate_arena_make(arena, pb_help_info);
    scalekit__v1__errdetails__help_info__init(info->help_info);
    info->help_info->links = gate_arena_alloc_array(arena, 1, sizeof *info->help_info->links);
    info->help_info->links[info->help_info->n_links++] = link;
}

static void add_resource(gate_arena *arena, pb_error_info *info, const struct failure *failure) {
    const struct gate_problem *problem = failure->problem;
    if (problem->connection == NULL) {
        return;
    }
    info->resource_info = gate_arena_make(arena, pb_resource_info);
    scalekit__v1__errdetails__resource_info__init(info->resource_info);
    info->resource_info->resource_name = gate_message_text(problem->connection);
    info->resource_info->description = gate_message_text(problem->account_status);
    info->resource_info->user = gate_message_text(
        failure->request->caller.has_user ? failure->request->caller.user.identifier : NULL);
}

/* Scalekit's or an app's own name for something. */
static char *cut_code(gate_arena *arena, const char *code) {
    return gate_grpc_text_cut(arena, gate_message_text(code), GATE_GRPC_CODE_MAX_BYTES);
}

static void add_tool_error(gate_arena *arena, pb_error_info *info, const struct failure *failure) {
    const struct gate_problem *problem = failure->problem;
    if (problem->kind != GATE_ERR_PROVIDER && problem->execution_id == NULL) {
        return;
    }
    const char *message = problem->kind == GATE_ERR_PROVIDER ? problem->detail : NULL;
    info->tool_error_info = gate_arena_make(arena, pb_tool_error_info);
    scalekit__v1__errdetails__tool_error_info__init(info->tool_error_info);
    info->tool_error_info->execution_id = cut_code(arena, problem->execution_id);
    info->tool_error_info->tool_error_code = cut_code(arena, problem->provider_error_code);
    info->tool_error_info->tool_error_message =
        gate_grpc_text_cut(arena, gate_message_text(message), GATE_GRPC_TOOL_MESSAGE_MAX_BYTES);
}

static pb_error_info *make_info(const struct failure *failure) {
    gate_arena *arena = failure->request->ctx->arena;
    pb_error_info *info = gate_arena_make(arena, pb_error_info);
    scalekit__v1__errdetails__error_info__init(info);
    bool is_unknown = is_unknown_call(failure->request, failure->problem);
    info->error_code = failure->problem->error_code != NULL
                           ? cut_code(arena, failure->problem->error_code)
                           : gate_grpc_error_code_format(arena, is_unknown ? "unimplemented"
                                                                           : failure->words.slug);
    info->request_info = gate_arena_make(arena, pb_request_info);
    scalekit__v1__errdetails__request_info__init(info->request_info);
    info->request_info->request_id = failure->request->ctx->request_id;
    add_help(arena, info, failure);
    add_resource(arena, info, failure);
    add_tool_error(arena, info, failure);
    return info;
}

static ProtobufCBinaryData pack(gate_arena *arena, const ProtobufCMessage *message) {
    ProtobufCBinaryData bytes;
    bytes.data = gate_arena_alloc(arena, protobuf_c_message_get_packed_size(message));
    bytes.len = protobuf_c_message_pack(message, bytes.data);
    return bytes;
}

/* google.rpc.Status with the one detail, in base64. */
static const char *format_details(const struct failure *failure) {
    gate_arena *arena = failure->request->ctx->arena;
    pb_any detail;
    google__protobuf__any__init(&detail);
    detail.type_url = gate_message_text("type.googleapis.com/scalekit.v1.errdetails.ErrorInfo");
    detail.value = pack(arena, &make_info(failure)->base);
    pb_any *details[] = {&detail};
    pb_status status;
    google__rpc__status__init(&status);
    status.code = failure->code;
    status.message = gate_grpc_text_cut(arena, failure->message, GATE_GRPC_MESSAGE_MAX_BYTES);
    status.n_details = 1;
    status.details = details;
    const ProtobufCBinaryData bytes = pack(arena, &status.base);
    return gate_base64_format(arena, bytes.data, bytes.len);
}

/* Whoever does not speak gRPC must not take the 200 that every call of it has for success. */
static int choose_http_status(const struct gate_request *request) {
    static const char grpc[] = "application/grpc";
    const char *type = gate_request_param(request, "CONTENT_TYPE");
    return type != NULL && strncasecmp(type, grpc, sizeof grpc - 1) == 0 ? 200 : 415;
}

void gate_grpc_problem_finish(struct gate_request *request, const struct gate_problem *problem) {
    gate_arena *arena = request->ctx->arena;
    struct failure failure = {
        .request = request,
        .problem = problem,
        .words = gate_problem_words_get(request, problem),
        .code = choose_code(request, problem),
    };
    failure.message = choose_message(&failure);
    struct gate_response *response = &request->response;
    gate_response_begin(response, arena, choose_http_status(request), "application/grpc");
    response->meaning = gate_problem_status(problem->kind);
    gate_response_header_add(response, arena, "X-Grpc-Status",
                             gate_arena_printf(arena, "%d", failure.code));
    gate_response_header_add(response, arena, "X-Grpc-Message",
                             gate_grpc_message_format(arena, failure.message));
    gate_response_header_add(response, arena, "X-Grpc-Details", format_details(&failure));
    if (failure.words.retry_after_s > 0) {
        gate_response_header_add(
            response, arena, "Retry-After",
            gate_arena_printf(arena, "%lld", (long long)failure.words.retry_after_s));
    }
    gate_request_finish(request);
}
