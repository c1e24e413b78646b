/* A proxied call: token, headers, the body's pieces up, and whose answer it is. */
#include "scalekit/proxy.h"

#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/text.h"
#include "net/stream.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"

/* Authorization, the two that address the account, traceparent, tracestate and User-Agent. */
#define OWN_HEADERS_MAX 6

struct gate_scalekit_proxying {
    gate_scalekit *scalekit;
    const struct gate_scalekit_proxy_call *call;
    struct gate_scalekit_proxy_answer *ret_answer;
    gate_then_fn *then;
    void *state;

    struct gate_net_stream_request request;
    struct gate_scalekit_token *token;
    gate_net_stream *stream;
    struct gate_net_piece piece;
    char *room; /* for a piece of the body */
    size_t
        first_length; /* of the body's first piece, which can be sent again while it is in room */
    int64_t read_length;           /* of the body so far */
    bool has_renewed;              /* the token */
    bool has_head;                 /* the answer's */
    bool is_held;                  /* the answer may be Scalekit's own; its body is gathered */
    bool is_passing;               /* the answer is the app's */
    struct gate_breaker_pass pass; /* through the breaker for tools */
    bool is_noted;                 /* the breaker has heard how it went */
    int64_t began_ms;              /* monotonic */
    struct gate_buffer held;
    enum gate_err outcome; /* while the transfer is being closed */
    struct gate_error error;
};

static void take_piece(struct gate_ctx *ctx, enum gate_err err, void *state);

static void free_held(void *object) {
    struct gate_scalekit_proxying *proxying = object;
    gate_buffer_done(&proxying->held);
}

/* ---- the request ---- */

