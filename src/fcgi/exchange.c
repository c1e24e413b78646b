#include "fcgi/exchange.h"

#include <fastcgi.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"
#include "core/text.h"
#include "fcgi/reason.h"
#include "fcgi/record.h"

/* Four fields stand below libfcgi's line "don't use anything below here": ipcFd, keepConnection,
 * listen_sock and, through FCGX_Detach, detached. Their meaning is that of libfcgi 2.4.2
 * (FCGX_Accept_r, FCGX_Finish_r, FCGX_Free in fcgiapp.c), the same up to 2.4.7. A header of another
 * shape stops the build here; tests/unit/fcgi/test_exchange.c pins what they do. */
struct expected_request {
    int requestId;
    int role;
    FCGX_Stream *in;
    FCGX_Stream *out;
    FCGX_Stream *err;
    char **envp;
    void *paramsPtr;
    int ipcFd;
    int isBeginProcessed;
    int keepConnection;
    int appStatus;
    int nWriters;
    int flags;
    int listen_sock;
    int detached;
};
#define CHECK_FIELD(name)                                                                          \
    _Static_assert(offsetof(FCGX_Request, name) == offsetof(struct expected_request, name),        \
                   "libfcgi's FCGX_Request has changed: check fcgi/exchange.c against its source")
CHECK_FIELD(in);
CHECK_FIELD(paramsPtr);
CHECK_FIELD(ipcFd);
CHECK_FIELD(keepConnection);
CHECK_FIELD(nWriters);
CHECK_FIELD(listen_sock);
CHECK_FIELD(detached);
_Static_assert(sizeof(FCGX_Request) == sizeof(struct expected_request),
               "libfcgi's FCGX_Request has changed: check fcgi/exchange.c against its source");

enum { READ_CHUNK_BYTES = 16 * 1024 };

enum gate_err gate_fcgi_library_init(struct gate_error *error) {
    const int rc = FCGX_Init();
    if (rc != 0) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL,
                                 "libfcgi could not be prepared (%d)", rc);
    }
    /* After FCGX_Init, which puts a handler of its own in place of SIG_IGN. A peer that left is
     * EPIPE. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    return GATE_OK;
}

void gate_fcgi_exchange_init(struct gate_fcgi_exchange *exchange, int fd) {
    /* No listening socket: when the connection fails, FCGX_Accept_r must not go and accept another.
     */
    FCGX_InitRequest(&exchange->request, -1, 0);
    exchange->request.ipcFd = fd;
}

int gate_fcgi_exchange_fd(const struct gate_fcgi_exchange *exchange) {
    return exchange->request.ipcFd;
}

char **gate_fcgi_exchange_params(const struct gate_fcgi_exchange *exchange) {
    return exchange->request.envp;
}

void gate_fcgi_exchange_doom(struct gate_fcgi_exchange *exchange) {
    exchange->request.keepConnection = 0;
}

bool gate_fcgi_exchange_read(struct gate_fcgi_exchange *exchange, bool may_keep) {
    FCGX_Request *request = &exchange->request;
    /* FCGX_Accept_r first finishes the previous request, which closes unless this is set; the
     * peer's own wish replaces it when the begin record is read. */
    request->keepConnection = 1;
    /* Detached connections are closed at once; attached ones first wait up to 2 s for the peer to
     * close. */
    FCGX_Detach(request);
    if (FCGX_Accept_r(request) != 0) {
        request->ipcFd = -1;
        return false;
    }
    /* FCGX_Accept_r takes a stream that broke between two parameters for one that ended there. */
    if (request->role != FCGI_RESPONDER || FCGX_GetError(request->in) != 0) {
        FCGX_Free(request, 1);
        return false;
    }
    if (!may_keep) {
        request->keepConnection = 0;
    }
    /* Answers are written by fcgi/record.c. */
    FCGX_FreeStream(&request->out);
    FCGX_FreeStream(&request->err);
    exchange->body_left = -1;
    return true;
}

