#include "fixture.h"

#include "core/buffer.h"
#include "scalekit/proxy.h"

#define ERROR_INFO "\"@type\":\"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo\""
#define REFUSAL(message)                                                                           \
    "{\"code\":7,\"message\":\"" message "\",\"details\":[{" ERROR_INFO                            \
    ",\"error_code\":\"SOME_CODE\"}]}"
#define TOOL_ERROR                                                                                 \
    "{\"code\":16,\"message\":\"tool failed\",\"details\":[{" ERROR_INFO                           \
    ",\"error_code\":\"TOOL_ERROR\",\"tool_error_info\":{\"execution_id\":\"ex_9\","               \
    "\"tool_error_code\":\"401\",\"tool_error_message\":\"no\"}}]}"
#define JSON "Content-Type: application/json\r\n"

enum { LARGE_BYTES = 300000 };

/* One call, its body, and what came back. */
struct proxied {
    struct gate_ctx *ctx;
    struct gate_scalekit_proxy_call call;
    gate_scalekit_proxying *proxying;
    struct gate_scalekit_proxy_answer answer;
    enum gate_err err;
    bool is_done;
    struct gate_buffer body; /* of the answer */
    const char *upload;
    size_t upload_length; /* what there is, whatever was announced */
    size_t upload_given;
    size_t piece_bytes;
};

static enum gate_err read_upload(void *source, char *room, size_t max_bytes, size_t *ret_length) {
    struct proxied *p = source;
    size_t length = p->upload_length - p->upload_given;
    length = length < max_bytes ? length : max_bytes;
    length = p->piece_bytes > 0 && length > p->piece_bytes ? p->piece_bytes : length;
    if (length == 0) {
        return GATE_ERR_INPUT;
    }
    memcpy(room, p->upload + p->upload_given, length);
    p->upload_given += length;
    *ret_length = length;
    return GATE_OK;
}

static void init(struct fixture *fixture, struct proxied *p, const char *method) {
    *p = (struct proxied){.ctx = gate_ctx_new(&fixture->clock.clock, fixture->queue, NULL)};
    gate_buffer_init(&p->body, SIZE_MAX / 2);
    p->call = (struct gate_scalekit_proxy_call){
        .method = method,
        .target = "/v1/things?q=1%202",
        .identifier = "u1",
        .connection_name = "gmail",
        .read_body = read_upload,
        .body_source = p,
    };
}

static void upload(struct proxied *p, const char *bytes, size_t length) {
    p->upload = bytes;
    p->upload_length = length;
    p->call.body_length = (int64_t)length;
}

static void note_piece(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct proxied *p = state;
    assert_false(p->is_done);
    p->is_done = true;
    p->err = err;
    if (err == GATE_OK) {
        gate_buffer_append(&p->body, p->answer.data, p->answer.length);
    } else {
        assert_int_equal(ctx->error.kind, err);
    }
}

static enum gate_err wait_for_piece(struct fixture *fixture, struct proxied *p) {
    gate_runqueue_run_until(fixture->queue, &p->is_done);
    p->is_done = false;
    return p->err;
}

static enum gate_err open_call(struct fixture *fixture, struct proxied *p) {
    gate_scalekit_proxy_open(p->ctx, fixture->scalekit, &p->call, &p->proxying, &p->answer,
                             note_piece, p);
    return wait_for_piece(fixture, p);
}

static enum gate_err run_call(struct fixture *fixture, struct proxied *p) {
    enum gate_err err = open_call(fixture, p);
    while (err == GATE_OK && !p->answer.is_last) {
        gate_scalekit_proxy_next(p->ctx, p->proxying, note_piece, p);
        err = wait_for_piece(fixture, p);
    }
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    return err;
}

static void done(struct proxied *p) {
    gate_buffer_done(&p->body);
    gate_ctx_free(p->ctx);
}

static enum gate_err run_method(struct fixture *fixture, const char *method) {
    struct proxied p;
    init(fixture, &p, method);
    const enum gate_err err = run_call(fixture, &p);
    done(&p);
    return err;
}

static void script_json(struct fixture *fixture, int status, const char *body) {
    fixture->answers[fixture->answer_count++] =
        (struct gate_test_http_answer){.status = status, .headers = JSON, .body = body};
}

/* From now on this answer alone. */
static void script_only(struct fixture *fixture, const struct gate_test_http_answer *answer) {
    look(fixture);
    fixture->answers[0] = *answer;
    fixture->answer_count = 1;
}

