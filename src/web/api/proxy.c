#include <string.h>

#include "core/number.h"
#include "core/text.h"
#include "portal/proxy.h"
#include "web/api/api.h"
#include "web/idempotency.h"
#include "web/proxy_pass.h"
#include "web/route.h"
#include "web/state.h"
#include "web/tool_problem.h"

struct proxied {
    struct gate_request *request;
    struct gate_proxy_order order;
    struct gate_proxy_result result;
    gate_proxying *proxying;
    bool is_keyed;
    struct gate_buffer body; /* of a keyed call, which is held whole */
    size_t body_read;
};

static void free_body(void *object) {
    struct proxied *proxied = object;
    gate_buffer_done(&proxied->body);
}

/* ---- the answer ---- */

/* Who refuses when the status is 401 or 429: the app, not the portal. */
static void begin_answer(struct proxied *proxied) {
    struct gate_request *request = proxied->request;
    gate_arena *arena = request->ctx->arena;
    const struct gate_scalekit_proxy_answer *answer = &proxied->result.answer;
    const char *connection = NULL;
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, "connection") == 0) {
            connection = gate_arena_printf(arena, "%s,%s", connection == NULL ? "" : connection,
                                           answer->headers[i].value);
        }
    }
    request->response.status = answer->status;
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct gate_net_header *header = &answer->headers[i];
        if (gate_proxy_header_returns(header->name, header->value, connection)) {
            gate_response_header_add(&request->response, arena, header->name, header->value);
        }
    }
    gate_response_header_add(&request->response, arena, "Gatehouse-Source", "provider");
}

/* The one header of that name; NULL without one or with several. */
static const char *find_single(const struct gate_scalekit_proxy_answer *answer, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            if (value != NULL) {
                return NULL;
            }
            value = answer->headers[i].value;
        }
    }
    return value;
}

