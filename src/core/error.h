/* Kinds of failure, and the record of the first one.
 *
 * A fallible function returns `enum gate_err`; the sentence and the place stay in the request's
 * `struct gate_error`. The first failure wins: later ones on the way out do not overwrite it.
 * Threads: confined to whoever holds the context. Logs: never; the request's end logs once.
 */
#ifndef GATE_CORE_ERROR_H
#define GATE_CORE_ERROR_H

#include "core/limits.h"

#define GATE_MUST_CHECK __attribute__((warn_unused_result))
#define GATE_PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))

/* What a caller can act on. HTTP statuses are chosen from these by one table in web/problem.c. */
enum gate_err {
    GATE_OK = 0,
    GATE_ERR_INPUT,               /* the caller's input is wrong; the message says how */
    GATE_ERR_UNAUTHENTICATED,     /* nobody, or a credential that does not hold */
    GATE_ERR_FORBIDDEN,           /* known caller, not allowed */
    GATE_ERR_NOT_FOUND,           /* no such thing, or none this caller may know of */
    GATE_ERR_CONFLICT,            /* the state of things does not allow it (used, duplicate) */
    GATE_ERR_EXPIRED,             /* was valid once */
    GATE_ERR_MEDIA_TYPE,          /* a body of a kind that is not taken here */
    GATE_ERR_TOO_LARGE,           /* beyond a named limit */
    GATE_ERR_HEADER_TOO_LARGE,    /* more header fields than are taken */
    GATE_ERR_NEEDS_AUTHORIZATION, /* the connected account is not active; the user must act */
    GATE_ERR_BUSY,                /* our own limit; try again later */
    GATE_ERR_OVER_QUOTA,          /* this caller's own limit with us; try again later */
    GATE_ERR_RATE_LIMITED,        /* Scalekit's own limit; try again later */
    GATE_ERR_UNAVAILABLE,         /* upstream cannot be reached or says so; nothing was done */
    GATE_ERR_TIMEOUT,             /* the deadline passed before anything was done */
    GATE_ERR_OUTCOME_UNKNOWN,     /* the request left, the answer was lost */
    GATE_ERR_UPSTREAM,            /* upstream answered with something that makes no sense */
    GATE_ERR_PROVIDER,            /* the third-party app behind a tool refused or failed */
    GATE_ERR_KEY_REUSED,          /* the idempotency key came before, with another request */
    GATE_ERR_KEY_RUNNING,         /* the call that came with this key first has not ended */
    GATE_ERR_KEY_OUTCOME_UNKNOWN, /* it left, and nobody knows how it ended */
    GATE_ERR_KEY_ANSWER_GONE,     /* it was carried out, but its answer was not kept */
    GATE_ERR_STORE,               /* the database cannot do it now */
    GATE_ERR_CONFIG,              /* a setting or an installed file is wrong */
    GATE_ERR_INTERNAL,            /* a bug, or the machine */
    GATE_ERR_COUNT_,
};

struct gate_error {
    enum gate_err kind;
    const char *file; /* where it was raised; static */
    int line;
    char message[GATE_ERROR_MESSAGE_MAX_BYTES]; /* for logs and developers; never holds a secret */
};

/* Name a kind in lower-case words, for logs ("not_found"). Static string. */
const char *gate_err_name(enum gate_err kind);

/* Record a failure unless one is recorded already, and return `kind` in either case. */
enum gate_err gate_error_set_at(struct gate_error *error, const char *file, int line,
                                enum gate_err kind, const char *format, ...) GATE_PRINTF(5, 6);

/* Forget the recorded failure, for callers that handled it. */
void gate_error_clear(struct gate_error *error);

#define gate_fail(ctx, ...) gate_error_set_at(&(ctx)->error, __FILE__, __LINE__, __VA_ARGS__)

#endif
