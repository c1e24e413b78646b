#include "web/grpc/status.h"

#include <string.h>

#include "core/text.h"

/* Everything that is not here is GATE_GRPC_INTERNAL. An UNAVAILABLE is tried again by the SDKs, so
 * it is only for what was certainly not carried out. */
enum gate_grpc_code gate_grpc_code_get(enum gate_err kind) {
    static const enum gate_grpc_code codes[GATE_ERR_COUNT_] = {
        [GATE_ERR_INPUT] = GATE_GRPC_INVALID_ARGUMENT,
        [GATE_ERR_UNAUTHENTICATED] = GATE_GRPC_UNAUTHENTICATED,
        [GATE_ERR_FORBIDDEN] = GATE_GRPC_PERMISSION_DENIED,
        [GATE_ERR_NOT_FOUND] = GATE_GRPC_NOT_FOUND,
        [GATE_ERR_CONFLICT] = GATE_GRPC_ALREADY_EXISTS,
        [GATE_ERR_EXPIRED] = GATE_GRPC_FAILED_PRECONDITION,
        [GATE_ERR_MEDIA_TYPE] = GATE_GRPC_UNIMPLEMENTED,
        [GATE_ERR_TOO_LARGE] = GATE_GRPC_RESOURCE_EXHAUSTED,
        [GATE_ERR_HEADER_TOO_LARGE] = GATE_GRPC_RESOURCE_EXHAUSTED,
        [GATE_ERR_NEEDS_AUTHORIZATION] = GATE_GRPC_FAILED_PRECONDITION,
        [GATE_ERR_BUSY] = GATE_GRPC_UNAVAILABLE,
        [GATE_ERR_OVER_QUOTA] = GATE_GRPC_RESOURCE_EXHAUSTED,
        [GATE_ERR_RATE_LIMITED] = GATE_GRPC_RESOURCE_EXHAUSTED,
        [GATE_ERR_UNAVAILABLE] = GATE_GRPC_UNAVAILABLE,
        [GATE_ERR_TIMEOUT] = GATE_GRPC_DEADLINE_EXCEEDED,
        [GATE_ERR_OUTCOME_UNKNOWN] = GATE_GRPC_UNKNOWN,
        [GATE_ERR_PROVIDER] = GATE_GRPC_UNKNOWN,
        [GATE_ERR_STORE] = GATE_GRPC_UNAVAILABLE,
    };
    enum gate_grpc_code code = kind < GATE_ERR_COUNT_ ? codes[kind] : GATE_GRPC_OK;
    return code == GATE_GRPC_OK ? GATE_GRPC_INTERNAL : code;
}

enum gate_grpc_code gate_grpc_code_of_tool(int http_status) {
    switch (http_status) {
    case 400:
    case 422:
        return GATE_GRPC_INVALID_ARGUMENT;
    case 401:
        return GATE_GRPC_UNAUTHENTICATED;
    case 403:
        return GATE_GRPC_PERMISSION_DENIED;
    case 404:
        return GATE_GRPC_NOT_FOUND;
    case 409:
        return GATE_GRPC_ABORTED;
    case 429:
        return GATE_GRPC_RESOURCE_EXHAUSTED;
    case 501:
        return GATE_GRPC_UNIMPLEMENTED;
    case 503:
        return GATE_GRPC_UNAVAILABLE;
    case 504:
        return GATE_GRPC_DEADLINE_EXCEEDED;
    default:
        return http_status >= 500 ? GATE_GRPC_INTERNAL : GATE_GRPC_UNKNOWN;
    }
}

char *gate_grpc_text_cut(gate_arena *arena, const char *text, size_t max_bytes) {
    size_t length = strlen(text);
    size_t kept = 0;
    while (kept < length) {
        size_t step = gate_text_utf8_step(text + kept, length - kept);
        if (step == 0 || kept + step > max_bytes) {
            break;
        }
        kept += step;
    }
    return gate_arena_strndup(arena, text, kept);
}

char *gate_grpc_message_format(gate_arena *arena, const char *message) {
    static const char digits[] = "0123456789ABCDEF";
    const char *from = gate_grpc_text_cut(arena, message, GATE_GRPC_MESSAGE_MAX_BYTES);
    char *text = gate_arena_alloc(arena, 3 * strlen(from) + 1);
    char *to = text;
    for (; *from != '\0'; from++) {
        unsigned char byte = (unsigned char)*from;
        if (byte >= 0x20 && byte <= 0x7E && byte != '%') {
            *to++ = *from;
            continue;
        }
        *to++ = '%';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    return text;
}

char *gate_grpc_error_code_format(gate_arena *arena, const char *slug) {
    char *text = gate_arena_printf(arena, "GATEHOUSE_%s", slug);
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '-') {
            *at = '_';
        } else if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        }
    }
    return text;
}
