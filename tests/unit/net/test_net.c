#include "support/cases.h"

#include <stdio.h>
#include <string.h>

#include "net/net.h"
#include "support/http_server.h"

#define CONNECTIONS 4
#define IN_FLIGHT 200

/* A server that does what the test's script says, an engine, and a queue to come back on. */
struct fixture {
    gate_test_server *server;
    gate_test_answer_fn *script;
    gate_net *net;
    gate_runqueue *queue;
    int deliveries; /* POSTs that arrived whole; guarded by the server's lock, read when all is
                       quiet */
    char last_body[64];
};

static void play_script(const struct gate_test_http_request *request,
                        struct gate_test_http_answer *answer, void *state) {
    struct fixture *fixture = state;
    if (strcmp(request->method, "POST") == 0) {
        fixture->deliveries++;
        snprintf(fixture->last_body, sizeof fixture->last_body, "%.*s", (int)request->body_length,
                 request->body);
    }
    fixture->script(request, answer, state);
}

static int open_fixture(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    fixture.server = gate_test_server_new(play_script, &fixture);
    fixture.queue = gate_runqueue_new();
    struct gate_net_options options = {
        .ca_file = GATE_TEST_AUTHORITY,
        .connections_max = CONNECTIONS,
        .in_flight_max = IN_FLIGHT,
        .clock = &gate_clock_system,
    };
    struct gate_error error = {0};
    assert_int_equal(gate_net_new(&options, &error, &fixture.net), GATE_OK);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state) {
    struct fixture *fixture = *state;
    gate_net_free(fixture->net);
    gate_test_server_free(fixture->server);
    while (gate_runqueue_run_one(fixture->queue)) {
    }
    gate_runqueue_free(fixture->queue);
    return 0;
}

/* One fetch and what came of it. */
struct call {
    struct gate_ctx *ctx;
    struct gate_net_request request;
    struct gate_net_response response;
    enum gate_err err;
    bool is_done;
};

static void note_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct call *call = state;
    assert_false(call->is_done);
    call->err = err;
    call->is_done = true;
}

static void init_call(struct fixture *fixture, struct call *call, const char *method) {
    *call = (struct call){0};
    call->ctx = gate_ctx_new(&gate_clock_system, fixture->queue, NULL);
    call->request = (struct gate_net_request){
        .method = method,
        .url = gate_arena_printf(call->ctx->arena, "%s/path?q=1",
                                 gate_test_server_url(fixture->server)),
        .timeout_ms = 10000,
        .max_response_bytes = 100000,
        .is_read = strcmp(method, "GET") == 0,
    };
    if (strcmp(method, "POST") == 0) {
        call->request.body = "{\"a\":1}";
        call->request.body_length = 7;
    }
}

static void start_call(struct fixture *fixture, struct call *call) {
    gate_net_fetch(call->ctx, fixture->net, &call->request, &call->response, note_end, call);
}

static void end_call(struct fixture *fixture, struct call *call) {
    gate_runqueue_run_until(fixture->queue, &call->is_done);
    gate_ctx_free(call->ctx);
    call->ctx = NULL;
}

static enum gate_err run_call(struct fixture *fixture, const char *method) {
    struct call call;
    init_call(fixture, &call, method);
    start_call(fixture, &call);
    end_call(fixture, &call);
    return call.err;
}

/* Taking the server's lock makes what its threads wrote before visible here. */
static int count_deliveries(struct fixture *fixture) {
    assert_true(gate_test_server_request_count(fixture->server) >= 0);
    return fixture->deliveries;
}

static void answer_plainly(const struct gate_test_http_request *request,
                           struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->headers = "X-Thing:  some words \r\nContent-Type: text/plain\r\n";
    answer->body = "hello";
}

static void test_fetch__get(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_plainly;
    struct call call;
    init_call(fixture, &call, "GET");
    start_call(fixture, &call);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_OK);
    assert_int_equal(call.response.status, 200);
    assert_int_equal(call.response.body_length, 5);
    assert_string_equal(call.response.body, "hello");
    assert_string_equal(gate_net_header_find(&call.response, "x-thing"), "some words");
    assert_null(gate_net_header_find(&call.response, "X-Thing"));
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    gate_ctx_free(call.ctx);
}

