#include "web/proxy_pass.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"

static bool is_listed(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        const char *entry = list[i];
        const size_t length = strlen(entry);
        /* An entry that ends with "-" stands for all names that begin so. */
        if (entry[length - 1] == '-' ? strncmp(name, entry, length) == 0
                                     : strcmp(name, entry) == 0) {
            return true;
        }
    }
    return false;
}
#define IS_LISTED(list, name) is_listed((list), sizeof(list) / sizeof(list)[0], (name))

/* Between two hops, whatever Connection says. */
static const char *const hop_by_hop[] = {
    "connection", "keep-alive",        "proxy-",  "te",
    "trailer",    "transfer-encoding", "upgrade", "http2-settings",
};

/* Is `name` one of the words of a Connection header? */
static bool is_nominated(const char *connection, const char *name) {
    const size_t length = strlen(name);
    while (connection != NULL && *connection != '\0') {
        connection += strspn(connection, ", \t");
        const size_t word = strcspn(connection, ", \t");
        if (word == length && strncasecmp(connection, name, length) == 0) {
            return true;
        }
        connection += word;
    }
    return false;
}

/* ---- the target ---- */

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const int letter = tolower((unsigned char)digit);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* "%25" before what would be a dot, a slash or a backslash, for whoever decodes twice. */
static bool is_encoded_twice(const char *text, size_t length) {
    for (size_t i = 0; i + 4 < length; i++) {
        if (memcmp(text + i, "%25", 3) != 0) {
            continue;
        }
        const int high = hex_value(text[i + 3]);
        const int low = hex_value(text[i + 4]);
        const int byte = high < 0 || low < 0 ? -1 : high * 16 + low;
        if (byte == '.' || byte == '/' || byte == '\\' || byte == '%') {
            return true;
        }
    }
    return false;
}

/* "..;x" is ".." to readers that take parameters off a segment (RFC 3986 section 3.3), and so is
 * ".%2e;x". */
static bool has_dots_before_parameters(const char *path, size_t length) {
    for (size_t at = 0; at < length; at++) {
        if (path[at] != '/') {
            continue;
        }
        size_t dots = 0;
        size_t i = at + 1;
        while (i < length) {
            if (path[i] == '.') {
                i++;
            } else if (i + 2 < length && path[i] == '%' && path[i + 1] == '2' &&
                       (path[i + 2] == 'e' || path[i + 2] == 'E')) {
                i += 3;
            } else {
                break;
            }
            dots++;
        }
        const bool is_cut = i < length && (path[i] == ';' || strncmp(path + i, "%3b", 3) == 0 ||
                                           strncmp(path + i, "%3B", 3) == 0);
        if ((dots == 1 || dots == 2) && is_cut) {
            return true;
        }
    }
    return false;
}

/* "/https:/host" and "/@host": no app has such a first segment. */
static bool begins_like_url(const char *path, size_t length) {
    const size_t first = length > 1 ? strcspn(path + 1, "/?") : 0;
    return first > 0 && (path[first] == ':' || path[1] == '@');
}

enum gate_err gate_proxy_target_read(struct gate_ctx *ctx, const char *request_uri,
                                     const char **ret_target) {
    static const char prefix[] = "/proxy";
    const char *target = request_uri + sizeof prefix - 1;
    if (strncmp(request_uri, prefix, sizeof prefix - 1) != 0 || *target != '/') {
        return gate_fail(ctx, GATE_ERR_INPUT, "Write /proxy/ as it stands, not encoded.");
    }
    const size_t length = strcspn(target, "?");
    if (strlen(target) > GATE_PROXY_TARGET_MAX_BYTES) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Path and query are longer than %d bytes.",
                         GATE_PROXY_TARGET_MAX_BYTES);
    }
    if (strchr(target, '#') != NULL || strchr(target, ' ') != NULL ||
        is_encoded_twice(target, length) || has_dots_before_parameters(target, length) ||
        begins_like_url(target, length)) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "The path for the app is not valid: no dot segments, encoded slashes, "
                         "schemes or hosts.");
    }
    *ret_target = target;
    return GATE_OK;
}

/* ---- the caller's headers ---- */

/* The message is framed and coded anew; the answer must be readable here when it is Scalekit's own.
 */
static const char *const framing[] = {"host", "content-length", "content-type", "expect",
                                      "accept-encoding"};

static const char *const credentials[] = {
    "authorization", "cookie",       "cookie2",      "dpop",           "x-api-key",
    "api-key",       "apikey",       "x-auth-token", "x-access-token", "x-amz-security-token",
    "x-csrf-token",  "x-xsrf-token",
};

