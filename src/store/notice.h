/* The outbox: what the operator's own services are to be told, and how telling them goes.
 *
 * Notices are written by a trigger in the transaction of the change itself (sql/schema/), one for
 * each target, and go once they were delivered; a target's are delivered in the order of the
 * changes. Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing. Times are wall-clock milliseconds, 0 for none.
 */
#ifndef GATE_STORE_NOTICE_H
#define GATE_STORE_NOTICE_H

#include "store/store.h"

struct gate_notice_target {
    int64_t id;
    const char *url;
    int64_t attempts;       /* in vain, one after the other */
    int64_t failing_since;  /* 0: it is not */
    int64_t next_at;        /* not before; 0: at once */
    const char *last_error; /* NULL: the last one went well */
    int64_t delivered_at;   /* 0: never */
    int64_t disabled_at;    /* 0: it is not */
    int64_t pending;        /* notices it still waits for */
    int64_t dropped;        /* those it will never get, because there were too many */
};

struct gate_notice {
    int64_t id;
    const char *message_id; /* the same at every attempt */
    const char *identifier; /* the user's */
    const char *connection_name;
    const char *scalekit_id; /* NULL: not known */
    const char *old_status;  /* NULL: there was no account */
    const char *new_status;  /* NULL: the account is gone */
    int64_t at;
};

/* How an attempt failed, and what follows from it. */
struct gate_notice_failure {
    const char *error;
    int64_t next_at;
    bool disables; /* no more attempts until the operator says so */
};

/* Make the targets those that the NULL-terminated list of URLs names (NULL: none). One that is no
 * longer named goes, with what it still waits for; `ret_lost` counts that. */
enum gate_err gate_store_notice_targets_save(struct gate_ctx *ctx, gate_store_tx *tx,
                                             const char *const *urls,
                                             size_t *ret_lost) GATE_MUST_CHECK;

enum gate_err gate_store_notice_target_list(struct gate_ctx *ctx, gate_store_tx *tx,
                                            struct gate_notice_target **ret_targets,
                                            size_t *ret_count) GATE_MUST_CHECK;

/* The oldest that the target waits for. */
enum gate_err gate_store_notice_find_next(struct gate_ctx *ctx, gate_store_tx *tx,
                                          int64_t target_id,
                                          struct gate_notice *ret_notice) GATE_MUST_CHECK;

/* The notice has arrived: it goes, and the target is well. */
enum gate_err gate_store_notice_delivered(struct gate_ctx *ctx, gate_store_tx *tx,
                                          int64_t target_id, int64_t notice_id,
                                          int64_t now_ms) GATE_MUST_CHECK;

/* An attempt has failed; the notice stays. */
enum gate_err gate_store_notice_failed(struct gate_ctx *ctx, gate_store_tx *tx, int64_t target_id,
                                       const struct gate_notice_failure *failure,
                                       int64_t now_ms) GATE_MUST_CHECK;

/* Forget that a target has failed, so that it is tried at once; one that is disabled only if
 * `resumes`. `ret_changed`: there was something to forget. */
enum gate_err gate_store_notice_target_wake(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t target_id, bool resumes,
                                            bool *ret_changed) GATE_MUST_CHECK;

/* Drop up to `max` notices of disabled targets that tell of what happened at `before_ms` or before.
 */
enum gate_err gate_store_notice_delete_older(struct gate_ctx *ctx, gate_store_tx *tx,
                                             int64_t before_ms, size_t max,
                                             size_t *ret_deleted) GATE_MUST_CHECK;

#endif
