#include "sim/routes.h"

#include <string.h>

#include "core/text.h"
#include "sim/account_calls.h"
#include "sim/answer.h"
#include "sim/control.h"
#include "sim/link_calls.h"
#include "sim/proxy.h"
#include "sim/signin.h"
#include "sim/tool_calls.h"
#include "sim/world.h"

enum caller {
    CALLER_ANYBODY,
    CALLER_CLIENT,  /* the API client's bearer token */
    CALLER_CONTROL, /* loopback, and only with --control */
};

struct route {
    const char *method; /* NULL: any */
    const char *pattern;
    enum caller caller;
    void (*handle)(struct gate_sim_exchange *exchange);
};

#define ACCOUNTS "/api/v1/connected_accounts"

/* The first match wins. */
static const struct route routes[] = {
    {"POST", "/oauth/token", CALLER_ANYBODY, gate_sim_token_handle},
    {"GET", "/.well-known/openid-configuration", CALLER_ANYBODY, gate_sim_discovery_handle},
    {"GET", "/keys", CALLER_ANYBODY, gate_sim_keys_handle},
    {"GET", "/oauth/authorize", CALLER_ANYBODY, gate_sim_authorize_handle},
    {"GET", "/oidc/logout", CALLER_ANYBODY, gate_sim_logout_handle},
    {"GET", "/userinfo", CALLER_ANYBODY, gate_sim_userinfo_handle},
    {"GET", "/magicLink/verified", CALLER_ANYBODY, gate_sim_verified_page_handle},
    {"GET", "/magicLink/*", CALLER_ANYBODY, gate_sim_link_page_handle},
    {"POST", "/magicLink/*", CALLER_ANYBODY, gate_sim_link_decide_handle},

    {"GET", "/api/v1/connections/app", CALLER_CLIENT, gate_sim_connections_list_handle},
    {"GET", ACCOUNTS, CALLER_CLIENT, gate_sim_accounts_list_handle},
    {"POST", ACCOUNTS, CALLER_CLIENT, gate_sim_account_create_handle},
    {"PUT", ACCOUNTS, CALLER_CLIENT, gate_sim_account_update_handle},
    {"GET", ACCOUNTS ":search", CALLER_CLIENT, gate_sim_accounts_search_handle},
    {"POST", ACCOUNTS ":delete", CALLER_CLIENT, gate_sim_account_delete_handle},
    {"GET", ACCOUNTS "/details", CALLER_CLIENT, gate_sim_account_details_handle},
    {"GET", ACCOUNTS "/auth", CALLER_CLIENT, gate_sim_account_auth_handle},
    {"POST", ACCOUNTS "/magic_link", CALLER_CLIENT, gate_sim_link_create_handle},
    {"POST", ACCOUNTS "/user/verify", CALLER_CLIENT, gate_sim_user_verify_handle},
    {"POST", ACCOUNTS "/*:disconnect", CALLER_CLIENT, gate_sim_account_disconnect_handle},
    {"GET", ACCOUNTS "/*", CALLER_CLIENT, gate_sim_account_get_handle},
    {"GET", "/api/v1/tools", CALLER_CLIENT, gate_sim_tools_list_handle},
    {"GET", "/api/v1/tools/scoped", CALLER_CLIENT, gate_sim_tools_scoped_handle},
    {"GET", "/api/v1/tools/available", CALLER_CLIENT, gate_sim_tools_available_handle},
    {"POST", "/api/v1/execute_tool", CALLER_CLIENT, gate_sim_tool_execute_handle},
    {NULL, "/proxy/*", CALLER_CLIENT, gate_sim_proxy_handle},

    {"GET", "/sim/log", CALLER_CONTROL, gate_sim_control_log_handle},
    {"DELETE", "/sim/log", CALLER_CONTROL, gate_sim_control_log_clear_handle},
    {"POST", "/sim/faults", CALLER_CONTROL, gate_sim_control_fault_add_handle},
    {"DELETE", "/sim/faults", CALLER_CONTROL, gate_sim_control_faults_clear_handle},
    {"POST", "/sim/accounts", CALLER_CONTROL, gate_sim_control_account_handle},
    {"POST", "/sim/connections", CALLER_CONTROL, gate_sim_control_connection_handle},
    {"POST", "/sim/reset", CALLER_CONTROL, gate_sim_control_reset_handle},
    {"POST", "/sim/rotate-keys", CALLER_CONTROL, gate_sim_control_rotate_keys_handle},
    {"POST", "/sim/expire-tokens", CALLER_CONTROL, gate_sim_control_expire_tokens_handle},
    {"POST", "/sim/expire-links", CALLER_CONTROL, gate_sim_control_expire_links_handle},
};