static bool has_header(const struct gate_scalekit_proxy_answer *answer, const char *name) {
    for (size_t i = 0; i < answer->header_count; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* How much there will be; for the answer to HEAD, how much there would be. Unless that is not what
 * ends it (RFC 9112 section 6.3), or there must not be such a header (RFC 9110 section 8.6). */
static void pass_length(struct proxied *proxied) {
    const struct gate_scalekit_proxy_answer *answer = &proxied->result.answer;
    const char *text = find_single(answer, "content-length");
    int64_t length;
    if (answer->status == 204 || has_header(answer, "transfer-encoding") || text == NULL ||
        gate_number_parse(text, 0, INT64_MAX, &length) != GATE_OK) {
        return;
    }
    gate_response_header_add(&proxied->request->response, proxied->request->ctx->arena,
                             "Content-Length", text);
}

static void take_next(struct gate_ctx *ctx, enum gate_err err, void *state);

static void end_cut(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    const struct proxied *proxied = state;
    proxied->request->calls->end(proxied->request, false);
}

static void after_write(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct proxied *proxied = state;
    const bool is_last = proxied->result.answer.is_last;
    if (err == GATE_OK && is_last) {
        proxied->request->calls->end(proxied->request, true);
    } else if (err == GATE_OK) {
        gate_portal_proxy_next(ctx, proxied->proxying, take_next, proxied);
    } else if (is_last) {
        end_cut(ctx, err, proxied);
    } else {
        gate_portal_proxy_close(ctx, proxied->proxying, end_cut, proxied);
    }
}

static void write_piece(struct proxied *proxied) {
    const struct gate_scalekit_proxy_answer *answer = &proxied->result.answer;
    proxied->request->calls->write(proxied->request, answer->data, answer->length, after_write,
                                   proxied);
}

static void take_next(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct proxied *proxied = state;
    if (err != GATE_OK) {
        end_cut(ctx, err, proxied);
        return;
    }
    write_piece(proxied);
}

/* All of it is here already: one answer, with its length. */
static void respond_whole(struct proxied *proxied) {
    struct gate_request *request = proxied->request;
    const struct gate_scalekit_proxy_answer *answer = &proxied->result.answer;
    gate_buffer_append(&request->response.body, answer->data, answer->length);
    begin_answer(proxied);
    if (strcmp(request->method, "HEAD") == 0) {
        pass_length(proxied);
    }
    gate_request_finish(request);
}

static void respond_in_pieces(struct proxied *proxied) {
    begin_answer(proxied);
    pass_length(proxied);
    gate_request_finish_head(proxied->request);
    write_piece(proxied);
}

/* ---- a call with a key: its answer is kept, and so gathered before anything of it leaves ---- */

static void finish_keyed(struct proxied *proxied) {
    /* 429 says that nothing was done; anything else of the app's is its word on this call. */
    const bool was_put_off = proxied->result.answer.status == 429;
    gate_idempotency_judge(proxied->request, was_put_off ? GATE_ERR_RATE_LIMITED : GATE_OK, true);
    begin_answer(proxied);
    gate_request_finish(proxied->request);
}

static void refuse_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct proxied *proxied = state;
    gate_idempotency_judge(proxied->request, GATE_OK, true);
    gate_request_fail(proxied->request,
                      gate_fail(ctx, GATE_ERR_KEY_ANSWER_GONE,
                                "The call was made, but its answer is larger than one under a key "
                                "may be."));
}

static void gather(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct proxied *proxied = state;
    const struct gate_scalekit_proxy_answer *answer = &proxied->result.answer;
    struct gate_buffer *body = &proxied->request->response.body;
    if (err != GATE_OK) {
        gate_buffer_done(body);
        gate_error_clear(&ctx->error);
        gate_idempotency_judge(proxied->request, GATE_ERR_OUTCOME_UNKNOWN, true);
        gate_request_fail(proxied->request, gate_fail(ctx, GATE_ERR_OUTCOME_UNKNOWN,
                                                      "the answer was cut off on the way"));
        return;
    }
    if (body->length + answer->length > GATE_PROXY_KEYED_ANSWER_MAX_BYTES) {
        gate_buffer_done(body);
        if (answer->is_last) {
            refuse_answer(ctx, GATE_OK, proxied);
        } else {
            gate_portal_proxy_close(ctx, proxied->proxying, refuse_answer, proxied);
        }
        return;
    }
    gate_buffer_append(body, answer->data, answer->length);
    if (answer->is_last) {
        finish_keyed(proxied);
    } else {
        gate_portal_proxy_next(ctx, proxied->proxying, gather, proxied);
    }
}

/* ---- failures ---- */

static void fail(struct proxied *proxied, enum gate_err err) {
    const struct gate_proxy_result *result = &proxied->result;
    const struct gate_problem problem = gate_call_problem_make(
        proxied->request, err, &result->answer.failure,
        &(struct gate_called){proxied->order.connection_name, result->account_status, NULL});
    gate_problem_finish(proxied->request, &problem);
}

static void after_refuse(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    fail(state, err);
}

static void after_open(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct proxied *proxied = state;
    if (err != GATE_OK) {
        gate_idempotency_judge(proxied->request, err, proxied->result.answer.has_left);
        fail(proxied, err);
    } else if (proxied->is_keyed) {
        gather(ctx, err, proxied);
    } else if (proxied->result.answer.is_last) {
        respond_whole(proxied);
    } else {
        respond_in_pieces(proxied);
    }
}

/* ---- the request ---- */

static enum gate_err read_open_body(void *source, char *room, size_t max_bytes,
                                    size_t *ret_length) {
    const struct proxied *proxied = source;
    return proxied->request->calls->read_body(proxied->request, room, max_bytes, ret_length);
}

static enum gate_err read_held_body(void *source, char *room, size_t max_bytes,
                                    size_t *ret_length) {
    struct proxied *proxied = source;
    const size_t left = proxied->body.length - proxied->body_read;
    const size_t length = left < max_bytes ? left : max_bytes;
    memcpy(room, proxied->body.data + proxied->body_read, length);
    proxied->body_read += length;
    *ret_length = length;
    return length > 0 ? GATE_OK : GATE_ERR_INPUT;
}

/* What a key stands for must be known before the call is made. */
static enum gate_err hold_body(struct proxied *proxied) {
    struct gate_request *request = proxied->request;
    const int64_t length = proxied->order.body_length;
    if (length > GATE_JSON_BODY_MAX_BYTES) {
        return gate_fail(request->ctx, GATE_ERR_TOO_LARGE,
                         "With an Idempotency-Key the body may have %d bytes at most.",
                         GATE_JSON_BODY_MAX_BYTES);
    }
    char *room = gate_arena_alloc(request->ctx->arena, GATE_STREAM_PIECE_MAX_BYTES);
    while ((int64_t)proxied->body.length < length) {
        const int64_t left = length - (int64_t)proxied->body.length;
        const size_t max_bytes =
            left < GATE_STREAM_PIECE_MAX_BYTES ? (size_t)left : (size_t)GATE_STREAM_PIECE_MAX_BYTES;
        size_t count;
        const enum gate_err err = request->calls->read_body(request, room, max_bytes, &count);
        if (err != GATE_OK) {
            return gate_fail(request->ctx, err, "The body ended before it was complete.");
        }
        gate_buffer_append(&proxied->body, room, count);
    }
    request->body = gate_buffer_text(&proxied->body);
    request->body_length = proxied->body.length;
    proxied->order.read_body = read_held_body;
    return GATE_OK;
}

static enum gate_err read_connection(struct proxied *proxied) {
    const struct gate_request *request = proxied->request;
    const char *name = gate_request_header(request, "HTTP_CONNECTION_NAME");
    if (gate_text_is_empty(name)) {
        return GATE_OK; /* said where the call is made, once it is known that it may be */
    }
    const size_t length = strlen(name);
    if (gate_request_param_count(request, "HTTP_CONNECTION_NAME") > 1 ||
        length > GATE_CONNECTION_NAME_MAX_BYTES || !gate_text_is_one_line(name, length) ||
        !gate_text_is_utf8(name, length)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "connection_name must be one name of at most %d bytes.",
                         GATE_CONNECTION_NAME_MAX_BYTES);
    }
    proxied->order.connection_name = name;
    return GATE_OK;
}

