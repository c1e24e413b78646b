/* Attempts to connect: one row from the click on "connect" to the callback, single use.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND, GATE_ERR_CONFLICT and GATE_ERR_EXPIRED of _use record nothing: a stranger's
 * state is no event.
 */
#ifndef GATE_STORE_AUTHORIZATION_H
#define GATE_STORE_AUTHORIZATION_H

#include "crypto/digest.h"
#include "store/store.h"

struct gate_authorization {
    struct gate_digest state_hash;
    struct gate_digest browser_hash; /* of the cookie that binds it to one browser */
    int64_t user_id;
    const char *connection_name;
    const char *return_to; /* NULL: none asked for */
    int64_t created_at;
    int64_t expires_at;
    int64_t used_at;     /* 0: not yet */
    const char *outcome; /* one word ("connected", "refused", …); NULL: not finished */
};

/* Record an attempt and drop the same person's oldest beyond
 * GATE_AUTHORIZATION_REQUESTS_PER_USER_MAX. `used_at` and `outcome` are not read. */
enum gate_err
gate_store_authorization_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                const struct gate_authorization *authorization) GATE_MUST_CHECK;

/* Find an attempt, used or expired ones included. */
enum gate_err
gate_store_authorization_find(struct gate_ctx *ctx, gate_store_tx *tx,
                              const struct gate_digest *state_hash,
                              struct gate_authorization *ret_authorization) GATE_MUST_CHECK;

/* Mark an attempt as used, once: GATE_ERR_CONFLICT when it was used before, GATE_ERR_EXPIRED when
 * it has expired at `now_ms`, GATE_ERR_NOT_FOUND when there is none. `ret_authorization` may be
 * NULL. */
enum gate_err
gate_store_authorization_use(struct gate_ctx *ctx, gate_store_tx *tx,
                             const struct gate_digest *state_hash, int64_t now_ms,
                             struct gate_authorization *ret_authorization) GATE_MUST_CHECK;

/* Record how the attempt ended. One that is gone is no error. */
enum gate_err gate_store_authorization_finish(struct gate_ctx *ctx, gate_store_tx *tx,
                                              const struct gate_digest *state_hash,
                                              const char *outcome) GATE_MUST_CHECK;

/* List up to `max` attempts of a person that are neither used nor finished nor expired, newest
 * first. */
enum gate_err gate_store_authorization_list_open(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 int64_t user_id, int64_t now_ms, size_t max,
                                                 struct gate_authorization **ret_authorizations,
                                                 size_t *ret_count) GATE_MUST_CHECK;

/* Delete up to `max` attempts that have expired at `now_ms`. `ret_deleted` may be NULL. */
enum gate_err gate_store_authorization_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                      int64_t now_ms, size_t max,
                                                      size_t *ret_deleted) GATE_MUST_CHECK;

#endif
