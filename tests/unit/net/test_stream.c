#define _GNU_SOURCE /* strcasestr */
#include "support/cases.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/engine.h"
#include "net/stream.h"

enum { CONNECTIONS = 4, IN_FLIGHT = 4, SILENCE_MS = 1000, DEADLINE_MS = 5000 };

/* What a piece may hold: the limit, and what libcurl brings at a time. */
enum { PIECE_MAX = GATE_STREAM_PIECE_MAX_BYTES + CURL_MAX_WRITE_SIZE };

/* An engine whose clock stands still, and a listening socket at which the test itself is the
 * server: it reads and writes when it wants to. */
struct fixture {
    struct gate_test_clock clock;
    gate_net *net;
    gate_runqueue *queue;
    int listen_fd;
    char url[64];
};

static int open_fixture(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    gate_test_clock_init(&fixture.clock);
    fixture.queue = gate_runqueue_new();
    fixture.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    assert_int_equal(bind(fixture.listen_fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fixture.listen_fd, 16), 0);
    assert_int_equal(getsockname(fixture.listen_fd, (struct sockaddr *)&address, &length), 0);
    snprintf(fixture.url, sizeof fixture.url, "http://127.0.0.1:%d/path?q=1",
             ntohs(address.sin_port));
    const struct gate_net_options options = {
        .ca_file = GATE_TEST_AUTHORITY,
        .connections_max = CONNECTIONS,
        .in_flight_max = IN_FLIGHT,
        .clock = &fixture.clock.clock,
    };
    struct gate_error error = {0};
    assert_int_equal(gate_net_new(&options, &error, &fixture.net), GATE_OK);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state) {
    struct fixture *fixture = *state;
    if (fixture->net != NULL) {
        assert_int_equal(gate_net_in_flight(fixture->net), 0);
    }
    gate_net_free(fixture->net);
    gate_runqueue_free(fixture->queue);
    close(fixture->listen_fd);
    return 0;
}

/* ---- the server's side ---- */

static int accept_one(struct fixture *fixture) {
    const int fd = accept(fixture->listen_fd, NULL, NULL);
    assert_true(fd >= 0);
    /* Far beyond what any test needs; a broken stream fails the test instead of hanging it. */
    const struct timeval timeout = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return fd;
}

static bool has_connection_waiting(const struct fixture *fixture) {
    struct pollfd waiting = {.fd = fixture->listen_fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

/* Up to the empty line, byte by byte so that nothing of the body is taken. */
static const char *read_head(int fd) {
    static char head[4096];
    size_t length = 0;
    while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
        assert_true(length < sizeof head - 1);
        assert_int_equal(read(fd, head + length, 1), 1);
        length++;
    }
    head[length] = '\0';
    return head;
}

static void read_exactly(int fd, char *bytes, size_t length) {
    while (length > 0) {
        const ssize_t count = read(fd, bytes, length);
        assert_true(count > 0);
        bytes += count;
        length -= (size_t)count;
    }
}

static void write_exactly(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        const ssize_t count = send(fd, bytes, length, MSG_NOSIGNAL);
        assert_true(count > 0);
        bytes += count;
        length -= (size_t)count;
    }
}

static void write_text(int fd, const char *text) {
    write_exactly(fd, text, strlen(text));
}

static bool has_ended(int fd) {
    char byte;
    const ssize_t count = read(fd, &byte, 1);
    return count == 0 || (count < 0 && errno == ECONNRESET);
}

/* Bytes of which each tells its place. */
static char *make_pattern(size_t length) {
    char *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)(i * 31 + i / 251);
    }
    return bytes;
}

/* ---- the context's side ---- */

struct streaming {
    struct gate_ctx *ctx;
    struct gate_net_stream_request request;
    gate_net_stream *stream;
    struct gate_net_piece piece;
    enum gate_err err;
    bool is_told;
    bool is_over;
    bool has_head;
    struct gate_buffer received;
};

static void take_told(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct streaming *s = state;
    assert_false(s->is_told);
    assert_false(s->is_over);
    s->is_told = true;
    s->err = err;
    if (err != GATE_OK) {
        s->is_over = true;
        assert_int_equal(s->ctx->error.kind, err);
        return;
    }
    assert_false(s->piece.has_head && s->has_head); /* once */
    s->has_head = s->has_head || s->piece.has_head;
    assert_true(s->piece.length <= PIECE_MAX);
    assert_false(s->piece.is_last && s->piece.wants_body);
    gate_buffer_append(&s->received, s->piece.data, s->piece.length);
    s->is_over = s->piece.is_last;
}

