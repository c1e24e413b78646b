/* The FastCGI front: worker threads around one epoll.
 *
 * In that epoll are the listening socket, the parked connections, the queue of requests that came
 * back from waiting, a timer for pauses in accepting, and the order to stop. No worker waits for
 * anything else, save for a peer in the middle of a request (at most peer_timeout_ms). Owner:
 * gate_fcgi_new's caller. Threads: _new, _start, _stop and _free belong to one thread (main). Logs:
 * pauses in accepting.
 */
#ifndef GATE_FCGI_SERVER_H
#define GATE_FCGI_SERVER_H

#include "fcgi/listener.h"
#include "web/web.h"

/* How long a peer may stand still in the middle of a request. */
#define GATE_FCGI_PEER_TIMEOUT_MS 10000
/* How long idle connections are still served after the order to stop. nginx closes its own within
 * two seconds (keepalive_timeout and keepalive_time of the upstream in deploy/), without failing a
 * request; a POST that meets a connection we closed first fails. */
#define GATE_FCGI_IDLE_GRACE_MS 5000

typedef struct gate_fcgi gate_fcgi;

struct gate_fcgi_options {
    gate_web *web;
    gate_runqueue *runqueue;
    struct gate_fcgi_listener *listener; /* borrowed; closed by its owner after gate_fcgi_free */
    int workers;
    int in_flight_max;
    int connections_max;
    int peer_timeout_ms;
    bool keep_connections;
};

enum gate_err gate_fcgi_new(const struct gate_fcgi_options *options, struct gate_error *error,
                            gate_fcgi **ret_fcgi) GATE_MUST_CHECK;

/* Start the workers, with every signal blocked in them. */
enum gate_err gate_fcgi_start(gate_fcgi *fcgi, struct gate_error *error) GATE_MUST_CHECK;

/* Accept no more, serve the connections there are until their peers close them or `idle_grace_ms`
 * has passed, answer what is in flight, and end the workers; all within `timeout_ms`. False:
 * something was still in flight then; it holds on to the server, which must not be freed. */
bool gate_fcgi_stop(gate_fcgi *fcgi, int64_t idle_grace_ms, int64_t timeout_ms) GATE_MUST_CHECK;

/* Free a server that was never started or has stopped. NULL is fine. */
void gate_fcgi_free(gate_fcgi *fcgi);

#endif
