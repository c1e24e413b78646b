/* A scripted HTTP/1.1 server on loopback for tests: a thread per connection, one function that
 * answers.
 *
 * Owner: free with gate_test_server_free, which ends every connection and waits for the threads.
 * Threads: the answering function runs on the server's threads, one call at a time. Errors: aborts.
 */
#ifndef GATE_TESTS_HTTP_SERVER_H
#define GATE_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gate_test_server gate_test_server;

struct gate_test_http_request {
    int number;     /* of all requests, from 1 */
    int connection; /* which connection it came on, from 1 */
    const char *method;
    const char *target;
    const char *head; /* request line and header fields, as they came */
    const char *body;
    size_t body_length;
};

struct gate_test_http_answer {
    int status;          /* 200 unless told */
    const char *headers; /* further lines, each ended by CRLF; NULL: none */
    const char *body;    /* NULL: empty; must outlive the call */
    size_t body_length;  /* 0: strlen(body) */
    size_t cut_bytes;    /* leave out so many bytes at the end, and close */
    const char *raw;     /* send exactly these bytes instead, and close */
    bool is_silent;      /* send nothing, and close */
    bool is_held;        /* answer only after gate_test_server_release */
    bool closes_after;   /* close without announcing it */
};

typedef void gate_test_answer_fn(const struct gate_test_http_request *request,
                                 struct gate_test_http_answer *answer, void *state);

gate_test_server *gate_test_server_new(gate_test_answer_fn *answer, void *state);
void gate_test_server_free(gate_test_server *server);

/* http://127.0.0.1:port */
const char *gate_test_server_url(const gate_test_server *server);

int gate_test_server_request_count(gate_test_server *server);
int gate_test_server_connection_count(gate_test_server *server);

/* From now on answer as soon as a request's head is there; its body is read and dropped later. */
void gate_test_server_answer_early(gate_test_server *server);

/* Let all held answers go, and those to come. */
void gate_test_server_release(gate_test_server *server);

/* Wait until so many requests have arrived, or connections have been closed by the server. */
void gate_test_server_wait_requests(gate_test_server *server, int count);
void gate_test_server_wait_closed(gate_test_server *server, int count);

/* One header field's value in a request, into `room`; "" when absent. `name` as it is written. */
const char *gate_test_http_header(const struct gate_test_http_request *request, const char *name,
                                  char *room, size_t room_bytes);

#endif