static void init(struct fixture *fixture, struct streaming *s, const char *method) {
    *s = (struct streaming){0};
    s->ctx = gate_ctx_new(&fixture->clock.clock, fixture->queue, NULL);
    gate_buffer_init(&s->received, SIZE_MAX / 2);
    s->request = (struct gate_net_stream_request){
        .method = method,
        .url = fixture->url,
        .silence_max_ms = SILENCE_MS,
        .is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0,
    };
}

static void open_stream(struct fixture *fixture, struct streaming *s) {
    gate_net_stream_open(s->ctx, fixture->net, &s->request, &s->stream, &s->piece, take_told, s);
}

static void begin(struct fixture *fixture, struct streaming *s, const char *method) {
    init(fixture, s, method);
    open_stream(fixture, s);
}

static void done(struct streaming *s) {
    gate_buffer_done(&s->received);
    gate_ctx_free(s->ctx);
}

static void wait_told(struct fixture *fixture, struct streaming *s) {
    gate_runqueue_run_until(fixture->queue, &s->is_told);
    s->is_told = false;
}

static void ask(struct streaming *s) {
    gate_net_stream_next(s->ctx, s->stream, take_told, s);
}

static void ask_and_wait(struct fixture *fixture, struct streaming *s) {
    ask(s);
    wait_told(fixture, s);
}

/* From a stream that waits: until it has told the head. */
static void wait_for_head(struct fixture *fixture, struct streaming *s) {
    wait_told(fixture, s);
    while (s->err == GATE_OK && !s->has_head) {
        ask_and_wait(fixture, s);
    }
}

/* From a stream that has told something: until so many bytes have come. */
static void wait_for_bytes(struct fixture *fixture, struct streaming *s, size_t count) {
    while (!s->is_over && s->received.length < count) {
        ask_and_wait(fixture, s);
    }
    assert_int_equal(s->received.length, count);
}

static enum gate_err wait_for_end(struct fixture *fixture, struct streaming *s) {
    while (!s->is_over) {
        ask_and_wait(fixture, s);
    }
    return s->err;
}

struct closing {
    struct streaming *s;
    bool is_done;
};

static void note_closed(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct closing *closing = state;
    assert_false(closing->is_done);
    assert_int_equal(err, GATE_OK);
    closing->is_done = true;
}

static void close_stream(struct fixture *fixture, struct streaming *s) {
    struct closing closing = {.s = s};
    gate_net_stream_close(s->ctx, s->stream, note_closed, &closing);
    gate_runqueue_run_until(fixture->queue, &closing.is_done);
}

static void note_turn(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    assert_int_equal(err, GATE_OK);
    *(bool *)state = true;
}

/* The engine has looked at its timers since this was called. */
static void let_engine_look(struct fixture *fixture) {
    for (int i = 0; i < 2; i++) {
        struct gate_ctx *ctx = gate_ctx_new(&fixture->clock.clock, fixture->queue, NULL);
        bool is_done = false;
        gate_net_delay(ctx, fixture->net, 0, note_turn, &is_done);
        gate_runqueue_run_until(fixture->queue, &is_done);
        gate_ctx_free(ctx);
    }
}

/* ---- what comes down ---- */

static void test_next__pieces_in_order_as_they_come(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    assert_non_null(strstr(read_head(fd), "GET /path?q=1 HTTP/1.1\r\n"));
    write_text(fd, "HTTP/1.1 201 Made\r\nX-Thing:  some words \r\nContent-Length: 6\r\n\r\n");
    wait_for_head(fixture, &s);
    assert_int_equal(gate_net_stream_head(s.stream)->status, 201);
    assert_string_equal(gate_net_header_find(gate_net_stream_head(s.stream), "x-thing"),
                        "some words");
    assert_true(gate_net_stream_was_sent(s.stream));
    write_text(fd, "abc");
    wait_for_bytes(fixture, &s, 3);
    assert_false(s.piece.is_last);
    write_text(fd, "def");
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    assert_string_equal(gate_buffer_text(&s.received), "abcdef");
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    assert_int_equal(gate_net_stream_head(s.stream)->status, 201);
    done(&s);
    close(fd);
}

