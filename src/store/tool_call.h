/* The trail of tool calls and proxied requests. Append-only; never holds arguments or results.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors: as
 * store/store.h.
 */
#ifndef GATE_STORE_TOOL_CALL_H
#define GATE_STORE_TOOL_CALL_H

#include "store/store.h"

struct gate_tool_call {
    int64_t id;
    int64_t user_id;             /* 0: no person was named, or none that may be */
    int64_t token_id;            /* 0: from a browser */
    const char *token_label;     /* on reading only; NULL: none, or the token is gone */
    const char *connection_name; /* NULL: not known */
    const char *tool_name;       /* or "GET /path" */
    /* "ok", "provider_error", "denied", "needs_authorization", "unavailable", "timeout",
     * "outcome_unknown", "invalid", "busy", "over_quota" (which stands for others too) */
    const char *outcome;
    const char *error_source; /* "gatehouse", "scalekit", "provider"; NULL: no error */
    const char *error_code;
    const char *execution_id; /* Scalekit's; NULL: none given */
    const char *agent_run_id;
    const char *request_id;
    int64_t at;
    int64_t duration_ms;
};

/* The newest call of one person on one connection. */
struct gate_tool_call_last {
    const char *connection_name;
    const char *token_label; /* NULL: from a browser, or the token is gone */
    const char *outcome;
    int64_t at;
};

/* Append a call. `id` and `token_label` are not read. `ret_id` may be NULL. */
enum gate_err gate_store_tool_call_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                          const struct gate_tool_call *call,
                                          int64_t *ret_id) GATE_MUST_CHECK;

struct gate_tool_call_filter {
    int64_t user_id;
    const char *connection_name; /* NULL: all */
    int64_t before_id;           /* 0: from the newest; else those older than this one */
    size_t max;
};

/* List a person's calls, newest first. */
enum gate_err gate_store_tool_call_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                        const struct gate_tool_call_filter *filter,
                                        struct gate_tool_call **ret_calls,
                                        size_t *ret_count) GATE_MUST_CHECK;

/* The newest call on each connection a person has used, by connection name. */
enum gate_err gate_store_tool_call_last_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t user_id,
                                             struct gate_tool_call_last **ret_calls,
                                             size_t *ret_count) GATE_MUST_CHECK;

/* Delete the calls that were made at `before_ms` or before, of the `max` oldest there are. */
enum gate_err gate_store_tool_call_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                                int64_t before_ms, size_t max,
                                                size_t *ret_deleted) GATE_MUST_CHECK;

#endif
