/* A FastCGI peer that builds its records by hand, so that tests can also build wrong ones. */
#ifndef GATE_TESTS_FCGI_CLIENT_H
#define GATE_TESTS_FCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"

/* Record types and roles of the FastCGI specification, section 8. */
enum {
    GATE_TEST_FCGI_BEGIN = 1,
    GATE_TEST_FCGI_ABORT = 2,
    GATE_TEST_FCGI_END = 3,
    GATE_TEST_FCGI_PARAMS = 4,
    GATE_TEST_FCGI_STDIN = 5,
    GATE_TEST_FCGI_STDOUT = 6,
    GATE_TEST_FCGI_RESPONDER = 1,
    GATE_TEST_FCGI_AUTHORIZER = 2,
};

struct gate_test_fcgi_request {
    const char *method; /* NULL: GET */
    const char *path;
    const char *body; /* NULL: none */
    size_t body_length;
    long declared_length; /* -1: body_length; -2: no CONTENT_LENGTH at all */
    int role;             /* 0: responder */
    bool keep;
    int extra_params; /* this many further headers */
};

struct gate_test_fcgi_answer {
    bool is_whole;             /* an end record came */
    bool is_aborted;           /* a record came that breaks the answer off */
    int status;                /* from the Status header; 0 without one */
    struct gate_buffer output; /* headers and body as sent */
    const char *body;          /* in output, behind the empty line; NULL without one */
};

/* Append one record; content beyond 65535 bytes is split over several. */
void gate_test_fcgi_record_write(struct gate_buffer *out, int type, const void *content,
                                 size_t length);
/* Append one name-value pair in the form it has inside a PARAMS record. */
void gate_test_fcgi_param_write(struct gate_buffer *out, const char *name, const char *value);
/* Append the begin and PARAMS records, and for the second function the whole body as well. */
void gate_test_fcgi_head_write(struct gate_buffer *out,
                               const struct gate_test_fcgi_request *request);
void gate_test_fcgi_request_write(struct gate_buffer *out,
                                  const struct gate_test_fcgi_request *request);

/* Connect to a unix socket; -1 on failure. Reads give up after ten seconds. */
int gate_test_fcgi_connect(const char *path);
/* Send as much as the peer takes. */
void gate_test_fcgi_send(int fd, const void *bytes, size_t length);
/* Write a whole request and send it. */
void gate_test_fcgi_request_send(int fd, const struct gate_test_fcgi_request *request);
/* Read one answer, or what there is of it until the peer closes. Release with _answer_done. */
struct gate_test_fcgi_answer gate_test_fcgi_answer_read(int fd);
void gate_test_fcgi_answer_done(struct gate_test_fcgi_answer *answer);
/* True when the peer has closed (waits for it). */
bool gate_test_fcgi_is_closed(int fd);

#endif
