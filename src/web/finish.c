#include <stdio.h>
#include <string.h>

#include "web/idempotency.h"
#include "web/route.h"
#include "web/state.h"

static void add(struct gate_request *request, const char *name, const char *value) {
    gate_response_header_add(&request->response, request->ctx->arena, name, value);
}

void gate_request_finish(struct gate_request *request) {
    struct gate_response *response = &request->response;
    if (gate_idempotency_takes_over(request)) {
        return;
    }
    if (response->body.overflowed) {
        gate_buffer_done(&response->body);
        response->status = 500;
    }
    add(request, "X-Request-Id", request->ctx->request_id);
    add(request, "Content-Security-Policy", request->web->content_security_policy);
    add(request, "Referrer-Policy", "same-origin");
    add(request, "X-Content-Type-Options", "nosniff");
    add(request, "Cross-Origin-Opener-Policy", "same-origin");
    add(request, "Cross-Origin-Resource-Policy", "same-origin");
    bool may_be_cached =
        request->route != NULL && (request->route->flags & GATE_ROUTE_PUBLIC_CACHE) != 0;
    if (!may_be_cached) {
        add(request, "Cache-Control", "no-store");
    }
    if (request->web->options.config->public_is_https) {
        add(request, "Strict-Transport-Security", "max-age=31536000");
    }
    char length[24];
    snprintf(length, sizeof length, "%zu", response->body.length);
    add(request, "Content-Length", length);
    if (strcmp(request->method, "HEAD") == 0) {
        gate_buffer_done(&response->body);
    }
    request->respond(request);
}
