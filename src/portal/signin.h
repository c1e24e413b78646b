/* Signing in with OpenID Connect: authorization code with PKCE (RFC 7636), state and nonce.
 *
 * Nothing is recorded for strangers: all that an attempt needs travels in one sealed cookie of its
 * own, so that several tabs can sign in at a time. Owner: results live in the context's arena.
 * Threads: confined with the context. Never logs a code, a token or a claim.
 */
#ifndef GATE_PORTAL_SIGNIN_H
#define GATE_PORTAL_SIGNIN_H

#include "portal/portal.h"

/* How long somebody may take at the provider. */
#define GATE_SIGNIN_TTL_MS (10 * 60 * 1000)

/* Hex digits in an attempt's cookie suffix. */
#define GATE_SIGNIN_SUFFIX_LENGTH 16

struct gate_signin_start {
    const char *redirect_url;  /* at the provider */
    const char *cookie_suffix; /* the attempt's cookie is named "signin-<suffix>" */
    const char *sealed_cookie_value;
};

/* Start a sign-in that ends at `return_to` (see portal/return_target.h; NULL means "/").
 * GATE_ERR_INPUT for a return_to that is refused; otherwise the errors of portal/provider.h. Needs
 * the network when the provider is not known yet. */
void gate_portal_signin_begin(struct gate_ctx *ctx, gate_portal *portal, const char *return_to,
                              struct gate_signin_start *ret_start, gate_then_fn *then, void *state);

/* Which cookie belongs to a `state` that came back. */
const char *gate_portal_signin_cookie_suffix_make(gate_arena *arena, const char *state);

/* What the browser brought back; any of it may be NULL. */
struct gate_signin_answer {
    const char *state;
    const char *code;
    const char *error;
    const char *issuer; /* `iss`, RFC 9207 */
    const char *sealed_cookie_value;
    const char *user_agent;
    const char *old_session_cookie_value;
};

struct gate_signin_result {
    const char *session_cookie_value; /* the only time it exists here; the store has its hash */
    const char *return_to;
};

/* Finish a sign-in: prove that this browser started it, redeem the code, check the ID token, record
 * the person and a new session (the old one goes in the same transaction). GATE_ERR_CONFLICT not
 * started in this browser, already used, or the code was spent GATE_ERR_EXPIRED          started
 * too long ago GATE_ERR_PROVIDER         the person or the provider said no GATE_ERR_NOT_FOUND
 * signed in, but without the (verified) claim we need as identifier GATE_ERR_FORBIDDEN signed in,
 * but suspended, or the identifier belongs to another person here GATE_ERR_UNAUTHENTICATED  the
 * answer or the ID token does not hold GATE_ERR_CONFIG           the provider does not accept us
 *   GATE_ERR_UNAVAILABLE, _TIMEOUT, _UPSTREAM, _BUSY, _STORE  as elsewhere
 * `answer` and what it points to must stay until `then`. */
void gate_portal_signin_finish(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_signin_answer *answer,
                               struct gate_signin_result *ret_result, gate_then_fn *then,
                               void *state);

#endif
