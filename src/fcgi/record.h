/* An answer as FastCGI records (FastCGI 1.0, sections 3.3, 5.3 and 5.5), written straight to the
 * connection.
 *
 * libfcgi reads the requests; its stream for answers keeps 8.7 kB from the moment a request is
 * read, which for thousands that wait for the network is most of what they cost, and writes 8 kB at
 * a time. Owner: nothing is kept. Threads: confined with the connection. Errors: false when the
 * peer is gone or took nothing for longer than the socket's send timeout. Logs: never.
 */
#ifndef GATE_FCGI_RECORD_H
#define GATE_FCGI_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

struct gate_fcgi_span {
    const char *data;
    size_t length;
};

/* The same for a peer that may be slow: put the records of the next part of an answer behind `out`,
 * to be sent by gate_fcgi_record_send. */
void gate_fcgi_record_append(struct gate_buffer *out, int request_id, struct gate_fcgi_span head,
                             struct gate_fcgi_span body, bool is_last);

/* Put a record behind `out` that makes nginx break the answer off. That the connection closes in
 * the middle of an answer without a length, it takes for that answer's end. */
void gate_fcgi_record_append_abort(struct gate_buffer *out, int request_id);

enum gate_fcgi_sent {
    GATE_FCGI_SENT,
    GATE_FCGI_BLOCKED, /* the peer takes no more for now: wait until it does, and go on */
    GATE_FCGI_GONE,
};

/* Send as much as the peer takes at once of what `out` holds behind its first `*sent` bytes, which
 * grows by that. */
enum gate_fcgi_sent gate_fcgi_record_send(int fd, const struct gate_buffer *out, size_t *sent);

/* Write `head` and then `body` as the next part of the answer to request `request_id`; with
 * `is_last` also the end of the answer and of the request. May block for as long as the socket's
 * send timeout. */
bool gate_fcgi_record_write(int fd, int request_id, struct gate_fcgi_span head,
                            struct gate_fcgi_span body, bool is_last) GATE_MUST_CHECK;

#endif
