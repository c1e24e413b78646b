/* The link behind which a user connects: the portal's own page, which checks who opens it and makes
 * Scalekit's link at the click. Scalekit's link itself is never given out: whoever opens that
 * connects their app to the account of the user it was made for (session fixation).
 *
 * Threads: confined with the context. Results live in its arena. Errors: see the functions.
 */
#ifndef GATE_PORTAL_ACCOUNT_LINK_H
#define GATE_PORTAL_ACCOUNT_LINK_H

#include "portal/account_find.h"

struct gate_account_link_wish {
    struct gate_account_choice choice; /* by connection, or by the id of an account on it */
    const char *return_to; /* where the user comes out; NULL or "": the user's connectors */
};

/* Make the link for the caller's user. It does not expire. Those errors of
 * gate_portal_account_find, and GATE_ERR_INPUT for a return_to that people may not be sent to.
 * `wish` and its texts must stay until `then`. */
void gate_portal_account_link_make(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_account_link_wish *wish, const char **ret_link,
                                   gate_then_fn *then, void *state);

/* The address of that page. `return_to` must have been checked; NULL: none. */
const char *gate_account_link_format(gate_arena *arena, const struct gate_config *config,
                                     const char *connection_name, const char *return_to);

#endif
