#include "web/web.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "portal/account_owner.h"
#include "portal/bearer.h"
#include "portal/token.h"
#include "web/checks.h"
#include "web/grpc/grpc.h"
#include "web/metrics.h"
#include "web/page.h"
#include "web/path.h"
#include "web/problem.h"
#include "web/quota.h"
#include "web/route.h"
#include "web/state.h"

/* The origin of an http (so: loopback) upstream, which "https:" in a policy does not cover.
 * Settings hold checked URLs. */
static const char *plain_origin(gate_arena *arena, const char *url) {
    static const char scheme[] = "http://";
    if (url == NULL || !gate_text_starts_with(url, scheme)) {
        return "";
    }
    return gate_arena_strndup(arena, url,
                              sizeof scheme - 1 + strcspn(url + sizeof scheme - 1, "/"));
}

/* Browsers hold redirects that follow a form to form-action, and connecting leads through Scalekit
 * to providers that nobody can list beforehand; hence https: there. Everything that could run or
 * show foreign content is closed. */
static const char *make_policy(gate_arena *arena, const struct gate_config *config) {
    return gate_arena_printf(
        arena,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
        "'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' https: %s %s",
        plain_origin(arena, config->scalekit_url), plain_origin(arena, config->oidc_issuer));
}

enum gate_err gate_web_new(const struct gate_web_options *options, struct gate_error *error,
                           gate_web **ret_web) {
    gate_web *web = calloc(1, sizeof *web);
    if (web == NULL) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL, "Out of memory.");
    }
    web->options = *options;
    web->arena = gate_arena_new();
    web->metrics = gate_web_metrics_new();
    web->started_at = gate_clock_wall_ms(options->clock);
    web->content_security_policy = make_policy(web->arena, options->config);
    *ret_web = web;
    return GATE_OK;
}

void gate_web_free(gate_web *web) {
    if (web == NULL) {
        return;
    }
    gate_web_metrics_free(web->metrics);
    gate_arena_free(web->arena);
    free(web);
}

/* nginx makes the id; anything that does not look like one is replaced. */
static const char *read_request_id(char **params) {
    static const char name[] = "REQUEST_ID=";
    for (; *params != NULL; params++) {
        if (strncmp(*params, name, sizeof name - 1) == 0) {
            const char *id = *params + sizeof name - 1;
            size_t length = strlen(id);
            bool plain = strspn(id, "0123456789abcdefABCDEF-") == length;
            return plain && length >= 8 && length <= GATE_REQUEST_ID_MAX_BYTES ? id : NULL;
        }
    }
    return NULL;
}

/* The members of a tracestate that came in parts, as many as could go on. */
static const char *read_tracestate(const struct gate_request *request) {
    static const char name[] = "HTTP_TRACESTATE=";
    const char *all = NULL;
    for (char **param = request->params; *param != NULL; param++) {
        bool has_room = all == NULL || strlen(all) < GATE_TRACESTATE_MAX_BYTES;
        if (has_room && strncmp(*param, name, sizeof name - 1) == 0) {
            const char *part = *param + sizeof name - 1;
            all = all == NULL ? part : gate_arena_printf(request->ctx->arena, "%s,%s", all, part);
        }
    }
    return all;
}

/* Of two traceparents none can be believed; then, as without one, the request's own trace stays. */
static void join_trace(struct gate_request *request) {
    static const char name[] = "HTTP_TRACEPARENT";
    if (gate_request_param_count(request, name) == 1) {
        gate_trace_join(request->ctx->arena, gate_request_header(request, name),
                        read_tracestate(request), &request->ctx->trace);
    }
}

