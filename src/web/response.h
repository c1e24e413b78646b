/* The answer being made. Handlers fill it; the front writes it.
 *
 * Owner: part of the request. Threads: confined. Errors: a header value with a control character or
 * a header beyond GATE_RESPONSE_HEADERS_MAX is our bug and asserts in debug builds, is dropped
 * otherwise.
 */
#ifndef GATE_WEB_RESPONSE_H
#define GATE_WEB_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/context.h"

struct gate_response_header {
    const char *name;
    const char *value;
};

struct gate_response {
    int status;  /* 0 until set */
    int meaning; /* the status that a gRPC call's own outcome, which is answered
                    with 200, has for us; 0: that of `status` */
    struct gate_response_header *headers; /* NULL while there are none */
    size_t header_count;
    size_t header_room;
    struct gate_buffer body; /* freed with the request's arena */
};

/* Start an empty response whose body is released with the arena. */
void gate_response_init(struct gate_response *response, gate_arena *arena);

/* The status for logs and metrics. */
int gate_response_meaning_get(const struct gate_response *response);

/* Add a header; the value is copied into the arena. */
void gate_response_header_add(struct gate_response *response, gate_arena *arena, const char *name,
                              const char *value);

/* Set status and Content-Type, forgetting a body begun earlier. */
void gate_response_begin(struct gate_response *response, gate_arena *arena, int status,
                         const char *content_type);

/* 303 to a URL or path of ours. Refuses to point anywhere if the location has control characters.
 */
void gate_response_redirect(struct gate_response *response, gate_arena *arena,
                            const char *location);

struct gate_cookie {
    const char *name; /* without prefix; see gate_web_cookie_name */
    const char *value;
    int64_t max_age_s; /* 0: for the browser's session; < 0: delete */
};

#endif
