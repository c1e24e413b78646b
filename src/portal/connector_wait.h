/* Waiting until one connector's status is another one: an agent goes on the moment its user has
 * connected.
 *
 * A wait holds no thread: it looks at the record a few times a second, and meanwhile Scalekit is
 * asked about the user every few seconds, once for all who wait for the same user. Threads: locked
 * inside (one mutex for the places). Errors: those of gate_portal_connector_find, and GATE_ERR_BUSY
 * when GATE_WAITS_PER_USER_MAX wait for this user, or GATE_WAITS_MAX for anybody.
 */
#ifndef GATE_PORTAL_CONNECTOR_WAIT_H
#define GATE_PORTAL_CONNECTOR_WAIT_H

#include "portal/connectors.h"

struct gate_connector_wait {
    int64_t wait_ms;    /* 0: answer at once */
    bool has_status;    /* wait while it is `status`; otherwise while it is what it is now */
    const char *status; /* as on the wire; NULL: no account */
};

/* Find a connector once its status differs, or the time is up; both are GATE_OK. Sets the context's
 * deadline. `wish` and the texts must stay until `then`. */
void gate_portal_connector_wait(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const char *connection_name,
                                const struct gate_connector_wait *wish,
                                struct gate_connector_details *ret_details, gate_then_fn *then,
                                void *state);

/* Answer all who wait, and those to come, at once: the service is stopping. Any thread. */
void gate_portal_waits_end(gate_portal *portal);

#endif