/* CONTENT_LENGTH as a number; -1 when absent or empty, -2 when it is none. */
static int64_t find_declared_length(char **params) {
    const char *text = FCGX_GetParam("CONTENT_LENGTH", params);
    if (gate_text_is_empty(text)) {
        return -1;
    }
    int64_t length;
    return gate_number_parse(text, 0, INT64_MAX, &length) == GATE_OK ? length : -2;
}

enum gate_body_state gate_fcgi_exchange_body_read(struct gate_fcgi_exchange *exchange,
                                                  size_t max_bytes, struct gate_buffer *body) {
    FCGX_Request *request = &exchange->request;
    const int64_t declared = find_declared_length(request->envp);
    const size_t drain_max = max_bytes > GATE_DRAIN_MAX_BYTES ? max_bytes : GATE_DRAIN_MAX_BYTES;
    char chunk[READ_CHUNK_BYTES];
    size_t total = 0;
    bool ended = false;

    /* A body announced as too large is not kept in the first place. */
    gate_buffer_init(body, declared > 0 && (uint64_t)declared > max_bytes ? 0 : max_bytes);
    while (!ended && total <= drain_max) {
        const int count = FCGX_GetStr(chunk, sizeof chunk, request->in);
        if (count > 0) {
            total += (size_t)count;
            gate_buffer_append(body, chunk, (size_t)count);
        }
        ended = count < (int)sizeof chunk;
    }
    const bool is_cut = ended && (FCGX_GetError(request->in) != 0 ||
                                  (declared != -1 && declared != (int64_t)total));
    if (!ended || is_cut) {
        gate_fcgi_exchange_doom(exchange);
    }
    /* Its 8 KB are not needed while the request waits for the network. */
    FCGX_FreeStream(&request->in);
    if (!is_cut && !body->overflowed) {
        return GATE_BODY_WHOLE;
    }
    gate_buffer_done(body);
    return is_cut ? GATE_BODY_TRUNCATED : GATE_BODY_TOO_LARGE;
}

static enum gate_err spoil(struct gate_fcgi_exchange *exchange) {
    gate_fcgi_exchange_doom(exchange);
    return GATE_ERR_INPUT;
}

/* The body is at its end: so must be the stream, else what follows is parsed as the next request.
 */
static enum gate_err close_body(struct gate_fcgi_exchange *exchange) {
    FCGX_Request *request = &exchange->request;
    char beyond;
    const bool has_ended =
        FCGX_GetStr(&beyond, 1, request->in) == 0 && FCGX_GetError(request->in) == 0;
    FCGX_FreeStream(&request->in);
    return has_ended ? GATE_OK : spoil(exchange);
}

