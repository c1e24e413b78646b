#include "support/cases.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/exchange.h"
#include "support/fcgi_client.h"

/* A connected pair: the exchange reads at one end, the test plays nginx at the other. */
struct pair {
    struct gate_fcgi_exchange exchange;
    struct gate_buffer body;
    int peer;
};

static void open_pair_of_type(struct pair *pair, int type) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, type, 0, fds), 0);
    gate_fcgi_exchange_init(&pair->exchange, fds[0]);
    gate_buffer_init(&pair->body, 0);
    pair->peer = fds[1];
}

static void open_pair(struct pair *pair) {
    open_pair_of_type(pair, SOCK_STREAM);
}

static void close_pair(struct pair *pair) {
    gate_buffer_done(&pair->body);
    gate_fcgi_exchange_close(&pair->exchange);
    close(pair->peer);
}

static bool read_request(struct pair *pair) {
    return gate_fcgi_exchange_read(&pair->exchange, true);
}

static enum gate_body_state read_body(struct pair *pair, size_t max_bytes) {
    gate_buffer_done(&pair->body);
    return gate_fcgi_exchange_body_read(&pair->exchange, max_bytes, &pair->body);
}

static const char *find_param(struct pair *pair, const char *name) {
    return FCGX_GetParam(name, gate_fcgi_exchange_params(&pair->exchange));
}

/* Answer with `text`, and finish; what _finish says. */
static bool answer_text(struct pair *pair, int status, char *text) {
    const struct gate_response response = {
        .status = status,
        .headers = (struct gate_response_header[]){{"Content-Type", "text/plain"}},
        .header_count = 1,
        .body = {.data = text, .length = strlen(text)},
    };
    (void)gate_fcgi_exchange_write(&pair->exchange, &response, false);
    return gate_fcgi_exchange_finish(&pair->exchange);
}

static void test_library__two_requests_on_one_kept_connection(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    const int fd = gate_fcgi_exchange_fd(&pair.exchange);
    for (int i = 0; i < 2; i++) {
        const struct gate_test_fcgi_request request = {.path = i == 0 ? "/first" : "/second",
                                                       .body = "abc",
                                                       .body_length = 3,
                                                       .declared_length = -1,
                                                       .keep = true};
        gate_test_fcgi_request_send(pair.peer, &request);
        assert_true(read_request(&pair));
        assert_string_equal(find_param(&pair, "REQUEST_URI"), request.path);
        assert_int_equal(read_body(&pair, 100), GATE_BODY_WHOLE);
        assert_string_equal(gate_buffer_text(&pair.body), "abc");
        assert_true(answer_text(&pair, 200, (char[]){"hello"}));
        assert_int_equal(gate_fcgi_exchange_fd(&pair.exchange), fd);

        struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
        assert_true(answer.is_whole);
        assert_string_equal(gate_buffer_text(&answer.output),
                            "Status: 200 OK\r\nContent-Type: text/plain\r\n"
                            "Content-Length: 5\r\n\r\nhello");
        gate_test_fcgi_answer_done(&answer);
    }
    close_pair(&pair);
}

static void test_library__closes_at_once_when_peer_does_not_ask_to_keep(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(
        pair.peer, &(struct gate_test_fcgi_request){.path = "/", .declared_length = -2});
    assert_true(read_request(&pair));
    assert_int_equal(read_body(&pair, 0), GATE_BODY_WHOLE);
    assert_false(answer_text(&pair, 200, (char[]){"x"}));
    assert_int_equal(gate_fcgi_exchange_fd(&pair.exchange), -1);
    struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
    assert_true(answer.is_whole);
    assert_true(gate_test_fcgi_is_closed(pair.peer));
    gate_test_fcgi_answer_done(&answer);
    close_pair(&pair);
}

static void test_read__closes_after_one_request_when_keeping_is_off(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(pair.peer,
                                &(struct gate_test_fcgi_request){.path = "/", .keep = true});
    assert_true(gate_fcgi_exchange_read(&pair.exchange, false));
    assert_int_equal(read_body(&pair, 0), GATE_BODY_WHOLE);
    assert_false(answer_text(&pair, 200, (char[]){"x"}));
    close_pair(&pair);
}

