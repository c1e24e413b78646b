/* Redeeming an authorization code at the token endpoint (RFC 6749 sections 4.1.3 and 5).
 *
 * Owner: results live in the context's arena. Threads: confined with the context. Errors:
 * GATE_ERR_CONFLICT for a code that was spent or is not ours, GATE_ERR_CONFIG when the provider
 * does not accept us, GATE_ERR_UNAVAILABLE, GATE_ERR_UPSTREAM, and those of net/. Never logs.
 */
#ifndef GATE_PORTAL_CODE_H
#define GATE_PORTAL_CODE_H

#include "core/buffer.h"
#include "portal/portal.h"
#include "portal/provider.h"

struct gate_code {
    const char *code;
    const char *verifier; /* RFC 7636 */
    const char *redirect_uri;
};

struct gate_code_tokens {
    const char *id_token;
    const char *access_token; /* NULL if none came */
};

/* Redeem a code. It is sent once: what was lost on the way is GATE_ERR_OUTCOME_UNKNOWN. */
void gate_code_redeem(struct gate_ctx *ctx, gate_portal *portal,
                      const struct gate_provider_metadata *metadata, const struct gate_code *code,
                      struct gate_code_tokens *ret_tokens, gate_then_fn *then, void *state);

/* Add one name=value to a query or form, escaped; the first without '&'. */
void gate_code_parameter_write(gate_arena *arena, struct gate_buffer *buffer, const char *name,
                               const char *value);

#endif
