/* Signed-in browsers. The store knows the hash of the cookie's value only.
 *
 * Owner: strings of results live in ctx->arena. Threads: as the transaction. Errors:
 * GATE_ERR_NOT_FOUND records nothing.
 */
#ifndef GATE_STORE_SESSION_H
#define GATE_STORE_SESSION_H

#include "crypto/digest.h"
#include "store/store.h"
#include "store/user.h"

struct gate_session {
    int64_t id;
    struct gate_digest hash;
    int64_t user_id;
    int64_t created_at;
    int64_t last_seen_at;
    int64_t idle_expires_at; /* kept no later than expires_at */
    int64_t expires_at;
    const char *user_agent;       /* NULL: none sent */
    const char *sealed_id_token;  /* for signing out at the provider; NULL: none */
    const char *provider_session; /* on writing only: the ID token's sid; NULL: none */
};

/* Whose sessions the provider wants to end; one of `subject` and `provider_session` may be NULL. */
struct gate_session_ending {
    const char *issuer;
    const char *subject;
    const char *provider_session; /* NULL: all of the subject's */
    struct gate_digest jti_hash;  /* names the order, which is carried out once */
    int64_t jti_expires_at;       /* until when a repeated one is known */
};

/* Record a session and drop the same person's oldest beyond GATE_SESSIONS_PER_USER_MAX. `id` is not
 * read. */
enum gate_err gate_store_session_insert(struct gate_ctx *ctx, gate_store_tx *tx,
                                        const struct gate_session *session,
                                        int64_t *ret_id) GATE_MUST_CHECK;

/* Find the session that has not expired at `now_ms`, and its person, unless suspended. */
enum gate_err gate_store_session_find_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                              const struct gate_digest *hash, int64_t now_ms,
                                              struct gate_session *ret_session,
                                              struct gate_user *ret_user) GATE_MUST_CHECK;

/* Note that the session was used, and move its idle expiry (never beyond expires_at, never back). A
 * session that is gone is no error. */
enum gate_err gate_store_session_touch(struct gate_ctx *ctx, gate_store_tx *tx, int64_t id,
                                       int64_t now_ms, int64_t idle_expires_at) GATE_MUST_CHECK;

/* End a session. One that is gone already is no error. */
enum gate_err gate_store_session_delete_by_hash(struct gate_ctx *ctx, gate_store_tx *tx,
                                                const struct gate_digest *hash) GATE_MUST_CHECK;

/* End sessions as their provider asks; `ret_ended` says how many there were. GATE_ERR_CONFLICT when
 * the same order was carried out before. Drops a few old orders that need no memory any more. */
enum gate_err gate_store_session_end_by_provider(struct gate_ctx *ctx, gate_store_tx *tx,
                                                 const struct gate_session_ending *ending,
                                                 int64_t now_ms, size_t *ret_ended) GATE_MUST_CHECK;

/* Delete up to `max` sessions that have expired at `now_ms`. `ret_deleted` may be NULL. */
enum gate_err gate_store_session_delete_expired(struct gate_ctx *ctx, gate_store_tx *tx,
                                                int64_t now_ms, size_t max,
                                                size_t *ret_deleted) GATE_MUST_CHECK;

#endif
