/* The front line: from FastCGI parameters to a handler, and from its answer to the front.
 *
 * Owner: gate_web_new's caller. Threads: immutable after start; each request is confined. Logs: one
 * line per request, at its end.
 *
 * Use by a front: gate_web_begin; read the body up to the limit it names; gate_web_dispatch, after
 * which exactly one of `respond` and `end` is called, at once or later on another worker; write the
 * response; gate_web_end.
 */
#ifndef GATE_WEB_WEB_H
#define GATE_WEB_WEB_H

#include "config/settings.h"
#include "portal/portal.h"
#include "view/view.h"
#include "web/request.h"

typedef struct gate_web gate_web;

struct gate_web_options {
    const struct gate_config *config;
    gate_portal *portal;
    gate_view *view;
    const struct gate_clock *clock;
    gate_runqueue *runqueue;
};

enum gate_err gate_web_new(const struct gate_web_options *options, struct gate_error *error,
                           gate_web **ret_web) GATE_MUST_CHECK;
void gate_web_free(gate_web *web);

/* Take a request's parameters (borrowed until gate_web_end), match its route and say how long a
 * body may be (0 for none). Never fails: what is wrong is answered by gate_web_dispatch. */
struct gate_request *gate_web_begin(gate_web *web, char **params, void *front,
                                    const struct gate_front_calls *calls,
                                    size_t *ret_max_body_bytes);

/* Whether the body is to be left open (GATE_BODY_OPEN), for the handler to read in pieces. */
bool gate_web_leaves_body_open(const struct gate_request *request);

/* How a body arrived. */
enum gate_body_state {
    GATE_BODY_WHOLE,
    GATE_BODY_TOO_LARGE, /* longer than allowed; dropped */
    GATE_BODY_TRUNCATED, /* ended before its Content-Length */
    GATE_BODY_OPEN,      /* not yet; it is read through gate_front_calls */
};

/* Run the checks and the handler. `body` is borrowed until gate_web_end. */
void gate_web_dispatch(struct gate_request *request, enum gate_body_state state, const char *body,
                       size_t body_length);

/* Instead of gate_web_dispatch: answer 503 with Retry-After because too much is in flight. */
void gate_web_refuse_busy(struct gate_request *request);

/* Instead of gate_web_dispatch: answer 431 (RFC 6585) because there are more than
 * GATE_REQUEST_PARAMS_MAX parameters. */
void gate_web_refuse_header(struct gate_request *request);

/* Log the request and free it with everything it owns. After the response was written or given up.
 */
void gate_web_end(struct gate_request *request);

#endif
