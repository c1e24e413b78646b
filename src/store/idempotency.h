/* Calls that came with an Idempotency-Key: started once, ended once, remembered until they expire.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND and GATE_ERR_BUSY record nothing. What is expired is found like anything else:
 * whoever looks compares `expires_at`.
 */
#ifndef GATE_STORE_IDEMPOTENCY_H
#define GATE_STORE_IDEMPOTENCY_H

#include "crypto/digest.h"
#include "store/store.h"

enum gate_idempotency_state {
    GATE_IDEMPOTENCY_STARTED,
    GATE_IDEMPOTENCY_ANSWERED, /* `sealed_answer` is set */
    GATE_IDEMPOTENCY_UNKNOWN,  /* ended, but how is not known */
    GATE_IDEMPOTENCY_NOT_KEPT, /* ended; the answer was too large, or had to make room */
};

struct gate_idempotency {
    int64_t id;
    int64_t user_id;
    int64_t owner; /* whose quota: a token's id, or minus the user's for a browser */
    struct gate_digest key_hash;
    struct gate_digest request_hash;
    struct gate_digest instance; /* of the process that started it */
    enum gate_idempotency_state state;
    int64_t started_at;
    int64_t runs_until; /* still STARTED after that: nobody is at it any more */
    int64_t expires_at;
    int status; /* what was answered */
    const char *content_type;
    const char *sealed_answer;
};

/* What an owner holds; owner 0: everybody. */
struct gate_idempotency_usage {
    int64_t keys;
    int64_t bytes; /* of sealed answers */
};

enum gate_err gate_store_idempotency_find(struct gate_ctx *ctx, gate_store_tx *tx, int64_t user_id,
                                          int64_t owner, const struct gate_digest *key_hash,
                                          struct gate_idempotency *ret_row) GATE_MUST_CHECK;

/* Record that a call starts; `id`, `state` and what was answered are not read. GATE_ERR_CONFLICT
 * when there is a row of that key, GATE_ERR_BUSY beyond GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX or
 * GATE_IDEMPOTENCY_KEYS_MAX. */
enum gate_err gate_store_idempotency_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                            const struct gate_idempotency *row,
                                            int64_t *ret_id) GATE_MUST_CHECK;

/* Record how the call that `instance` started has ended: `state`, and with ANSWERED what was
 * answered. Older answers of the same owner make room within GATE_IDEMPOTENCY_BYTES_…_MAX; where
 * that is not enough the state becomes NOT_KEPT. A row that is gone or has ended is left alone. */
enum gate_err gate_store_idempotency_end(struct gate_ctx *ctx, gate_store_tx *tx,
                                         const struct gate_idempotency *row) GATE_MUST_CHECK;

/* Forget a call that `instance` started and that has done nothing. */
enum gate_err gate_store_idempotency_release(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                             const struct gate_digest *instance) GATE_MUST_CHECK;

/* Delete up to `max` rows that have expired at `now_ms`. `ret_deleted` may be NULL. */
enum gate_err gate_store_idempotency_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                    int64_t now_ms, size_t max,
                                                    size_t *ret_deleted) GATE_MUST_CHECK;

enum gate_err gate_store_idempotency_delete(struct gate_ctx *ctx, gate_store_tx *tx,
                                            int64_t id) GATE_MUST_CHECK;

/* Whether one more row of this owner's could be inserted. */
enum gate_err gate_store_idempotency_has_room(struct gate_ctx *ctx, gate_store_tx *tx,
                                              int64_t owner, bool *ret_has_room) GATE_MUST_CHECK;

enum gate_err
gate_store_idempotency_usage(struct gate_ctx *ctx, gate_store_tx *tx, int64_t owner,
                             struct gate_idempotency_usage *ret_usage) GATE_MUST_CHECK;

#endif
