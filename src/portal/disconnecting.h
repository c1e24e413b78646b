/* Ending a connection: at Scalekit first, then in the record.
 *
 * Threads: confined with the context. Errors: GATE_ERR_NOT_FOUND for a connection that nobody has
 * heard of, GATE_ERR_OUTCOME_UNKNOWN when even asking afterwards did not tell; otherwise those of
 * scalekit/ and the store.
 */
#ifndef GATE_PORTAL_DISCONNECTING_H
#define GATE_PORTAL_DISCONNECTING_H

#include "portal/caller.h"
#include "portal/portal.h"

/* Disconnect the caller's account, which keeps its record, or remove it for good. One that is
 * disconnected or gone already is no error. `ret_display_name` gets the connector's name for
 * people, also when this fails later. `connection_name` must stay until `then`. */
void gate_portal_disconnect(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller, const char *connection_name,
                            bool remove, const char **ret_display_name, gate_then_fn *then,
                            void *state);

#endif