static void check_request(const struct gate_test_http_request *request,
                          struct gate_test_http_answer *answer, void *state) {
    (void)state;
    char room[256];
    bool is_right = strcmp(request->target, "/path?q=1") == 0 &&
                    strcmp(gate_test_http_header(request, "Authorization", room, sizeof room),
                           "Bearer t") == 0 &&
                    strcmp(gate_test_http_header(request, "Content-Type", room, sizeof room),
                           "application/json") == 0 &&
                    strstr(request->head, "Expect") == NULL &&
                    strstr(request->head, "X-Empty:") != NULL && request->body_length == 7 &&
                    memcmp(request->body, "{\"a\":1}", 7) == 0;
    answer->status = is_right ? 201 : 500;
}

static void test_fetch__post_sends_body_and_headers(void **state) {
    struct fixture *fixture = *state;
    fixture->script = check_request;
    static const struct gate_net_header headers[] = {
        {"Authorization", "Bearer t"},
        {"Content-Type", "application/json"},
        {"X-Empty", ""},
    };
    struct call call;
    init_call(fixture, &call, "POST");
    call.request.headers = headers;
    call.request.header_count = 3;
    start_call(fixture, &call);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_OK);
    assert_int_equal(call.response.status, 201);
    assert_non_null(call.response.body);
    assert_int_equal(call.response.body_length, 0);
    gate_ctx_free(call.ctx);
}

static void answer_with_method(const struct gate_test_http_request *request,
                               struct gate_test_http_answer *answer, void *state) {
    (void)state;
    if (strcmp(request->method, "HEAD") == 0) {
        answer->headers = "X-Method: HEAD\r\n";
        return;
    }
    static char headers[64];
    snprintf(headers, sizeof headers, "X-Method: %s\r\nX-Body: %zu\r\n", request->method,
             request->body_length);
    answer->headers = headers;
}

static void test_fetch__any_method(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_with_method;
    static const char *const methods[] = {"GET",   "HEAD",   "POST",    "PUT",
                                          "PATCH", "DELETE", "OPTIONS", "REPORT"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0] * 2; i++) {
        const char *method = methods[i / 2];
        struct call call;
        init_call(fixture, &call, method);
        bool has_body = i % 2 == 1 && strcmp(method, "HEAD") != 0;
        call.request.body = has_body ? "12345" : NULL;
        call.request.body_length = has_body ? 5 : 0;
        start_call(fixture, &call);
        gate_runqueue_run_until(fixture->queue, &call.is_done);
        assert_int_equal(call.err, GATE_OK);
        assert_string_equal(gate_net_header_find(&call.response, "x-method"), method);
        if (has_body) {
            assert_string_equal(gate_net_header_find(&call.response, "x-body"), "5");
        }
        gate_ctx_free(call.ctx);
    }
}

static void answer_status_in_turn(const struct gate_test_http_request *request,
                                  struct gate_test_http_answer *answer, void *state) {
    (void)state;
    static const int statuses[] = {302, 401, 404, 429, 500, 503};
    answer->status = statuses[request->number - 1];
    answer->headers = "Location: http://127.0.0.1:1/elsewhere\r\n";
}

static void test_fetch__error_statuses_and_redirects_are_answers(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_status_in_turn;
    static const int statuses[] = {302, 401, 404, 429, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct call call;
        init_call(fixture, &call, i % 2 == 0 ? "GET" : "POST");
        start_call(fixture, &call);
        end_call(fixture, &call);
        assert_int_equal(call.err, GATE_OK);
        assert_int_equal(call.response.status, statuses[i]);
    }
    assert_int_equal(gate_test_server_request_count(fixture->server), 6);
}

static void answer_cut(const struct gate_test_http_request *request,
                       struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->body = "0123456789";
    answer->cut_bytes = 5;
}

