#include "web/response.h"

#include <assert.h>
#include <string.h>

#include "core/text.h"

/* What most answers have; a request that waits has some of them already. */
enum { HEADERS_AT_FIRST = 16 };

static void release_body(void *buffer) {
    gate_buffer_done(buffer);
}

void gate_response_init(struct gate_response *response, gate_arena *arena) {
    response->status = 0;
    response->meaning = 0;
    response->headers = NULL; /* a request that waits has none yet */
    response->header_count = 0;
    response->header_room = 0;
    gate_buffer_init(&response->body, GATE_RESPONSE_BODY_MAX_BYTES);
    gate_arena_defer(arena, release_body, &response->body);
}

static void make_room(struct gate_response *response, gate_arena *arena) {
    const size_t room = response->header_room == 0 ? HEADERS_AT_FIRST : 2 * response->header_room;
    struct gate_response_header *headers =
        gate_arena_alloc_array(arena, room, sizeof *response->headers);
    if (response->header_count > 0) {
        memcpy(headers, response->headers, response->header_count * sizeof *headers);
    }
    response->headers = headers;
    response->header_room = room;
}

int gate_response_meaning_get(const struct gate_response *response) {
    return response->meaning != 0 ? response->meaning : response->status;
}

void gate_response_header_add(struct gate_response *response, gate_arena *arena, const char *name,
                              const char *value) {
    bool fits = response->header_count < GATE_RESPONSE_HEADERS_MAX &&
                gate_text_is_one_line(value, strlen(value));
    assert(fits);
    if (!fits) {
        return;
    }
    if (response->header_count == response->header_room) {
        make_room(response, arena);
    }
    response->headers[response->header_count++] = (struct gate_response_header){
        gate_arena_strdup(arena, name),
        gate_arena_strdup(arena, value),
    };
}

void gate_response_begin(struct gate_response *response, gate_arena *arena, int status,
                         const char *content_type) {
    response->status = status;
    gate_buffer_done(&response->body);
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, "Content-Type") == 0) {
            response->headers[i].value = gate_arena_strdup(arena, content_type);
            return;
        }
    }
    gate_response_header_add(response, arena, "Content-Type", content_type);
}

void gate_response_redirect(struct gate_response *response, gate_arena *arena,
                            const char *location) {
    bool safe = gate_text_is_one_line(location, strlen(location));
    assert(safe);
    response->status = 303;
    gate_response_header_add(response, arena, "Location", safe ? location : "/");
}
