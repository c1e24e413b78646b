/* How the portal is, for those who run it. Threads: locked in the store, and in Scalekit's
 * breakers. Errors: GATE_ERR_STORE with a sentence. */
#ifndef GATE_PORTAL_HEALTH_H
#define GATE_PORTAL_HEALTH_H

#include "portal/portal.h"

/* The store reads and writes. Scalekit being away does not make the portal unready: pages still
 * answer. */
enum gate_err gate_portal_ready_check(struct gate_ctx *ctx, gate_portal *portal) GATE_MUST_CHECK;

/* Make the list of the kinds of upstream work that are paused now, because Scalekit does not answer
 * them ("read", "connect", "tool", "token"). Ends with NULL. */
const char *const *gate_portal_paused_list(gate_arena *arena, gate_portal *portal);

/* Append what the portal and the parts below it count (core/metrics.h). */
void gate_portal_metrics_write(struct gate_ctx *ctx, gate_portal *portal,
                               struct gate_buffer *buffer);

#endif
