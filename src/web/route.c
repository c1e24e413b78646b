#include "web/route.h"

#include <stdio.h>
#include <string.h>

#define METHOD_MAX_BYTES 32

/* Match a decoded path, and note where the one placeholder's text stands. */
static bool matches_pattern(const char *pattern, const char *path, const char **ret_value,
                            size_t *ret_length) {
    *ret_value = NULL;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        const char *after = strchr(pattern, '}') + 1;
        if (after - pattern > 4 && strncmp(after - 4, "...}", 4) == 0) {
            *ret_value = path;
            *ret_length = strlen(path);
            return true;
        }
        size_t length =
            *after == '\0' ? strcspn(path, "/") : strcspn(path, (char[]){*after, '/', '\0'});
        if (length == 0) {
            return false;
        }
        *ret_value = path;
        *ret_length = length;
        path += length;
        pattern = after;
    }
    return *path == '\0';
}

static bool serves_head(const struct gate_route *route) {
    return strcmp(route->method, "GET") == 0 && (route->flags & GATE_ROUTE_NO_HEAD) == 0;
}

/* A method of letters that is neither of the two which are not about the path (RFC 9110). */
static bool is_passed_on(const char *method) {
    const size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    return length > 0 && length <= METHOD_MAX_BYTES && method[length] == '\0' &&
           strcmp(method, "CONNECT") != 0 && strcmp(method, "TRACE") != 0;
}

static bool serves_method(const struct gate_route *route, const char *method) {
    if (strcmp(route->method, GATE_METHOD_ANY) == 0) {
        return is_passed_on(method);
    }
    return strcmp(route->method, method) == 0 ||
           (serves_head(route) && strcmp(method, "HEAD") == 0);
}

/* Two patterns may match one path ("/connect/callback" and "/connect/{connection}"). No method's
 * name is part of another's. */
static void add_allowed(char allow[64], const struct gate_route *route) {
    const char *method = strcmp(route->method, GATE_METHOD_ANY) == 0
                             ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
                             : route->method;
    size_t length = strlen(allow);
    if (strstr(allow, method) != NULL) {
        return;
    }
    snprintf(allow + length, 64 - length, "%s%s%s", length > 0 ? ", " : "", method,
             serves_head(route) ? ", HEAD" : "");
}

const struct gate_route *gate_route_find(gate_arena *arena, const char *method, const char *path,
                                         const char **ret_value, char allow[64]) {
    allow[0] = '\0';
    for (size_t i = 0; i < gate_route_count; i++) {
        const struct gate_route *route = &gate_routes[i];
        const char *value;
        size_t length = 0;
        if (!matches_pattern(route->pattern, path, &value, &length)) {
            continue;
        }
        if (serves_method(route, method)) {
            *ret_value = value == NULL ? NULL : gate_arena_strndup(arena, value, length);
            allow[0] = '\0';
            return route;
        }
        add_allowed(allow, route);
    }
    return NULL;
}