/* ---- the request ---- */

/* The names of all header lines, in lower case and in order. */
static const char *list_names(struct gate_ctx *ctx, const char *head) {
    struct gate_buffer names;
    gate_buffer_init(&names, 4096);
    for (const char *line = strstr(head, "\r\n") + 2; *line != '\r';
         line = strstr(line, "\r\n") + 2) {
        gate_buffer_append(&names, line, strcspn(line, ":"));
        gate_buffer_append_text(&names, " ");
    }
    const char *text = gate_arena_strdup(ctx->arena, gate_buffer_text(&names));
    gate_buffer_done(&names);
    return text;
}

static void expect_line(const char *head, const char *line) {
    if (strstr(head, line) == NULL) {
        fail_msg("no %s in %s", line, head);
    }
}

static void test_open__sends_the_callers_headers_and_ours_and_no_others(void **state) {
    struct fixture *fixture = *state;
    static const struct gate_net_header headers[] = {
        {"content-type", "text/plain"}, {"accept", "a/b"}, {"x-app", "1, 2"}};
    struct proxied p;
    init(fixture, &p, "POST");
    p.call.headers = headers;
    p.call.header_count = 3;
    upload(&p, "hello", 5);
    assert_int_equal(run_call(fixture, &p), GATE_OK);
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "POST /proxy/v1/things?q=1%202");
    assert_string_equal(fixture->seen_body[0], "hello");
    const char *head = fixture->seen_head[0];
    assert_string_equal(list_names(p.ctx, head),
                        "Host Authorization connection_name identifier traceparent User-Agent "
                        "content-type accept x-app Content-Length ");
    expect_line(head, "\r\nAuthorization: Bearer t1\r\n");
    expect_line(head, "\r\nconnection_name: gmail\r\n");
    expect_line(head, "\r\nidentifier: u1\r\n");
    expect_line(head, "\r\nUser-Agent: gatehouse/" GATE_VERSION "\r\n");
    expect_line(head, "\r\ncontent-type: text/plain\r\n");
    expect_line(head, "\r\nx-app: 1, 2\r\n");
    expect_line(head, "\r\nContent-Length: 5\r\n");
    done(&p);
}

static void test_open__continues_the_trace_and_keeps_the_callers_name(void **state) {
    struct fixture *fixture = *state;
    static const struct gate_net_header headers[] = {{"user-agent", "mine/1"}};
    struct proxied p;
    init(fixture, &p, "GET");
    p.call.headers = headers;
    p.call.header_count = 1;
    p.ctx->trace.state = "vendor=1";
    assert_int_equal(run_call(fixture, &p), GATE_OK);
    look(fixture);
    assert_string_equal(fixture->seen_tracestate[0], "vendor=1");
    const char *parent = gate_trace_parent_make(p.ctx->arena, &p.ctx->trace);
    assert_memory_equal(fixture->seen_traceparent[0], parent, 35); /* version and trace id */
    expect_line(fixture->seen_head[0], "\r\nuser-agent: mine/1\r\n");
    assert_null(strstr(fixture->seen_head[0], "gatehouse"));
    done(&p);
}

static char pattern[LARGE_BYTES];

static void test_open__passes_large_bodies_both_ways(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        pattern[i] = (char)(i * 31 + i / 251);
    }
    fixture->expected_body = pattern;
    fixture->answers[fixture->answer_count++] = (struct gate_test_http_answer){
        .status = 201, .headers = "X-Thing: a\r\n", .body = pattern, .body_length = LARGE_BYTES};
    static const size_t sizes[] = {0, 10000, 65536, 7777};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct proxied p;
        init(fixture, &p, "PUT");
        upload(&p, pattern, LARGE_BYTES);
        p.piece_bytes = sizes[i];
        assert_int_equal(run_call(fixture, &p), GATE_OK);
        assert_int_equal(p.answer.status, 201);
        assert_true(p.answer.has_left);
        assert_int_equal(p.body.length, LARGE_BYTES);
        assert_memory_equal(p.body.data, pattern, LARGE_BYTES);
        done(&p);
    }
    look(fixture);
    assert_int_equal(fixture->api_count, 4);
    assert_int_equal(fixture->wrong_bodies, 0);
}

