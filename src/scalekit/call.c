/* One call: pass the breaker, take the token, send, judge; renew the token once, repeat reads. */
#include <string.h>

#include "core/encoding.h"
#include "core/random.h"
#include "scalekit/client.h"
#include "scalekit/wire.h"
#include "json/writer.h"

#define BACKOFF_MS 100
#define TEXTS_MAX_BYTES (64 * 1024)
/* Who gets no answer in less has not given Scalekit the time for one. */
#define PATIENCE_MIN_MS 2000

struct gate_scalekit_call *gate_scalekit_call_make(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                                   const char *method, const char *target) {
    struct gate_scalekit_call *call = gate_arena_make(ctx->arena, struct gate_scalekit_call);
    call->scalekit = scalekit;
    call->method = method;
    call->target = target;
    call->is_repeatable = strcmp(method, "GET") == 0;
    call->work = call->is_repeatable ? GATE_SCALEKIT_WORK_READ : GATE_SCALEKIT_WORK_CONNECT;
    call->timeout_ms = GATE_CONTROL_TIMEOUT_MS;
    call->max_response_bytes = GATE_UPSTREAM_CONTROL_MAX_BYTES;
    return call;
}

void gate_scalekit_call_query_add(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                  const char *name, const char *value) {
    if (value == NULL) {
        return;
    }
    char mark = strchr(call->target, '?') == NULL ? '?' : '&';
    call->target = gate_arena_printf(ctx->arena, "%s%c%s=%s", call->target, mark, name,
                                     gate_percent_format(ctx->arena, value));
}

static void free_buffer(void *buffer) {
    gate_buffer_done(buffer);
}

void gate_scalekit_call_body_open(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                  struct gate_json_writer *writer) {
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, TEXTS_MAX_BYTES);
    gate_arena_defer(ctx->arena, free_buffer, buffer);
    gate_json_writer_init(writer, buffer);
    gate_json_open_object(writer, NULL);
    call->body = NULL;
    call->body_length = 0;
}

void gate_scalekit_call_body_close(struct gate_scalekit_call *call,
                                   struct gate_json_writer *writer) {
    gate_json_close_object(writer);
    if (!writer->buffer->overflowed) {
        call->body = gate_buffer_text(writer->buffer);
        call->body_length = writer->buffer->length;
    }
}

void gate_scalekit_call_body_set(struct gate_ctx *ctx, struct gate_scalekit_call *call,
                                 const struct gate_scalekit_field *fields, size_t count) {
    struct gate_json_writer writer;
    gate_scalekit_call_body_open(ctx, call, &writer);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text != NULL) {
            gate_json_write_text(&writer, fields[i].name, fields[i].text);
        }
    }
    gate_scalekit_call_body_close(call, &writer);
}

static void end_call(struct gate_ctx *ctx, struct gate_scalekit_call *call, enum gate_err err) {
    gate_scalekit_token_release(call->token);
    call->token = NULL;
    call->then(ctx, err, call->state);
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state);

static void send_request(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_call *call = state;
    if (err != GATE_OK) {
        end_call(ctx, call, err);
        return;
    }
    call->attempts++;
    call->headers[0].value = gate_scalekit_token_header(call->token);
    call->headers[1].value = gate_trace_parent_make(ctx->arena, &ctx->trace);
    call->request.timeout_ms = call->ends_ms - gate_clock_monotonic_ms(ctx->clock);
    if (call->is_repeatable && call->request.timeout_ms > GATE_UPSTREAM_ATTEMPT_TIMEOUT_MS) {
        call->request.timeout_ms = GATE_UPSTREAM_ATTEMPT_TIMEOUT_MS;
    }
    call->began_ms = gate_clock_monotonic_ms(ctx->clock);
    call->patience_ms = gate_ctx_time_left_ms(ctx, call->request.timeout_ms);
    call->response.was_refused = false;
    gate_net_fetch(ctx, call->scalekit->net, &call->request, &call->response, take_answer, call);
}

static void renew_token(struct gate_ctx *ctx, struct gate_scalekit_call *call) {
    call->has_renewed = true;
    call->attempts--; /* it was refused before anything was done */
    gate_scalekit_token_refuse(call->scalekit, call->token);
    gate_scalekit_token_release(call->token);
    call->token = NULL;
    gate_error_clear(&ctx->error);
    gate_scalekit_token_fetch(ctx, call->scalekit, &call->token, send_request, call);
}

static void repeat(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_call *call = state;
    if (err == GATE_OK) {
        err = gate_scalekit_work_begin(ctx, call->scalekit, call->work, &call->pass,
                                       &call->failure.retry_after_s);
    }
    if (err != GATE_OK) { /* no time or no hope left: the failure stands that was to be repeated */
        end_call(ctx, call, call->err);
        return;
    }
    gate_error_clear(&ctx->error);
    gate_scalekit_token_release(call->token);
    call->token = NULL;
    gate_scalekit_token_fetch(ctx, call->scalekit, &call->token, send_request, call);
}

