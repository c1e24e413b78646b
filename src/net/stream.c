/* A transfer in pieces: what passes between the engine's thread and the context that waits.
 *
 * The context is told as soon as there is anything to tell, and what comes in while it is busy with
 * that waits in the second buffer, or, when that is full, in the connection.
 */
#include "net/stream.h"

#include <string.h>

#include "core/text.h"
#include "net/engine.h"

static void free_stream(void *object) {
    gate_net_stream *stream = object;
    gate_buffer_done(&stream->taken);
    gate_buffer_done(&stream->filling);
    gate_net_transfer_done(&stream->job); /* when the engine ended first */
    gate_arena_free(stream->arena);
}

/* libcurl is paused only when the mark is passed, which what it brings at a time may do. */
static void init_buffer(struct gate_buffer *buffer) {
    gate_buffer_init(buffer, (size_t)GATE_STREAM_PIECE_MAX_BYTES + CURL_MAX_WRITE_SIZE);
}

static gate_net_stream *make_stream(struct gate_ctx *ctx, gate_net *net,
                                    const struct gate_net_stream_request *wanted,
                                    struct gate_net_piece *ret_piece) {
    gate_net_stream *stream = gate_arena_make(ctx->arena, gate_net_stream);
    gate_net_job_init(&stream->job, ctx, net);
    stream->arena = gate_arena_new();
    init_buffer(&stream->taken);
    init_buffer(&stream->filling);
    gate_arena_defer(ctx->arena, free_stream, stream);
    stream->request = (struct gate_net_request){
        .method = wanted->method,
        .url = wanted->url,
        .headers = wanted->headers,
        .header_count = wanted->header_count,
        .body_length = (size_t)wanted->body_length,
        .is_read = wanted->is_read,
    };
    stream->cancel_id = wanted->cancel_id;
    stream->silence_max_ms = wanted->silence_max_ms;
    if (ctx->deadline_ms != 0) {
        stream->ends_ms = stream->job.started_ms + gate_ctx_time_left_ms(ctx, INT64_MAX);
    }
    stream->ret_piece = ret_piece;
    stream->job.stream = stream;
    stream->job.request = &stream->request;
    return stream;
}

static void submit(gate_net_stream *stream, gate_then_fn *then, void *state) {
    stream->job.then = then;
    stream->job.state = state;
    gate_net_job_submit(&stream->job);
}

void gate_net_stream_open(struct gate_ctx *ctx, gate_net *net,
                          const struct gate_net_stream_request *request,
                          gate_net_stream **ret_stream, struct gate_net_piece *ret_piece,
                          gate_then_fn *then, void *state) {
    gate_net_stream *stream = make_stream(ctx, net, request, ret_piece);
    *ret_stream = stream;
    enum gate_err err = gate_net_transfer_check(&stream->job);
    int64_t left_ms = gate_ctx_time_left_ms(ctx, request->silence_max_ms);
    if (err == GATE_OK && left_ms <= 0) {
        err = gate_fail(ctx, GATE_ERR_TIMEOUT, "%s: no time left to ask", stream->job.host);
    }
    if (err == GATE_OK && !gate_net_admit(net)) {
        err = gate_fail(ctx, GATE_ERR_BUSY, "%d calls are in flight", net->in_flight_max);
    }
    if (err != GATE_OK) {
        then(ctx, err, state);
        return;
    }
    stream->job.arena = stream->arena;
    stream->job.error = &stream->error;
    stream->job.timer.due_ms = stream->job.started_ms + left_ms;
    stream->moved_ms = stream->job.started_ms;
    stream->awaited_ms = stream->job.started_ms;
    stream->is_awaited = true;
    submit(stream, then, state);
}

void gate_net_stream_give(gate_net_stream *stream, const char *bytes, size_t length) {
    stream->given = bytes;
    stream->given_length = length;
}

void gate_net_stream_next(struct gate_ctx *ctx, gate_net_stream *stream, gate_then_fn *then,
                          void *state) {
    (void)ctx;
    submit(stream, then, state);
}

void gate_net_stream_close(struct gate_ctx *ctx, gate_net_stream *stream, gate_then_fn *then,
                           void *state) {
    (void)ctx;
    stream->is_closing = true;
    submit(stream, then, state);
}

void gate_net_stream_cancel(gate_net *net, uint64_t cancel_id) {
    if (cancel_id != 0) {
        gate_net_cancel_submit(net, cancel_id);
    }
}

void gate_net_streams_end_events(gate_net *net) {
    pthread_mutex_lock(&net->lock);
    net->ends_events = true;
    gate_net_ring(net);
    pthread_mutex_unlock(&net->lock);
}

const struct gate_net_response *gate_net_stream_head(const gate_net_stream *stream) {
    return &stream->head;
}

bool gate_net_stream_was_cancelled(const gate_net_stream *stream) {
    return stream->was_cancelled;
}

bool gate_net_stream_was_refused(const gate_net_stream *stream) {
    return stream->job.refusal != NULL;
}

bool gate_net_stream_was_sent(const gate_net_stream *stream) {
    return stream->job.was_sent;
}

/* ---- the engine's side ---- */

static void note_news(gate_net_stream *stream) {
    gate_net *net = stream->job.net;
    if (!stream->has_news) {
        stream->has_news = true;
        stream->next_news = net->news;
        net->news = stream;
    }
}

static void note_moved(gate_net_stream *stream) {
    stream->moved_ms = gate_clock_monotonic_ms(stream->job.net->clock);
    note_news(stream);
}