struct gate_request *gate_web_begin(gate_web *web, char **params, void *front,
                                    const struct gate_front_calls *calls,
                                    size_t *ret_max_body_bytes) {
    struct gate_ctx *ctx =
        gate_ctx_new(web->options.clock, web->options.runqueue, read_request_id(params));
    struct gate_request *request = gate_arena_make(ctx->arena, struct gate_request);
    request->ctx = ctx;
    request->web = web;
    request->params = params;
    request->front = front;
    request->calls = calls;
    request->started_ms = gate_clock_monotonic_ms(ctx->clock);
    gate_web_metrics_begin(web->metrics);
    ctx->deadline_ms = request->started_ms + GATE_CONTROL_TIMEOUT_MS;
    gate_response_init(&request->response, ctx->arena);
    join_trace(request);

    const char *method = gate_request_param(request, "REQUEST_METHOD");
    const char *uri = gate_request_param(request, "REQUEST_URI");
    request->method = method == NULL ? "" : method;
    request->raw_query = "";
    if (uri != NULL && gate_path_parse(ctx, uri, &request->path, &request->raw_query) == GATE_OK) {
        char allow[64];
        request->route = gate_route_find(ctx->arena, request->method, request->path,
                                         &request->route_value, allow);
        request->allow = allow[0] == '\0' ? NULL : gate_arena_strdup(ctx->arena, allow);
    }
    *ret_max_body_bytes = request->route == NULL ? 0 : request->route->max_body_bytes;
    return request;
}

bool gate_web_leaves_body_open(const struct gate_request *request) {
    return gate_request_passes_through(request);
}

static void call_handler(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct gate_request *request = state;
    if (err == GATE_OK) {
        err = gate_quota_check_user(request);
    }
    if (err == GATE_ERR_OVER_QUOTA) {
        gate_quota_refuse(request);
        return;
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    request->route->handle(request);
}

/* Refused by the token's rule for users: before any handler, except where the attempt has to leave
 * a trail. */
static void after_acting(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_request *request = state;
    bool hears_refusals = (request->route->flags & GATE_ROUTE_TRAIL) != 0;
    call_handler(ctx, err == GATE_ERR_FORBIDDEN && hears_refusals ? GATE_OK : err, request);
}

/* `identifier` NULL: nobody was named. */
static void act_for(struct gate_request *request, const char *identifier) {
    struct gate_caller *caller = &request->caller;
    enum gate_err err = GATE_OK;
    if (caller->kind == GATE_CALLER_SERVICE_TOKEN && identifier != NULL) {
        gate_portal_token_act_for(request->ctx, request->web->options.portal, caller, identifier,
                                  &request->quota, after_acting, request);
        return;
    }
    bool may_lack_user = caller->kind != GATE_CALLER_SERVICE_TOKEN ||
                         (request->route->flags & GATE_ROUTE_NO_USER) != 0;
    if (!may_lack_user) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT,
                        "Say which user this is for: the header Gatehouse-User or identifier.");
    } else if (identifier != NULL && caller->has_user &&
               strcmp(identifier, caller->user.identifier) != 0) {
        err = gate_fail(request->ctx, GATE_ERR_FORBIDDEN,
                        "identifier names somebody else; leave it out to act as yourself.");
    }
    call_handler(request->ctx, err, request);
}

struct owner_search {
    struct gate_request *request;
    const char *identifier;
};

static void after_owner(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct owner_search *search = state;
    if (err != GATE_OK) {
        gate_request_fail(search->request, err);
        return;
    }
    act_for(search->request, search->identifier);
}

/* Whom the request acts for: the caller, unless a service token names one of its users, or in a
 * call of the SDKs an account of one. */
static void settle_user(struct gate_request *request) {
    const char *identifier = NULL;
    const char *account_id = NULL;
    enum gate_err err = gate_quota_check_token(request);
    if (err == GATE_ERR_OVER_QUOTA) {
        gate_quota_refuse(request);
        return;
    }
    if (err == GATE_OK) {
        err = gate_checks_named_user(request, &identifier);
    }
    if (err == GATE_OK) {
        err = gate_grpc_account_id_get(request, &account_id);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_caller *caller = &request->caller;
    if (identifier == NULL) {
        identifier = gate_caller_bound_identifier(caller);
    }
    if (identifier != NULL || account_id == NULL || caller->kind != GATE_CALLER_SERVICE_TOKEN) {
        act_for(request, identifier);
        return;
    }
    struct owner_search *search = gate_arena_make(request->ctx->arena, struct owner_search);
    search->request = request;
    gate_portal_account_owner_find(request->ctx, request->web->options.portal, caller, account_id,
                                   &search->identifier, after_owner, search);
}

static enum gate_err check_body_state(struct gate_request *request, enum gate_body_state state) {
    if (state == GATE_BODY_TOO_LARGE) {
        return gate_fail(request->ctx, GATE_ERR_TOO_LARGE,
                         "The body is longer than the %zu bytes allowed here.",
                         request->route->max_body_bytes);
    }
    if (state == GATE_BODY_TRUNCATED) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "The body ended before it was complete.");
    }
    return GATE_OK;
}

