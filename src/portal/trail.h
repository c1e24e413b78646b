/* The trail: what was done in somebody's name, one row a call, whatever became of it.
 *
 * Threads: locked inside the store. Errors: none for the caller, because a call that could not be
 * recorded was made all the same. Logs: that, with all but the texts that only the app may see.
 */
#ifndef GATE_PORTAL_TRAIL_H
#define GATE_PORTAL_TRAIL_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "store/tool_call.h"

/* Can calls be put on record now? What leaves no trace is not done: ask before it is sent.
 * GATE_ERR_STORE. Never blocks; while it cannot, each question also tries whether it can again. */
enum gate_err gate_portal_trail_check(struct gate_ctx *ctx, gate_portal *portal) GATE_MUST_CHECK;

/* Put a call on record; `then` gets GATE_OK once it is on disk, or could not be put there. `row`
 * and its texts must stay until then; a connection that is not in the catalogue is left out of it,
 * because a name that only the caller made up says nothing about the user. */
void gate_portal_trail_add(struct gate_ctx *ctx, gate_portal *portal, struct gate_tool_call *row,
                           gate_then_fn *then, void *state);

/* The same for a call that the app behind the account took up: the account is marked as refused by
 * it after 401 and 403, and no longer so once the app carries such a call out. `app_status`: what
 * the app said, 0 for success. */
void gate_portal_trail_add_answered(struct gate_ctx *ctx, gate_portal *portal,
                                    struct gate_tool_call *row, int app_status, gate_then_fn *then,
                                    void *state);

/* How the trail calls an outcome, and whose failure it is (NULL: none). `was_reached`: it was
 * Scalekit who said so, or who could not be asked. */
const char *gate_trail_outcome_name(enum gate_err outcome);
const char *gate_trail_source_name(enum gate_err outcome, bool was_reached);

#endif