static void test_open__body_that_ends_too_soon(void **state) {
    struct fixture *fixture = *state;
    static const size_t lengths[] = {0, 10, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct proxied p;
        init(fixture, &p, "POST");
        upload(&p, pattern, lengths[i]);
        p.call.body_length = LARGE_BYTES;
        assert_int_equal(run_call(fixture, &p), GATE_ERR_INPUT);
        assert_non_null(strstr(p.ctx->error.message, "body"));
        assert_int_equal(p.answer.status, 0);
        done(&p);
    }
    assert_int_equal(count_api(fixture), 0); /* none came whole */
}

static enum gate_err read_zeros(void *source, char *room, size_t max_bytes, size_t *ret_length) {
    (void)source;
    memset(room, 0, max_bytes);
    *ret_length = max_bytes;
    return GATE_OK;
}

/* An answer that comes while the body goes up: nothing of it may be passed on before the body is
 * up, and no more than a little of it is held. */
static void test_open__answer_that_does_not_wait_for_the_body(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct gate_test_http_answer answer;
        enum gate_err err;
    } cases[] = {
        {{.status = 413, .headers = "", .body = "too much"}, GATE_OK},
        {{.status = 200, .headers = "", .body = "enough"}, GATE_OK},
        {{.status = 403, .headers = JSON, .body = REFUSAL("no")}, GATE_ERR_FORBIDDEN},
        {{.status = 200, .headers = "", .body = pattern, .body_length = LARGE_BYTES},
         GATE_ERR_OUTCOME_UNKNOWN},
    };
    gate_test_server_answer_early(fixture->server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct proxied p;
        script_only(fixture, &cases[i].answer);
        init(fixture, &p, "POST");
        p.call.body_length = 64 * 1024 * 1024;
        p.call.read_body = read_zeros;
        assert_int_equal(run_call(fixture, &p), cases[i].err);
        if (cases[i].err == GATE_OK) {
            assert_int_equal(p.answer.status, cases[i].answer.status);
            assert_string_equal(gate_buffer_text(&p.body), cases[i].answer.body);
        }
        assert_true(p.answer.has_left);
        done(&p);
    }
}

/* ---- whose answer it is ---- */

static void expect_app(struct fixture *fixture, const char *method,
                       const struct gate_test_http_answer *answer) {
    struct proxied p;
    script_only(fixture, answer);
    init(fixture, &p, method);
    if (run_call(fixture, &p) != GATE_OK) {
        fail_msg("%d %s: %s", answer->status, answer->headers, p.ctx->error.message);
    }
    assert_int_equal(p.answer.status, answer->status);
    assert_int_equal(p.answer.failure.status, 0);
    const size_t length = answer->body_length > 0 ? answer->body_length : strlen(answer->body);
    assert_int_equal(p.body.length, strcmp(method, "HEAD") == 0 ? 0 : length);
    assert_memory_equal(gate_buffer_text(&p.body), answer->body, p.body.length);
    done(&p);
}

