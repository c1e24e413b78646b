#include <stdio.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "crypto/digest.h"
#include "web/idempotency.h"
#include "web/route.h"
#include "web/state.h"

static void add(struct gate_request *request, const char *name, const char *value) {
    gate_response_header_add(&request->response, request->ctx->arena, name, value);
}

static bool has_header(const struct gate_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What has a tag may be kept by its caller, who asks again each time; never by anything shared. */
static const char *choose_cache_control(const struct gate_response *response) {
    return has_header(response, "ETag") ? "private, no-cache" : "no-store";
}

/* The list of RFC 9110 section 13.1.2: "*", or tags with or without W/ before them. */
static bool lists_tag(const char *list, const char *tag) {
    if (list == NULL) {
        return false;
    }
    size_t length = strlen(tag);
    for (const char *at = list; (at = strstr(at, tag)) != NULL; at += length) {
        bool begins = at == list || strchr(" \t,/", at[-1]) != NULL;
        bool ends = at[length] == '\0' || strchr(" \t,", at[length]) != NULL;
        if (begins && ends) {
            return true;
        }
    }
    return strcmp(list, "*") == 0;
}

static void drop_content(struct gate_response *response) {
    size_t kept = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, "Content-Type") != 0) {
            response->headers[kept++] = response->headers[i];
        }
    }
    response->header_count = kept;
    gate_buffer_done(&response->body);
}

/* How long the answer took and whose time it was (https://www.w3.org/TR/server-timing/): Scalekit's
 * with its token, pauses that were asked for or came before another attempt, and the rest, which is
 * ours. On JSON for known callers alone: to a stranger it would tell how far a guess had come. */
static void add_server_timing(struct gate_request *request) {
    const struct gate_ctx *ctx = request->ctx;
    if (request->caller.kind == GATE_CALLER_NOBODY || !gate_request_wants_json(request)) {
        return;
    }
    const struct gate_waited *waited = &ctx->waited;
    int64_t total_ms = gate_clock_monotonic_ms(ctx->clock) - request->started_ms;
    int64_t own_ms = total_ms - waited->upstream_ms - waited->pause_ms;
    add(request, "Server-Timing",
        gate_arena_printf(ctx->arena,
                          "total;dur=%lld, gate;dur=%lld, scalekit;dur=%lld, pause;dur=%lld",
                          (long long)total_ms, (long long)(own_ms > 0 ? own_ms : 0),
                          (long long)waited->upstream_ms, (long long)waited->pause_ms));
}

void gate_request_finish_tagged(struct gate_request *request) {
    struct gate_response *response = &request->response;
    gate_arena *arena = request->ctx->arena;
    if (response->body.overflowed) {
        gate_request_finish(request);
        return;
    }
    const struct gate_digest digest =
        gate_digest_make(gate_buffer_text(&response->body), response->body.length);
    const char *tag = gate_arena_printf(
        arena, "\"%s\"", gate_base64url_format(arena, digest.bytes, sizeof digest.bytes / 2));
    add(request, "ETag", tag);
    add(request, "Vary", "Authorization, Cookie, Gatehouse-User");
    if (lists_tag(gate_request_header(request, "HTTP_IF_NONE_MATCH"), tag)) {
        response->status = 304;
        drop_content(response);
    }
    gate_request_finish(request);
}

/* What an app answers must never run, or be framed, as if it were ours. */
static const char *choose_policy(const struct gate_request *request) {
    return gate_request_passes_through(request)
               ? "default-src 'none'; base-uri 'none'; form-action 'none'; "
                 "frame-ancestors 'none'; sandbox"
               : request->web->content_security_policy;
}

static void add_common(struct gate_request *request) {
    add(request, "X-Request-Id", request->ctx->request_id);
    add_server_timing(request);
    add(request, "Content-Security-Policy", choose_policy(request));
    add(request, "Referrer-Policy", "same-origin");
    add(request, "X-Content-Type-Options", "nosniff");
    add(request, "Cross-Origin-Opener-Policy", "same-origin");
    add(request, "Cross-Origin-Resource-Policy", "same-origin");
    bool may_be_cached =
        request->route != NULL && (request->route->flags & GATE_ROUTE_PUBLIC_CACHE) != 0;
    if (!may_be_cached) {
        add(request, "Cache-Control",
            gate_request_passes_through(request) ? "no-store"
                                                 : choose_cache_control(&request->response));
    }
    if (request->web->options.config->public_is_https) {
        add(request, "Strict-Transport-Security", "max-age=31536000");
    }
}

void gate_request_finish_head(struct gate_request *request) {
    add_common(request);
}

/* RFC 9110 section 8.6: 204 has none; 304 would have to give that of the 200, and the answer to a
 * HEAD that was passed on has the app's. */
static bool wants_length(const struct gate_response *response) {
    return response->status != 204 && response->status != 304 &&
           !has_header(response, "Content-Length");
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
    add_common(request);
    if (wants_length(response)) {
        char length[24];
        snprintf(length, sizeof length, "%zu", response->body.length);
        add(request, "Content-Length", length);
    }
    if (strcmp(request->method, "HEAD") == 0) {
        gate_buffer_done(&response->body);
    }
    request->calls->respond(request);
}
