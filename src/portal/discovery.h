/* The sign-in provider's discovery document (OpenID Connect Discovery 1.0, section 3).
 *
 * Owner: results live in the arena. Threads: confined. Errors: recorded in the context. Never logs.
 */
#ifndef GATE_PORTAL_DISCOVERY_H
#define GATE_PORTAL_DISCOVERY_H

#include <stdbool.h>

#include "config/settings.h"
#include "core/context.h"

/* How the token endpoint wants to know us (RFC 6749 section 2.3.1). */
enum gate_provider_auth {
    GATE_PROVIDER_AUTH_BASIC,
    GATE_PROVIDER_AUTH_POST,
    GATE_PROVIDER_AUTH_NONE, /* a public client: no secret is set */
};

struct gate_provider_metadata {
    const char *issuer;
    const char *authorization_endpoint;
    const char *token_endpoint;
    const char *jwks_uri;
    const char *userinfo_endpoint;    /* NULL if none */
    const char *end_session_endpoint; /* NULL if none */
    enum gate_provider_auth auth;
    bool sends_iss; /* RFC 9207: every answer to an authorization request names its issuer */
};

/* True when a document's endpoint may be used: https, or http on a loopback host. */
bool gate_provider_endpoint_check(gate_arena *arena, const char *url);

/* Read a discovery document. GATE_ERR_UPSTREAM when it is not this issuer's or lacks something;
 * GATE_ERR_CONFIG when it offers no way of client authentication that we can. */
enum gate_err
gate_provider_metadata_parse(struct gate_ctx *ctx, const struct gate_config *config,
                             const char *text, size_t length,
                             struct gate_provider_metadata *ret_metadata) GATE_MUST_CHECK;

/* Copy with all strings. */
struct gate_provider_metadata
gate_provider_metadata_copy(gate_arena *arena, const struct gate_provider_metadata *from);

#endif
