/* Nothing is kept for longer than it is of use: old rows go, a few at a time, through the store's
 * writer, away from any request.
 *
 * Threads: locked inside (one mutex). Owner: gate_portal. Errors: none; what cannot be deleted now
 * is tried again. Logs: that.
 */
#ifndef GATE_PORTAL_RETENTION_H
#define GATE_PORTAL_RETENTION_H

#include "portal/portal.h"

/* Rows that one transaction deletes at most. */
#define GATE_RETENTION_BATCH 500

/* Start the next few deletions, if it is time. Never waits. */
void gate_portal_retention_tick(gate_portal *portal);

#endif
