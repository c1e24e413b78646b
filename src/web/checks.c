#include "web/checks.h"

#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "portal/session.h"
#include "portal/token.h"
#include "web/fields.h"
#include "web/grpc/grpc.h"
#include "web/page.h"
#include "web/state.h"

/* "application/json; charset=utf-8" is application/json. */
static bool has_media_type(const char *header, const char *media_type) {
    size_t length = strlen(media_type);
    if (header == NULL || strncasecmp(header, media_type, length) != 0) {
        return false;
    }
    return header[length] == '\0' || header[length] == ';' || header[length] == ' ';
}

static enum gate_err take_json(struct gate_request *request) {
    const char *type = gate_request_param(request, "CONTENT_TYPE");
    if (!has_media_type(type, "application/json")) {
        return gate_fail(request->ctx, GATE_ERR_MEDIA_TYPE, "Send the body as application/json.");
    }
    enum gate_err err = gate_json_parse_envelope(request->ctx, request->body, request->body_length,
                                                 GATE_JSON_DEPTH_MAX, &request->json);
    if (err == GATE_OK && !gate_json_is_object(request->json)) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "The body must be a JSON object.");
    }
    return err;
}

static enum gate_err take_form(struct gate_request *request) {
    const char *type = gate_request_param(request, "CONTENT_TYPE");
    if (request->body_length == 0) {
        return GATE_OK;
    }
    if (!has_media_type(type, "application/x-www-form-urlencoded")) {
        return gate_fail(request->ctx, GATE_ERR_MEDIA_TYPE,
                         "Send the form as application/x-www-form-urlencoded.");
    }
    return gate_fields_parse(request->ctx, request->body, request->body_length, &request->form);
}

enum gate_err gate_checks_take_input(struct gate_request *request) {
    const struct gate_route *route = request->route;
    if (gate_request_passes_through(request)) {
        return GATE_OK;
    }
    enum gate_err err = gate_fields_parse(request->ctx, request->raw_query,
                                          strlen(request->raw_query), &request->query);
    if (err != GATE_OK) {
        return err;
    }
    if ((route->flags & GATE_ROUTE_GRPC) != 0) {
        err = gate_fields_check(request->ctx, &request->query, NULL);
        return err != GATE_OK ? err : gate_grpc_take_input(request);
    }
    bool is_post = strcmp(route->method, "POST") == 0;
    bool is_json = (route->flags & (GATE_ROUTE_JSON | GATE_ROUTE_FORM)) == GATE_ROUTE_JSON;
    err = gate_fields_check(request->ctx, &request->query,
                            is_post && !is_json ? NULL : route->fields);
    bool is_raw = (route->flags & GATE_ROUTE_SIGNED) != 0;
    if (err != GATE_OK || !is_post || route->max_body_bytes == 0 || is_raw) {
        return err;
    }
    if (is_json) {
        return take_json(request);
    }
    err = take_form(request);
    return err != GATE_OK ? err : gate_fields_check(request->ctx, &request->form, route->fields);
}

/* RFC 6750 section 2.1; the scheme is case-insensitive. */
static const char *read_bearer(const char *header) {
    static const char scheme[] = "Bearer ";
    if (strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        return NULL;
    }
    return header + sizeof scheme - 1;
}

static enum gate_err find_by_token(struct gate_request *request, const char *header) {
    const char *bearer = read_bearer(header);
    enum gate_err err = bearer == NULL
                            ? GATE_ERR_UNAUTHENTICATED
                            : gate_portal_token_find(request->ctx, request->web->options.portal,
                                                     bearer, &request->caller);
    if (err == GATE_ERR_UNAUTHENTICATED) {
        (void)gate_fail(request->ctx, err, "The access token is not valid or no longer valid.");
    }
    return err;
}

enum gate_err gate_checks_find_caller(struct gate_request *request) {
    if ((request->route->flags & (GATE_ROUTE_SIGNED | GATE_ROUTE_OAUTH)) != 0) {
        return GATE_OK;
    }
    gate_fields_parse_cookies(request->ctx->arena, gate_request_header(request, "HTTP_COOKIE"),
                              &request->cookies);
    const char *header = gate_request_header(request, "HTTP_AUTHORIZATION");
    bool takes_token = (request->route->flags & GATE_ROUTE_TOKEN) != 0;
    if (takes_token && header != NULL && *header != '\0') {
        /* A caller that shows a token is that token's, whatever cookie came along. On pages the
         * header is no business of ours: a proxy in front may have its own use for it. */
        return find_by_token(request, header);
    }
    const char *cookie = gate_request_cookie(request, gate_cookie_name(request, "session"));
    if (cookie == NULL) {
        return GATE_OK;
    }
    enum gate_err err = gate_portal_session_find(request->ctx, request->web->options.portal, cookie,
                                                 &request->caller);
    if (err == GATE_ERR_UNAUTHENTICATED) {
        request->caller = (struct gate_caller){.kind = GATE_CALLER_NOBODY};
        return GATE_OK;
    }
    return err;
}