static void test_fetch__cut_answer(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_cut;
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UNAVAILABLE);
    assert_int_equal(run_call(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
    assert_int_equal(run_call(fixture, "DELETE"), GATE_ERR_OUTCOME_UNKNOWN);
}

static void answer_cut_in_its_head(const struct gate_test_http_request *request,
                                   struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
}

static void test_fetch__answer_cut_in_its_head(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_cut_in_its_head;
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UNAVAILABLE);
    assert_int_equal(run_call(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
}

static void answer_large(const struct gate_test_http_request *request,
                         struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    static char body[100001];
    if (request->number == 1) { /* the answer before may still be on its way */
        memset(body, 'x', sizeof body - 1);
    }
    answer->body = body;
    answer->body_length = request->number % 2 == 1 ? sizeof body : sizeof body - 1;
}

static void test_fetch__answer_at_and_beyond_the_limit(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_large;
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UPSTREAM);
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    assert_int_equal(run_call(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
    assert_int_equal(run_call(fixture, "POST"), GATE_OK);
}

static void answer_many_headers(const struct gate_test_http_request *request,
                                struct gate_test_http_answer *answer, void *state) {
    (void)state;
    /* Of its own for each request: the one before may still be on its way to a peer that has left.
     */
    enum { RAW_BYTES = 64 * 1024 };
    static char raws[2][RAW_BYTES];
    char *raw = raws[request->number % 2];
    size_t length = 0;
    length += (size_t)snprintf(raw, RAW_BYTES, "HTTP/1.1 200 OK\r\n");
    if (request->number == 1) {
        for (int i = 0; i < GATE_UPSTREAM_HEADERS_MAX + 1; i++) {
            length += (size_t)snprintf(raw + length, RAW_BYTES - length, "X-%d: y\r\n", i);
        }
    } else {
        memcpy(raw + length, "X: ", 3);
        memset(raw + length + 3, 'y', GATE_UPSTREAM_HEADERS_MAX_BYTES);
        length += 3 + GATE_UPSTREAM_HEADERS_MAX_BYTES;
    }
    snprintf(raw + length, RAW_BYTES - length, "\r\n\r\n");
    answer->raw = raw;
}

static void test_fetch__header_beyond_its_limits(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_many_headers;
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UPSTREAM);
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UPSTREAM);
}

static void answer_rubbish(const struct gate_test_http_request *request,
                           struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->raw = "220 mail.example.com ESMTP\r\n";
}

static void test_fetch__not_http(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_rubbish;
    assert_int_equal(run_call(fixture, "GET"), GATE_ERR_UPSTREAM);
    assert_int_equal(run_call(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
}

static void answer_with_interim_and_trailer(const struct gate_test_http_request *request,
                                            struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->raw = "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nX-Late: yes\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n";
}

static void test_fetch__interim_answers_and_trailers_are_dropped(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_with_interim_and_trailer;
    struct call call;
    init_call(fixture, &call, "GET");
    start_call(fixture, &call);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_OK);
    assert_int_equal(call.response.status, 200);
    assert_string_equal(call.response.body, "hello");
    assert_null(gate_net_header_find(&call.response, "x-early"));
    assert_string_equal(gate_net_header_find(&call.response, "x-late"), "yes");
    assert_null(gate_net_header_find(&call.response, "x-trailer"));
    gate_ctx_free(call.ctx);
}

static void answer_first_only(const struct gate_test_http_request *request,
                              struct gate_test_http_answer *answer, void *state) {
    (void)state;
    answer->is_silent = request->number > 1;
}

/* libcurl by itself would send the request a second time here, without a word. */
static void test_fetch__write_on_a_kept_connection_that_dies__is_delivered_once(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_first_only;
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    assert_int_equal(run_call(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
    assert_int_equal(count_deliveries(fixture), 1);
    assert_string_equal(fixture->last_body, "{\"a\":1}");
    assert_int_equal(gate_test_server_request_count(fixture->server), 2);
}

static void
test_fetch__bodyless_write_on_a_kept_connection_that_dies__is_delivered_once(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_first_only;
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    assert_int_equal(run_call(fixture, "DELETE"), GATE_ERR_OUTCOME_UNKNOWN);
    assert_int_equal(gate_test_server_request_count(fixture->server), 2);
}

static void answer_all_but_second(const struct gate_test_http_request *request,
                                  struct gate_test_http_answer *answer, void *state) {
    (void)state;
    answer->is_silent = request->number == 2;
}

static void test_fetch__read_on_a_kept_connection_that_dies__is_sent_again(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_all_but_second;
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    struct call call;
    init_call(fixture, &call, "POST");
    call.request.is_read = true;
    start_call(fixture, &call);
    end_call(fixture, &call);
    assert_int_equal(call.err, GATE_OK);
    assert_int_equal(count_deliveries(fixture), 2);
    assert_string_equal(fixture->last_body, "{\"a\":1}");
}

static void answer_and_close(const struct gate_test_http_request *request,
                             struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->closes_after = true;
}

static void test_fetch__kept_connection_closed_while_idle__is_replaced(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_and_close;
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    gate_test_server_wait_closed(fixture->server, 1);
    assert_int_equal(run_call(fixture, "POST"), GATE_OK);
    gate_test_server_wait_closed(fixture->server, 2);
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    assert_int_equal(count_deliveries(fixture), 1);
    assert_int_equal(gate_test_server_connection_count(fixture->server), 3);
}

static void test_fetch__nobody_listens(void **state) {
    struct fixture *fixture = *state;
    struct call call;
    init_call(fixture, &call, "POST");
    call.request.url = "http://127.0.0.1:1/";
    start_call(fixture, &call);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(call.ctx->error.kind, GATE_ERR_UNAVAILABLE);
    assert_non_null(strstr(call.ctx->error.message, "127.0.0.1"));
    gate_ctx_free(call.ctx);
}

static void answer_held(const struct gate_test_http_request *request,
                        struct gate_test_http_answer *answer, void *state) {
    (void)request;
    (void)state;
    answer->is_held = true;
}

static void test_fetch__deadline_while_the_answer_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_held;
    static const struct {
        const char *method;
        enum gate_err err;
    } cases[] = {{"GET", GATE_ERR_TIMEOUT},
                 {"POST", GATE_ERR_OUTCOME_UNKNOWN},
                 {"DELETE", GATE_ERR_OUTCOME_UNKNOWN}};
    for (int i = 0; i < 3; i++) {
        struct call call;
        init_call(fixture, &call, cases[i].method);
        call.request.timeout_ms = 60;
        start_call(fixture, &call);
        end_call(fixture, &call);
        assert_int_equal(call.err, cases[i].err);
    }
}

static void test_fetch__deadline_while_queued_behind_the_connection_cap(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_held;
    struct call holders[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        init_call(fixture, &holders[i], "GET");
        start_call(fixture, &holders[i]);
    }
    gate_test_server_wait_requests(fixture->server, CONNECTIONS);
    struct call queued;
    init_call(fixture, &queued, "POST");
    queued.ctx->deadline_ms = gate_clock_monotonic_ms(&gate_clock_system) + 40;
    start_call(fixture, &queued);
    end_call(fixture, &queued);
    assert_int_equal(queued.err, GATE_ERR_TIMEOUT); /* and not "outcome unknown": nothing left */
    assert_int_equal(count_deliveries(fixture), 0);
    gate_test_server_release(fixture->server);
    for (int i = 0; i < CONNECTIONS; i++) {
        end_call(fixture, &holders[i]);
        assert_int_equal(holders[i].err, GATE_OK);
    }
    assert_int_equal(gate_test_server_connection_count(fixture->server), CONNECTIONS);
}

static void test_fetch__deadline_that_is_past(void **state) {
    struct fixture *fixture = *state;
    struct call call;
    init_call(fixture, &call, "GET");
    call.ctx->deadline_ms = 1;
    start_call(fixture, &call);
    assert_true(call.is_done);
    assert_int_equal(call.err, GATE_ERR_TIMEOUT);
    gate_ctx_free(call.ctx);
}

static void test_fetch__beyond_admission__is_busy_at_once(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_held;
    static struct call calls[IN_FLIGHT];
    for (int i = 0; i < IN_FLIGHT; i++) {
        init_call(fixture, &calls[i], "GET");
        start_call(fixture, &calls[i]);
    }
    assert_int_equal(gate_net_in_flight(fixture->net), IN_FLIGHT);
    struct call extra;
    init_call(fixture, &extra, "GET");
    start_call(fixture, &extra);
    assert_true(extra.is_done);
    assert_int_equal(extra.err, GATE_ERR_BUSY);
    gate_ctx_free(extra.ctx);
    gate_test_server_release(fixture->server);
    for (int i = 0; i < IN_FLIGHT; i++) {
        end_call(fixture, &calls[i]);
        assert_int_equal(calls[i].err, GATE_OK);
    }
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    assert_true(gate_test_server_connection_count(fixture->server) <= CONNECTIONS);
}

static void test_fetch__what_is_never_sent(void **state) {
    struct fixture *fixture = *state;
    static const char *const urls[] = {
        "http://example.com/",           "http://10.0.0.1/",
        "http://169.254.169.254/latest", "http://localhost.evil.tld",
        "https://u:p@localhost",         "file:///etc/passwd",
        "gopher://127.0.0.1/",           "",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct call call;
        init_call(fixture, &call, "GET");
        call.request.url = urls[i];
        start_call(fixture, &call);
        assert_true(call.is_done);
        assert_int_equal(call.err, GATE_ERR_INPUT);
        gate_ctx_free(call.ctx);
    }
    static const struct gate_net_header headers[] = {
        {"X-A", "b\r\nX-Injected: c"},    {"X-A: b\r\nX", "c"}, {"", "c"}, {"Content-Length", "3"},
        {"Transfer-Encoding", "chunked"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct call call;
        init_call(fixture, &call, "GET");
        call.request.headers = &headers[i];
        call.request.header_count = 1;
        start_call(fixture, &call);
        assert_true(call.is_done);
        assert_int_equal(call.err, GATE_ERR_INPUT);
        gate_ctx_free(call.ctx);
    }
    assert_int_equal(gate_test_server_request_count(fixture->server), 0);
}

static void test_delay__resumes_later_or_says_that_there_is_no_time(void **state) {
    struct fixture *fixture = *state;
    struct call call = {.ctx = gate_ctx_new(&gate_clock_system, fixture->queue, NULL)};
    int64_t before_ms = gate_clock_monotonic_ms(&gate_clock_system);
    gate_net_delay(call.ctx, fixture->net, 20, note_end, &call);
    assert_false(call.is_done);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_OK);
    assert_true(gate_clock_monotonic_ms(&gate_clock_system) - before_ms >= 20);
    assert_true(call.ctx->waited.pause_ms >= 20);
    assert_int_equal(call.ctx->waited.upstream_ms, 0);
    call.is_done = false;
    call.ctx->deadline_ms = gate_clock_monotonic_ms(&gate_clock_system) + 1000;
    gate_net_delay(call.ctx, fixture->net, 5000, note_end, &call);
    assert_true(call.is_done);
    assert_int_equal(call.err, GATE_ERR_TIMEOUT);
    gate_ctx_free(call.ctx);
}

static void test_free__ends_what_is_in_flight(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_held;
    struct call read;
    struct call write;
    struct call delay = {.ctx = gate_ctx_new(&gate_clock_system, fixture->queue, NULL)};
    init_call(fixture, &read, "GET");
    init_call(fixture, &write, "POST");
    start_call(fixture, &read);
    start_call(fixture, &write);
    gate_net_delay(delay.ctx, fixture->net, 60000, note_end, &delay);
    gate_test_server_wait_requests(fixture->server, 2);
    gate_net_free(fixture->net);
    fixture->net = NULL;
    end_call(fixture, &read);
    end_call(fixture, &write);
    end_call(fixture, &delay);
    assert_int_equal(read.err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(write.err, GATE_ERR_OUTCOME_UNKNOWN);
    assert_int_equal(delay.err, GATE_ERR_UNAVAILABLE);
}

static void test_new__certificates_that_cannot_be_read(void **state) {
    (void)state;
    struct gate_net_options options = {.connections_max = 1,
                                       .in_flight_max = 1,
                                       .ca_file = "/nonexistent/ca.pem",
                                       .clock = &gate_clock_system};
    struct gate_error error = {0};
    gate_net *net = NULL;
    assert_int_equal(gate_net_new(&options, &error, &net), GATE_ERR_CONFIG);
    assert_null(net);
    assert_non_null(strstr(error.message, "/nonexistent/ca.pem"));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

static void test_public_only__neither_connects_inside_nor_takes_a_connection_there(void **state) {
    struct fixture *fixture = *state;
    fixture->script = answer_plainly;
    struct call call;
    init_call(fixture, &call, "POST");
    call.request.is_public_only = true;
    start_call(fixture, &call);
    gate_runqueue_run_until(fixture->queue, &call.is_done);
    assert_int_equal(call.err, GATE_ERR_UPSTREAM);
    assert_non_null(strstr(call.ctx->error.message, "not one of the internet"));
    end_call(fixture, &call);
    assert_int_equal(gate_test_server_connection_count(fixture->server), 0);

    /* By a name, and with a connection that is open already. */
    assert_int_equal(run_call(fixture, "GET"), GATE_OK);
    assert_int_equal(gate_test_server_connection_count(fixture->server), 1);
    init_call(fixture, &call, "POST");
    call.request.is_public_only = true;
    start_call(fixture, &call);
    end_call(fixture, &call);
    assert_int_equal(call.err, GATE_ERR_UPSTREAM);
    init_call(fixture, &call, "POST");
    call.request.is_public_only = true;
    call.request.url = gate_arena_printf(call.ctx->arena, "http://localhost:%s/",
                                         strrchr(gate_test_server_url(fixture->server), ':') + 1);
    start_call(fixture, &call);
    end_call(fixture, &call);
    assert_int_equal(call.err, GATE_ERR_UPSTREAM);
    assert_int_equal(fixture->deliveries, 0);
    assert_int_equal(gate_test_server_request_count(fixture->server), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_fetch__get),
        CASE(test_public_only__neither_connects_inside_nor_takes_a_connection_there),
        CASE(test_fetch__post_sends_body_and_headers),
        CASE(test_fetch__any_method),
        CASE(test_fetch__error_statuses_and_redirects_are_answers),
        CASE(test_fetch__cut_answer),
        CASE(test_fetch__answer_cut_in_its_head),
        CASE(test_fetch__answer_at_and_beyond_the_limit),
        CASE(test_fetch__header_beyond_its_limits),
        CASE(test_fetch__not_http),
        CASE(test_fetch__interim_answers_and_trailers_are_dropped),
        CASE(test_fetch__write_on_a_kept_connection_that_dies__is_delivered_once),
        CASE(test_fetch__bodyless_write_on_a_kept_connection_that_dies__is_delivered_once),
        CASE(test_fetch__read_on_a_kept_connection_that_dies__is_sent_again),
        CASE(test_fetch__kept_connection_closed_while_idle__is_replaced),
        CASE(test_fetch__nobody_listens),
        CASE(test_fetch__deadline_while_the_answer_is_waited_for),
        CASE(test_fetch__deadline_while_queued_behind_the_connection_cap),
        CASE(test_fetch__deadline_that_is_past),
        CASE(test_fetch__beyond_admission__is_busy_at_once),
        CASE(test_fetch__what_is_never_sent),
        CASE(test_delay__resumes_later_or_says_that_there_is_no_time),
        CASE(test_free__ends_what_is_in_flight),
        cmocka_unit_test(test_new__certificates_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