static void test_answer__is_the_apps_whatever_its_status(void **state) {
    struct fixture *fixture = *state;
    static char long_refusal[GATE_PROXY_REFUSAL_MAX_BYTES + 200];
    memset(long_refusal, ' ', sizeof long_refusal - 1);
    memcpy(long_refusal, REFUSAL("no"), strlen(REFUSAL("no")));
    static const struct gate_test_http_answer answers[] = {
        {.status = 200, .headers = JSON, .body = REFUSAL("in a good answer")},
        {.status = 302, .headers = JSON "Location: http://127.0.0.1:1/\r\n", .body = REFUSAL("x")},
        {.status = 401, .headers = JSON, .body = "{\"error\":\"bad credentials\"}"},
        {.status = 401, .headers = JSON, .body = ""},
        {.status = 403, .headers = JSON, .body = "{\"details\":{" ERROR_INFO "}}"},
        {.status = 403, .headers = JSON, .body = "[{" ERROR_INFO "}]"},
        {.status = 403, .headers = JSON, .body = "{\"details\":[{\"@type\":\"x\"}]}"},
        {.status = 403, .headers = JSON, .body = "{\"details\":[{" ERROR_INFO "}]"},
        {.status = 403, .headers = "Content-Type: text/plain\r\n", .body = REFUSAL("x")},
        {.status = 403, .headers = "", .body = REFUSAL("x")},
        {.status = 403, .headers = JSON "Content-Encoding: gzip\r\n", .body = REFUSAL("x")},
        {.status = 403, .headers = JSON, .body = long_refusal},
        {.status = 429, .headers = JSON "Retry-After: 3\r\n", .body = "{\"message\":\"slow\"}"},
        {.status = 500, .headers = JSON, .body = "{\"code\":13,\"message\":\"oops\"}"},
        {.status = 503, .headers = "Content-Type: text/html\r\n", .body = "<h1>down</h1>"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        expect_app(fixture, "GET", &answers[i]);
        expect_app(fixture, "POST", &answers[i]);
    }
    expect_app(fixture, "HEAD",
               &(struct gate_test_http_answer){.status = 403, .headers = JSON, .body = ""});
    assert_int_equal(count_tokens(fixture), 1);
}

static void test_answer__is_scalekits_when_it_names_its_error(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        enum gate_err read;
        enum gate_err write;
    } cases[] = {
        {400, REFUSAL("no"), GATE_ERR_INPUT, GATE_ERR_INPUT},
        {403, REFUSAL("no"), GATE_ERR_FORBIDDEN, GATE_ERR_FORBIDDEN},
        {404, REFUSAL("no"), GATE_ERR_NOT_FOUND, GATE_ERR_NOT_FOUND},
        {409, REFUSAL("no"), GATE_ERR_CONFLICT, GATE_ERR_CONFLICT},
        {429, REFUSAL("no"), GATE_ERR_RATE_LIMITED, GATE_ERR_RATE_LIMITED},
        {500, REFUSAL("no"), GATE_ERR_UNAVAILABLE, GATE_ERR_OUTCOME_UNKNOWN},
        {503, REFUSAL("no"), GATE_ERR_UNAVAILABLE, GATE_ERR_UNAVAILABLE},
        {504, REFUSAL("no"), GATE_ERR_UNAVAILABLE, GATE_ERR_OUTCOME_UNKNOWN},
        {401, TOOL_ERROR, GATE_ERR_PROVIDER, GATE_ERR_PROVIDER},
        {500, TOOL_ERROR, GATE_ERR_PROVIDER, GATE_ERR_PROVIDER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * 2; i++) {
        const bool is_write = i % 2 == 1;
        struct proxied p;
        script_only(
            fixture,
            &(struct gate_test_http_answer){
                .status = cases[i / 2].status,
                .headers = "Content-Type: application/json; charset=utf-8\r\nRetry-After: 7\r\n",
                .body = cases[i / 2].body,
            });
        init(fixture, &p, is_write ? "PATCH" : "GET");
        const enum gate_err err = run_call(fixture, &p);
        if (err != (is_write ? cases[i / 2].write : cases[i / 2].read)) {
            fail_msg("%d: %s", cases[i / 2].status, gate_err_name(err));
        }
        assert_int_equal(p.answer.status, 0);
        assert_int_equal(p.body.length, 0);
        assert_true(p.answer.has_left);
        assert_int_equal(p.answer.failure.status, cases[i / 2].status);
        assert_int_equal(p.answer.failure.retry_after_s, 7);
        if (cases[i / 2].read == GATE_ERR_PROVIDER) {
            assert_string_equal(p.answer.failure.tool_error_code, "401");
            assert_string_equal(p.answer.failure.execution_id, "ex_9");
        } else {
            assert_string_equal(p.answer.failure.error_code, "SOME_CODE");
        }
        done(&p);
    }
    assert_int_equal(count_tokens(fixture), 1);
    assert_int_equal(count_api(fixture), 20);
}

/* ---- our token ---- */

static void test_token__is_renewed_once_and_the_call_repeated(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    for (int i = 0; i < 3; i++) {
        struct proxied p;
        look(fixture);
        fixture->answer_count = 0;
        fixture->api_count = 0;
        script_json(fixture, 401, REFUSAL("token"));
        script_json(fixture, 200, "{}");
        init(fixture, &p, methods[i]);
        if (i == 1) {
            upload(&p, "hello", 5);
        }
        assert_int_equal(run_call(fixture, &p), GATE_OK);
        assert_int_equal(p.answer.status, 200);
        look(fixture);
        assert_int_equal(fixture->api_count, 2);
        assert_string_not_equal(fixture->seen_authorization[0], fixture->seen_authorization[1]);
        assert_string_equal(fixture->seen_body[1], i == 1 ? "hello" : "");
        assert_string_equal(fixture->seen_body[0], fixture->seen_body[1]);
        assert_int_equal(fixture->token_count, i + 2);
        done(&p);
    }
}

static void test_token__refused_twice(void **state) {
    struct fixture *fixture = *state;
    script_json(fixture, 401, REFUSAL("token"));
    assert_int_equal(run_method(fixture, "POST"), GATE_ERR_UPSTREAM);
    assert_int_equal(count_api(fixture), 2);
    assert_int_equal(count_tokens(fixture), 2);
}

/* What is gone cannot be sent again; but the token was refused, and is not used again either. */
static void test_token__refused_when_the_body_is_gone(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        size_t length;
        size_t piece_bytes;
    } cases[] = {{LARGE_BYTES, 0}, {30, 10}};
    script_json(fixture, 401, REFUSAL("token"));
    for (int i = 0; i < 2; i++) {
        struct proxied p;
        init(fixture, &p, "POST");
        upload(&p, pattern, cases[i].length);
        p.piece_bytes = cases[i].piece_bytes;
        assert_int_equal(run_call(fixture, &p), GATE_ERR_UPSTREAM);
        done(&p);
        assert_int_equal(count_api(fixture), i + 1);
        assert_int_equal(count_tokens(fixture), i + 1);
    }
}