static void test_next__answers_without_a_body_end_with_their_head(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *method;
        const char *answer;
    } cases[] = {
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"},
        {"DELETE", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct streaming s;
        begin(fixture, &s, cases[i].method);
        const int fd = accept_one(fixture);
        (void)read_head(fd);
        write_text(fd, cases[i].answer);
        close(fd); /* so that the next one connects anew */
        wait_for_head(fixture, &s);
        assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
        assert_true(s.has_head);
        assert_int_equal(s.received.length, 0);
        done(&s);
    }
}

static void test_next__interim_answers_and_trailers_are_dropped(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
                   "HTTP/1.1 200 OK\r\nX-Late: yes\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n");
    wait_for_head(fixture, &s);
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    const struct gate_net_response *head = gate_net_stream_head(s.stream);
    assert_int_equal(head->status, 200);
    assert_null(gate_net_header_find(head, "x-early"));
    assert_string_equal(gate_net_header_find(head, "x-late"), "yes");
    assert_null(gate_net_header_find(head, "x-trailer"));
    assert_string_equal(gate_buffer_text(&s.received), "hello");
    done(&s);
    close(fd);
}

enum { LARGE_BYTES = 24 * 1024 * 1024 };

/* As much as the other side takes; it takes no more when nothing goes for `patience_ms`. */
static size_t write_until_blocked(int fd, const char *bytes, size_t length, int patience_ms) {
    size_t sent = 0;
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (sent < length && poll(&room, 1, patience_ms) == 1) {
        const ssize_t count = send(fd, bytes + sent, length - sent < 65536 ? length - sent : 65536,
                                   MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(count > 0 || errno == EAGAIN);
        sent += count > 0 ? (size_t)count : 0;
    }
    return sent;
}

static void test_next__who_does_not_ask_is_not_sent_more(void **state) {
    struct fixture *fixture = *state;
    char *pattern = make_pattern(LARGE_BYTES);
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    const int size = 64 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)read_head(fd);
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE_BYTES);
    write_text(fd, head);
    wait_for_head(fixture, &s);
    size_t sent = 0;
    for (int pauses = 0; pauses < 3; pauses++) {
        sent += write_until_blocked(fd, pattern + sent, LARGE_BYTES - sent, 50);
        assert_true(sent < LARGE_BYTES);
        ask_and_wait(fixture, &s); /* take_told checks how much that is */
    }
    assert_true(s.received.length <= (size_t)3 * PIECE_MAX);
    while (sent < LARGE_BYTES) {
        sent += write_until_blocked(fd, pattern + sent, LARGE_BYTES - sent, 0);
        if (s.received.length < sent) {
            ask_and_wait(fixture, &s);
        }
    }
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    assert_int_equal(s.received.length, LARGE_BYTES);
    assert_memory_equal(s.received.data, pattern, LARGE_BYTES);
    done(&s);
    free(pattern);
    close(fd);
}

/* ---- what goes up ---- */

static size_t choose_piece(int number) {
    static const size_t sizes[] = {1, 7, 16384, 16385, 65536, 3, 30000};
    return sizes[(size_t)number % (sizeof sizes / sizeof sizes[0])];
}

/* Give the body in pieces of changing length until `until` of it is given or the stream is over. */
static size_t give_body(struct fixture *fixture, struct streaming *s, const char *body,
                        size_t until) {
    size_t given = 0;
    int number = 0;
    while (!s->is_over && given < until) {
        if (s->piece.wants_body) {
            size_t length = choose_piece(number++);
            length = length < until - given ? length : until - given;
            gate_net_stream_give(s->stream, body + given, length);
            given += length;
        }
        if (given < until) {
            ask_and_wait(fixture, s);
        }
    }
    return given;
}

enum { BODY_BYTES = 180000 };

