#include "web/idempotency.h"

#include <string.h>

#include "core/text.h"
#include "portal/idempotency.h"
#include "web/route.h"
#include "web/state.h"

#define KEY_PARAM "HTTP_IDEMPOTENCY_KEY="

/* What a request carries while it runs under a key. */
struct gate_keyed {
    struct gate_request *request;
    struct gate_keyed_request wanted;
    struct gate_keyed_start start;
    enum gate_keyed_end end;
    struct gate_keyed_answer answer;
    gate_then_fn *run;
    void *state;
};

/* Two keys in one request leave open which of them holds. */
static enum gate_err find_key(const struct gate_request *request, const char **ret_key) {
    const char *key = NULL;
    for (char **param = request->params; *param != NULL; param++) {
        if (strncmp(*param, KEY_PARAM, sizeof KEY_PARAM - 1) != 0) {
            continue;
        }
        if (key != NULL) {
            return gate_fail(request->ctx, GATE_ERR_INPUT, "Send one Idempotency-Key.");
        }
        key = *param + sizeof KEY_PARAM - 1;
    }
    *ret_key = key;
    return GATE_OK;
}

static void replay(struct gate_request *request, const struct gate_keyed_answer *answer) {
    struct gate_response *response = &request->response;
    gate_arena *arena = request->ctx->arena;
    response->status = answer->status;
    if (!gate_text_is_empty(answer->content_type)) {
        gate_response_header_add(response, arena, "Content-Type", answer->content_type);
    }
    gate_response_header_add(response, arena, "Idempotent-Replayed", "true");
    gate_buffer_append(&response->body, answer->body, answer->body_length);
    gate_request_finish(request);
}

static void after_begin(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_keyed *keyed = state;
    struct gate_request *request = keyed->request;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    if (keyed->start.call == NULL) {
        replay(request, &keyed->start.answer);
        return;
    }
    request->keyed = keyed;
    keyed->run(ctx, GATE_OK, keyed->state);
}

static struct gate_keyed_request make_wanted(const struct gate_request *request, const char *key,
                                             const char *operation) {
    return (struct gate_keyed_request){
        .key = key,
        .operation = operation,
        .body_hash = gate_digest_make(request->body, request->body_length),
    };
}

enum gate_err gate_idempotency_look(struct gate_request *request, struct gate_key_look *ret_look) {
    static const char *const names[GATE_KEY_STATE_COUNT_] = {
        [GATE_KEY_FREE] = "would_run",
        [GATE_KEY_ANSWERED] = "would_replay",
        [GATE_KEY_REUSED] = "reused",
        [GATE_KEY_RUNNING] = "running",
        [GATE_KEY_OUTCOME_UNKNOWN] = "outcome_unknown",
        [GATE_KEY_ANSWER_GONE] = "answer_not_kept",
        [GATE_KEY_NO_ROOM] = "no_room",
    };
    struct gate_ctx *ctx = request->ctx;
    const char *key = NULL;
    enum gate_err err = find_key(request, &key);
    if (err != GATE_OK || key == NULL) {
        *ret_look = (struct gate_key_look){.would_run = true};
        return err;
    }
    const char *operation = gate_arena_printf(ctx->arena, "%s %s?", request->method, request->path);
    const struct gate_keyed_request wanted = make_wanted(request, key, operation);
    struct gate_error *error = gate_arena_make(ctx->arena, struct gate_error);
    enum gate_key_state state;
    err = gate_portal_idempotency_look(ctx, request->web->options.portal, &request->caller, &wanted,
                                       &state, error);
    if (err == GATE_OK) {
        *ret_look = (struct gate_key_look){
            .name = names[state],
            .would_run = state == GATE_KEY_FREE,
            .error = error->kind == GATE_OK ? NULL : error,
        };
    }
    return err;
}

void gate_idempotency_begin(struct gate_request *request, gate_then_fn *run, void *state) {
    const char *operation = gate_arena_printf(request->ctx->arena, "%s %s?%s", request->method,
                                              request->path, request->raw_query);
    gate_idempotency_begin_operation(request, operation, run, state);
}

void gate_idempotency_begin_operation(struct gate_request *request, const char *operation,
                                      gate_then_fn *run, void *state) {
    struct gate_ctx *ctx = request->ctx;
    const char *key = NULL;
    enum gate_err err = find_key(request, &key);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    if (key == NULL) {
        run(ctx, GATE_OK, state);
        return;
    }
    struct gate_keyed *keyed = gate_arena_make(ctx->arena, struct gate_keyed);
    keyed->request = request;
    keyed->run = run;
    keyed->state = state;
    keyed->end = GATE_KEYED_UNKNOWN;
    keyed->wanted = make_wanted(request, key, operation);
    gate_portal_idempotency_begin(ctx, request->web->options.portal, &request->caller,
                                  &keyed->wanted, &keyed->start, after_begin, keyed);
}

void gate_idempotency_judge(struct gate_request *request, enum gate_err outcome, bool has_left) {
    if (request->keyed != NULL) {
        request->keyed->end = gate_portal_idempotency_choose(outcome, has_left);
    }
}

/* Recorded or not: the call is over, and its answer true. */
static void after_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    struct gate_request *request = state;
    gate_request_finish(request);
}

/* "" when there is none, as with 204. */
static const char *find_content_type(const struct gate_response *response) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (gate_text_equal_ignoring_case(response->headers[i].name, "Content-Type")) {
            return response->headers[i].value;
        }
    }
    return "";
}

bool gate_idempotency_takes_over(struct gate_request *request) {
    struct gate_keyed *keyed = request->keyed;
    if (keyed == NULL) {
        return false;
    }
    request->keyed = NULL;
    const struct gate_response *response = &request->response;
    const char *content_type = find_content_type(response);
    bool can_be_kept = !response->body.overflowed;
    keyed->answer = (struct gate_keyed_answer){
        .status = response->status,
        .content_type = content_type,
        .body = can_be_kept ? gate_buffer_text(&response->body) : NULL,
        .body_length = response->body.length,
    };
    gate_portal_idempotency_end(request->ctx, request->web->options.portal, keyed->start.call,
                                keyed->end, &keyed->answer, after_end, request);
    return true;
}
