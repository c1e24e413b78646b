/* Ending a connected account for a caller who knows Scalekit: disconnecting and deleting, by
 * portal/disconnecting.h, for those who may (GATE_SCOPE_ACCOUNTS).
 *
 * Threads: confined with the context. Errors: those of gate_portal_account_find and of
 * gate_portal_disconnect. The caller must have a user.
 */
#ifndef GATE_PORTAL_ACCOUNT_END_H
#define GATE_PORTAL_ACCOUNT_END_H

#include "portal/account_find.h"

/* Disconnect; the record stays. Again is no error. `choice` and its texts must stay until `then`.
 */
void gate_portal_account_disconnect(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller,
                                    const struct gate_account_choice *choice,
                                    struct gate_connector *ret_connector, gate_then_fn *then,
                                    void *state);

/* Remove for good, with the credentials that Scalekit holds. The same. */
void gate_portal_account_delete(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller,
                                const struct gate_account_choice *choice, gate_then_fn *then,
                                void *state);

#endif
