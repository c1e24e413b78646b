#include "web/path.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"

static bool is_dot_segment(const char *segment, size_t length) {
    return (length == 1 && segment[0] == '.') ||
           (length == 2 && segment[0] == '.' && segment[1] == '.');
}

/* `path` is decoded; every segment but the last of "/" must have text. */
static bool has_clean_segments(const char *path) {
    while (*path == '/') {
        size_t length = strcspn(path + 1, "/");
        bool is_last = path[1 + length] == '\0';
        if (is_dot_segment(path + 1, length) || (length == 0 && !is_last)) {
            return false;
        }
        path += 1 + length;
    }
    return *path == '\0';
}

static bool has_encoded_slash(const char *raw, size_t length) {
    for (size_t i = 0; i + 2 < length; i++) {
        bool slash = raw[i + 1] == '2' && (raw[i + 2] == 'f' || raw[i + 2] == 'F');
        bool backslash = raw[i + 1] == '5' && (raw[i + 2] == 'c' || raw[i + 2] == 'C');
        if (raw[i] == '%' && (slash || backslash)) {
            return true;
        }
    }
    return false;
}

enum gate_err gate_path_parse(struct gate_ctx *ctx, const char *request_uri, const char **ret_path,
                              const char **ret_query) {
    size_t uri_length = strlen(request_uri);
    size_t length = strcspn(request_uri, "?");
    char *path;
    if (uri_length > GATE_REQUEST_URI_MAX_BYTES) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The address is longer than %d bytes.",
                         GATE_REQUEST_URI_MAX_BYTES);
    }
    if (request_uri[0] != '/' || !gate_text_is_one_line(request_uri, uri_length) ||
        memchr(request_uri, '\\', length) != NULL || has_encoded_slash(request_uri, length) ||
        gate_percent_parse(ctx->arena, request_uri, length, 0, &path) != GATE_OK ||
        !gate_text_is_one_line(path, strlen(path)) || !has_clean_segments(path)) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The path of this address is not valid.");
    }
    *ret_path = path;
    *ret_query = request_uri[length] == '?' ? request_uri + length + 1 : "";
    return GATE_OK;
}