static bool is_refused_token(const struct gate_scalekit_call *call, enum gate_err err) {
    return err != GATE_ERR_PROVIDER && call->response.status == 401;
}

/* What the end of one attempt says about Scalekit: nothing where the request may be to blame, or
 * our own limits. */
static enum gate_breaker_evidence read_evidence(const struct gate_scalekit_call *call,
                                                enum gate_err err) {
    int status = call->response.status;
    switch (err) {
    case GATE_OK:
    case GATE_ERR_PROVIDER:
    case GATE_ERR_INPUT:
    case GATE_ERR_FORBIDDEN:
    case GATE_ERR_NOT_FOUND:
    case GATE_ERR_CONFLICT:
    case GATE_ERR_RATE_LIMITED:
        return GATE_BREAKER_ANSWERED;
    case GATE_ERR_UNAVAILABLE:
        return status == 0 || gate_scalekit_is_absence(status) ? GATE_BREAKER_FAILED
                                                               : GATE_BREAKER_NOTHING;
    case GATE_ERR_OUTCOME_UNKNOWN:
        if (status != 0) {
            return gate_scalekit_is_absence(status) ? GATE_BREAKER_FAILED : GATE_BREAKER_NOTHING;
        }
        return call->response.was_refused || call->patience_ms < PATIENCE_MIN_MS
                   ? GATE_BREAKER_NOTHING
                   : GATE_BREAKER_FAILED;
    case GATE_ERR_TIMEOUT: /* a write has waited for a connection of ours, not for an answer */
        return call->is_repeatable && call->patience_ms >= PATIENCE_MIN_MS ? GATE_BREAKER_FAILED
                                                                           : GATE_BREAKER_NOTHING;
    default:
        return GATE_BREAKER_NOTHING;
    }
}

static bool is_worth_repeating(const struct gate_scalekit_call *call, enum gate_err err) {
    return (err == GATE_ERR_UNAVAILABLE || err == GATE_ERR_TIMEOUT) && call->is_repeatable &&
           call->attempts < GATE_UPSTREAM_ATTEMPTS_MAX;
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_scalekit_call *call = state;
    if (err == GATE_OK) {
        err = gate_scalekit_answer_read(ctx, call);
    } else {
        call->response = (struct gate_net_response){.was_refused = call->response.was_refused};
        call->failure = (struct gate_scalekit_failure){0};
    }
    gate_scalekit_work_count(call->scalekit, call->work, err, call->began_ms);
    gate_scalekit_work_note(call->scalekit, call->work, read_evidence(call, err), &call->pass);
    if (is_refused_token(call, err) && !call->has_renewed) {
        renew_token(ctx, call);
        return;
    }
    if (is_worth_repeating(call, err)) {
        call->err = err;
        int64_t delay_ms = (BACKOFF_MS << call->attempts) / 2 + gate_random_below(BACKOFF_MS);
        gate_net_delay(ctx, call->scalekit->net, delay_ms, repeat, call);
        return;
    }
    end_call(ctx, call, err);
}

void gate_scalekit_call_start(struct gate_ctx *ctx, struct gate_scalekit_call *call) {
    bool has_body = strcmp(call->method, "POST") == 0;
    if (has_body && call->body == NULL) {
        call->then(ctx, gate_fail(ctx, GATE_ERR_TOO_LARGE, "too much for one request to Scalekit"),
                   call->state);
        return;
    }
    call->headers[0] = (struct gate_net_header){"Authorization", NULL};
    call->headers[1] = (struct gate_net_header){"traceparent", NULL};
    call->headers[2] = (struct gate_net_header){"Accept", "application/json"};
    call->headers[3] = (struct gate_net_header){"User-Agent", "gatehouse/" GATE_VERSION};
    size_t header_count = 4;
    if (has_body) {
        call->headers[header_count++] =
            (struct gate_net_header){"Content-Type", "application/json"};
    }
    if (ctx->trace.state != NULL) {
        call->headers[header_count++] = (struct gate_net_header){"tracestate", ctx->trace.state};
    }
    call->request = (struct gate_net_request){
        .method = call->method,
        .url = gate_arena_printf(ctx->arena, "%s%s", call->scalekit->url, call->target),
        .headers = call->headers,
        .header_count = header_count,
        .body = call->body,
        .body_length = call->body_length,
        .max_response_bytes = call->max_response_bytes,
        .is_read = call->is_repeatable,
    };
    call->ends_ms = gate_clock_monotonic_ms(ctx->clock) + call->timeout_ms;
    enum gate_err err = gate_scalekit_work_begin(ctx, call->scalekit, call->work, &call->pass,
                                                 &call->failure.retry_after_s);
    if (err != GATE_OK) {
        end_call(ctx, call, err);
        return;
    }
    gate_scalekit_token_fetch(ctx, call->scalekit, &call->token, send_request, call);
}