/* A parameter, not a header: no client can send it. */
static bool came_by_right_door(const struct gate_request *request) {
    const unsigned flags = request->route->flags;
    const char *door = gate_request_param(request, "GATEHOUSE_DOOR");
    if ((flags & GATE_ROUTE_OPERATOR) != 0) {
        return gate_text_equal(door, "operator");
    }
    return (flags & GATE_ROUTE_NGINX) == 0 || gate_text_equal(door, "nginx");
}

enum gate_err gate_checks_allow_caller(struct gate_request *request) {
    unsigned flags = request->route->flags;
    if (!came_by_right_door(request)) {
        return gate_fail(request->ctx, GATE_ERR_NOT_FOUND, "There is nothing at this address.");
    }
    bool needs_somebody = (flags & (GATE_ROUTE_BROWSER | GATE_ROUTE_TOKEN)) != 0;
    switch (request->caller.kind) {
    case GATE_CALLER_NOBODY:
        return needs_somebody
                   ? gate_fail(request->ctx, GATE_ERR_UNAUTHENTICATED,
                               "Sign in, or send an access token as Authorization: Bearer.")
                   : GATE_OK;
    case GATE_CALLER_BROWSER:
        return (flags & GATE_ROUTE_BROWSER) != 0 || !needs_somebody
                   ? GATE_OK
                   : gate_fail(request->ctx, GATE_ERR_FORBIDDEN, "This needs an access token.");
    case GATE_CALLER_PERSONAL_TOKEN:
    case GATE_CALLER_SERVICE_TOKEN:
        return (flags & GATE_ROUTE_TOKEN) != 0
                   ? GATE_OK
                   : gate_fail(request->ctx, GATE_ERR_FORBIDDEN,
                               "This page is for people who are signed in.");
    }
    return gate_fail(request->ctx, GATE_ERR_INTERNAL, "A caller of no known kind.");
}

/* Fetch metadata: "same-site" would let a sibling subdomain in, so only our own origin passes. */
static bool is_from_our_origin(const struct gate_request *request) {
    const char *site = gate_request_header(request, "HTTP_SEC_FETCH_SITE");
    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
        return false;
    }
    const char *origin = gate_request_header(request, "HTTP_ORIGIN");
    return origin == NULL || strcmp(origin, request->web->options.config->public_url) == 0;
}

enum gate_err gate_checks_same_site(struct gate_request *request) {
    if (request->caller.kind != GATE_CALLER_BROWSER || strcmp(request->route->method, "GET") == 0 ||
        (request->route->flags & GATE_ROUTE_CSRF) == 0) {
        return GATE_OK;
    }
    const char *token = gate_request_form(request, GATE_CSRF_FIELD);
    if (token == NULL) {
        token = gate_request_header(request, "HTTP_GATEHOUSE_CSRF");
    }
    if (!is_from_our_origin(request) ||
        !gate_portal_csrf_check(request->web->options.portal, &request->caller, token)) {
        return gate_fail(request->ctx, GATE_ERR_FORBIDDEN,
                         "This did not come from a page of this portal, or the page was too old.");
    }
    return GATE_OK;
}

/* Take `identifier` as the name unless it contradicts the one already taken. */
static enum gate_err merge_name(struct gate_request *request, const char *identifier,
                                const char **name) {
    if (identifier == NULL) {
        return GATE_OK;
    }
    if (*name != NULL && strcmp(*name, identifier) != 0) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "The request names two different users; name one.");
    }
    size_t length = strlen(identifier);
    if (length == 0 || length > GATE_IDENTIFIER_MAX_BYTES ||
        !gate_text_is_one_line(identifier, length) || !gate_text_is_utf8(identifier, length)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "identifier must be one line of text of at most %d bytes.",
                         GATE_IDENTIFIER_MAX_BYTES);
    }
    *name = identifier;
    return GATE_OK;
}

/* Where Scalekit's proxy has it. */
static enum gate_err merge_identifier_header(struct gate_request *request, const char **name) {
    if (gate_request_param_count(request, "HTTP_IDENTIFIER") > 1) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "The header identifier is given more than once, or holds a comma.");
    }
    return merge_name(request, gate_request_header(request, "HTTP_IDENTIFIER"), name);
}

enum gate_err gate_checks_named_user(struct gate_request *request, const char **ret_identifier) {
    const char *name = NULL;
    const gate_json *member = gate_json_member(request->json, "identifier");
    /* Sent twice, the first would win over the one that a proxy behind the caller appended. */
    if (gate_request_param_count(request, "HTTP_GATEHOUSE_USER") > 1) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "Gatehouse-User is given more than once, or holds a comma.");
    }
    enum gate_err err =
        merge_name(request, gate_request_header(request, "HTTP_GATEHOUSE_USER"), &name);
    if (err == GATE_OK) {
        err = merge_name(request, gate_request_query(request, "identifier"), &name);
    }
    if (err == GATE_OK && gate_request_passes_through(request)) {
        err = merge_identifier_header(request, &name);
    }
    if (err == GATE_OK && !gate_json_is_null(member) && gate_json_text(member) == NULL) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "identifier must be text.");
    }
    if (err == GATE_OK) {
        err = merge_name(request, gate_json_text(member), &name);
    }
    if (err == GATE_OK) {
        err = merge_name(request, gate_grpc_text_get(request, "identifier"), &name);
    }
    if (err == GATE_OK) {
        *ret_identifier = name;
    }
    return err;
}
