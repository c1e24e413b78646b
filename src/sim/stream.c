#include "sim/stream.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"

#define BLOCK_BYTES 16384

struct stream {
    struct gate_sim_stream what;
    struct MHD_Connection *connection;
    gate_sim_timer *timer;
    int64_t sent;  /* bytes or events */
    bool rested;   /* the pause before the next event is over */
    char *text;    /* of a cut answer */
    size_t length; /* its half */
};

static void free_stream(void *state) {
    struct stream *stream = state;
    free(stream->text);
    free(stream);
}

/* Byte k is 'a' + k % 26, so that a receiver can check what it got. */
static ssize_t give_bytes(void *state, uint64_t at, char *buffer, size_t size) {
    const struct stream *stream = state;
    int64_t left = stream->what.total - (int64_t)at;
    if (left <= 0) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t count = (int64_t)size < left ? size : (size_t)left;
    for (size_t i = 0; i < count; i++) {
        buffer[i] = (char)('a' + (int)((at + i) % 26));
    }
    return (ssize_t)count;
}

static ssize_t give_event(void *state, uint64_t at, char *buffer, size_t size) {
    (void)at;
    struct stream *stream = state;
    if (stream->sent == stream->what.total) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (stream->sent > 0 && !stream->rested && stream->what.interval_ms > 0) {
        stream->rested = true;
        gate_sim_timer_sleep(stream->timer, stream->connection, stream->what.interval_ms, false);
        return 0;
    }
    stream->rested = false;
    stream->sent++;
    int length = snprintf(buffer, size, "id: %lld\nevent: message\ndata: {\"n\":%lld}\n\n",
                          (long long)stream->sent, (long long)stream->sent);
    return length;
}

static ssize_t give_half(void *state, uint64_t at, char *buffer, size_t size) {
    const struct stream *stream = state;
    if (at >= stream->length) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = stream->length - (size_t)at;
    size_t count = size < left ? size : left;
    memcpy(buffer, stream->text + at, count);
    return (ssize_t)count;
}

static struct MHD_Response *make_cut(struct stream *stream, const struct gate_buffer *body) {
    stream->text = malloc(body->length + 1);
    if (stream->text == NULL) {
        abort();
    }
    memcpy(stream->text, gate_buffer_text(body), body->length);
    stream->length = body->length / 2;
    /* One byte more than there is, so that an empty body is cut too. */
    return MHD_create_response_from_callback(body->length + 1, BLOCK_BYTES, give_half, stream,
                                             free_stream);
}

struct MHD_Response *gate_sim_stream_make(struct gate_sim_exchange *exchange,
                                          struct MHD_Connection *connection) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        abort();
    }
    stream->what = exchange->answer.stream;
    stream->connection = connection;
    stream->timer = exchange->world->timer;
    if (exchange->answer.ending == GATE_SIM_ENDING_CUT) {
        return make_cut(stream, &exchange->answer.body);
    }
    uint64_t size = stream->what.length_known ? (uint64_t)stream->what.total : MHD_SIZE_UNKNOWN;
    return MHD_create_response_from_callback(
        size, BLOCK_BYTES, stream->what.kind == GATE_SIM_STREAM_BYTES ? give_bytes : give_event,
        stream, free_stream);
}
