/* One FastCGI request on one connection, read by libfcgi, and its answer (fcgi/record.h); the only
 * place for fcgiapp.h.
 *
 * libfcgi's own accept loop pins a thread to every idle connection. So the connection is ours: it
 * is put into the request's private fields and FCGX_Accept_r is let read exactly one request from
 * it. Owner: whoever declared the struct; it must not move while a request is open. Threads:
 * confined, and handed over as a whole; any thread may write and finish. Logs: never.
 *
 * One request at a time: what a peer sends behind a request before it has the answer may be lost
 * with libfcgi's read buffer. nginx never does that.
 *
 * Order: _init; then for every request _read, _body_read, _write, _finish. Wherever the connection
 * ends up closed, the function says so and only _init may follow.
 */
#ifndef GATE_FCGI_EXCHANGE_H
#define GATE_FCGI_EXCHANGE_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "fcgi/record.h"
#include "web/web.h"

struct gate_fcgi_exchange {
    FCGX_Request request;
    int64_t body_left; /* of a body that is read in pieces; -1: its length was not looked at yet */
};

/* Prepare libfcgi: once, before any thread is started. Ignores SIGPIPE, which libfcgi would not. */
enum gate_err gate_fcgi_library_init(struct gate_error *error) GATE_MUST_CHECK;

/* Take over an accepted, blocking connection. Its read and write timeouts are the caller's to set.
 */
void gate_fcgi_exchange_init(struct gate_fcgi_exchange *exchange, int fd);

/* The connection, for epoll; -1 once closed. */
int gate_fcgi_exchange_fd(const struct gate_fcgi_exchange *exchange);

/* Read the begin record and the parameters of one request. With `may_keep` false the connection
 * ends after this request whatever the peer wishes. False: the peer left, stalled or broke the
 * protocol, or asked for a role other than responder; the connection is closed. */
bool gate_fcgi_exchange_read(struct gate_fcgi_exchange *exchange, bool may_keep) GATE_MUST_CHECK;

/* The request's "NAME=value" list; lives until _finish. */
char **gate_fcgi_exchange_params(const struct gate_fcgi_exchange *exchange);

/* Read the body to its end, keeping at most `max_bytes` of it in `body`, which is left empty unless
 * the answer is GATE_BODY_WHOLE. A body that is never going to end here (cut short, of another
 * length than CONTENT_LENGTH, beyond GATE_DRAIN_MAX_BYTES) dooms the connection: what follows on it
 * would be parsed as the next request. */
enum gate_body_state gate_fcgi_exchange_body_read(struct gate_fcgi_exchange *exchange,
                                                  size_t max_bytes, struct gate_buffer *body);

/* Instead: read the next piece of the body, at least a byte. GATE_ERR_INPUT: there is none, or what
 * comes is not as long as CONTENT_LENGTH, which dooms the connection. */
enum gate_err gate_fcgi_exchange_piece_read(struct gate_fcgi_exchange *exchange, char *room,
                                            size_t max_bytes, size_t *ret_length) GATE_MUST_CHECK;

/* Read and drop what is left of a body that is read in pieces, up to `max_bytes`, beyond which the
 * connection is doomed. Before the answer: nginx stops sending once it has the answer's head. */
void gate_fcgi_exchange_body_drop(struct gate_fcgi_exchange *exchange, int64_t max_bytes);

/* Put the records of an answer, or of its next part, behind `out`, to be sent by
 * gate_fcgi_record_send: the head when `response` is given, then `body`, and the end if `is_last`.
 */
void gate_fcgi_exchange_append(const struct gate_fcgi_exchange *exchange, struct gate_buffer *out,
                               const struct gate_response *response, struct gate_fcgi_span body,
                               bool is_last);

/* The same for an answer that breaks off here; the connection is doomed. */
void gate_fcgi_exchange_append_abort(struct gate_fcgi_exchange *exchange, struct gate_buffer *out);

/* Write the answer whole, without its body for HEAD. False: the peer is gone; the connection is
 * doomed. */
bool gate_fcgi_exchange_write(struct gate_fcgi_exchange *exchange,
                              const struct gate_response *response, bool is_head);

/* Let the connection end with this request. */
void gate_fcgi_exchange_doom(struct gate_fcgi_exchange *exchange);

/* End the request and free what libfcgi holds. True: the connection is open and ready for the next
 * one; false: it is closed. */
bool gate_fcgi_exchange_finish(struct gate_fcgi_exchange *exchange) GATE_MUST_CHECK;

/* Close a connection on which no request is open. */
void gate_fcgi_exchange_close(struct gate_fcgi_exchange *exchange);

#endif