static void test_give__body_in_many_pieces(void **state) {
    struct fixture *fixture = *state;
    char *body = make_pattern(BODY_BYTES);
    struct streaming s;
    init(fixture, &s, "POST");
    s.request.body_length = BODY_BYTES;
    open_stream(fixture, &s);
    const int fd = accept_one(fixture);
    wait_told(fixture, &s);
    assert_true(s.piece.wants_body);
    assert_false(s.piece.has_head);
    assert_int_equal(give_body(fixture, &s, body, BODY_BYTES), BODY_BYTES);
    ask(&s);
    const char *head = read_head(fd);
    assert_non_null(strstr(head, "POST /path?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 180000\r\n"));
    assert_null(strcasestr(head, "\r\nexpect:"));
    char *arrived = malloc(BODY_BYTES);
    read_exactly(fd, arrived, BODY_BYTES);
    assert_memory_equal(arrived, body, BODY_BYTES);
    write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    wait_told(fixture, &s);
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    assert_string_equal(gate_buffer_text(&s.received), "ok");
    done(&s);
    free(arrived);
    free(body);
    close(fd);
}

static void test_give__slow_server_is_not_given_more_than_it_takes(void **state) {
    struct fixture *fixture = *state;
    char *body = make_pattern(LARGE_BYTES);
    struct streaming s;
    init(fixture, &s, "PUT");
    s.request.body_length = LARGE_BYTES;
    open_stream(fixture, &s);
    const int fd = accept_one(fixture);
    char *arrived = malloc(LARGE_BYTES);
    wait_told(fixture, &s);
    size_t given = 0;
    size_t taken = 0;
    (void)read_head(fd);
    while (given < LARGE_BYTES) {
        assert_true(s.piece.wants_body);
        const size_t left = LARGE_BYTES - given;
        const size_t length = left < 65536 ? left : 65536;
        gate_net_stream_give(s.stream, body + given, length);
        given += length;
        ask(&s);
        read_exactly(fd, arrived + taken, given - taken); /* all of it has left, and no more */
        taken = given;
        if (given < LARGE_BYTES) {
            wait_told(fixture, &s);
        }
    }
    assert_memory_equal(arrived, body, LARGE_BYTES);
    write_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    wait_told(fixture, &s);
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    done(&s);
    free(arrived);
    free(body);
    close(fd);
}

static void test_open__without_a_body_none_is_asked_for(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "GET", "REPORT"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct streaming s;
        begin(fixture, &s, methods[i]);
        const int fd = accept_one(fixture);
        const char *head = read_head(fd);
        assert_int_equal(strncmp(head, methods[i], strlen(methods[i])), 0);
        assert_true((strcasestr(head, "\r\ncontent-length: 0\r\n") != NULL) == (i < 2));
        write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        close(fd);
        wait_told(fixture, &s);
        assert_false(s.piece.wants_body);
        assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
        assert_string_equal(gate_buffer_text(&s.received), "ok");
        done(&s);
    }
}

/* Whether the server then still reads the rest is its own affair. */
static void test_give__answer_that_comes_while_the_body_goes_up(void **state) {
    struct fixture *fixture = *state;
    static const char *const answers[] = {
        "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
    };
    static const int statuses[] = {413, 200, 401};
    char *body = make_pattern(BODY_BYTES);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct streaming s;
        init(fixture, &s, "POST");
        s.request.body_length = BODY_BYTES;
        open_stream(fixture, &s);
        const int fd = accept_one(fixture);
        wait_told(fixture, &s);
        assert_true(s.piece.wants_body);
        gate_net_stream_give(s.stream, body, 10);
        (void)read_head(fd);
        write_text(fd, answers[i]);
        ask_and_wait(fixture, &s);
        (void)give_body(fixture, &s, body + 10, BODY_BYTES - 10);
        assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
        assert_int_equal(gate_net_stream_head(s.stream)->status, statuses[i]);
        assert_string_equal(gate_buffer_text(&s.received), "abc");
        assert_int_equal(gate_net_in_flight(fixture->net), 0);
        done(&s);
        close(fd);
    }
    free(body);
}

/* ---- what breaks ---- */

/* What comes of an answer that ends after `answer`. */
static enum gate_err run_cut(struct fixture *fixture, const char *method, const char *answer) {
    struct streaming s;
    begin(fixture, &s, method);
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, answer);
    close(fd);
    wait_told(fixture, &s);
    const enum gate_err err = wait_for_end(fixture, &s);
    done(&s);
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    return err;
}