static bool has_header(const struct gate_scalekit_proxy_call *call, const char *name) {
    for (size_t i = 0; i < call->header_count; i++) {
        if (gate_text_equal_ignoring_case(call->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void set_headers(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    const struct gate_scalekit_proxy_call *call = proxying->call;
    struct gate_net_header *headers =
        gate_arena_alloc_array(ctx->arena, call->header_count + OWN_HEADERS_MAX, sizeof *headers);
    size_t count = 0;
    headers[count++] =
        (struct gate_net_header){"Authorization", gate_scalekit_token_header(proxying->token)};
    headers[count++] = (struct gate_net_header){WIRE_CONNECTION_NAME, call->connection_name};
    headers[count++] = (struct gate_net_header){WIRE_IDENTIFIER, call->identifier};
    headers[count++] =
        (struct gate_net_header){"traceparent", gate_trace_parent_make(ctx->arena, &ctx->trace)};
    if (ctx->trace.state != NULL) {
        headers[count++] = (struct gate_net_header){"tracestate", ctx->trace.state};
    }
    if (!has_header(call, "User-Agent")) {
        headers[count++] = (struct gate_net_header){"User-Agent", "gatehouse/" GATE_VERSION};
    }
    for (size_t i = 0; i < call->header_count; i++) {
        headers[count++] = call->headers[i];
    }
    proxying->request.headers = headers;
    proxying->request.header_count = count;
}

bool gate_scalekit_proxy_reads(const char *method) {
    return gate_text_equal(method, "GET") || gate_text_equal(method, "HEAD") ||
           gate_text_equal(method, "OPTIONS");
}

/* ---- what a call tells about Scalekit ---- */

static void note(struct gate_scalekit_proxying *proxying, enum gate_err err,
                 enum gate_breaker_evidence evidence) {
    if (proxying->is_noted) {
        return;
    }
    proxying->is_noted = true;
    gate_scalekit_work_count(proxying->scalekit, GATE_SCALEKIT_WORK_TOOL, err, proxying->began_ms);
    gate_scalekit_work_note(proxying->scalekit, GATE_SCALEKIT_WORK_TOOL, evidence, &proxying->pass);
}

/* An app's own 503 cannot be told from a gateway's. */
static void note_answer(struct gate_scalekit_proxying *proxying) {
    note(proxying, GATE_OK,
         gate_scalekit_is_absence(proxying->ret_answer->status) ? GATE_BREAKER_NOTHING
                                                                : GATE_BREAKER_ANSWERED);
}

static void note_refusal(struct gate_scalekit_proxying *proxying, enum gate_err err, int status) {
    note(proxying, err,
         err != GATE_ERR_PROVIDER && gate_scalekit_is_absence(status) ? GATE_BREAKER_FAILED
                                                                      : GATE_BREAKER_ANSWERED);
}

static void note_failure(struct gate_scalekit_proxying *proxying, enum gate_err err) {
    const bool is_silence =
        err == GATE_ERR_UNAVAILABLE || err == GATE_ERR_TIMEOUT || err == GATE_ERR_OUTCOME_UNKNOWN;
    const bool is_ours = gate_net_stream_was_cancelled(proxying->stream) ||
                         gate_net_stream_was_refused(proxying->stream);
    note(proxying, err,
         is_silence && !proxying->has_head && !is_ours ? GATE_BREAKER_FAILED
                                                       : GATE_BREAKER_NOTHING);
}

/* ---- the end ---- */

static void end(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying, enum gate_err err) {
    gate_scalekit_token_release(proxying->token);
    proxying->token = NULL;
    proxying->then(ctx, err, proxying->state);
}

static void end_closed(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)err;
    struct gate_scalekit_proxying *proxying = state;
    ctx->error = proxying->error;
    end(ctx, proxying, proxying->outcome);
}

/* The transfer must be over before the caller hears of the failure. */
static void fail(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying, enum gate_err err) {
    if (proxying->piece.is_last) {
        end(ctx, proxying, err);
        return;
    }
    proxying->outcome = err;
    proxying->error = ctx->error;
    gate_net_stream_close(ctx, proxying->stream, end_closed, proxying);
}

/* ---- the answer ---- */

static void deliver(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying, const char *data,
                    size_t length) {
    struct gate_scalekit_proxy_answer *answer = proxying->ret_answer;
    answer->data = data;
    answer->length = length;
    answer->is_last = proxying->piece.is_last;
    if (answer->is_last) {
        gate_scalekit_token_release(proxying->token);
        proxying->token = NULL;
    }
    proxying->then(ctx, GATE_OK, proxying->state);
}

static bool names_error_info(const gate_json *json) {
    const gate_json *details = gate_json_member(json, WIRE_DETAILS);
    for (size_t i = 0; i < gate_json_length(details); i++) {
        const char *type = gate_json_member_text(gate_json_element(details, i), WIRE_TYPE_URL);
        if (gate_text_equal(type, WIRE_TYPE_ERROR_INFO)) {
            return true;
        }
    }
    return false;
}

/* An app that answers in Scalekit's own form can only pretend that Scalekit refused its own caller.
 */
static bool is_scalekits(struct gate_ctx *ctx, const struct gate_buffer *body) {
    const gate_json *json = NULL;
    if (gate_json_parse(ctx, gate_buffer_text(body), body->length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return false;
    }
    return names_error_info(json);
}

static void send_request(struct gate_ctx *ctx, enum gate_err err, void *state);

/* Whether all that was read of the body is still in the room. */
static bool can_repeat(const struct gate_scalekit_proxying *proxying) {
    return proxying->piece.is_last && !proxying->has_renewed &&
           proxying->read_length == (int64_t)proxying->first_length &&
           proxying->read_length == proxying->call->body_length;
}

static void renew_token(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    proxying->has_renewed = true;
    proxying->has_head = false;
    proxying->is_held = false;
    proxying->piece = (struct gate_net_piece){0};
    proxying->held.length = 0;
    proxying->ret_answer->has_left = false;
    gate_error_clear(&ctx->error);
    gate_scalekit_token_release(proxying->token);
    proxying->token = NULL;
    gate_scalekit_token_fetch(ctx, proxying->scalekit, &proxying->token, send_request, proxying);
}

/* Scalekit refused the call itself. */
static void take_refusal(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    struct gate_scalekit_call *reading = gate_arena_make(ctx->arena, struct gate_scalekit_call);
    reading->is_repeatable = proxying->request.is_read;
    reading->is_tool_call = true;
    reading->response = *gate_net_stream_head(proxying->stream);
    reading->response.body =
        gate_arena_strndup(ctx->arena, gate_buffer_text(&proxying->held), proxying->held.length);
    reading->response.body_length = proxying->held.length;
    const enum gate_err err = gate_scalekit_answer_read(ctx, reading);
    if (reading->response.status == 401 && err != GATE_ERR_PROVIDER) {
        gate_scalekit_token_refuse(proxying->scalekit, proxying->token);
        if (can_repeat(proxying)) {
            renew_token(ctx, proxying);
            return;
        }
    }
    note_refusal(proxying, err, reading->response.status);
    proxying->ret_answer->failure = reading->failure;
    proxying->ret_answer->status = 0;
    fail(ctx, proxying, err);
}

/* Only a short body of this kind can be Scalekit's own refusal. */
static bool may_be_refusal(const struct gate_net_response *head) {
    const char *type = gate_net_header_find(head, "content-type");
    return head->status >= 400 && type != NULL && gate_text_starts_with(type, "application/json") &&
           gate_net_header_find(head, "content-encoding") == NULL;
}

static void take_head(struct gate_scalekit_proxying *proxying) {
    const struct gate_net_response *head = gate_net_stream_head(proxying->stream);
    proxying->has_head = true;
    proxying->is_held = may_be_refusal(head) && !gate_text_equal(proxying->call->method, "HEAD");
    proxying->ret_answer->status = head->status;
    proxying->ret_answer->headers = head->headers;
    proxying->ret_answer->header_count = head->header_count;
}

static void go_on(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    gate_net_stream_next(ctx, proxying->stream, take_piece, proxying);
}

/* Give up the next piece of the body. */
static enum gate_err give_body(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    const struct gate_scalekit_proxy_call *call = proxying->call;
    const bool is_repeated = proxying->read_length == 0 && proxying->first_length > 0;
    size_t length = proxying->first_length;
    if (!is_repeated) {
        const int64_t left = call->body_length - proxying->read_length;
        if (proxying->room == NULL) {
            proxying->room = gate_arena_alloc(ctx->arena, GATE_STREAM_PIECE_MAX_BYTES);
        }
        const size_t max_bytes =
            left < GATE_STREAM_PIECE_MAX_BYTES ? (size_t)left : (size_t)GATE_STREAM_PIECE_MAX_BYTES;
        const enum gate_err err =
            call->read_body(call->body_source, proxying->room, max_bytes, &length);
        if (err != GATE_OK) {
            return gate_fail(ctx, err, "The body ended before it was complete.");
        }
        proxying->first_length = proxying->read_length == 0 ? length : proxying->first_length;
    }
    proxying->read_length += (int64_t)length;
    gate_net_stream_give(proxying->stream, proxying->room, length);
    return GATE_OK;
}

/* Before the body is up, nothing of the answer is passed on: nginx stops sending us the body as
 * soon as it has the head of an answer. */
static bool is_body_up(const struct gate_scalekit_proxying *proxying) {
    return proxying->piece.is_last || proxying->read_length == proxying->call->body_length;
}

/* What came so far is passed on together, once it is known whose it is. */
static void take_held(struct gate_ctx *ctx, struct gate_scalekit_proxying *proxying) {
    const struct gate_net_piece *piece = &proxying->piece;
    gate_buffer_append(&proxying->held, piece->data, piece->length);
    const bool is_full = proxying->held.length >= GATE_PROXY_REFUSAL_MAX_BYTES;
    if (proxying->held.overflowed) {
        fail(ctx, proxying,
             gate_fail(ctx,
                       proxying->request.is_read ? GATE_ERR_UPSTREAM : GATE_ERR_OUTCOME_UNKNOWN,
                       "the app answers at length before it has the request"));
    } else if (proxying->is_held && !piece->is_last && !is_full) {
        go_on(ctx, proxying);
    } else if (proxying->is_held && !is_full && is_scalekits(ctx, &proxying->held)) {
        take_refusal(ctx, proxying);
    } else if (!is_body_up(proxying)) {
        go_on(ctx, proxying);
    } else {
        proxying->is_held = false;
        proxying->is_passing = true;
        note_answer(proxying);
        deliver(ctx, proxying, gate_buffer_text(&proxying->held), proxying->held.length);
    }
}

static void take_piece(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_proxying *proxying = state;
    proxying->ret_answer->has_left =
        proxying->ret_answer->has_left || gate_net_stream_was_sent(proxying->stream);
    if (err != GATE_OK) {
        note_failure(proxying, err);
        end(ctx, proxying, err);
        return;
    }
    const struct gate_net_piece *piece = &proxying->piece;
    if (piece->wants_body) {
        err = give_body(ctx, proxying);
        if (err != GATE_OK) {
            fail(ctx, proxying, err);
            return;
        }
    }
    if (piece->has_head) {
        take_head(proxying);
    }
    if (proxying->is_passing && (piece->length > 0 || piece->is_last)) {
        deliver(ctx, proxying, piece->data, piece->length);
    } else if (proxying->is_passing || !proxying->has_head) {
        go_on(ctx, proxying);
    } else {
        take_held(ctx, proxying);
    }
}

static void send_request(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_proxying *proxying = state;
    if (err != GATE_OK) {
        end(ctx, proxying, err);
        return;
    }
    proxying->read_length = 0;
    set_headers(ctx, proxying);
    gate_net_stream_open(ctx, proxying->scalekit->stream_net, &proxying->request, &proxying->stream,
                         &proxying->piece, take_piece, proxying);
}

void gate_scalekit_proxy_open(struct gate_ctx *ctx, gate_scalekit *scalekit,
                              const struct gate_scalekit_proxy_call *call,
                              gate_scalekit_proxying **ret_proxying,
                              struct gate_scalekit_proxy_answer *ret_answer, gate_then_fn *then,
                              void *state) {
    struct gate_scalekit_proxying *proxying =
        gate_arena_make(ctx->arena, struct gate_scalekit_proxying);
    *ret_answer = (struct gate_scalekit_proxy_answer){0};
    proxying->scalekit = scalekit;
    proxying->call = call;
    proxying->ret_answer = ret_answer;
    proxying->then = then;
    proxying->state = state;
    gate_arena_defer(ctx->arena, free_held, proxying);
    gate_buffer_init(&proxying->held,
                     GATE_PROXY_REFUSAL_MAX_BYTES + 2 * GATE_STREAM_PIECE_MAX_BYTES);
    proxying->request = (struct gate_net_stream_request){
        .method = call->method,
        .url =
            gate_arena_printf(ctx->arena, "%s" WIRE_PROXY_PATH "%s", scalekit->url, call->target),
        .body_length = call->body_length,
        .silence_max_ms = GATE_PROXY_SILENCE_MAX_MS,
        .is_read = gate_scalekit_proxy_reads(call->method),
        .cancel_id = call->cancel_id,
    };
    *ret_proxying = proxying;
    proxying->began_ms = gate_clock_monotonic_ms(ctx->clock);
    proxying->pass.who = gate_scalekit_who(call->identifier);
    enum gate_err err =
        gate_scalekit_work_begin(ctx, scalekit, GATE_SCALEKIT_WORK_TOOL, &proxying->pass,
                                 &ret_answer->failure.retry_after_s);
    if (err != GATE_OK) {
        end(ctx, proxying, err);
        return;
    }
    gate_scalekit_token_fetch(ctx, scalekit, &proxying->token, send_request, proxying);
}

void gate_scalekit_proxy_next(struct gate_ctx *ctx, gate_scalekit_proxying *proxying,
                              gate_then_fn *then, void *state) {
    gate_buffer_done(&proxying->held);
    proxying->then = then;
    proxying->state = state;
    go_on(ctx, proxying);
}

void gate_scalekit_proxy_cancel(gate_scalekit *scalekit, uint64_t cancel_id) {
    gate_net_stream_cancel(scalekit->stream_net, cancel_id);
}

void gate_scalekit_proxy_close(struct gate_ctx *ctx, gate_scalekit_proxying *proxying,
                               gate_then_fn *then, void *state) {
    proxying->then = then;
    proxying->state = state;
    fail(ctx, proxying, GATE_OK);
}
