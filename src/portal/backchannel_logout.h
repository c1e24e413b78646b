/* The sign-in provider ends sessions here (OpenID Connect Back-Channel Logout 1.0).
 *
 * Threads: locked inside the store and the provider. Logs: each logout that was carried out, with
 * the number of sessions it ended.
 */
#ifndef GATE_PORTAL_BACKCHANNEL_LOGOUT_H
#define GATE_PORTAL_BACKCHANNEL_LOGOUT_H

#include "portal/portal.h"

/* Verify a logout token and end the sessions it names, durably, before `then`.
 * GATE_ERR_UNAUTHENTICATED for a token that does not hold or was carried out before; the kinds of
 * portal/provider.h and GATE_ERR_STORE when it could not be seen or done now. `logout_token` must
 * stay until `then`. */
void gate_portal_backchannel_logout(struct gate_ctx *ctx, gate_portal *portal,
                                    const char *logout_token, gate_then_fn *then, void *state);

#endif
