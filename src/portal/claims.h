/* What every token of the sign-in provider must claim: that it is the provider's, for us, and of
 * now (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7519).
 *
 * Threads: confined. Errors: GATE_ERR_UNAUTHENTICATED with a sentence for developers that begins
 * with `what` ("ID token") and names the claim, never its value. Never logs.
 */
#ifndef GATE_PORTAL_CLAIMS_H
#define GATE_PORTAL_CLAIMS_H

#include "core/context.h"
#include "json/json.h"

#define GATE_CLAIMS_LEEWAY_S 60        /* how far the provider's clock may be off */
#define GATE_CLAIMS_MAX_AGE_S 600      /* a token is issued for the occasion, not long before */
#define GATE_CLAIMS_TEXT_MAX_BYTES 255 /* of sub, sid and jti */

struct gate_claims_expectations {
    const char *what;
    const char *issuer;
    const char *client_id;
    int64_t now_ms; /* wall */
};

/* Read a verified payload, which must be one JSON object (in ctx's arena). */
enum gate_err gate_claims_parse(struct gate_ctx *ctx, const char *what, const char *payload,
                                size_t length, const gate_json **ret_claims) GATE_MUST_CHECK;

/* Check iss, aud, azp, exp, iat and nbf. */
enum gate_err
gate_claims_check(struct gate_ctx *ctx, const gate_json *claims,
                  const struct gate_claims_expectations *expectations) GATE_MUST_CHECK;

/* A claim that is one short line of text (GATE_CLAIMS_TEXT_MAX_BYTES), or NULL. */
const char *gate_claims_line(const gate_json *claims, const char *name);

/* Refuse a token: record "<what>: <why>." and return GATE_ERR_UNAUTHENTICATED. */
enum gate_err gate_claims_refuse(struct gate_ctx *ctx, const char *what, const char *why);

#endif