static enum gate_err read_order(struct proxied *proxied) {
    struct gate_request *request = proxied->request;
    struct gate_proxy_order *order = &proxied->order;
    order->method = request->method;
    order->read_body = read_open_body;
    order->body_source = proxied;
    enum gate_err err = gate_proxy_target_read(
        request->ctx, gate_request_param(request, "REQUEST_URI"), &order->target);
    if (err == GATE_OK) {
        err = read_connection(proxied);
    }
    if (err == GATE_OK) {
        err = gate_request_body_length(request, GATE_PROXY_BODY_MAX_BYTES, &order->body_length);
    }
    if (err == GATE_OK && order->body_length > 0 && strcmp(request->method, "HEAD") == 0) {
        err = gate_fail(request->ctx, GATE_ERR_INPUT, "A HEAD request has no body.");
    }
    return err == GATE_OK
               ? gate_proxy_headers_collect(request, &order->headers, &order->header_count)
               : err;
}

static void cancel(void *portal, uint64_t id) {
    gate_portal_proxy_cancel(portal, id);
}

static void run(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct proxied *proxied = state;
    struct gate_request *request = proxied->request;
    if (!proxied->is_keyed) { /* what runs under a key runs for whoever asks again */
        proxied->order.cancel_id =
            request->calls->watch(request, cancel, request->web->options.portal);
    }
    gate_portal_proxy_open(ctx, request->web->options.portal, &request->caller, &proxied->order,
                           &proxied->proxying, &proxied->result, after_open, proxied);
}

/* The same path of another connection, or a body of another type, is another call. */
static void run_keyed(struct gate_ctx *ctx, struct proxied *proxied) {
    struct gate_request *request = proxied->request;
    const enum gate_err err = hold_body(proxied);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    const char *type = gate_request_param(request, "CONTENT_TYPE");
    const char *operation = gate_arena_printf(
        ctx->arena, "%s /proxy%s\n%s\n%s", request->method, proxied->order.target,
        proxied->order.connection_name == NULL ? "" : proxied->order.connection_name,
        type == NULL ? "" : type);
    gate_idempotency_begin_operation(request, operation, run, proxied);
}

void gate_api_proxy_handle(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    struct proxied *proxied = gate_arena_make(ctx->arena, struct proxied);
    proxied->request = request;
    gate_buffer_init(&proxied->body, GATE_JSON_BODY_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_body, proxied);
    proxied->is_keyed = gate_request_header(request, "HTTP_IDEMPOTENCY_KEY") != NULL &&
                        !gate_portal_proxy_reads(request->method);
    enum gate_err err = read_order(proxied);
    if (err == GATE_OK) {
        err = gate_portal_proxy_check(ctx, &request->caller, &proxied->order);
    }
    if (err == GATE_ERR_FORBIDDEN && proxied->order.target != NULL) {
        gate_portal_proxy_refuse(ctx, request->web->options.portal, &request->caller,
                                 &proxied->order, err, after_refuse, proxied);
    } else if (err != GATE_OK) {
        gate_request_fail(request, err);
    } else if (proxied->is_keyed) {
        run_keyed(ctx, proxied);
    } else {
        run(ctx, GATE_OK, proxied);
    }
}