static const char *const addressed_to_us[] = {
    "connection-name", "identifier", "gatehouse-", "traceparent", "tracestate", "baggage",
};

/* Who asks from where, which readers further on would believe; and what only browsers say. */
static const char *const origins[] = {
    "forwarded",      "x-forwarded-", "x-real-ip", "x-client-ip", "x-cluster-client-ip",
    "true-client-ip", "cf-",          "via",       "x-original-", "x-rewrite-",
    "origin",         "referer",      "sec-",      "x-accel-",
};

/* A token that may only read must not write by them. */
static const char *const other_methods[] = {"x-http-method", "x-http-method-override",
                                            "x-method-override"};

static bool goes_up(const char *name, const char *connection) {
    return !IS_LISTED(hop_by_hop, name) && !IS_LISTED(framing, name) &&
           !IS_LISTED(credentials, name) && !IS_LISTED(addressed_to_us, name) &&
           !IS_LISTED(origins, name) && !IS_LISTED(other_methods, name) &&
           !is_nominated(connection, name);
}

/* "HTTP_X_THING=…" as "x-thing". */
static const char *read_name(gate_arena *arena, const char *param, size_t length) {
    char *name = gate_arena_strndup(arena, param, length);
    for (char *letter = name; *letter != '\0'; letter++) {
        *letter = *letter == '_' ? '-' : (char)tolower((unsigned char)*letter);
    }
    return name;
}

void gate_proxy_headers_collect(const struct gate_request *request,
                                const struct gate_net_header **ret_headers, size_t *ret_count) {
    static const char prefix[] = "HTTP_";
    gate_arena *arena = request->ctx->arena;
    const char *connection = gate_request_header(request, "HTTP_CONNECTION");
    struct gate_net_header *headers =
        gate_arena_alloc_array(arena, GATE_REQUEST_PARAMS_MAX + 1, sizeof *headers);
    size_t count = 0;
    const char *type = gate_request_param(request, "CONTENT_TYPE");
    if (!gate_text_is_empty(type)) {
        headers[count++] = (struct gate_net_header){"content-type", type};
    }
    for (char **param = request->params; *param != NULL && count < GATE_REQUEST_PARAMS_MAX;
         param++) {
        const char *equals = strchr(*param, '=');
        if (equals == NULL || strncmp(*param, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        const char *start = *param + sizeof prefix - 1;
        const char *name = read_name(arena, start, (size_t)(equals - start));
        if (equals[1] != '\0' && goes_up(name, connection)) {
            headers[count++] = (struct gate_net_header){name, equals + 1};
        }
    }
    *ret_headers = headers;
    *ret_count = count;
}

/* ---- the app's headers ---- */

static const char *const never_returned[] = {
    /* cookies and credentials */
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "authentication-info",
    /* what a browser would do with all of this host */
    "clear-site-data",
    "strict-transport-security",
    "public-key-pins",
    "public-key-pins-report-only",
    "expect-ct",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-frame-options",
    "x-xss-protection",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "feature-policy",
    "document-policy",
    "cross-origin-",
    "access-control-",
    "origin-agent-cluster",
    "service-worker-allowed",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "nel",
    "alt-svc",
    "accept-ch",
    "critical-ch",
    "speculation-rules",
    "supports-loading-mode",
    "sourcemap",
    "x-sourcemap",
    "x-dns-prefetch-control",
    "timing-allow-origin",
    /* what a server in front would do with the answer */
    "status",
    "x-accel-",
    "x-sendfile",
    "x-lighttpd-send-file",
    "x-reproxy-url",
    "x-grpc-",
    "grpc-",
    "surrogate-control",
    "cdn-cache-control",
    "cache-tag",
    /* what is said here, of this answer */
    "server",
    "date",
    "x-request-id",
    "server-timing",
    "ratelimit",
    "ratelimit-",
    "cache-control",
    "expires",
    "pragma",
    "age",
    "gatehouse-",
    "idempotent-replayed",
    "content-length",
};

/* RFC 9110 section 5.1: a token. */
static bool is_name(const char *name) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    return *name != '\0' && strspn(name, token) == strlen(name);
}

bool gate_proxy_header_returns(const char *name, const char *value, const char *connection) {
    return is_name(name) && gate_text_is_one_line(value, strlen(value)) &&
           !IS_LISTED(hop_by_hop, name) && !IS_LISTED(never_returned, name) &&
           !is_nominated(connection, name);
}
