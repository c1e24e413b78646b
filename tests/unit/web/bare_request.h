/* A request without a portal, a view or a route behind it, for the parts of web/ that need none.
 *
 * Owner: bare_request_done frees what bare_request_make made. Threads: confined.
 */
#ifndef GATE_TESTS_BARE_REQUEST_H
#define GATE_TESTS_BARE_REQUEST_H

#include "support/cases.h"

#include <string.h>

#include "web/request.h"
#include "web/state.h"
#include "json/json.h"

struct bare_request {
    struct gate_config config;
    struct gate_web web;
    char *params[16];
    struct gate_request request; /* `front` points back to this struct */
    int answers;                 /* how often `respond` was called */
};

static inline void note_answer(struct gate_request *request) {
    ((struct bare_request *)request->front)->answers++;
}

static const struct gate_front_calls bare_calls = {.respond = note_answer};

static inline void bare_request_make(struct bare_request *bare) {
    *bare = (struct bare_request){
        .config = {.public_url = "https://portal.example.com", .public_is_https = true},
        .web = {.content_security_policy = "default-src 'none'"},
    };
    bare->web.options.config = &bare->config;
    bare->request = (struct gate_request){
        .ctx = gate_ctx_new(&gate_clock_system, NULL, "0123456789abcdef"),
        .web = &bare->web,
        .params = bare->params,
        .method = "GET",
        .path = "/api/v1/me",
        .raw_query = "",
        .calls = &bare_calls,
        .front = bare,
    };
    gate_response_init(&bare->request.response, bare->request.ctx->arena);
}

static inline void bare_request_done(struct bare_request *bare) {
    gate_ctx_free(bare->request.ctx);
}

static inline const char *find_header(const struct bare_request *bare, const char *name) {
    const struct gate_response *response = &bare->request.response;
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, name) == 0) {
            return response->headers[i].value;
        }
    }
    return NULL;
}

static inline void free_reader(void *reader) {
    gate_ctx_free(reader);
}

static inline const gate_json *read_body(struct bare_request *bare) {
    const struct gate_buffer *body = &bare->request.response.body;
    const gate_json *json = NULL;
    struct gate_ctx *reader = gate_ctx_new(&gate_clock_system, NULL, "reader");
    if (gate_json_parse(reader, gate_buffer_text(body), body->length, &json) != GATE_OK) {
        fail_msg("no JSON: %s", gate_buffer_text(body));
    }
    gate_arena_defer(bare->request.ctx->arena, free_reader, reader);
    return json;
}

#endif
