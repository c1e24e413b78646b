/* One REST call through Scalekit's tool proxy ("any method /proxy/<path>"), whose bodies pass
 * through in pieces.
 *
 * The answer is the app's own, whatever its status, unless Scalekit refused the call itself: only
 * an error body that names scalekit.v1.errdetails.ErrorInfo is taken for that. A renewed token is
 * tried once when Scalekit refuses ours and nothing of the request's body is gone for good.
 *
 * Owner: the context's arena; a call that was opened must be run to its last piece or a failure, or
 * be closed. Threads: confined with the context. Errors: those of scalekit.h; GATE_ERR_INPUT also
 * when the request's body ends before its length. Logs: nothing.
 */
#ifndef GATE_SCALEKIT_PROXY_H
#define GATE_SCALEKIT_PROXY_H

#include "scalekit/scalekit.h"

typedef struct gate_scalekit_proxying gate_scalekit_proxying;

/* Read the next bytes of the request's body, at least one and at most `max_bytes`; blocks no longer
 * than it takes to read what is there already. GATE_ERR_INPUT: it ends too soon. */
typedef enum gate_err gate_scalekit_body_fn(void *source, char *room, size_t max_bytes,
                                            size_t *ret_length);

struct gate_scalekit_proxy_call {
    const char *method;
    const char *target; /* path and query as the app shall get them; begins with '/' */
    const char *identifier;
    const char *connection_name;
    const struct gate_net_header *headers; /* the caller's, for the app */
    size_t header_count;
    int64_t body_length; /* 0: none */
    gate_scalekit_body_fn *read_body;
    void *body_source;
    uint64_t cancel_id; /* for gate_scalekit_proxy_cancel; 0: cannot be cancelled */
};

struct gate_scalekit_proxy_answer {
    int status;                            /* 0: none yet */
    const struct gate_net_header *headers; /* names in lower case */
    size_t header_count;
    const char *data; /* the next piece of the body, until the next call */
    size_t length;
    bool is_last;
    bool has_left; /* the app may have got the request */
    struct gate_scalekit_failure failure;
};

/* Whether a method only reads (RFC 9110 section 9.2.1); what one means that nobody knows here may
 * be anything. */
bool gate_scalekit_proxy_reads(const char *method);

/* Send the request; `then` runs once its body is up and the answer's head and first piece are
 * there, or with a failure, after which it is over. `call` and what it points to, and `ret_answer`,
 * must stay until it is over. `ret_proxying` is set before `then` can run. */
void gate_scalekit_proxy_open(struct gate_ctx *ctx, gate_scalekit *scalekit,
                              const struct gate_scalekit_proxy_call *call,
                              gate_scalekit_proxying **ret_proxying,
                              struct gate_scalekit_proxy_answer *ret_answer, gate_then_fn *then,
                              void *state);

/* Wait for the next piece of the answer. */
void gate_scalekit_proxy_next(struct gate_ctx *ctx, gate_scalekit_proxying *proxying,
                              gate_then_fn *then, void *state);

/* Whoever waits for the answer to the call with this cancel_id has left: break it off, unless it is
 * a write of which nothing is known yet. Any thread. */
void gate_scalekit_proxy_cancel(gate_scalekit *scalekit, uint64_t cancel_id);

/* Break it off. */
void gate_scalekit_proxy_close(struct gate_ctx *ctx, gate_scalekit_proxying *proxying,
                               gate_then_fn *then, void *state);

#endif
