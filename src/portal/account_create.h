/* Making a connected account that its user has yet to authorize.
 *
 * Such an account can do nothing until its user connects it on the portal's own page, so this needs
 * no more than the right to run tools; but an app without any credentials is connected by this
 * alone, which needs GATE_SCOPE_ACCOUNTS. Credentials are never taken. Threads: confined with the
 * context. Errors: GATE_ERR_FORBIDDEN (a rule; the sentence names it), GATE_ERR_NOT_FOUND (no such
 * connection), GATE_ERR_CONFLICT (there is an account already), GATE_ERR_OUTCOME_UNKNOWN when even
 * asking afterwards did not tell; otherwise those of scalekit/ and the store. The caller must have
 * a user.
 */
#ifndef GATE_PORTAL_ACCOUNT_CREATE_H
#define GATE_PORTAL_ACCOUNT_CREATE_H

#include "portal/connectors.h"

/* `connection_name` must stay until `then`. */
void gate_portal_account_create(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                struct gate_connector *ret_connector, gate_then_fn *then,
                                void *state);

#endif
