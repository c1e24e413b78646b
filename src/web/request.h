/* One HTTP request as the rest of web/ sees it, taken from FastCGI parameters.
 *
 * Owner: lives in its context's arena, from gate_web_begin until the response is written. Threads:
 * confined with its context. Errors: see each function. Strings are borrowed from the arena or from
 * the parameter list, which lives as long.
 */
#ifndef GATE_WEB_REQUEST_H
#define GATE_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/context.h"
#include "portal/admission.h"
#include "portal/caller.h"
#include "web/response.h"
#include "json/json.h"

struct gate_grpc_call;
struct gate_keyed;
struct gate_web;
struct gate_route;

struct gate_field {
    const char *name;
    const char *value;
};

/* What of a request has to be shown in a `Cookie`, a form or a query. */
struct gate_fields {
    struct gate_field *items;
    size_t count;
};

struct gate_request;

/* What a front does for the requests it brings. */
struct gate_front_calls {
    /* Write `response` whole and end the request (gate_web_end). What is left of a body that was
     * left open is dropped. */
    void (*respond)(struct gate_request *request);
    /* Read the next bytes of an open body, at least one; blocks no longer than it takes to get what
     * nginx has already. GATE_ERR_INPUT: it ends before its length. */
    enum gate_err (*read_body)(struct gate_request *request, char *room, size_t max_bytes,
                               size_t *ret_length);
    /* Before the request waits, once: have left(object, id) called, on any thread, if the reader
     * leaves meanwhile. The id, which is never 0, tells this request from all others; the call may
     * come when it has ended already. */
    uint64_t (*watch)(struct gate_request *request, void (*left)(void *object, uint64_t id),
                      void *object);
    /* Write the next bytes of the answer, the head of `response` before the first; no thread waits
     * for a slow reader. `bytes` must stay until `then`, which gets GATE_ERR_UNAVAILABLE when the
     * reader is gone. */
    void (*write)(struct gate_request *request, const char *bytes, size_t length,
                  gate_then_fn *then, void *state);
    /* End an answer that was written in parts, and the request. Unless it `is_whole`, the reader is
     * made to see that something is missing. */
    void (*end)(struct gate_request *request, bool is_whole);
};

struct gate_request {
    struct gate_ctx *ctx;
    struct gate_web *web;
    char **params; /* FastCGI "NAME=value", NULL-terminated */

    const char *method;
    const char *path;               /* decoded, starts with '/', no "." or ".." segments */
    const char *raw_query;          /* as sent; "" if none */
    const struct gate_route *route; /* NULL until matched */
    const char *allow; /* the methods this path has, when it lacks the one asked for; else NULL */
    const char *route_value; /* the route's {placeholder}, decoded; NULL if it has none */

    struct gate_fields query;
    struct gate_fields form; /* from application/x-www-form-urlencoded bodies */
    struct gate_fields cookies;
    const gate_json *json;       /* from application/json bodies, NULL otherwise */
    struct gate_grpc_call *grpc; /* from application/grpc bodies, NULL otherwise */
    const char *body;
    size_t body_length;

    struct gate_caller caller; /* who is calling; kind NOBODY until established */
    struct gate_quota quota;   /* how much of its limits the caller has left */
    struct gate_response response;
    struct gate_keyed *keyed; /* what runs under an Idempotency-Key; NULL: nothing */

    int64_t started_ms; /* monotonic */
    const struct gate_front_calls *calls;
    void *front; /* the front's own */
};

/* A FastCGI parameter by its name ("REQUEST_METHOD"), or NULL. */
const char *gate_request_param(const struct gate_request *request, const char *name);

/* How often a parameter was sent. A header comes as two parameters, or joined by a comma from nginx
 * 1.23 on, which is counted as two as well. */
size_t gate_request_param_count(const struct gate_request *request, const char *name);

/* A header by the name FastCGI gives it ("HTTP_ACCEPT"), or NULL. */
const char *gate_request_header(const struct gate_request *request, const char *name);

/* One value by name; NULL if absent. Repeated fields were refused before the handler ran unless
 * declared as a list. */
const char *gate_request_query(const struct gate_request *request, const char *name);
const char *gate_request_form(const struct gate_request *request, const char *name);
const char *gate_request_cookie(const struct gate_request *request, const char *name);

/* True when the caller is answered as a gRPC client: by the route, or where there is none by the
 * address. */
bool gate_request_is_grpc(const struct gate_request *request);

/* How long the body is, by its Content-Length: 0 without one. GATE_ERR_INPUT for what is no number,
 * GATE_ERR_TOO_LARGE beyond `max_bytes`, with sentences. */
enum gate_err gate_request_body_length(struct gate_request *request, int64_t max_bytes,
                                       int64_t *ret_length) GATE_MUST_CHECK;

/* True on a route whose bodies pass through (GATE_ROUTE_STREAM). */
bool gate_request_passes_through(const struct gate_request *request);

/* True when the caller gets problem+json (or a gRPC status) rather than a page. */
bool gate_request_wants_json(const struct gate_request *request);

#endif
