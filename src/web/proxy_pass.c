#include "web/proxy_pass.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/encoding.h"
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
static bool is_nominated_by(const char *connection, const char *name) {
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

/* RFC 9110 section 5.1: a token. */
static bool is_name(const char *name) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    return *name != '\0' && strspn(name, token) == strlen(name);
}

static bool can_be_sent(const struct gate_net_header *header) {
    return is_name(header->name) && gate_text_is_one_line(header->value, strlen(header->value));
}

/* ---- the target ---- */

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const int letter = tolower((unsigned char)digit);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* What is left encoded after one decoding, for whoever decodes twice. */
static bool is_encoded_twice(const char *path) {
    for (const char *at = strchr(path, '%'); at != NULL; at = strchr(at + 1, '%')) {
        const int high = hex_value(at[1]);
        const int low = high < 0 ? -1 : hex_value(at[2]);
        const int byte = low < 0 ? -1 : high * 16 + low;
        if (byte == '.' || byte == '/' || byte == '\\' || byte == '%' || byte == ';') {
            return true;
        }
    }
    return false;
}

/* "..;x" is ".." to readers that take parameters off a segment (RFC 3986 section 3.3). */
static bool has_dots_before_parameters(const char *path) {
    for (const char *at = strchr(path, '/'); at != NULL; at = strchr(at + 1, '/')) {
        const size_t dots = strspn(at + 1, ".");
        if ((dots == 1 || dots == 2) && at[1 + dots] == ';') {
            return true;
        }
    }
    return false;
}

/* "/https:/host" and "/@host": no app has such a first segment. */
static bool begins_like_url(const char *path) {
    const size_t first = strcspn(path + 1, "/");
    return first > 0 && (path[first] == ':' || path[1] == '@');
}

/* What gate_url_parse would refuse later. */
static bool has_odd_bytes(const char *target) {
    for (const unsigned char *byte = (const unsigned char *)target; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte >= 0x7f || *byte == '\\' || *byte == '#') {
            return true;
        }
    }
    return false;
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
    if (has_odd_bytes(target)) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "Percent-encode spaces, backslashes, \"#\" and whatever is not ASCII.");
    }
    char *path;
    if (gate_percent_parse(ctx->arena, target, length, 0, &path) != GATE_OK ||
        is_encoded_twice(path) || has_dots_before_parameters(path) || begins_like_url(path)) {
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
    "authorization",
    "cookie",
    "cookie2",
    "dpop",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-authorization",
    "x-goog-api-key",
    "private-token",
    "x-api-token",
    "api-token",
    "access-token",
    "auth-token",
    "x-auth-key",
    "x-shopify-access-token",
};

static const char *const addressed_to_us[] = {
    "connection-", "connected-account-", "identifier", "gatehouse-", "scalekit-",
    "x-scalekit-", "traceparent",        "tracestate", "baggage",
};

/* Who asks from where, which readers further on would believe; and what only browsers say. */
static const char *const origins[] = {
    "forwarded",
    "x-forwarded",
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "x-remote-",
    "x-cluster-client-ip",
    "x-envoy-",
    "x-host",
    "true-client-ip",
    "x-originating-ip",
    "x-original-",
    "x-rewrite-",
    "cf-",
    "fastly-",
    "via",
    "origin",
    "referer",
    "sec-",
    "x-accel-",
};

/* A token that may only read must not write by them. */
static const char *const other_methods[] = {"x-http-method", "x-http-method-override",
                                            "x-method-override"};

/* There may be several such headers. */
static bool is_nominated(const struct gate_request *request, const char *name) {
    static const char connection[] = "HTTP_CONNECTION=";
    for (char **param = request->params; *param != NULL; param++) {
        if (strncmp(*param, connection, sizeof connection - 1) == 0 &&
            is_nominated_by(*param + sizeof connection - 1, name)) {
            return true;
        }
    }
    return false;
}

static bool goes_up(const struct gate_request *request, const char *name) {
    return !IS_LISTED(hop_by_hop, name) && !IS_LISTED(framing, name) &&
           !IS_LISTED(credentials, name) && !IS_LISTED(addressed_to_us, name) &&
           !IS_LISTED(origins, name) && !IS_LISTED(other_methods, name) &&
           !is_nominated(request, name);
}

/* "HTTP_X_THING=…" as "x-thing". */
static const char *read_name(gate_arena *arena, const char *param, size_t length) {
    char *name = gate_arena_strndup(arena, param, length);
    for (char *letter = name; *letter != '\0'; letter++) {
        *letter = *letter == '_' ? '-' : (char)tolower((unsigned char)*letter);
    }
    return name;
}

enum gate_err gate_proxy_headers_collect(const struct gate_request *request,
                                         const struct gate_net_header **ret_headers,
                                         size_t *ret_count) {
    static const char prefix[] = "HTTP_";
    gate_arena *arena = request->ctx->arena;
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
        if (equals[1] == '\0' || !goes_up(request, name)) {
            continue;
        }
        headers[count++] = (struct gate_net_header){name, equals + 1};
    }
    for (size_t i = 0; i < count; i++) {
        if (!can_be_sent(&headers[i])) {
            return gate_fail(request->ctx, GATE_ERR_INPUT, "A header cannot be passed on: %s",
                             headers[i].name);
        }
    }
    *ret_headers = headers;
    *ret_count = count;
    return GATE_OK;
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

bool gate_proxy_header_returns(const char *name, const char *value, const char *connection) {
    return can_be_sent(&(struct gate_net_header){name, value}) && !IS_LISTED(hop_by_hop, name) &&
           !IS_LISTED(never_returned, name) && !is_nominated_by(connection, name);
}
