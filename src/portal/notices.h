/* Telling the operator's own services what became of people's accounts: signed webhooks (Standard
 * Webhooks), out of the store's outbox, so that nobody has to ask.
 *
 * A target gets its notices one at a time, in the order of the changes, each until it answers 2xx:
 * at least once, with the same webhook-id, which is how a receiver knows one that comes again. What
 * fails is tried again after a second, then twice as long and so on up to an hour; after three days
 * without success, or when the target says 410, it is disabled until the operator resumes it.
 *
 * Threads: locked inside (one mutex). Owner: gate_portal. Logs: a target that begins to fail, is
 * well again, is disabled.
 */
#ifndef GATE_PORTAL_NOTICES_H
#define GATE_PORTAL_NOTICES_H

#include "core/buffer.h"
#include "portal/portal.h"
#include "store/notice.h"

#define GATE_NOTICE_GIVE_UP_MS (3LL * 24 * 60 * 60 * 1000)

/* At start: make the targets in the store those of the settings. Blocks. */
enum gate_err gate_portal_notices_begin(struct gate_ctx *ctx, gate_portal *portal) GATE_MUST_CHECK;

/* Start to tell whoever has waited long enough. Reads the store; never waits. */
void gate_portal_notices_tick(gate_portal *portal);

/* Start no more; what is under way ends by itself. */
void gate_portal_notices_end(gate_portal *portal);

/* Add what monitoring asks for: attempts by what became of them, what waits, who is disabled. */
void gate_portal_notices_metrics_write(struct gate_ctx *ctx, gate_portal *portal,
                                       struct gate_buffer *buffer);

/* How long after the attempt that was the `attempts`th in vain the next one comes; `chance` from 0
 * to 1023 spreads it over a fifth less to a fifth more. */
int64_t gate_notice_delay_ms(int64_t attempts, int64_t chance);

/* The body of a notice: {"type":…,"timestamp":…,"data":{…}}, in the arena. */
const char *gate_notice_body_make(gate_arena *arena, const struct gate_notice *notice);

#endif
