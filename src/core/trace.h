/* W3C Trace Context (https://www.w3.org/TR/trace-context/): which trace a piece of work belongs to.
 *
 * Owner: a trace is part of a context; `state` lives in the arena it was read into. Threads:
 * confined with the context. Errors: none. Nothing of what a stranger sends goes on but what is of
 * the standard's own form and size.
 */
#ifndef GATE_CORE_TRACE_H
#define GATE_CORE_TRACE_H

#include "core/arena.h"

#define GATE_TRACE_ID_BYTES 32

struct gate_trace {
    char id[GATE_TRACE_ID_BYTES + 1]; /* lower-case hex, not all zero */
    unsigned char flags;
    const char *state; /* the tracestate to send along; NULL: none */
};

/* Start a trace. It is called `id` where that is 32 lower-case hex digits, which keeps a request's
 * id and its trace's the same; otherwise (NULL too) it gets a random one. */
struct gate_trace gate_trace_make(const char *id);

/* Join the trace that the headers traceparent and tracestate (NULL: not sent) tell of; `trace`
 * stays as it is when the traceparent is absent or not valid. A tracestate that is not valid is
 * left out; one that is too long loses whole members at its end. */
void gate_trace_join(gate_arena *arena, const char *parent, const char *state,
                     struct gate_trace *trace);

/* Make the traceparent of one request upstream: this trace, and a parent-id that no other request
 * has. */
const char *gate_trace_parent_make(gate_arena *arena, const struct gate_trace *trace);

#endif
