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

#include "core/error.h"

struct gate_fcgi_span {
    const char *data;
    size_t length;
};

/* Write `head` and then `body` as the next part of the answer to request `request_id`; with
 * `is_last` also the end of the answer and of the request. May block for as long as the socket's
 * send timeout. */
bool gate_fcgi_record_write(int fd, int request_id, struct gate_fcgi_span head,
                            struct gate_fcgi_span body, bool is_last) GATE_MUST_CHECK;

#endif
