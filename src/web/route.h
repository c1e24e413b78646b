/* The route table: every address the portal answers, who may use it, and what it takes. Reading
 * web/routes.c is reading the product.
 *
 * Threads: immutable. A pattern's segments are literal, or one "{name}" that matches a single
 * non-empty segment, or at the end "{name...}" that matches whatever follows. Fields not declared
 * are refused; so are repeated ones.
 */
#ifndef GATE_WEB_ROUTE_H
#define GATE_WEB_ROUTE_H

#include "web/request.h"

enum gate_route_flag {
    /* who may call; without any of these three everybody may */
    GATE_ROUTE_BROWSER = 1 << 0, /* a signed-in browser */
    GATE_ROUTE_TOKEN = 1 << 1, /* a personal or a service token; a service token must name its user
                                  unless GATE_ROUTE_NO_USER */
    GATE_ROUTE_NO_USER = 1 << 2, /* a service token needs no user */
    /* what is checked and how is answered */
    GATE_ROUTE_CSRF =
        1 << 3, /* a browser must prove that our own page sent it (form field or header) */
    GATE_ROUTE_JSON = 1 << 4,         /* problem+json instead of pages; JSON bodies */
    GATE_ROUTE_PUBLIC_CACHE = 1 << 5, /* may be cached; everything else is no-store */
    GATE_ROUTE_NO_HEAD = 1 << 6,      /* the GET has an effect, which HEAD must not have */
    GATE_ROUTE_FORM = 1 << 8,         /* with GATE_ROUTE_JSON: takes a form all the same, as other
                                         protocols' endpoints for programs do */
    GATE_ROUTE_OPERATOR = 1 << 12,    /* only through the operator's own door, of which nginx tells
                                         (deploy/nginx/operator.conf); elsewhere there is nothing */
    GATE_ROUTE_TRAIL = 1 << 7, /* the handler hears also of a token that may not act for the user it
                                  names, and refuses it (the caller has no user then): what is run
                                  here leaves a trail, and so does what was not */
    GATE_ROUTE_GRPC = 1 << 9,  /* one gRPC message in, one out; failures are a gRPC status */
    GATE_ROUTE_SIGNED = 1 << 13, /* the body proves who sent it: the handler gets it raw, and no
                                   cookie or token is looked at */
    GATE_ROUTE_STREAM = 1 << 10, /* query, body and answer are another's and pass through: fields
                                    are not looked at, the body is left open, and the user may also
                                    be named in the header `identifier`, as at Scalekit */
    GATE_ROUTE_NGINX = 1 << 11,  /* only for nginx's own questions, which it marks in the same way;
                                   they take nothing off the limits of whoever calls */
    GATE_ROUTE_OAUTH = 1 << 14,  /* form in, RFC 6749's JSON out; the handler finds out who is
                                   calling, and a cookie counts for nothing */
};

/* A route for every method but CONNECT and TRACE. */
#define GATE_METHOD_ANY "*"

enum gate_field_kind {
    GATE_FIELD_TEXT,       /* UTF-8, one line, at most `max` bytes */
    GATE_FIELD_NUMBER,     /* within 0..max */
    GATE_FIELD_CONNECTION, /* a connection's name */
    GATE_FIELD_LIST,       /* text that may be repeated */
    GATE_FIELD_OTHERS,     /* not a field: whatever else is sent is ignored, not refused */
};

struct gate_field_spec {
    const char *name;
    enum gate_field_kind kind;
    int64_t max;
    bool required;
};

typedef void gate_handler_fn(struct gate_request *request);

struct gate_route {
    const char *method; /* HEAD is answered wherever GET is */
    const char *pattern;
    gate_handler_fn *handle; /* must lead to exactly one gate_request_finish or gate_request_fail */
    unsigned flags;
    size_t max_body_bytes; /* 0: no body */
    const struct gate_field_spec
        *fields; /* query for GET, form or query for POST; ends with a NULL name; NULL: none */
};

extern const struct gate_route gate_routes[];
extern const size_t gate_route_count;

/* Find the route; NULL when no pattern matches, or when only other methods match (then `allow`, of
 * at least 64 bytes, lists them, else it is ""). `ret_value` gets the placeholder's text. */
const struct gate_route *gate_route_find(gate_arena *arena, const char *method, const char *path,
                                         const char **ret_value, char allow[64]);

/* The answer is complete: add the headers every answer carries and hand it to the front. */
void gate_request_finish(struct gate_request *request);

/* The answer's head is complete, and its body follows through gate_front_calls: add the headers. */
void gate_request_finish_head(struct gate_request *request);

/* The same, for a 200 that callers may ask for again: adds an ETag over the body, and answers 304
 * without it when the request's If-None-Match has it (RFC 9110 sections 8.8.3 and 13.1.2). */
void gate_request_finish_tagged(struct gate_request *request);

/* Answer a failure: problem+json or a plain page, from the kind and ctx->error. */
void gate_request_fail(struct gate_request *request, enum gate_err err);

#endif
