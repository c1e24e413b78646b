/* Outbound HTTP: one engine thread drives libcurl's multi interface; the only place for libcurl.
 *
 * Owner: gate_net_new's caller; gate_net_free waits for the engine to end (transfers in flight end
 * with GATE_ERR_UNAVAILABLE, writes that left with GATE_ERR_OUTCOME_UNKNOWN). Threads: locked
 * inside; gate_net_fetch may be called from any thread. Rules kept for every transfer: https, or
 * http to a loopback host only; TLS is always verified, with one shared certificate store;
 * redirects are not followed; HTTP/2 where offered; connections are capped; an absolute deadline
 * that also ends transfers that wait for a connection, and ten seconds at most until they have one;
 * a cap on the answer; a body is never sent twice by libcurl. Credentials go in headers, never in
 * the URL; nothing but method, host, status, duration and byte counts is logged, at debug level.
 */
#ifndef GATE_NET_NET_H
#define GATE_NET_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/context.h"

typedef struct gate_net gate_net;

struct gate_net_options {
    int connections_max; /* per host */
    int in_flight_max;   /* admission: beyond it GATE_ERR_BUSY at once */
    const char *ca_file; /* NULL: the system's certificates */
    gate_net *trust_of;  /* share this one's certificates instead; NULL: read them */
    const struct gate_clock *clock;
};

struct gate_net_header {
    const char *name;
    const char *value;
};

struct gate_net_request {
    const char *method;
    const char *url;
    const struct gate_net_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_length;
    int64_t timeout_ms; /* for this transfer; the context's deadline applies too */
    size_t max_response_bytes;
    bool is_read; /* has no effect upstream: a lost answer is "unavailable", not "unknown" */
    /* Only to an address out on the internet (net/address.h), looked at when the connection is made
     * and again before it is used, so that no name can lead inside; directly, past any proxy.
     * GATE_ERR_UPSTREAM otherwise. */
    bool is_public_only;
};

struct gate_net_response {
    int status;
    const struct gate_net_header *headers; /* names in lower case */
    size_t header_count;
    const char *body; /* never NULL; NUL behind it */
    size_t body_length;
    bool was_refused; /* with a failure: we broke the answer off, which was too large or no HTTP */
};

enum gate_err gate_net_new(const struct gate_net_options *options, struct gate_error *error,
                           gate_net **ret_net) GATE_MUST_CHECK;
void gate_net_free(gate_net *net);

/* Send a request; `then` runs on a worker with GATE_OK (any HTTP status), or
 * GATE_ERR_BUSY (admission), GATE_ERR_UNAVAILABLE (nothing was sent, or a read failed),
 * GATE_ERR_TIMEOUT (deadline passed; nothing was sent, or a read), GATE_ERR_OUTCOME_UNKNOWN (a
 * write left, its answer did not come whole), GATE_ERR_UPSTREAM (answer too large or not HTTP; for
 * a write that left: OUTCOME_UNKNOWN), GATE_ERR_INPUT (a URL or header that is never sent: plain
 * http beyond loopback, user info, line breaks). What needs no waiting (GATE_ERR_BUSY, _INPUT, a
 * deadline already past) calls `then` at once. `request` and what it points to must stay until
 * then; the response's memory is in ctx's arena. */
void gate_net_fetch(struct gate_ctx *ctx, gate_net *net, const struct gate_net_request *request,
                    struct gate_net_response *ret_response, gate_then_fn *then, void *state);

/* Wait `delay_ms` without holding a thread, then resume with GATE_OK. GATE_ERR_TIMEOUT at once when
 * ctx's deadline comes first; GATE_ERR_UNAVAILABLE when the engine ends meanwhile. Does not count
 * as in flight. */
void gate_net_delay(struct gate_ctx *ctx, gate_net *net, int64_t delay_ms, gate_then_fn *then,
                    void *state);

/* One header's value, or NULL. `name` in lower case. */
const char *gate_net_header_find(const struct gate_net_response *response, const char *name);

/* Transfers now admitted. Any thread. */
int gate_net_in_flight(gate_net *net);

#endif
