/* What a logout token claims, checked (OpenID Connect Back-Channel Logout 1.0, section 2.6).
 *
 * The signature is not this file's matter: portal/provider.h verifies it first. Owner: results live
 * in the context's arena. Threads: confined. Errors: GATE_ERR_UNAUTHENTICATED with a sentence for
 * developers that names the claim and repeats no value. Never logs.
 */
#ifndef GATE_PORTAL_LOGOUT_TOKEN_H
#define GATE_PORTAL_LOGOUT_TOKEN_H

#include "portal/claims.h"

struct gate_logout_token {
    const char *subject; /* NULL: only the session is named */
    const char *session; /* the provider's, by the claim sid; NULL: all of the subject's */
    const char *id;      /* the claim jti */
};

struct gate_logout_token_expectations {
    const char *issuer;
    const char *client_id;
};

/* Check a verified payload: iss, aud, azp, exp, iat, nbf, events, jti, sub or sid, and that there
 * is no nonce, by which an ID token is told from one of these. */
enum gate_err
gate_portal_logout_token_check(struct gate_ctx *ctx, const char *payload, size_t length,
                               const struct gate_logout_token_expectations *expectations,
                               struct gate_logout_token *ret_token) GATE_MUST_CHECK;

#endif