static void test_next__answer_that_is_cut(void **state) {
    struct fixture *fixture = *state;
    static const char *const answers[] = {
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\nX-B",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const enum gate_err read = run_cut(fixture, "GET", answers[i]);
        if (read != GATE_ERR_UNAVAILABLE && read != GATE_ERR_UPSTREAM) {
            fail_msg("%s: %s", answers[i], gate_err_name(read));
        }
        const enum gate_err write = run_cut(fixture, "POST", answers[i]);
        if (write != GATE_ERR_OUTCOME_UNKNOWN) {
            fail_msg("%s: %s", answers[i], gate_err_name(write));
        }
    }
}

static void test_next__what_is_no_answer(void **state) {
    struct fixture *fixture = *state;
    static const char *const answers[] = {
        "220 mail.example.com ESMTP\r\n",
        /* to libcurl the final one, with all that follows for its body */
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(run_cut(fixture, "GET", answers[i]), GATE_ERR_UPSTREAM);
        assert_int_equal(run_cut(fixture, "DELETE", answers[i]), GATE_ERR_OUTCOME_UNKNOWN);
    }
}

static void test_next__head_beyond_its_limit(void **state) {
    struct fixture *fixture = *state;
    char *answer = calloc(1, GATE_UPSTREAM_HEADERS_MAX_BYTES + 100);
    size_t length = (size_t)sprintf(answer, "HTTP/1.1 200 OK\r\nX: ");
    memset(answer + length, 'y', GATE_UPSTREAM_HEADERS_MAX_BYTES);
    strcat(answer, "\r\n\r\n");
    assert_int_equal(run_cut(fixture, "GET", answer), GATE_ERR_UPSTREAM);
    assert_int_equal(run_cut(fixture, "POST", answer), GATE_ERR_OUTCOME_UNKNOWN);
    free(answer);
}

/* The first answer leaves a connection, which ends when the next request has come on it. */
static int keep_connection(struct fixture *fixture) {
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    wait_told(fixture, &s);
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    done(&s);
    return fd;
}

static void test_open__write_on_a_kept_connection_that_dies__is_sent_once(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"POST", "DELETE", "PUT", "PATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0] * 2; i++) {
        const int fd = keep_connection(fixture);
        struct streaming s;
        init(fixture, &s, methods[i / 2]);
        s.request.body_length = i % 2 == 0 ? 0 : 5;
        open_stream(fixture, &s);
        (void)read_head(fd);
        if (i % 2 == 1) {
            wait_told(fixture, &s);
            assert_true(s.piece.wants_body);
            gate_net_stream_give(s.stream, "hello", 5);
            ask(&s);
            char arrived[5];
            read_exactly(fd, arrived, 5);
        }
        close(fd);
        wait_told(fixture, &s);
        assert_int_equal(wait_for_end(fixture, &s), GATE_ERR_OUTCOME_UNKNOWN);
        assert_true(gate_net_stream_was_sent(s.stream));
        if (has_connection_waiting(fixture)) { /* on which libcurl was kept from sending it */
            const int second = accept_one(fixture);
            assert_true(has_ended(second));
            close(second);
        }
        done(&s);
    }
}

static void test_open__read_on_a_kept_connection_that_dies__is_sent_again(void **state) {
    struct fixture *fixture = *state;
    const int fd = keep_connection(fixture);
    struct streaming s;
    begin(fixture, &s, "GET");
    (void)read_head(fd);
    close(fd);
    const int second = accept_one(fixture);
    (void)read_head(second);
    write_text(second, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    wait_told(fixture, &s);
    assert_int_equal(wait_for_end(fixture, &s), GATE_OK);
    assert_string_equal(gate_buffer_text(&s.received), "ok");
    done(&s);
    close(second);
}

/* ---- time ---- */

static void test_silence__ends_a_stream_that_waits_but_not_one_whose_context_is_busy(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    wait_for_head(fixture, &s);
    gate_test_clock_advance(&fixture->clock, 10 * SILENCE_MS); /* busy all the while */
    let_engine_look(fixture);
    ask(&s);
    let_engine_look(fixture);
    gate_test_clock_advance(&fixture->clock, SILENCE_MS - 1);
    let_engine_look(fixture);
    assert_false(s.is_told);
    write_text(fd, "abc");
    wait_told(fixture, &s);
    assert_int_equal(s.err, GATE_OK);
    ask(&s);
    let_engine_look(fixture);
    gate_test_clock_advance(&fixture->clock, SILENCE_MS + 1);
    let_engine_look(fixture);
    wait_told(fixture, &s);
    assert_int_equal(s.err, GATE_ERR_TIMEOUT);
    assert_true(has_ended(fd));
    done(&s);
    close(fd);
}

static void test_silence__of_a_server_that_has_a_write(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "POST");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    gate_test_clock_advance(&fixture->clock, SILENCE_MS + 1);
    let_engine_look(fixture);
    wait_told(fixture, &s);
    assert_int_equal(s.err, GATE_ERR_OUTCOME_UNKNOWN);
    done(&s);
    close(fd);
}

