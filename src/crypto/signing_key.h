/* A key pair that signs compact JWSs (RFC 7515) with RS256: what the simulator and the tests need
 * to play a sign-in provider. The service itself only verifies (crypto/jose.h).
 *
 * Owner: free with gate_signing_key_free; results live in the arena given. Threads: immutable after
 * gate_signing_key_new. Errors: none; a library that cannot make or use a key aborts the process.
 */
#ifndef GATE_CRYPTO_SIGNING_KEY_H
#define GATE_CRYPTO_SIGNING_KEY_H

#include "core/arena.h"

typedef struct gate_signing_key gate_signing_key;

/* Make a random 2048-bit RSA key pair named `kid`. Takes a tenth of a second or so. */
gate_signing_key *gate_signing_key_new(const char *kid);

/* NULL is fine. */
void gate_signing_key_free(gate_signing_key *key);

/* The public half as the JSON text of one JWK: kty, kid, use "sig", alg "RS256", n, e. */
char *gate_signing_key_public_jwk_format(gate_arena *arena, const gate_signing_key *key);

/* Sign `payload_json` and give the compact JWS, whose header is
 * {"alg":"RS256","kid":…,"typ":"JWT"}. */
char *gate_signing_key_sign(gate_arena *arena, const gate_signing_key *key,
                            const char *payload_json);

#endif
