/* Idempotency-Key at the edge: the header, the stored answer, and the wait before an answer leaves.
 *
 * A handler of calls that may have an effect hands over to gate_idempotency_begin, runs only when
 * called back, says with gate_idempotency_judge how the call ended, and then finishes the request
 * like any other. Threads: confined with the request. Errors: those of gate_portal_idempotency_…,
 * answered here.
 */
#ifndef GATE_WEB_IDEMPOTENCY_H
#define GATE_WEB_IDEMPOTENCY_H

#include "web/request.h"

/* Call `run(ctx, GATE_OK, state)` when the call is to be made: at once without a key, else as soon
 * as it is on record. A repeated one is answered here instead. */
void gate_idempotency_begin(struct gate_request *request, gate_then_fn *run, void *state);

/* The same for a call of which method, path and query are not all that tells it from others beside
 * its body: `operation` is. */
void gate_idempotency_begin_operation(struct gate_request *request, const char *operation,
                                      gate_then_fn *run, void *state);

/* What a call would meet under the key that came with a request which only asks. */
struct gate_key_look {
    const char *name;         /* "would_run", "would_replay", "running"…; NULL: no key was sent */
    bool would_run;           /* true without a key, too */
    struct gate_error *error; /* what the call would fail with; NULL: nothing */
};

/* Look at the key of a request for the call of that path and body without a query; takes and
 * changes nothing. GATE_ERR_INPUT, GATE_ERR_STORE. */
enum gate_err gate_idempotency_look(struct gate_request *request,
                                    struct gate_key_look *ret_look) GATE_MUST_CHECK;

/* Say how the call ended. `has_left`: what may have an effect was sent. Without this before the
 * request is finished, the outcome counts as unknown. */
void gate_idempotency_judge(struct gate_request *request, enum gate_err outcome, bool has_left);

/* For gate_request_finish: true when the answer has to wait until it is on record; the request is
 * then finished again. */
bool gate_idempotency_takes_over(struct gate_request *request);

#endif