size_t gate_net_stream_take(gate_net_stream *stream, const char *bytes, size_t length) {
    if (!stream->has_head) { /* what follows a 101 that nobody asked for */
        stream->job.refusal = "the answer has no head";
        return 0;
    }
    if (stream->filling.length >= GATE_STREAM_PIECE_MAX_BYTES) {
        return CURL_WRITEFUNC_PAUSE;
    }
    gate_buffer_append(&stream->filling, bytes, length);
    note_moved(stream);
    return stream->filling.overflowed ? 0 : length;
}

size_t gate_net_stream_supply(char *room, size_t size, size_t count, void *state) {
    gate_net_stream *stream = state;
    size_t length = size * count;
    /* What was given is looked at only while the context waits here: it may be giving right now. */
    if (!stream->is_awaited || stream->given_length == 0) {
        stream->wants_body = true;
        note_news(stream);
        return CURL_READFUNC_PAUSE;
    }
    if (length > stream->given_length) {
        length = stream->given_length;
    }
    memcpy(room, stream->given, length);
    stream->given += length;
    stream->given_length -= length;
    note_moved(stream);
    return length;
}

void gate_net_stream_end_head(gate_net_stream *stream) {
    struct gate_net_job *job = &stream->job;
    long status = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) {
        return; /* an interim answer; another follows */
    }
    job->status = (int)status;
    stream->head = (struct gate_net_response){
        .status = job->status,
        .headers = job->headers,
        .header_count = job->header_count,
        .body = "",
    };
    stream->has_head = true;
    note_moved(stream);
}

bool gate_net_stream_is_events(const gate_net_stream *stream) {
    const char *type =
        stream->has_head ? gate_net_header_find(&stream->head, "content-type") : NULL;
    return type != NULL && gate_text_starts_with(type, "text/event-stream");
}

/* A write that has left is let finish, so that it is known how it ended. */
void gate_net_stream_take_cancel(gate_net_stream *stream) {
    if (stream->is_over || (!stream->request.is_read && !stream->has_head)) {
        return;
    }
    stream->was_cancelled = true;
    gate_net_stream_finish(stream, gate_error_set_at(&stream->error, __FILE__, __LINE__,
                                                     GATE_ERR_UNAVAILABLE, "nobody reads on"));
}

void gate_net_stream_finish(gate_net_stream *stream, enum gate_err outcome) {
    gate_net_timers_clear(&stream->job.net->timers, &stream->job.timer);
    gate_net_job_release_handle(&stream->job);
    stream->is_over = true;
    stream->outcome = outcome;
    note_news(stream);
}

bool gate_net_stream_is_overdue(gate_net_stream *stream, int64_t now_ms) {
    /* While the context is busy, the other side is not to blame for the silence. */
    int64_t moved_ms = stream->is_awaited ? stream->moved_ms : now_ms;
    int64_t due_ms = moved_ms + stream->silence_max_ms;
    if (stream->ends_ms != 0 && stream->ends_ms < due_ms) {
        due_ms = stream->ends_ms;
    }
    stream->job.timer.due_ms = due_ms;
    return due_ms <= now_ms;
}

void gate_net_stream_resume(gate_net_stream *stream) {
    stream->is_awaited = true;
    stream->moved_ms = gate_clock_monotonic_ms(stream->job.net->clock);
    stream->awaited_ms = stream->moved_ms;
    if (stream->given_length > 0) {
        stream->wants_body = false;
    }
    note_news(stream);
    if (stream->job.easy != NULL && !stream->is_closing) {
        curl_easy_pause(stream->job.easy, CURLPAUSE_CONT); /* may call back at once */
    }
}

/* For good, and so the one place where a stream's job ends. */
static void tell_end(gate_net_stream *stream, enum gate_err outcome) {
    if (outcome != GATE_OK) {
        stream->job.ctx->error = stream->error;
    }
    gate_net_job_end(&stream->job, outcome);
}

/* A failure throws away what came before it. */
static void tell(gate_net_stream *stream) {
    stream->job.ctx->waited.upstream_ms +=
        gate_clock_monotonic_ms(stream->job.net->clock) - stream->awaited_ms;
    if (stream->is_closing || (stream->is_over && stream->outcome != GATE_OK)) {
        tell_end(stream, stream->is_closing ? GATE_OK : stream->outcome);
        return;
    }
    struct gate_net_piece piece = {.wants_body = stream->wants_body && !stream->is_over};
    piece.has_head = stream->has_head && !stream->told_head;
    stream->told_head = stream->has_head;
    const struct gate_buffer emptied = stream->taken;
    stream->taken = stream->filling;
    stream->filling = emptied;
    stream->filling.length = 0;
    piece.data = gate_buffer_text(&stream->taken);
    piece.length = stream->taken.length;
    piece.is_last = stream->is_over;
    *stream->ret_piece = piece;
    stream->is_awaited = false;
    if (piece.is_last) {
        tell_end(stream, GATE_OK);
    } else {
        gate_ctx_resume(stream->job.ctx, GATE_OK, stream->job.then, stream->job.state);
    }
}

static bool has_something(const gate_net_stream *stream) {
    return stream->is_closing || stream->is_over || (stream->has_head && !stream->told_head) ||
           stream->filling.length > 0 || stream->wants_body;
}

void gate_net_stream_tell_all(gate_net *net) {
    while (net->news != NULL) {
        gate_net_stream *stream = net->news;
        net->news = stream->next_news;
        stream->has_news = false;
        if (stream->is_awaited && has_something(stream)) {
            tell(stream);
        }
    }
}