static enum gate_err check_route(struct gate_request *request) {
    if (request->path == NULL) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "This is not a valid request.");
    }
    if (request->route == NULL) {
        return gate_fail(request->ctx, GATE_ERR_NOT_FOUND, "There is nothing at this address.");
    }
    return GATE_OK;
}

void gate_web_dispatch(struct gate_request *request, enum gate_body_state state, const char *body,
                       size_t body_length) {
    static enum gate_err (*const checks[])(struct gate_request *) = {
        gate_checks_find_caller,
        gate_checks_allow_caller,
        gate_checks_take_input,
        gate_checks_same_site,
    };
    request->body = body;
    request->body_length = body_length;
    enum gate_err err = check_route(request);
    if (err == GATE_OK) {
        err = check_body_state(request, state);
    }
    for (size_t i = 0; err == GATE_OK && i < sizeof checks / sizeof checks[0]; i++) {
        err = checks[i](request);
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    settle_user(request);
}

void gate_web_refuse_busy(struct gate_request *request) {
    gate_request_fail(request, gate_fail(request->ctx, GATE_ERR_BUSY,
                                         "Too much is going on at once; try again shortly."));
}

void gate_web_refuse_header(struct gate_request *request) {
    gate_request_fail(request, gate_fail(request->ctx, GATE_ERR_HEADER_TOO_LARGE,
                                         "The request has too many header fields."));
}

static const char *caller_name(enum gate_caller_kind kind) {
    static const char *const names[] = {
        [GATE_CALLER_NOBODY] = "nobody",
        [GATE_CALLER_BROWSER] = "browser",
        [GATE_CALLER_PERSONAL_TOKEN] = "personal_token",
        [GATE_CALLER_SERVICE_TOKEN] = "service_token",
    };
    return names[kind];
}

/* The last fields of the line, which only a failure has. */
#define ERROR_FIELDS 4

/* Paths and queries may hold what must not be logged; the route's pattern says enough. */
static void log_request(const struct gate_request *request, int64_t duration_ms) {
    const struct gate_ctx *ctx = request->ctx;
    const struct gate_error *error = &ctx->error;
    int status = gate_response_meaning_get(&request->response);
    const struct gate_log_field fields[] = {
        GATE_LOG_TEXT("request_id", ctx->request_id),
        GATE_LOG_TEXT("trace_id", ctx->trace.id),
        GATE_LOG_TEXT("method", request->method),
        GATE_LOG_TEXT("route", request->route == NULL ? "-" : request->route->pattern),
        GATE_LOG_NUMBER("status", status),
        GATE_LOG_NUMBER("ms", duration_ms),
        GATE_LOG_NUMBER("upstream_ms", ctx->waited.upstream_ms),
        GATE_LOG_TEXT("caller", caller_name(request->caller.kind)),
        GATE_LOG_NUMBER("user", request->caller.user.id),
        GATE_LOG_NUMBER("token", request->caller.token.id),
        GATE_LOG_TEXT("error", gate_err_name(error->kind)),
        GATE_LOG_TEXT("message", error->message),
        GATE_LOG_TEXT("file", error->file),
        GATE_LOG_NUMBER("line", error->line),
    };
    unsigned count = sizeof fields / sizeof fields[0];
    gate_log(status >= 500 ? GATE_LOG_ERROR : GATE_LOG_INFO, "request", fields,
             error->kind == GATE_OK ? count - ERROR_FIELDS : count);
}

void gate_web_end(struct gate_request *request) {
    int64_t duration_ms = gate_clock_monotonic_ms(request->ctx->clock) - request->started_ms;
    gate_web_metrics_end(request->web->metrics, request, duration_ms);
    log_request(request, duration_ms);
    gate_ctx_free(request->ctx);
}