static void test_token__that_cannot_be_had(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer = (struct gate_test_http_answer){.status = 401, .body = "{}"};
    struct proxied p;
    init(fixture, &p, "POST");
    upload(&p, "hello", 5);
    assert_int_equal(run_call(fixture, &p), GATE_ERR_UPSTREAM);
    assert_false(p.answer.has_left);
    assert_int_equal(p.upload_given, 0);
    assert_int_equal(count_api(fixture), 0);
    done(&p);
}

/* ---- what breaks ---- */

static void test_open__no_answer(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *method;
        enum gate_err err;
    } cases[] = {
        {"GET", GATE_ERR_UNAVAILABLE},     {"HEAD", GATE_ERR_UNAVAILABLE},
        {"OPTIONS", GATE_ERR_UNAVAILABLE}, {"POST", GATE_ERR_OUTCOME_UNKNOWN},
        {"get", GATE_ERR_OUTCOME_UNKNOWN}, {"REPORT", GATE_ERR_OUTCOME_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script_only(fixture, &(struct gate_test_http_answer){.is_silent = true});
        assert_int_equal(run_method(fixture, cases[i].method), cases[i].err);
        script_only(fixture, &(struct gate_test_http_answer){.status = 204});
        assert_int_equal(run_method(fixture, "GET"), GATE_OK); /* else the breaker would open */
    }
    script_only(fixture, &(struct gate_test_http_answer){.is_silent = true});
    struct proxied p;
    init(fixture, &p, "PUT");
    upload(&p, pattern, LARGE_BYTES);
    assert_int_equal(run_call(fixture, &p), GATE_ERR_OUTCOME_UNKNOWN);
    assert_true(p.answer.has_left);
    done(&p);
}

static void test_next__answer_that_breaks_off(void **state) {
    struct fixture *fixture = *state;
    fixture->answers[fixture->answer_count++] = (struct gate_test_http_answer){
        .status = 200, .body = pattern, .body_length = LARGE_BYTES, .cut_bytes = 1};
    static const char *const methods[] = {"GET", "POST"};
    for (int i = 0; i < 2; i++) {
        struct proxied p;
        init(fixture, &p, methods[i]);
        assert_int_equal(open_call(fixture, &p), GATE_OK);
        assert_int_equal(p.answer.status, 200);
        enum gate_err err = GATE_OK;
        while (err == GATE_OK) {
            assert_false(p.answer.is_last);
            gate_scalekit_proxy_next(p.ctx, p.proxying, note_piece, &p);
            err = wait_for_piece(fixture, &p);
        }
        assert_int_equal(err, i == 0 ? GATE_ERR_UNAVAILABLE : GATE_ERR_OUTCOME_UNKNOWN);
        assert_int_equal(gate_net_in_flight(fixture->net), 0);
        done(&p);
    }
}

