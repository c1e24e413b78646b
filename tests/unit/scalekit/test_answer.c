#include "fixture.h"

static void test_call__refused_token_is_renewed_once(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 401, "{\"code\":16,\"message\":\"token expired\"}");
    script(fixture, 200, "{\"data\":{},\"execution_id\":\"e1\"}");
    assert_int_equal(run_tool(fixture), GATE_OK);
    assert_int_equal(count_tokens(fixture), 2);
    assert_int_equal(count_api(fixture), 2);
    assert_string_equal(fixture->seen_authorization[0], "Bearer t1");
    assert_string_equal(fixture->seen_authorization[1], "Bearer t2");
    assert_string_equal(fixture->seen_body[0], fixture->seen_body[1]);
}

static void test_call__token_refused_twice(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 401, "{\"code\":16,\"message\":\"no\"}");
    assert_int_equal(run_accounts(fixture), GATE_ERR_UPSTREAM);
    assert_int_equal(count_tokens(fixture), 2);
    assert_int_equal(count_api(fixture), 2);
}

#define TOOL_ERROR_BODY                                                                            \
    "{\"code\":16,\"message\":\"provider said no\",\"details\":[{\"@type\":\"x/Other\"},"          \
    "{\"@type\":\"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo\","                         \
    "\"error_code\":\"TOOL_ERROR\",\"tool_error_info\":{\"execution_id\":\"e9\","                  \
    "\"tool_error_code\":\"UNAUTHORIZED\",\"tool_error_message\":\"bad token\"}}]}"

static void test_call__tool_error__is_the_providers_whatever_the_status(void **state) {
    struct fixture *fixture = *state;
    static const int statuses[] = {401, 403, 404, 429, 500, 503};
    for (int i = 0; i < 6; i++) {
        script(fixture, statuses[i], TOOL_ERROR_BODY);
    }
    for (int i = 0; i < 6; i++) {
        struct call call;
        start_tool(fixture, &call);
        assert_int_equal(finish(fixture, &call), GATE_ERR_PROVIDER);
        assert_int_equal(call.reply.failure.status, statuses[i]);
        assert_string_equal(call.reply.failure.message, "provider said no");
        assert_string_equal(call.reply.failure.error_code, "TOOL_ERROR");
        assert_string_equal(call.reply.failure.execution_id, "e9");
        assert_string_equal(call.reply.execution_id, "e9");
        assert_string_equal(call.reply.failure.tool_error_code, "UNAUTHORIZED");
        assert_string_equal(call.reply.failure.tool_error_message, "bad token");
        assert_null(call.reply.body);
        gate_ctx_free(call.ctx);
    }
    assert_int_equal(count_tokens(fixture), 1);
    assert_int_equal(count_api(fixture), 6);
}

static void test_call__rate_limited(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 429, "slow down");
    fixture->answers[0].headers = "Retry-After: 17\r\n";
    struct call call;
    start_tool(fixture, &call);
    assert_int_equal(finish(fixture, &call), GATE_ERR_RATE_LIMITED);
    assert_int_equal(call.reply.failure.retry_after_s, 17);
    gate_ctx_free(call.ctx);
    assert_int_equal(run_accounts(fixture), GATE_ERR_RATE_LIMITED);
    assert_int_equal(count_api(fixture), 2);
}

static void test_call__refusals_of_tools_reach_the_caller_and_no_log(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int status;
        enum gate_err err;
    } cases[] = {{400, GATE_ERR_INPUT},    {403, GATE_ERR_FORBIDDEN}, {404, GATE_ERR_NOT_FOUND},
                 {409, GATE_ERR_CONFLICT}, {418, GATE_ERR_UPSTREAM},  {302, GATE_ERR_UPSTREAM}};
    for (int i = 0; i < 6; i++) {
        script(fixture, cases[i].status, "{\"code\":3,\"message\":\"its words\",\"details\":[]}");
    }
    for (int i = 0; i < 6; i++) {
        struct call call;
        start_tool(fixture, &call);
        assert_int_equal(finish(fixture, &call), cases[i].err);
        assert_string_equal(call.reply.failure.message, "its words");
        assert_null(
            strstr(call.ctx->error.message, "its words")); /* may quote arguments; is logged */
        gate_ctx_free(call.ctx);
    }
    assert_int_equal(count_api(fixture), 6);
}

/* A wrong environment URL must not read as "this user has no account". */
static void test_call__refusals_without_a_status_body_mean_nothing(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 404, "<html>not here</html>");
    struct call call;
    begin(fixture, &call);
    gate_scalekit_account_fetch(call.ctx, fixture->scalekit, "gmail", "u1", &call.account, note_end,
                                &call);
    assert_int_equal(end(fixture, &call), GATE_ERR_UPSTREAM);
}