static void test_read__finds_same_request_when_split_at_every_byte(void **state) {
    (void)state;
    const struct gate_test_fcgi_request request = {
        .path = "/split", .body = "0123456789", .body_length = 10, .declared_length = -1};
    struct gate_buffer bytes;
    gate_buffer_init(&bytes, 4096);
    gate_test_fcgi_request_write(&bytes, &request);
    for (size_t at = 1; at < bytes.length; at++) {
        struct pair pair;
        /* Keeps message boundaries, so that the first read ends exactly where the test wants. */
        open_pair_of_type(&pair, SOCK_SEQPACKET);
        assert_int_equal(send(pair.peer, bytes.data, at, 0), at);
        assert_int_equal(send(pair.peer, bytes.data + at, bytes.length - at, 0), bytes.length - at);
        assert_true(read_request(&pair));
        assert_string_equal(find_param(&pair, "REQUEST_URI"), "/split");
        assert_int_equal(read_body(&pair, 10), GATE_BODY_WHOLE);
        assert_string_equal(gate_buffer_text(&pair.body), "0123456789");
        assert_false(answer_text(&pair, 200, (char[]){"x"}));
        close_pair(&pair);
    }
    gate_buffer_done(&bytes);
}

static void test_read__fails_when_peer_leaves_at_every_byte_of_the_head(void **state) {
    (void)state;
    struct gate_buffer bytes;
    gate_buffer_init(&bytes, 4096);
    gate_test_fcgi_head_write(&bytes, &(struct gate_test_fcgi_request){.path = "/cut"});
    for (size_t at = 0; at < bytes.length - 8; at++) {
        struct pair pair;
        open_pair(&pair);
        gate_test_fcgi_send(pair.peer, bytes.data, at);
        shutdown(pair.peer, SHUT_WR);
        assert_false(read_request(&pair));
        assert_int_equal(gate_fcgi_exchange_fd(&pair.exchange), -1);
        close_pair(&pair);
    }
    gate_buffer_done(&bytes);
}

static void test_read__refuses_another_role(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(pair.peer, &(struct gate_test_fcgi_request){
                                               .path = "/", .role = GATE_TEST_FCGI_AUTHORIZER});
    assert_false(read_request(&pair));
    assert_true(gate_test_fcgi_is_closed(pair.peer));
    close_pair(&pair);
}

static void test_read__refuses_another_version(void **state) {
    (void)state;
    struct gate_buffer bytes;
    gate_buffer_init(&bytes, 4096);
    gate_test_fcgi_request_write(&bytes, &(struct gate_test_fcgi_request){.path = "/"});
    bytes.data[0] = 2;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_send(pair.peer, bytes.data, bytes.length);
    assert_false(read_request(&pair));
    assert_true(gate_test_fcgi_is_closed(pair.peer));
    close_pair(&pair);
    gate_buffer_done(&bytes);
}

/* What the body turns out to be, and whether the connection outlives it. */
struct body_case {
    const char *name;
    size_t sent;
    long declared;
    size_t max;
    enum gate_body_state state;
    bool is_open_after;
};