static void test_deadline__ends_a_stream_also_while_its_context_is_busy(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    init(fixture, &s, "GET");
    s.request.silence_max_ms = 10 * DEADLINE_MS;
    s.ctx->deadline_ms = gate_clock_monotonic_ms(&fixture->clock.clock) + DEADLINE_MS;
    open_stream(fixture, &s);
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    wait_for_head(fixture, &s);
    gate_test_clock_advance(&fixture->clock, DEADLINE_MS + 1);
    let_engine_look(fixture);
    assert_true(has_ended(fd)); /* nobody holds the connection any longer */
    ask_and_wait(fixture, &s);
    assert_int_equal(s.err, GATE_ERR_TIMEOUT);
    done(&s);
    close(fd);
}

/* ---- giving it up ---- */

static void test_close__before_the_head(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    init(fixture, &s, "POST");
    s.request.body_length = 100;
    open_stream(fixture, &s);
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    wait_told(fixture, &s);
    gate_net_stream_give(s.stream, "0123456789", 10);
    ask(&s);
    char arrived[10];
    read_exactly(fd, arrived, sizeof arrived);
    wait_told(fixture, &s);
    close_stream(fixture, &s);
    assert_true(has_ended(fd));
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    done(&s);
    close(fd);
}

static void test_close__in_the_middle(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    wait_for_head(fixture, &s);
    wait_for_bytes(fixture, &s, 3);
    close_stream(fixture, &s);
    assert_true(has_ended(fd)); /* it must not be used again */
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    done(&s);
    close(fd);
}

static void test_close__while_the_rest_is_held_back(void **state) {
    struct fixture *fixture = *state;
    char *pattern = make_pattern(LARGE_BYTES);
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE_BYTES);
    write_text(fd, head);
    wait_for_head(fixture, &s);
    assert_true(write_until_blocked(fd, pattern, LARGE_BYTES, 50) < LARGE_BYTES);
    close_stream(fixture, &s);
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    assert_true(has_ended(fd));
    done(&s);
    free(pattern);
    close(fd);
}

static void test_close__when_the_last_piece_is_there_already(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    begin(fixture, &s, "GET");
    const int fd = accept_one(fixture);
    (void)read_head(fd);
    write_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n");
    wait_for_head(fixture, &s);
    write_text(fd, "abcdef");
    assert_true(has_ended(fd)); /* so libcurl is done with it */
    let_engine_look(fixture);
    close_stream(fixture, &s);
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    done(&s);
    close(fd);
}

/* ---- what fails at once ---- */

static void test_open__beyond_admission__is_busy_at_once(void **state) {
    struct fixture *fixture = *state;
    struct streaming held[IN_FLIGHT];
    int fds[IN_FLIGHT];
    for (int i = 0; i < IN_FLIGHT; i++) {
        begin(fixture, &held[i], "GET");
        fds[i] = accept_one(fixture);
    }
    struct streaming extra;
    begin(fixture, &extra, "GET");
    assert_true(extra.is_told);
    assert_int_equal(extra.err, GATE_ERR_BUSY);
    assert_false(gate_net_stream_was_sent(extra.stream));
    done(&extra);
    for (int i = 0; i < IN_FLIGHT; i++) {
        (void)read_head(fds[i]);
        write_text(fds[i], "HTTP/1.1 204 No Content\r\n\r\n");
        wait_told(fixture, &held[i]);
        assert_int_equal(wait_for_end(fixture, &held[i]), GATE_OK);
        done(&held[i]);
        close(fds[i]);
    }
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
}