static void test_call__reads_are_repeated(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 503, "{\"code\":14,\"message\":\"unavailable\"}");
    script(fixture, 502, "<html>");
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    assert_int_equal(count_api(fixture), 3);
}

static void test_call__reads_are_repeated_but_not_for_ever(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 500, "{\"code\":13,\"message\":\"internal\"}");
    assert_int_equal(run_accounts(fixture), GATE_ERR_UNAVAILABLE);
    assert_int_equal(count_api(fixture), GATE_UPSTREAM_ATTEMPTS_MAX);
}

static void test_call__reads_are_not_repeated_without_time(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    script(fixture, 503, "{\"code\":14,\"message\":\"unavailable\"}");
    assert_int_equal(run_accounts(fixture), GATE_OK); /* now there is a token */
    struct call call;
    begin(fixture, &call);
    call.ctx->deadline_ms = fixture->clock.monotonic_ms + 99; /* the shortest pause is 100 ms */
    gate_scalekit_accounts_fetch(call.ctx, fixture->scalekit, "u1", &call.accounts, &call.count,
                                 note_end, &call);
    enum gate_err err = end(fixture, &call);
    assert_true(err == GATE_ERR_UNAVAILABLE || err == GATE_ERR_TIMEOUT);
    assert_true(count_api(fixture) <= 2);
}

static void test_call__writes_are_never_repeated(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct gate_test_http_answer answer;
        enum gate_err err;
    } cases[] = {
        {{.status = 503, .body = "{\"code\":14,\"message\":\"m\"}"}, GATE_ERR_UNAVAILABLE},
        {{.status = 503, .body = "<html>"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 500, .body = "{\"code\":13,\"message\":\"m\"}"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 502, .body = ""}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 504, .body = "{\"code\":4,\"message\":\"m\"}"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = "{}", .is_silent = true}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = "{\"data\":{}}", .cut_bytes = 3}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = "<html>"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = "{\"data\":"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = ""}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.status = 200, .body = "[]"}, GATE_ERR_OUTCOME_UNKNOWN},
        {{.raw = "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n{"},
         GATE_ERR_OUTCOME_UNKNOWN},
    };
    int count = sizeof cases / sizeof cases[0];
    for (int i = 0; i < count; i++) {
        fixture->answers[i] = cases[i].answer;
    }
    fixture->answer_count = count;
    for (int i = 0; i < count; i++) {
        enum gate_err err = run_tool(fixture);
        if (err != cases[i].err) {
            fail_msg("case %d: %s", i, gate_err_name(err));
        }
        assert_int_equal(count_api(fixture), i + 1);
        /* However many of these there were, the next one is let go as a probe. */
        gate_test_clock_advance(&fixture->clock, GATE_BREAKER_WAIT_MAX_MS);
    }
}

static void test_call__answers_to_reads_that_make_no_sense(void **state) {
    struct fixture *fixture = *state;
    static const char *const bodies[] = {
        "",
        "<html>",
        "{\"connected_accounts\":[",
        "[]",
        "null",
        "{\"connected_accounts\":{}}",
        "{\"connected_accounts\":\"x\"}",
    };
    int count = sizeof bodies / sizeof bodies[0];
    for (int i = 0; i < count; i++) {
        script(fixture, 200, bodies[i]);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(run_accounts(fixture), GATE_ERR_UPSTREAM);
    }
    assert_int_equal(count_api(fixture), count);
}

static void test_call__answer_beyond_its_limit(void **state) {
    struct fixture *fixture = *state;
    size_t length = GATE_UPSTREAM_CONTROL_MAX_BYTES + 1;
    char *body = malloc(length);
    memset(body, ' ', length);
    script(fixture, 200, body);
    fixture->answers[0].body_length = length;
    assert_int_equal(run_accounts(fixture), GATE_ERR_UPSTREAM);
    assert_int_equal(count_api(fixture), 1);
    gate_test_server_free(fixture->server); /* ends the thread that still reads the body */
    free(body);
    fixture->server = gate_test_server_new(answer_as_scripted, fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_call__refused_token_is_renewed_once),
        CASE(test_call__token_refused_twice),
        CASE(test_call__tool_error__is_the_providers_whatever_the_status),
        CASE(test_call__rate_limited),
        CASE(test_call__refusals_of_tools_reach_the_caller_and_no_log),
        CASE(test_call__refusals_without_a_status_body_mean_nothing),
        CASE(test_call__reads_are_repeated),
        CASE(test_call__reads_are_repeated_but_not_for_ever),
        CASE(test_call__reads_are_not_repeated_without_time),
        CASE(test_call__writes_are_never_repeated),
        CASE(test_call__answers_to_reads_that_make_no_sense),
        CASE(test_call__answer_beyond_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
