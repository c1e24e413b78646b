#include "web/quota.h"

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
    return (request->route->flags & (GATE_ROUTE_JSON | GATE_ROUTE_GRPC)) != 0;
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
    add_headers(request);
    return err;
}

void gate_quota_refuse(struct gate_request *request) {
    gate_problem_finish(request, &(struct gate_problem){
                                     .kind = GATE_ERR_OVER_QUOTA,
                                     .retry_after_s = request->quota.retry_after_s,
                                 });
}
