/* What an ID token claims, checked (OpenID Connect Core 1.0, section 3.1.3.7).
 *
 * The signature is not this file's matter: portal/provider.h verifies it first. Owner: results live
 * in the context's arena. Threads: confined. Errors: GATE_ERR_UNAUTHENTICATED with a sentence for
 * developers that names the claim and repeats no value. Never logs.
 */
#ifndef GATE_PORTAL_ID_TOKEN_H
#define GATE_PORTAL_ID_TOKEN_H

#include "core/context.h"
#include "json/json.h"

struct gate_id_token_expectations {
    const char *issuer;
    const char *client_id;
    const char *nonce;
    int64_t now_ms; /* wall */
    /* For at_hash: the access token that came along and the JWS header's alg; NULL: not checked.
     * at_hash is checked where the algorithm's hash is SHA-256. */
    const char *access_token;
    const char *algorithm;
};

struct gate_id_token {
    const char *subject;
    const char *session;     /* the provider's own, by the claim sid; NULL: it gave none */
    const gate_json *claims; /* the whole payload */
};

/* Check a verified payload: iss, aud, azp, exp, iat, nbf, nonce, sub, at_hash. */
enum gate_err gate_portal_id_token_check(struct gate_ctx *ctx, const char *payload, size_t length,
                                         const struct gate_id_token_expectations *expectations,
                                         struct gate_id_token *ret_token) GATE_MUST_CHECK;

/* What a set of claims (an ID token's or userinfo's) says about a person. */
struct gate_person_claims {
    const char
        *identifier;   /* NULL when missing or not to be trusted (e-mail that is not verified) */
    const char *email; /* NULL when absent or no single line of text */
    const char *name;
};

/* Read the person's claims; `identifier_claim` names the one that is the identifier at Scalekit. */
struct gate_person_claims gate_portal_person_claims_get(const gate_json *claims,
                                                        const char *identifier_claim);

#endif
