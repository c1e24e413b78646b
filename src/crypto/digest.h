/* Digests, HMAC, derived keys, constant-time comparison. OpenSSL 3 behind it.
 *
 * Threads: immutable. Errors: none; a library that cannot compute SHA-256 aborts the process.
 */
#ifndef GATE_CRYPTO_DIGEST_H
#define GATE_CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/secret.h"

#define GATE_DIGEST_BYTES 32

/* A SHA-256 value: what the store keeps instead of a cookie, a state or a token. */
struct gate_digest {
    unsigned char bytes[GATE_DIGEST_BYTES];
};

struct gate_digest gate_digest_make(const void *bytes, size_t length); /* SHA-256 */
struct gate_digest gate_hmac_make(const void *key, size_t key_length, const void *bytes,
                                  size_t length); /* HMAC-SHA256, RFC 2104 */

/* Derive a 32-byte key for one purpose from the service's secret (HKDF-SHA256, RFC 5869; `purpose`
 * is the info). */
struct gate_digest gate_key_derive(const gate_secret *secret, const char *purpose);

/* Compare in constant time. */
bool gate_digest_equal(const struct gate_digest *a, const struct gate_digest *b);
bool gate_bytes_equal(const void *a, size_t a_length, const void *b, size_t b_length);

#endif
