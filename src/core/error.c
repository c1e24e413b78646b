#include "core/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const err_names[] = {
    [GATE_OK] = "ok",
    [GATE_ERR_INPUT] = "input",
    [GATE_ERR_UNAUTHENTICATED] = "unauthenticated",
    [GATE_ERR_FORBIDDEN] = "forbidden",
    [GATE_ERR_NOT_FOUND] = "not_found",
    [GATE_ERR_CONFLICT] = "conflict",
    [GATE_ERR_EXPIRED] = "expired",
    [GATE_ERR_MEDIA_TYPE] = "media_type",
    [GATE_ERR_TOO_LARGE] = "too_large",
    [GATE_ERR_HEADER_TOO_LARGE] = "header_too_large",
    [GATE_ERR_NEEDS_AUTHORIZATION] = "needs_authorization",
    [GATE_ERR_BUSY] = "busy",
    [GATE_ERR_OVER_QUOTA] = "over_quota",
    [GATE_ERR_RATE_LIMITED] = "rate_limited",
    [GATE_ERR_UNAVAILABLE] = "unavailable",
    [GATE_ERR_TIMEOUT] = "timeout",
    [GATE_ERR_OUTCOME_UNKNOWN] = "outcome_unknown",
    [GATE_ERR_UPSTREAM] = "upstream",
    [GATE_ERR_PROVIDER] = "provider",
    [GATE_ERR_KEY_REUSED] = "key_reused",
    [GATE_ERR_KEY_RUNNING] = "key_running",
    [GATE_ERR_KEY_OUTCOME_UNKNOWN] = "key_outcome_unknown",
    [GATE_ERR_KEY_ANSWER_GONE] = "key_answer_gone",
    [GATE_ERR_STORE] = "store",
    [GATE_ERR_CONFIG] = "config",
    [GATE_ERR_INTERNAL] = "internal",
};
_Static_assert(sizeof err_names / sizeof err_names[0] == GATE_ERR_COUNT_, "name every kind");

const char *gate_err_name(enum gate_err kind) {
    assert(kind < GATE_ERR_COUNT_);
    return err_names[kind];
}

enum gate_err gate_error_set_at(struct gate_error *error, const char *file, int line,
                                enum gate_err kind, const char *format, ...) {
    if (error->kind != GATE_OK) {
        return kind;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->kind = kind;
    error->file = file;
    error->line = line;
    return kind;
}

void gate_error_clear(struct gate_error *error) {
    error->kind = GATE_OK;
    error->file = NULL;
    error->line = 0;
    error->message[0] = '\0';
}
