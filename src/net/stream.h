/* A transfer whose bodies pass through in pieces, for what may be too large or too slow to be held
 * whole.
 *
 * Everything said of gate_net_fetch holds (net.h), but for these: the deadline is the context's
 * and, beside it, the longest silence; the answer has no cap, because no more than
 * GATE_STREAM_PIECE_MAX_BYTES of it, and as much again, is in memory at a time: beyond that the
 * upstream is not read from until the context asks for more. HTTP/1.1 always: a transfer that
 * stands still would hold up all others on its HTTP/2 connection.
 *
 * Owner: the context's arena; an open stream must be run to its last piece or its failure, or be
 * given up with gate_net_stream_close, before the context is freed. Threads: confined with the
 * context. Order: _open; then, each time that `then` has run, _give if a body is wanted, and _next
 * or _close.
 */
#ifndef GATE_NET_STREAM_H
#define GATE_NET_STREAM_H

#include "net/net.h"

typedef struct gate_net_stream gate_net_stream;

struct gate_net_stream_request {
    const char *method;
    const char *url;
    const struct gate_net_header *headers;
    size_t header_count;
    int64_t body_length;    /* bytes that will be given; 0: no body */
    int64_t silence_max_ms; /* how long neither side may send anything */
    bool is_read;           /* as in gate_net_request */
    uint64_t cancel_id;     /* for gate_net_stream_cancel; 0: cannot be cancelled */
};

/* What has come since the last one; any of these together. */
struct gate_net_piece {
    bool has_head; /* once: gate_net_stream_head tells status and headers from now on */
    const char *data;
    size_t length; /* of `data`, which stays until the next call for this stream */
    bool is_last;  /* the answer is whole, and the stream over */
    bool wants_body;
};

/* Begin a transfer; `then` runs with the first piece, or with a failure as of gate_net_fetch, after
 * which the stream is over. `request` and what it points to, and `ret_piece`, must stay until the
 * stream is over. `ret_stream` is set before `then` can run. */
void gate_net_stream_open(struct gate_ctx *ctx, gate_net *net,
                          const struct gate_net_stream_request *request,
                          gate_net_stream **ret_stream, struct gate_net_piece *ret_piece,
                          gate_then_fn *then, void *state);

/* Hand over the next bytes of the request's body, which must stay until a piece wants more or the
 * stream is over. Beyond body_length nothing may be given. */
void gate_net_stream_give(gate_net_stream *stream, const char *bytes, size_t length);

/* Wait for the next piece. */
void gate_net_stream_next(struct gate_ctx *ctx, gate_net_stream *stream, gate_then_fn *then,
                          void *state);

/* Break the transfer off; `then` gets GATE_OK once nothing of it is under way. */
void gate_net_stream_close(struct gate_ctx *ctx, gate_net_stream *stream, gate_then_fn *then,
                           void *state);

/* Nobody waits for the answer any more: end the stream with this cancel_id, if there is one, as
 * failed (GATE_ERR_UNAVAILABLE), unless it is a write of which nothing is known yet. Any thread. */
void gate_net_stream_cancel(gate_net *net, uint64_t cancel_id);

/* From now on no stream of server-sent events goes on: they would hold up a stop for as long as it
 * is given, and their readers come back by themselves. Any thread. */
void gate_net_streams_end_events(gate_net *net);

/* Status and headers, once there was a piece with has_head; without a body. */
const struct gate_net_response *gate_net_stream_head(const gate_net_stream *stream);

/* Whether a failure came of gate_net_stream_cancel. */
bool gate_net_stream_was_cancelled(const gate_net_stream *stream);

/* Whether a failure came of us breaking off an answer that was too large or no HTTP. */
bool gate_net_stream_was_refused(const gate_net_stream *stream);

/* Whether the request, or a part of it, has left. */
bool gate_net_stream_was_sent(const gate_net_stream *stream);

#endif
