/* JSON Web Signatures and key sets (RFC 7515, RFC 7517), verified by libcjose.
 *
 * Only asymmetric signatures: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512. `none`
 * and every HMAC are refused before any key is looked at. The key's type must fit the algorithm;
 * `use` and `alg` of the key are honoured. Owner: a key set is freed with gate_jwks_free. Threads:
 * a key set is immutable after parsing and may be shared; results are confined. Errors:
 * GATE_ERR_UNAUTHENTICATED with a sentence for developers, GATE_ERR_NOT_FOUND when no key has the
 * token's `kid` (the caller may fetch the keys again).
 */
#ifndef GATE_CRYPTO_JOSE_H
#define GATE_CRYPTO_JOSE_H

#include "core/context.h"

typedef struct gate_jwks gate_jwks;

/* Parse a JWK set; unusable keys in it are passed over. GATE_ERR_UPSTREAM when it is no key set. */
enum gate_err gate_jwks_parse(struct gate_ctx *ctx, const char *text, size_t length,
                              gate_jwks **ret_jwks) GATE_MUST_CHECK;
void gate_jwks_free(gate_jwks *jwks);

/* Verify a compact JWS and give its payload text (arena, NUL behind it). A token without `kid` is
 * accepted only when the set has exactly one key that fits its algorithm. `crit` headers are
 * refused. */
enum gate_err gate_jws_verify(struct gate_ctx *ctx, const gate_jwks *jwks, const char *token,
                              const char **ret_payload, size_t *ret_length) GATE_MUST_CHECK;

/* One text of a compact JWS's header, such as "alg" or "typ", or NULL (arena). Proves nothing
 * before the token has been verified. */
const char *gate_jws_header_text(struct gate_ctx *ctx, const char *token, const char *name);

#endif
