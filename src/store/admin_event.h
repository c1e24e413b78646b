/* What operators did with the command line: who, what, when, and how it ended.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_STORE.
 */
#ifndef GATE_STORE_ADMIN_EVENT_H
#define GATE_STORE_ADMIN_EVENT_H

#include "store/store.h"

struct gate_admin_event {
    int64_t id;
    int64_t at;
    int64_t uid;            /* of the process */
    const char *os_user;    /* its name; NULL: it has none */
    const char *login_user; /* who logged in, as the kernel keeps it across sudo; NULL: not known */
    const char *action;     /* the command's words */
    const char *subject;    /* a token's public id, a target's address; NULL: none */
    int64_t user_id;        /* the person it was about; 0: none */
    const char *outcome;    /* "done", "failed"; NULL: under way, or cut off */
    /* Read only: what these are called now; NULL when they are gone. */
    const char *identifier;
    const char *token_label;
};

/* Record that an act begins; `id`, `outcome` and what is read only are not looked at. */
enum gate_err gate_store_admin_event_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_admin_event *event,
                                            int64_t *ret_id) GATE_MUST_CHECK;

/* Record how the act `event->id` ended, and its subject and person if they were not known before.
 */
enum gate_err gate_store_admin_event_finish(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_admin_event *event) GATE_MUST_CHECK;

/* List the last `max`, newest first. */
enum gate_err gate_store_admin_event_list(struct gate_ctx *ctx, gate_store_tx *tx, size_t max,
                                          struct gate_admin_event **ret_events,
                                          size_t *ret_count) GATE_MUST_CHECK;

#endif
