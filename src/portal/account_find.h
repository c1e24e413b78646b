/* Finding one of a user's connected accounts, named by its connection or by Scalekit's id.
 *
 * Threads: confined with the context. Results live in its arena. Errors: GATE_ERR_FORBIDDEN (a rule
 * of the token; the sentence names it), GATE_ERR_INPUT (nothing is named), GATE_ERR_NOT_FOUND (in
 * the same words whether somebody else has the account or nobody), GATE_ERR_STORE, and those of
 * portal/refresh.h. The caller must have a user.
 */
#ifndef GATE_PORTAL_ACCOUNT_FIND_H
#define GATE_PORTAL_ACCOUNT_FIND_H

#include "portal/connectors.h"

/* Which account is meant; with both, both must fit. */
struct gate_account_choice {
    const char *connection_name; /* NULL: not given */
    const char *account_id;      /* Scalekit's, ca_…; NULL: not given */
};

/* Look at an account, which must be there. What is not on record is asked for once, so that nobody
 * is told "not there" of what Scalekit has. `choice` and its texts must stay until `then`. */
void gate_portal_account_find(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_account_choice *choice,
                              struct gate_connector *ret_connector, gate_then_fn *then,
                              void *state);

/* Find the connection that the chosen account is on; holds it against the caller's rule for
 * connections, but not against a scope. For the files of portal/ only. */
void gate_account_locate(struct gate_ctx *ctx, gate_portal *portal,
                         const struct gate_caller *caller, const struct gate_account_choice *choice,
                         const char **ret_connection_name, gate_then_fn *then, void *state);

/* Look at the account on a connection as it is on record now. For the files of portal/ only. */
void gate_account_look(struct gate_ctx *ctx, gate_portal *portal, const struct gate_caller *caller,
                       const char *connection_name, struct gate_connector *ret_connector,
                       gate_then_fn *then, void *state);

#endif
