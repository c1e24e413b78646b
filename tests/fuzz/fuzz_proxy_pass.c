/* A proxied request's address and headers as they come from nginx, and an app's headers as they
 * come from libcurl: what may pass. The input's lines are the target, parameters, and the app's
 * headers "name:value". */
#include <stdlib.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "fuzz/target.h"
#include "net/url.h"
#include "web/path.h"
#include "web/proxy_pass.h"

#define LINES_MAX 16
#define FRONT "http://127.0.0.1:1/env/proxy"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool is_dots(const char *segment, size_t length) {
    return (length == 1 && segment[0] == '.') ||
           (length == 2 && segment[0] == '.' && segment[1] == '.');
}

/* No segment of dots, whatever is taken to part segments, or to end one. */
static void require_plain(const char *path) {
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/' || *at == '\\') {
            require(!is_dots(at + 1, strcspn(at + 1, "/\\;")));
        }
    }
}

static void try_target(struct gate_ctx *ctx, const char *line) {
    char *uri = gate_arena_printf(ctx->arena, "/proxy%s", line);
    const char *path;
    const char *query;
    const char *target;
    if (gate_path_parse(ctx, uri, &path, &query) != GATE_OK ||
        gate_proxy_target_read(ctx, uri, &target) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return;
    }
    require(strcmp(target, line) == 0 && target[0] == '/' && target[1] != '/');
    struct gate_url url;
    char *whole = gate_arena_printf(ctx->arena, FRONT "%s", target);
    require(gate_url_parse(ctx->arena, whole, &url) == GATE_OK);
    require(strcmp(url.host, "127.0.0.1") == 0 && url.port == 1);
    /* libcurl has not moved it anywhere else */
    const char *kept = whole + strlen("http://127.0.0.1:1");
    require(strncmp(url.path, kept, strlen(url.path)) == 0);
    const char *decoded = path;
    for (int times = 0; times < 3; times++) {
        char *again;
        require_plain(decoded);
        if (gate_percent_parse(ctx->arena, decoded, strlen(decoded), 0, &again) != GATE_OK) {
            break;
        }
        decoded = again;
    }
}

static bool is_kept_back(const char *name) {
    static const char *const names[] = {
        "authorization",
        "cookie",
        "connection",
        "transfer-encoding",
        "te",
        "upgrade",
        "content-length",
        "host",
        "expect",
        "identifier",
        "traceparent",
        "forwarded",
        "x-forwarded-for",
        "connection-name",
        "x-http-method",
        "trailer",
        "proxy-connection",
        "accept-encoding",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return strncmp(name, "gatehouse-", 10) == 0;
}

static void try_headers(struct gate_ctx *ctx, char **params) {
    const struct gate_request request = {.ctx = ctx, .params = params};
    const struct gate_net_header *headers = NULL;
    size_t count = 0;
    if (gate_proxy_headers_collect(&request, &headers, &count) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return;
    }
    require(count <= LINES_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        const struct gate_net_header *header = &headers[i];
        require(header->name[0] != '\0' && strpbrk(header->name, " \t\r\n:_") == NULL);
        require(gate_text_is_one_line(header->value, strlen(header->value)));
        require(!is_kept_back(header->name));
    }
}

static void try_returned(struct gate_ctx *ctx, const char *line, const char *connection) {
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        return;
    }
    char *name = gate_arena_strndup(ctx->arena, line, (size_t)(colon - line));
    if (!gate_proxy_header_returns(name, colon + 1, connection)) {
        return;
    }
    require(strpbrk(name, " \t\r\n:") == NULL && strpbrk(colon, "\r\n") == NULL);
    require(strcmp(name, "set-cookie") != 0 && strncmp(name, "x-accel-", 8) != 0);
    require(strcmp(name, "status") != 0 && strcmp(name, "content-length") != 0);
    require(strcmp(name, "connection") != 0 && strcmp(name, "transfer-encoding") != 0);
    require(connection == NULL || strcmp(connection, name) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "fuzz");
    char *text = gate_arena_strndup(ctx->arena, (const char *)bytes, length);
    char *lines[LINES_MAX + 1] = {NULL};
    char *rest = text;
    for (size_t i = 0; i < LINES_MAX && rest != NULL; i++) {
        lines[i] = rest;
        rest = strchr(rest, '\n');
        if (rest != NULL) {
            *rest++ = '\0';
        }
    }
    for (size_t i = 0; i < LINES_MAX && lines[i] != NULL; i++) {
        try_target(ctx, lines[i]);
        try_returned(ctx, lines[i], i > 0 ? lines[i - 1] : NULL);
    }
    try_headers(ctx, lines);
    gate_ctx_free(ctx);
    return 0;
}