static void test_open__what_is_never_sent(void **state) {
    struct fixture *fixture = *state;
    static const char *const urls[] = {"http://example.com/", "file:///etc/passwd", "",
                                       "http://127.0.0.1:1/a b", "http://127.0.0.1:1/\xc3\xa4"};
    static const struct gate_net_header headers[] = {
        {"X-A", "b\r\nX-Injected: c"}, {"", "c"},
        {"Content-Length", "3"},       {"Transfer-Encoding", "chunked"},
        {"Expect", "100-continue"},
    };
    struct streaming s;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        init(fixture, &s, "GET");
        s.request.url = urls[i];
        open_stream(fixture, &s);
        assert_true(s.is_told);
        assert_int_equal(s.err, GATE_ERR_INPUT);
        done(&s);
    }
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        init(fixture, &s, "GET");
        s.request.headers = &headers[i];
        s.request.header_count = 1;
        open_stream(fixture, &s);
        assert_true(s.is_told);
        assert_int_equal(s.err, GATE_ERR_INPUT);
        done(&s);
    }
    init(fixture, &s, "GET");
    s.ctx->deadline_ms = 1;
    open_stream(fixture, &s);
    assert_int_equal(s.err, GATE_ERR_TIMEOUT);
    done(&s);
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    assert_false(has_connection_waiting(fixture));
}

static void test_open__nobody_listens(void **state) {
    struct fixture *fixture = *state;
    struct streaming s;
    init(fixture, &s, "POST");
    s.request.url = "http://127.0.0.1:1/";
    open_stream(fixture, &s);
    wait_told(fixture, &s);
    assert_int_equal(s.err, GATE_ERR_UNAVAILABLE);
    assert_false(gate_net_stream_was_sent(s.stream));
    done(&s);
}

/* ---- the engine ends ---- */

static void test_free__ends_streams_that_wait_and_leaves_the_busy_ones(void **state) {
    struct fixture *fixture = *state;
    static const struct gate_net_header secret = {"Authorization", "Bearer t"};
    struct streaming s[3];
    int fds[3];
    for (int i = 0; i < 3; i++) {
        init(fixture, &s[i], i == 1 ? "POST" : "GET");
        s[i].request.headers = &secret;
        s[i].request.header_count = 1;
        open_stream(fixture, &s[i]);
        fds[i] = accept_one(fixture);
        (void)read_head(fds[i]);
    }
    write_text(fds[2], "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    wait_for_head(fixture, &s[2]); /* from here on busy */
    gate_net_free(fixture->net);
    fixture->net = NULL;
    wait_told(fixture, &s[0]);
    assert_int_equal(s[0].err, GATE_ERR_UNAVAILABLE);
    wait_told(fixture, &s[1]);
    assert_int_equal(s[1].err, GATE_ERR_OUTCOME_UNKNOWN);
    assert_false(gate_runqueue_run_one(fixture->queue));
    assert_false(s[2].is_told);
    for (int i = 0; i < 3; i++) {
        assert_true(has_ended(fds[i]));
        close(fds[i]);
        done(&s[i]); /* leaves nothing behind, which the sanitizer sees */
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_next__pieces_in_order_as_they_come),
        CASE(test_next__answers_without_a_body_end_with_their_head),
        CASE(test_next__interim_answers_and_trailers_are_dropped),
        CASE(test_next__who_does_not_ask_is_not_sent_more),
        CASE(test_give__body_in_many_pieces),
        CASE(test_give__slow_server_is_not_given_more_than_it_takes),
        CASE(test_open__without_a_body_none_is_asked_for),
        CASE(test_give__answer_that_comes_while_the_body_goes_up),
        CASE(test_next__answer_that_is_cut),
        CASE(test_next__what_is_no_answer),
        CASE(test_next__head_beyond_its_limit),
        CASE(test_open__write_on_a_kept_connection_that_dies__is_sent_once),
        CASE(test_open__read_on_a_kept_connection_that_dies__is_sent_again),
        CASE(test_silence__ends_a_stream_that_waits_but_not_one_whose_context_is_busy),
        CASE(test_silence__of_a_server_that_has_a_write),
        CASE(test_deadline__ends_a_stream_also_while_its_context_is_busy),
        CASE(test_close__before_the_head),
        CASE(test_close__in_the_middle),
        CASE(test_close__while_the_rest_is_held_back),
        CASE(test_close__when_the_last_piece_is_there_already),
        CASE(test_open__beyond_admission__is_busy_at_once),
        CASE(test_open__what_is_never_sent),
        CASE(test_open__nobody_listens),
        CASE(test_free__ends_streams_that_wait_and_leaves_the_busy_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
