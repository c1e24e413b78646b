/* What one attempt to sign in must remember until the browser comes back, sealed into a cookie of
 * its own.
 *
 * Owner: results live in the arena. Threads: immutable. Errors: see gate_signin_attempt_open. Never
 * logs.
 */
#ifndef GATE_PORTAL_SIGNIN_ATTEMPT_H
#define GATE_PORTAL_SIGNIN_ATTEMPT_H

#include "core/context.h"
#include "crypto/digest.h"

struct gate_signin_attempt {
    const char *nonce;
    const char *verifier; /* RFC 7636 */
    const char *return_to;
    int64_t started_at; /* wall ms */
};

/* Seal an attempt so that only who has `state` and the key can open it. */
const char *gate_signin_attempt_seal(gate_arena *arena, const struct gate_digest *key,
                                     const char *state, const struct gate_signin_attempt *attempt);

/* Open a sealed attempt. GATE_ERR_CONFLICT for one that is missing or of another state or key,
 * GATE_ERR_EXPIRED for one older than GATE_SIGNIN_TTL_MS. */
enum gate_err gate_signin_attempt_open(struct gate_ctx *ctx, const struct gate_digest *key,
                                       const char *state, const char *sealed,
                                       struct gate_signin_attempt *ret_attempt) GATE_MUST_CHECK;

#endif
