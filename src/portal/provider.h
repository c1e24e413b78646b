/* The sign-in provider: where its endpoints are (OpenID Connect Discovery 1.0) and which keys sign
 * its tokens (RFC 7517).
 *
 * Owner: gate_portal; see portal/state.h for gate_provider_new and gate_provider_free. Threads:
 * locked (one mutex); waiting contexts are resumed on the workers. Errors: GATE_ERR_UNAVAILABLE and
 * the other kinds of net/, GATE_ERR_UPSTREAM for a document that makes no sense or is not this
 * issuer's. A failure is remembered for a second, so that a broken provider costs one fetch and not
 * one per visitor. Never logs.
 */
#ifndef GATE_PORTAL_PROVIDER_H
#define GATE_PORTAL_PROVIDER_H

#include "portal/discovery.h"
#include "portal/portal.h"

struct gate_provider;

/* Give the provider's metadata, fetching it when there is none younger than an hour. Strings live
 * in ctx's arena. */
void gate_provider_metadata_need(struct gate_ctx *ctx, struct gate_provider *provider,
                                 struct gate_provider_metadata *ret_metadata, gate_then_fn *then,
                                 void *state);

struct gate_provider_payload {
    const char *text;
    size_t length;
};

/* Verify a JWS by the provider's keys and give its payload (ctx's arena). Keys are fetched when
 * there are none younger than an hour, and once more when the token's key is unknown, but not twice
 * within 5 seconds. GATE_ERR_UNAUTHENTICATED for a signature that does not hold, and for a key that
 * stays unknown. */
void gate_provider_token_verify(struct gate_ctx *ctx, struct gate_provider *provider,
                                const struct gate_provider_metadata *metadata, const char *token,
                                struct gate_provider_payload *ret_payload, gate_then_fn *then,
                                void *state);

#endif
