/* Taking webhooks of Scalekit's: is it Scalekit's, is it new, and what becomes of the record.
 *
 * Whoever can reach us may send what they like: before the signature holds nothing is read from the
 * store and nothing is kept; after it, at most GATE_WEBHOOKS_UNDER_WAY_MAX are under way at a time.
 * Threads: atomic counts. Never logs a body or a signature.
 */
#ifndef GATE_PORTAL_WEBHOOK_H
#define GATE_PORTAL_WEBHOOK_H

#include "core/buffer.h"
#include "portal/portal.h"

/* A delivery as it came; headers may be NULL. */
struct gate_webhook {
    const char *id;
    const char *timestamp;
    const char *signatures;
    const char *body;
    size_t body_length;
};

/* What became of deliveries. */
enum gate_webhook_result {
    GATE_WEBHOOK_APPLIED,      /* the record is as it says */
    GATE_WEBHOOK_OLD,          /* something newer was recorded already */
    GATE_WEBHOOK_UNCLEAR,      /* Scalekit is asked */
    GATE_WEBHOOK_UNKNOWN_USER, /* about somebody who was never here */
    GATE_WEBHOOK_IGNORED,      /* of a type that this program does not know */
    GATE_WEBHOOK_DUPLICATE,    /* taken before */
    GATE_WEBHOOK_MALFORMED,    /* signed, but no JSON object */
    GATE_WEBHOOK_FORGED,       /* no signature that holds, or not of these minutes */
    GATE_WEBHOOK_BUSY,         /* beyond the limit; Scalekit sends it again */
    GATE_WEBHOOK_FAILED,       /* the store could not take it; Scalekit sends it again */
    GATE_WEBHOOK_RESULT_COUNT_,
};

/* Static name ("applied"). */
const char *gate_webhook_result_name(enum gate_webhook_result result);

/* How many there were since the start. Any thread. */
uint64_t gate_portal_webhook_count_get(gate_portal *portal, enum gate_webhook_result result);

/* Append these numbers (core/metrics.h). */
void gate_portal_webhook_metrics_write(gate_portal *portal, struct gate_buffer *buffer);

/* Take a delivery. `then` gets GATE_OK once what it changed is durable; GATE_ERR_NOT_FOUND: no
 * secret is set; GATE_ERR_UNAUTHENTICATED: not Scalekit's, without a word about why;
 * GATE_ERR_INPUT: signed, but no JSON object; GATE_ERR_BUSY, GATE_ERR_STORE. What `webhook` points
 * to must stay until then. */
void gate_portal_webhook_take(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_webhook *webhook, gate_then_fn *then, void *state);

#endif