enum gate_err gate_fcgi_exchange_piece_read(struct gate_fcgi_exchange *exchange, char *room,
                                            size_t max_bytes, size_t *ret_length) {
    FCGX_Request *request = &exchange->request;
    if (exchange->body_left < 0) {
        const int64_t declared = find_declared_length(request->envp);
        exchange->body_left = declared < 0 ? 0 : declared;
    }
    if (exchange->body_left == 0 || request->in == NULL) {
        return GATE_ERR_INPUT;
    }
    const size_t wanted =
        exchange->body_left < (int64_t)max_bytes ? (size_t)exchange->body_left : max_bytes;
    const int count = FCGX_GetStr(room, wanted < INT_MAX ? (int)wanted : INT_MAX, request->in);
    if (count <= 0 || FCGX_GetError(request->in) != 0) {
        return spoil(exchange);
    }
    exchange->body_left -= count;
    if (exchange->body_left == 0 && close_body(exchange) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    *ret_length = (size_t)count;
    return GATE_OK;
}

void gate_fcgi_exchange_body_drop(struct gate_fcgi_exchange *exchange, int64_t max_bytes) {
    FCGX_Request *request = &exchange->request;
    char chunk[READ_CHUNK_BYTES];
    int64_t left = max_bytes;
    while (request->in != NULL) {
        const int count = FCGX_GetStr(chunk, sizeof chunk, request->in);
        left -= count;
        if (count == (int)sizeof chunk && left >= 0) {
            continue;
        }
        if (count == (int)sizeof chunk || FCGX_GetError(request->in) != 0) {
            gate_fcgi_exchange_doom(exchange);
        }
        FCGX_FreeStream(&request->in);
    }
}

/* RFC 9110: these never carry a body, nor a length. */
static bool has_no_content(int status) {
    return status < 200 || status == 204 || status == 304;
}

static bool has_header(const struct gate_response *response, const char *name) {
    for (size_t i = 0; i < response->header_count; i++) {
        if (gate_text_equal_ignoring_case(response->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void write_head(struct gate_buffer *head, const struct gate_response *response,
                       bool with_length) {
    gate_buffer_printf(head, "Status: %d %s\r\n", response->status,
                       gate_fcgi_reason_get(response->status));
    for (size_t i = 0; i < response->header_count; i++) {
        gate_buffer_append_text(head, response->headers[i].name);
        gate_buffer_append_text(head, ": ");
        gate_buffer_append_text(head, response->headers[i].value);
        gate_buffer_append_text(head, "\r\n");
    }
    if (with_length) {
        gate_buffer_printf(head, "Content-Length: %zu\r\n", response->body.length);
    }
    gate_buffer_append_text(head, "\r\n");
}

void gate_fcgi_exchange_append(const struct gate_fcgi_exchange *exchange, struct gate_buffer *out,
                               const struct gate_response *response, struct gate_fcgi_span body,
                               bool is_last) {
    struct gate_buffer head;
    gate_buffer_init(&head, SIZE_MAX / 2);
    if (response != NULL) {
        write_head(&head, response, false);
    }
    gate_fcgi_record_append(out, exchange->request.requestId,
                            (struct gate_fcgi_span){head.data, head.length}, body, is_last);
    gate_buffer_done(&head);
}

void gate_fcgi_exchange_append_abort(struct gate_fcgi_exchange *exchange, struct gate_buffer *out) {
    gate_fcgi_record_append_abort(out, exchange->request.requestId);
    gate_fcgi_exchange_doom(exchange);
}

bool gate_fcgi_exchange_write(struct gate_fcgi_exchange *exchange,
                              const struct gate_response *response, bool is_head) {
    const FCGX_Request *request = &exchange->request;
    const bool with_body = !is_head && !has_no_content(response->status);
    struct gate_buffer head;
    gate_buffer_init(&head, SIZE_MAX / 2);
    write_head(&head, response, with_body && !has_header(response, "Content-Length"));
    const struct gate_fcgi_span body = {response->body.data, with_body ? response->body.length : 0};
    const bool is_written =
        gate_fcgi_record_write(request->ipcFd, request->requestId,
                               (struct gate_fcgi_span){head.data, head.length}, body, true);
    gate_buffer_done(&head);
    if (!is_written) {
        gate_fcgi_exchange_doom(exchange);
    }
    return is_written;
}

bool gate_fcgi_exchange_finish(struct gate_fcgi_exchange *exchange) {
    FCGX_Request *request = &exchange->request;
    /* A stream that was not read to its end leaves bytes that would be parsed as the next request.
     */
    if (request->in != NULL) {
        gate_fcgi_exchange_doom(exchange);
    }
    FCGX_Finish_r(request);
    request->envp = NULL;
    return request->ipcFd >= 0;
}

void gate_fcgi_exchange_close(struct gate_fcgi_exchange *exchange) {
    if (exchange->request.ipcFd >= 0) {
        close(exchange->request.ipcFd);
        exchange->request.ipcFd = -1;
    }
}
