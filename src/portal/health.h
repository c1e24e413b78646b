/* Can the portal serve? Threads: locked in the store. Errors: GATE_ERR_STORE with a sentence. */
#ifndef GATE_PORTAL_HEALTH_H
#define GATE_PORTAL_HEALTH_H

#include "portal/portal.h"

/* The store reads and writes. Scalekit being away does not make the portal unready: pages still
 * answer. */
enum gate_err gate_portal_ready_check(struct gate_ctx *ctx, gate_portal *portal) GATE_MUST_CHECK;

#endif
