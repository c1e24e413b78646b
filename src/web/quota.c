#include "web/quota.h"

#include <string.h>

#include "core/text.h"
#include "web/grpc/grpc.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"

static void add_number(struct gate_request *request, const char *name, int64_t number) {
    gate_arena *arena = request->ctx->arena;
    gate_response_header_add(&request->response, arena, name,
                             gate_arena_printf(arena, "%lld", (long long)number));
}

/* draft-ietf-httpapi-ratelimit-headers-06, the last with three fields, which is what clients read;
 * the reset is in seconds from now. */
static void add_headers(struct gate_request *request) {
    if (request->quota.limit == 0) {
        return;
    }
    add_number(request, "RateLimit-Limit", request->quota.limit);
    add_number(request, "RateLimit-Remaining", request->quota.remaining);
    add_number(request, "RateLimit-Reset", request->quota.full_in_s);
}

static bool is_counted(const struct gate_request *request) {
    const unsigned flags = request->route->flags;
    return (flags & (GATE_ROUTE_JSON | GATE_ROUTE_GRPC)) != 0 && (flags & GATE_ROUTE_NGINX) == 0;
}

enum gate_err gate_quota_check_token(struct gate_request *request) {
    if (!is_counted(request)) {
        return GATE_OK;
    }
    enum gate_err err = gate_portal_admit_token(request->ctx, request->web->options.portal,
                                                &request->caller, &request->quota);
    if (err != GATE_OK) {
        add_headers(request);
    }
    return err;
}

enum gate_err gate_quota_check_user(struct gate_request *request) {
    if (!is_counted(request)) {
        return GATE_OK;
    }
    enum gate_err err = gate_portal_admit_user(request->ctx, request->web->options.portal,
                                               &request->caller, &request->quota);
    if (err == GATE_OK && gate_request_passes_through(request)) {
        err = gate_portal_admit_proxied(request->ctx, request->web->options.portal,
                                        &request->caller, &request->quota);
    }
    add_headers(request);
    return err;
}

/* A name from the body, if it is well-formed; nothing of the body is run. */
static const char *read_name(const struct gate_request *request, const char *member,
                             size_t max_bytes) {
    const char *text = request->grpc != NULL ? gate_grpc_text_get(request, member)
                                             : gate_json_member_text(request->json, member);
    size_t length = text == NULL ? 0 : strlen(text);
    return length > 0 && length <= max_bytes && gate_text_is_one_line(text, length) ? text : NULL;
}

/* What is to be called; NULL for what would not have become a call, or only asks about one. */
static const char *name_call(const struct gate_request *request) {
    const char *explain = gate_request_query(request, "explain");
    bool leaves_trail = (request->route->flags & GATE_ROUTE_TRAIL) != 0 &&
                        (explain == NULL || strcmp(explain, "0") == 0);
    if (!leaves_trail || request->json != NULL || request->grpc != NULL) {
        return leaves_trail ? read_name(request, "tool_name", GATE_TOOL_NAME_MAX_BYTES) : NULL;
    }
    return gate_arena_printf(request->ctx->arena, "%s %s", request->method,
                             request->route->pattern);
}

static void finish_refusal(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    struct gate_request *request = state;
    gate_problem_finish(request, &(struct gate_problem){
                                     .kind = GATE_ERR_OVER_QUOTA,
                                     .retry_after_s = request->quota.retry_after_s,
                                 });
}

void gate_quota_refuse(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    const char *name = name_call(request);
    if (name == NULL) {
        finish_refusal(ctx, GATE_OK, request);
        return;
    }
    struct gate_refused_call *call = gate_arena_make(ctx->arena, struct gate_refused_call);
    call->tool_name = name;
    call->connection_name = read_name(request, "connector", GATE_CONNECTION_NAME_MAX_BYTES);
    if (call->connection_name == NULL) {
        call->connection_name =
            read_name(request, "connection_name", GATE_CONNECTION_NAME_MAX_BYTES);
    }
    call->agent_run_id = read_name(request, "agent_run_id", GATE_AGENT_RUN_ID_MAX_BYTES);
    gate_portal_refusal_record(ctx, request->web->options.portal, &request->caller, &request->quota,
                               call, finish_refusal, request);
}
