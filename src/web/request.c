#include "web/request.h"

#include <string.h>

#include "core/number.h"
#include "core/text.h"
#include "web/fields.h"
#include "web/route.h"

const char *gate_request_param(const struct gate_request *request, const char *name) {
    size_t length = strlen(name);
    for (char **param = request->params; *param != NULL; param++) {
        if (strncmp(*param, name, length) == 0 && (*param)[length] == '=') {
            return *param + length + 1;
        }
    }
    return NULL;
}

size_t gate_request_param_count(const struct gate_request *request, const char *name) {
    size_t length = strlen(name);
    size_t count = 0;
    for (char **param = request->params; *param != NULL; param++) {
        if (strncmp(*param, name, length) == 0 && (*param)[length] == '=') {
            count += strchr(*param + length + 1, ',') == NULL ? 1 : 2;
        }
    }
    return count;
}

const char *gate_request_header(const struct gate_request *request, const char *name) {
    return gate_request_param(request, name);
}

const char *gate_request_query(const struct gate_request *request, const char *name) {
    return gate_fields_find(&request->query, name);
}

const char *gate_request_form(const struct gate_request *request, const char *name) {
    return gate_fields_find(&request->form, name);
}

const char *gate_request_cookie(const struct gate_request *request, const char *name) {
    return gate_fields_find(&request->cookies, name);
}

bool gate_request_is_grpc(const struct gate_request *request) {
    if (request->route != NULL) {
        return (request->route->flags & GATE_ROUTE_GRPC) != 0;
    }
    return request->path != NULL && strcmp(request->method, "POST") == 0 &&
           gate_text_starts_with(request->path, "/scalekit.v1.");
}

enum gate_err gate_request_body_length(struct gate_request *request, int64_t max_bytes,
                                       int64_t *ret_length) {
    const char *text = gate_request_param(request, "CONTENT_LENGTH");
    int64_t length = 0;
    if (!gate_text_is_empty(text) && gate_number_parse(text, 0, INT64_MAX, &length) != GATE_OK) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "Content-Length is not a number.");
    }
    if (length > max_bytes) {
        return gate_fail(request->ctx, GATE_ERR_TOO_LARGE,
                         "The body is longer than the %lld bytes allowed here.",
                         (long long)max_bytes);
    }
    *ret_length = length;
    return GATE_OK;
}

bool gate_request_passes_through(const struct gate_request *request) {
    return request->route != NULL && (request->route->flags & GATE_ROUTE_STREAM) != 0;
}

bool gate_request_wants_json(const struct gate_request *request) {
    if (gate_request_is_grpc(request)) {
        return true;
    }
    if (request->route != NULL) {
        return (request->route->flags & GATE_ROUTE_JSON) != 0;
    }
    /* No route, so go by where it was looked for, then by what the caller said it reads. */
    const char *path = request->path;
    if (path != NULL &&
        (gate_text_starts_with(path, "/api/") || gate_text_starts_with(path, "/proxy/") ||
         gate_text_starts_with(path, "/oauth/"))) {
        return true;
    }
    const char *accept = gate_request_header(request, "HTTP_ACCEPT");
    return accept == NULL || strstr(accept, "text/html") == NULL;
}