/* A refusal that is cut off is nobody's word. */
static void test_open__refusal_that_breaks_off(void **state) {
    struct fixture *fixture = *state;
    fixture->answers[fixture->answer_count++] = (struct gate_test_http_answer){
        .status = 403, .headers = JSON, .body = REFUSAL("no"), .cut_bytes = 1};
    assert_int_equal(run_method(fixture, "GET"), GATE_ERR_UNAVAILABLE);
    assert_int_equal(run_method(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
}

static void test_close__in_the_middle(void **state) {
    struct fixture *fixture = *state;
    fixture->answers[fixture->answer_count++] =
        (struct gate_test_http_answer){.status = 200, .body = pattern, .body_length = LARGE_BYTES};
    struct proxied p;
    init(fixture, &p, "GET");
    assert_int_equal(open_call(fixture, &p), GATE_OK);
    assert_false(p.answer.is_last);
    p.answer.length = 0;
    gate_scalekit_proxy_close(p.ctx, p.proxying, note_piece, &p);
    assert_int_equal(wait_for_piece(fixture, &p), GATE_OK);
    assert_int_equal(gate_net_in_flight(fixture->net), 0);
    done(&p);
}

enum { IMPATIENT = 12 };

/* Who leaves early says nothing about Scalekit, and so must not keep others from it. */
static void test_cancel__does_not_open_the_breaker(void **state) {
    struct fixture *fixture = *state;
    fixture->answers[fixture->answer_count++] =
        (struct gate_test_http_answer){.status = 200, .is_held = true};
    for (int i = 0; i < IMPATIENT; i++) {
        struct proxied p;
        init(fixture, &p, "GET");
        p.call.cancel_id = (uint64_t)i + 1;
        gate_scalekit_proxy_open(p.ctx, fixture->scalekit, &p.call, &p.proxying, &p.answer,
                                 note_piece, &p);
        while (gate_test_server_request_count(fixture->server) < i + 2 && !p.is_done) {
            (void)gate_runqueue_run_one(fixture->queue);
        }
        gate_scalekit_proxy_cancel(fixture->scalekit, p.call.cancel_id);
        assert_int_equal(wait_for_piece(fixture, &p), GATE_ERR_UNAVAILABLE);
        assert_int_equal(gate_test_server_request_count(fixture->server), i + 2); /* a token */
        done(&p);
    }
    gate_test_server_release(fixture->server);
    assert_int_equal(gate_scalekit_work_state_get(fixture->scalekit, GATE_SCALEKIT_WORK_TOOL),
                     GATE_BREAKER_STATE_CLOSED);
    assert_int_equal(run_method(fixture, "GET"), GATE_OK);
}

/* What an app sends that is too much for us is its own matter, whatever the method. */
static void test_answer__with_too_many_headers_does_not_open_the_breaker(void **state) {
    struct fixture *fixture = *state;
    static const char line[] = "x-more: y\r\n";
    struct gate_buffer lines;
    gate_buffer_init(&lines, GATE_UPSTREAM_HEADERS_MAX_BYTES);
    for (int i = 0; i <= GATE_UPSTREAM_HEADERS_MAX; i++) {
        gate_buffer_append_text(&lines, line);
    }
    fixture->answers[fixture->answer_count++] =
        (struct gate_test_http_answer){.status = 200, .headers = gate_buffer_text(&lines)};
    for (int i = 0; i < IMPATIENT; i++) {
        assert_int_equal(run_method(fixture, "GET"), GATE_ERR_UPSTREAM);
        assert_int_equal(run_method(fixture, "POST"), GATE_ERR_OUTCOME_UNKNOWN);
    }
    assert_int_equal(gate_scalekit_work_state_get(fixture->scalekit, GATE_SCALEKIT_WORK_TOOL),
                     GATE_BREAKER_STATE_CLOSED);
    gate_buffer_done(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_open__sends_the_callers_headers_and_ours_and_no_others),
        CASE(test_open__continues_the_trace_and_keeps_the_callers_name),
        CASE(test_open__passes_large_bodies_both_ways),
        CASE(test_open__body_that_ends_too_soon),
        CASE(test_open__answer_that_does_not_wait_for_the_body),
        CASE(test_answer__is_the_apps_whatever_its_status),
        CASE(test_answer__is_scalekits_when_it_names_its_error),
        CASE(test_token__is_renewed_once_and_the_call_repeated),
        CASE(test_token__refused_twice),
        CASE(test_token__refused_when_the_body_is_gone),
        CASE(test_token__that_cannot_be_had),
        CASE(test_open__no_answer),
        CASE(test_next__answer_that_breaks_off),
        CASE(test_open__refusal_that_breaks_off),
        CASE(test_close__in_the_middle),
        CASE(test_cancel__does_not_open_the_breaker),
        CASE(test_answer__with_too_many_headers_does_not_open_the_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