bool gate_sim_routes_is_control(const struct gate_sim_exchange *exchange) {
    return gate_text_starts_with(exchange->raw_path, "/sim/");
}

/* '*' in a pattern stands for one path segment, but for the proxy's. */
static bool matches_path(const struct route *route, const struct gate_sim_exchange *exchange) {
    if (route->method == NULL) {
        return gate_text_matches(route->pattern, exchange->raw_path);
    }
    if (exchange->path == NULL || !gate_text_matches(route->pattern, exchange->path)) {
        return false;
    }
    const char *star = strchr(route->pattern, '*');
    return star == NULL || strchr(exchange->path + (star - route->pattern), '/') == NULL;
}

static bool matches_method(const struct route *route, const char *method) {
    return route->method == NULL || gate_text_equal(route->method, method) ||
           (gate_text_equal(route->method, "GET") && gate_text_equal(method, "HEAD"));
}

/* The route, or NULL; `ret_known` says whether the path is known with another method. */
static const struct route *find_route(const struct gate_sim_exchange *exchange, bool *ret_known) {
    *ret_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!matches_path(&routes[i], exchange)) {
            continue;
        }
        if (matches_method(&routes[i], exchange->method)) {
            return &routes[i];
        }
        *ret_known = true;
    }
    return NULL;
}

static bool may_call(const struct route *route, struct gate_sim_exchange *exchange) {
    const struct gate_sim_world *world = exchange->world;
    if (route->caller == CALLER_CONTROL && !(world->options->control && exchange->from_loopback)) {
        gate_sim_answer_error(exchange, 404, "NOT_FOUND", "Not Found");
        return false;
    }
    if (route->caller == CALLER_CLIENT) {
        const struct gate_sim_token *token = gate_sim_token_find(world->tokens, exchange);
        if (token == NULL || token->person != NULL) {
            gate_sim_answer_error(exchange, 401, "UNAUTHENTICATED",
                                  "access token is missing, unknown or expired");
            return false;
        }
    }
    return true;
}

static bool has_readable_parts(struct gate_sim_exchange *exchange, const struct route *route) {
    long max_bytes =
        route->method == NULL ? GATE_SIM_PROXY_BODY_MAX_BYTES : GATE_SIM_API_BODY_MAX_BYTES;
    if (exchange->body.overflowed || exchange->body.length > (size_t)max_bytes) {
        gate_sim_answer_error(exchange, 413, "TOO_LARGE", "the body is too large");
        return false;
    }
    if (gate_sim_pairs_parse(exchange->ctx->arena, exchange->query_text, &exchange->query) !=
            GATE_OK &&
        route->method != NULL) {
        gate_sim_answer_error(exchange, 400, "INVALID_ARGUMENT", "the query cannot be read");
        return false;
    }
    return true;
}

void gate_sim_routes_dispatch(struct gate_sim_exchange *exchange) {
    bool known = false;
    const struct route *route = find_route(exchange, &known);
    if (route == NULL) {
        int status = exchange->path == NULL ? 400 : known ? 405 : 404;
        gate_sim_answer_error(exchange, status, known ? "METHOD_NOT_ALLOWED" : "NOT_FOUND", "%s",
                              known ? "Method Not Allowed" : "Not Found");
        return;
    }
    if (may_call(route, exchange) && has_readable_parts(exchange, route)) {
        route->handle(exchange);
    }
}