static void test_body__is_read_to_its_end_or_dooms_the_connection(void **state) {
    (void)state;
    static const struct body_case cases[] = {
        {"none", 0, -2, 0, GATE_BODY_WHOLE, true},
        {"declared empty", 0, 0, 0, GATE_BODY_WHOLE, true},
        {"at the limit", 1000, -1, 1000, GATE_BODY_WHOLE, true},
        {"undeclared", 1000, -2, 1000, GATE_BODY_WHOLE, true},
        {"beyond the limit", 1001, -1, 1000, GATE_BODY_TOO_LARGE, true},
        {"beyond it, undeclared", 1001, -2, 1000, GATE_BODY_TOO_LARGE, true},
        {"where none is taken", 1, -1, 0, GATE_BODY_TOO_LARGE, true},
        {"many records", 200000, -1, 100, GATE_BODY_TOO_LARGE, true},
        {"shorter than declared", 999, 1000, 1000, GATE_BODY_TRUNCATED, false},
        {"longer than declared", 1000, 999, 1000, GATE_BODY_TRUNCATED, false},
        {"none though declared", 0, 5, 1000, GATE_BODY_TRUNCATED, false},
        {"declared below zero", 3, -7, 1000, GATE_BODY_TRUNCATED, false},
    };
    char *bytes = test_calloc(1, 200000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair;
        open_pair(&pair);
        const int room = 1024 * 1024;
        setsockopt(pair.peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        gate_test_fcgi_request_send(
            pair.peer, &(struct gate_test_fcgi_request){.method = "POST",
                                                        .path = "/",
                                                        .body = bytes,
                                                        .body_length = cases[i].sent,
                                                        .declared_length = cases[i].declared,
                                                        .keep = true});
        assert_true(read_request(&pair));
        if (read_body(&pair, cases[i].max) != cases[i].state) {
            fail_msg("body %s", cases[i].name);
        }
        assert_int_equal(pair.body.length, cases[i].state == GATE_BODY_WHOLE ? cases[i].sent : 0);
        assert_int_equal(answer_text(&pair, 200, (char[]){"x"}), cases[i].is_open_after);
        close_pair(&pair);
    }
    test_free(bytes);
}

static void test_body__is_truncated_when_peer_leaves_or_aborts(void **state) {
    (void)state;
    for (int aborts = 0; aborts < 2; aborts++) {
        struct pair pair;
        open_pair(&pair);
        struct gate_buffer bytes;
        gate_buffer_init(&bytes, 4096);
        gate_test_fcgi_head_write(&bytes, &(struct gate_test_fcgi_request){
                                              .path = "/", .declared_length = 10, .keep = true});
        gate_test_fcgi_record_write(&bytes, GATE_TEST_FCGI_STDIN, "12345", 5);
        if (aborts) {
            gate_test_fcgi_record_write(&bytes, GATE_TEST_FCGI_ABORT, "", 0);
        }
        gate_test_fcgi_send(pair.peer, bytes.data, bytes.length);
        shutdown(pair.peer, SHUT_WR);
        assert_true(read_request(&pair));
        assert_int_equal(read_body(&pair, 1000), GATE_BODY_TRUNCATED);
        assert_false(answer_text(&pair, 400, (char[]){"x"}));
        gate_buffer_done(&bytes);
        close_pair(&pair);
    }
}

static void test_finish__closes_when_body_was_not_read(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(
        pair.peer,
        &(struct gate_test_fcgi_request){
            .path = "/", .body = "12345", .body_length = 5, .declared_length = -1, .keep = true});
    assert_true(read_request(&pair));
    assert_false(answer_text(&pair, 401, (char[]){"x"}));
    close_pair(&pair);
}

/* Write an answer and return what the peer got. */
static struct gate_test_fcgi_answer write_answer(const struct gate_response *response,
                                                 bool is_head) {
    struct pair pair;
    open_pair(&pair);
    const int room = 4 * 1024 * 1024;
    setsockopt(gate_fcgi_exchange_fd(&pair.exchange), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    gate_test_fcgi_request_send(pair.peer, &(struct gate_test_fcgi_request){.path = "/"});
    assert_true(read_request(&pair));
    assert_int_equal(read_body(&pair, 0), GATE_BODY_WHOLE);
    assert_true(gate_fcgi_exchange_write(&pair.exchange, response, is_head));
    assert_false(gate_fcgi_exchange_finish(&pair.exchange));
    struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
    assert_true(answer.is_whole);
    close_pair(&pair);
    return answer;
}

static void test_write__has_no_body_for_head_and_for_statuses_without(void **state) {
    (void)state;
    struct gate_response response = {.status = 200, .body = {.data = (char[]){"abc"}, .length = 3}};
    struct gate_test_fcgi_answer answer = write_answer(&response, true);
    assert_string_equal(gate_buffer_text(&answer.output), "Status: 200 OK\r\n\r\n");
    gate_test_fcgi_answer_done(&answer);
    response.status = 204;
    answer = write_answer(&response, false);
    assert_string_equal(gate_buffer_text(&answer.output), "Status: 204 No Content\r\n\r\n");
    gate_test_fcgi_answer_done(&answer);
}

static void test_write__leaves_a_length_that_is_given(void **state) {
    (void)state;
    const struct gate_response response = {
        .status = 200,
        .headers = (struct gate_response_header[]){{"content-length", "3"}},
        .header_count = 1,
        .body = {.data = (char[]){"abc"}, .length = 3}};
    struct gate_test_fcgi_answer answer = write_answer(&response, false);
    assert_string_equal(gate_buffer_text(&answer.output),
                        "Status: 200 OK\r\ncontent-length: 3\r\n\r\nabc");
    gate_test_fcgi_answer_done(&answer);
}

static void test_write__delivers_a_long_body_whole(void **state) {
    (void)state;
    /* Below what the socket holds here (net.core.wmem_max), as nobody reads meanwhile. */
    const size_t length = 100000;
    char *text = test_malloc(length);
    memset(text, 'q', length);
    const struct gate_response response = {.status = 200, .body = {.data = text, .length = length}};
    struct gate_test_fcgi_answer answer = write_answer(&response, false);
    assert_int_equal(answer.output.length - (size_t)(answer.body - answer.output.data), length);
    assert_memory_equal(answer.body, text, length);
    gate_test_fcgi_answer_done(&answer);
    test_free(text);
}

static void test_write__has_a_reason_for_any_status(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *line;
    } cases[] = {{418, "Status: 418 Client Error\r\n"},
                 {599, "Status: 599 Server Error\r\n"},
                 {999, "Status: 999 Unknown\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct gate_response response = {.status = cases[i].status};
        struct gate_test_fcgi_answer answer = write_answer(&response, true);
        assert_memory_equal(gate_buffer_text(&answer.output), cases[i].line, strlen(cases[i].line));
        gate_test_fcgi_answer_done(&answer);
    }
}

static void test_write__says_so_when_peer_is_gone(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(pair.peer,
                                &(struct gate_test_fcgi_request){.path = "/", .keep = true});
    assert_true(read_request(&pair));
    assert_int_equal(read_body(&pair, 0), GATE_BODY_WHOLE);
    shutdown(pair.peer, SHUT_RDWR);
    const struct gate_response response = {.status = 204};
    assert_false(gate_fcgi_exchange_write(&pair.exchange, &response, false));
    assert_false(gate_fcgi_exchange_finish(&pair.exchange));
    close_pair(&pair);
}

static int prepare_library(void **state) {
    (void)state;
    struct gate_error error = {0};
    return gate_fcgi_library_init(&error) == GATE_OK ? 0 : -1;
}

/* ---- bodies that are read in pieces ---- */

struct piece_case {
    const char *what;
    size_t sent;
    long declared; /* as in gate_test_fcgi_request */
    size_t wanted; /* bytes to read before the reader stops; beyond `sent`: to its end */
    size_t read;   /* how many can be */
    bool fails;    /* the reader is told that something is wrong */
    bool stays;    /* the connection */
};

enum { DROP_MAX = 50000 };

static const struct piece_case piece_cases[] = {
    {"exact", 30000, -1, 30000, 30000, false, true},
    {"exact, and asked for more", 30000, -1, 30001, 30000, true, true},
    {"short", 100, 101, 101, 100, true, false},
    {"short by far", 0, 100000, 100000, 0, true, false},
    {"longer", 101, 100, 100, 0, true, false},
    {"much longer", 90000, 100, 100, 0, true, false},
    {"without a length", 100, -2, 100, 0, true, true},
    {"nothing", 0, -1, 1, 0, true, true},
    {"nothing declared, something sent", 100, 0, 100, 0, true, true},
    {"left alone", 30000, -1, 0, 0, false, true},
    {"left in the middle", 30000, -1, 1000, 1000, false, true},
    {"too much left to be dropped", 90000, -1, 1000, 1000, false, false},
};

/* Read up to `wanted` bytes in pieces; false when the last piece was refused. */
static bool read_pieces(struct pair *pair, size_t wanted, const char *body, size_t *ret_read) {
    char room[1000];
    *ret_read = 0;
    while (*ret_read < wanted) {
        size_t length = 0;
        const size_t max_bytes =
            wanted - *ret_read < sizeof room ? wanted - *ret_read : sizeof room;
        if (gate_fcgi_exchange_piece_read(&pair->exchange, room, max_bytes, &length) != GATE_OK) {
            return false;
        }
        assert_true(length > 0 && length <= max_bytes);
        assert_memory_equal(room, body + *ret_read, length);
        *ret_read += length;
    }
    return true;
}

/* Whatever was read of a body, either nothing of it is left for the next request, or there is no
 * next one. */
static void test_piece__reads_no_more_and_no_less_than_declared(void **state) {
    (void)state;
    char *body = test_malloc(90000);
    for (size_t i = 0; i < 90000; i++) {
        body[i] = (char)(i * 31 % 251);
    }
    for (size_t i = 0; i < sizeof piece_cases / sizeof piece_cases[0]; i++) {
        const struct piece_case *one = &piece_cases[i];
        struct pair pair;
        open_pair(&pair);
        gate_test_fcgi_request_send(pair.peer, &(struct gate_test_fcgi_request){
                                                   .path = "/first",
                                                   .body = body,
                                                   .body_length = one->sent,
                                                   .declared_length = one->declared,
                                                   .keep = true,
                                               });
        assert_true(read_request(&pair));
        size_t count;
        const bool is_well = read_pieces(&pair, one->wanted, body, &count);
        if (is_well == one->fails || count != one->read) {
            fail_msg("%s: %d, %zu bytes", one->what, is_well, count);
        }
        gate_fcgi_exchange_body_drop(&pair.exchange, DROP_MAX);
        if (answer_text(&pair, 200, (char[]){"x"}) != one->stays) {
            fail_msg("%s: the connection", one->what);
        }
        struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
        assert_true(answer.is_whole);
        gate_test_fcgi_answer_done(&answer);
        if (one->stays) {
            gate_test_fcgi_request_send(
                pair.peer,
                &(struct gate_test_fcgi_request){
                    .path = "/second", .body = "abc", .body_length = 3, .declared_length = -1});
            assert_true(read_request(&pair));
            assert_string_equal(find_param(&pair, "REQUEST_URI"), "/second");
            assert_true(read_pieces(&pair, 3, "abc", &count));
            gate_fcgi_exchange_body_drop(&pair.exchange, DROP_MAX);
            (void)answer_text(&pair, 200, (char[]){"x"});
        }
        close_pair(&pair);
    }
    test_free(body);
}

static void test_piece__of_a_body_that_never_comes_whole(void **state) {
    (void)state;
    static const int types[] = {0, GATE_TEST_FCGI_ABORT};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct pair pair;
        struct gate_buffer out;
        open_pair(&pair);
        gate_buffer_init(&out, 10000);
        gate_test_fcgi_head_write(&out, &(struct gate_test_fcgi_request){
                                            .path = "/", .declared_length = 200, .keep = true});
        gate_test_fcgi_record_write(&out, GATE_TEST_FCGI_STDIN, "abc", 3);
        if (types[i] != 0) {
            gate_test_fcgi_record_write(&out, types[i], "", 0);
        }
        gate_test_fcgi_send(pair.peer, out.data, out.length);
        shutdown(pair.peer, SHUT_WR);
        assert_true(read_request(&pair));
        size_t count;
        assert_false(read_pieces(&pair, 200, "abc", &count));
        gate_fcgi_exchange_body_drop(&pair.exchange, DROP_MAX);
        assert_false(gate_fcgi_exchange_finish(&pair.exchange));
        gate_buffer_done(&out);
        close_pair(&pair);
    }
}

static void test_append__answer_in_parts_then_another_request(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(pair.peer, &(struct gate_test_fcgi_request){
                                               .path = "/", .declared_length = -2, .keep = true});
    assert_true(read_request(&pair));
    gate_fcgi_exchange_body_drop(&pair.exchange, DROP_MAX);
    const struct gate_response response = {
        .status = 206,
        .headers = (struct gate_response_header[]){{"content-type", "text/plain"}},
        .header_count = 1,
    };
    struct gate_buffer out;
    size_t sent = 0;
    gate_buffer_init(&out, 10000);
    gate_fcgi_exchange_append(&pair.exchange, &out, &response, (struct gate_fcgi_span){"abc", 3},
                              false);
    gate_fcgi_exchange_append(&pair.exchange, &out, NULL, (struct gate_fcgi_span){"def", 3}, false);
    gate_fcgi_exchange_append(&pair.exchange, &out, NULL, (struct gate_fcgi_span){NULL, 0}, true);
    assert_int_equal(gate_fcgi_record_send(gate_fcgi_exchange_fd(&pair.exchange), &out, &sent),
                     GATE_FCGI_SENT);
    gate_buffer_done(&out);
    assert_true(gate_fcgi_exchange_finish(&pair.exchange));
    struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
    assert_true(answer.is_whole);
    assert_string_equal(gate_buffer_text(&answer.output),
                        "Status: 206 Partial Content\r\ncontent-type: text/plain\r\n\r\nabcdef");
    gate_test_fcgi_answer_done(&answer);
    close_pair(&pair);
}

static void test_append_abort__ends_the_connection(void **state) {
    (void)state;
    struct pair pair;
    open_pair(&pair);
    gate_test_fcgi_request_send(pair.peer, &(struct gate_test_fcgi_request){
                                               .path = "/", .declared_length = -2, .keep = true});
    assert_true(read_request(&pair));
    gate_fcgi_exchange_body_drop(&pair.exchange, DROP_MAX);
    struct gate_buffer out;
    size_t sent = 0;
    gate_buffer_init(&out, 100);
    gate_fcgi_exchange_append_abort(&pair.exchange, &out);
    assert_int_equal(gate_fcgi_record_send(gate_fcgi_exchange_fd(&pair.exchange), &out, &sent),
                     GATE_FCGI_SENT);
    gate_buffer_done(&out);
    assert_false(gate_fcgi_exchange_finish(&pair.exchange));
    struct gate_test_fcgi_answer answer = gate_test_fcgi_answer_read(pair.peer);
    assert_true(answer.is_aborted);
    assert_false(answer.is_whole);
    gate_test_fcgi_answer_done(&answer);
    close_pair(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library__two_requests_on_one_kept_connection),
        cmocka_unit_test(test_library__closes_at_once_when_peer_does_not_ask_to_keep),
        cmocka_unit_test(test_read__closes_after_one_request_when_keeping_is_off),
        cmocka_unit_test(test_read__finds_same_request_when_split_at_every_byte),
        cmocka_unit_test(test_read__fails_when_peer_leaves_at_every_byte_of_the_head),
        cmocka_unit_test(test_read__refuses_another_role),
        cmocka_unit_test(test_read__refuses_another_version),
        cmocka_unit_test(test_body__is_read_to_its_end_or_dooms_the_connection),
        cmocka_unit_test(test_body__is_truncated_when_peer_leaves_or_aborts),
        cmocka_unit_test(test_finish__closes_when_body_was_not_read),
        cmocka_unit_test(test_write__has_no_body_for_head_and_for_statuses_without),
        cmocka_unit_test(test_write__leaves_a_length_that_is_given),
        cmocka_unit_test(test_write__delivers_a_long_body_whole),
        cmocka_unit_test(test_write__has_a_reason_for_any_status),
        cmocka_unit_test(test_write__says_so_when_peer_is_gone),
        cmocka_unit_test(test_piece__reads_no_more_and_no_less_than_declared),
        cmocka_unit_test(test_piece__of_a_body_that_never_comes_whole),
        cmocka_unit_test(test_append__answer_in_parts_then_another_request),
        cmocka_unit_test(test_append_abort__ends_the_connection),
    };
    return cmocka_run_group_tests(tests, prepare_library, NULL);
}
