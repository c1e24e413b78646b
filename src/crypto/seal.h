/* Sealed values: AES-256-GCM (NIST SP 800-38D) with a random nonce, as base64url text.
 *
 * Owner: results live in the arena. Threads: immutable. Errors: GATE_ERR_INPUT for anything that
 * was not sealed with this key and purpose, nothing recorded (a stranger's cookie is no event).
 */
#ifndef GATE_CRYPTO_SEAL_H
#define GATE_CRYPTO_SEAL_H

#include <stddef.h>

#include "crypto/digest.h"

/* Seal `length` bytes. `bound_to` is authenticated but not contained (a row id, a cookie name). */
char *gate_seal_make(gate_arena *arena, const struct gate_digest *key, const char *bound_to,
                     const void *bytes, size_t length);

/* Open what gate_seal_make made with the same key and `bound_to`. The result has a NUL behind it.
 */
enum gate_err gate_seal_open(gate_arena *arena, const struct gate_digest *key, const char *bound_to,
                             const char *sealed, char **ret_bytes,
                             size_t *ret_length) GATE_MUST_CHECK;

#endif
