/* Which answers make the client pause, and what it does meanwhile. */
#include "fixture.h"

#define ENOUGH 12 /* more than any kind of work needs */

#define TOOL_ERROR                                                                                 \
    "{\"code\":13,\"message\":\"no\",\"details\":[{\"error_code\":\"TOOL_ERROR\","                 \
    "\"tool_error_info\":{\"tool_error_code\":\"DOWN\"}}]}"
#define STATUS_UNAVAILABLE "{\"code\":14,\"message\":\"away\"}"
#define STATUS_INTERNAL "{\"code\":13,\"message\":\"oops\"}"
#define STATUS_INVALID "{\"code\":3,\"message\":\"bad\"}"

static enum gate_breaker_state state_of(struct fixture *fixture, enum gate_scalekit_work work) {
    return gate_scalekit_work_state_get(fixture->scalekit, work);
}

/* One kind of answer, again and again: does it make tool calls pause? */
struct row {
    const char *name;
    struct gate_test_http_answer answer;
    bool pauses_tools;
};

static const struct row rows[] = {
    {"well", {.status = 200, .body = "{\"data\":{}}"}, false},
    {"invalid", {.status = 400, .body = STATUS_INVALID}, false},
    {"forbidden", {.status = 403, .body = STATUS_INVALID}, false},
    {"absent", {.status = 404, .body = STATUS_INVALID}, false},
    {"conflict", {.status = 409, .body = STATUS_INVALID}, false},
    {"tool error 400", {.status = 400, .body = TOOL_ERROR}, false},
    {"tool error 503", {.status = 503, .body = TOOL_ERROR}, false},
    {"scalekit's limit", {.status = 429, .body = STATUS_INVALID}, false},
    {"refused token", {.status = 401, .body = STATUS_INVALID}, false},
    {"blocked by a firewall", {.status = 403, .body = "<html>"}, false},
    {"rubbish", {.status = 200, .body = "<html>"}, false},
    {"a bug there", {.status = 500, .body = STATUS_INTERNAL}, false},
    {"away", {.status = 503, .body = STATUS_UNAVAILABLE}, true},
    {"no gateway", {.status = 502, .body = "<html>"}, true},
    {"gateway's patience", {.status = 504, .body = "<html>"}, true},
    {"nothing at all", {.is_silent = true}, true},
    {"half an answer", {.status = 200, .body = "{\"data\":{}}", .cut_bytes = 4}, true},
};

static void test_answers__that_make_work_pause(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        close_fixture(state);
        open_fixture(state);
        fixture->answers[0] = rows[i].answer;
        fixture->answer_count = 1;
        for (int call = 0; call < ENOUGH; call++) {
            (void)run_tool(fixture);
        }
        if ((state_of(fixture, GATE_SCALEKIT_WORK_TOOL) == GATE_BREAKER_STATE_OPEN) !=
            rows[i].pauses_tools) {
            fail_msg("tools: %s", rows[i].name);
        }
        assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_READ), GATE_BREAKER_STATE_CLOSED);
    }
}

static void test_reads__pause_by_themselves(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 503, STATUS_UNAVAILABLE);
    for (int call = 0; call < ENOUGH; call++) {
        assert_int_equal(run_accounts(fixture), GATE_ERR_UNAVAILABLE);
    }
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_READ), GATE_BREAKER_STATE_OPEN);
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_CONNECT), GATE_BREAKER_STATE_CLOSED);
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_TOOL), GATE_BREAKER_STATE_CLOSED);
    /* Five attempts: three of the first read, and what was left of the second's. */
    assert_int_equal(count_api(fixture), 5);
}

static void test_paused_work__is_not_sent__and_says_when_to_try_again(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 503, STATUS_UNAVAILABLE);
    for (int call = 0; call < 5; call++) {
        assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE);
    }
    struct call call;
    start_tool(fixture, &call);
    assert_true(call.is_done);
    assert_int_equal(finish(fixture, &call), GATE_ERR_UNAVAILABLE);
    assert_int_equal(call.reply.status, 0);
    assert_int_equal(call.reply.failure.status, 0);
    assert_int_equal(call.reply.failure.retry_after_s, 1);
    assert_non_null(strstr(call.ctx->error.message, "not asked"));
    gate_ctx_free(call.ctx);
    assert_int_equal(count_api(fixture), 5);
}

static void test_paused_work__resumes_with_the_first_probe_that_is_answered(void **state) {
    struct fixture *fixture = *state;
    for (int call = 0; call < 6; call++) {
        script(fixture, 503, STATUS_UNAVAILABLE);
    }
    script(fixture, 200, "{\"data\":{}}");
    for (int call = 0; call < 5; call++) {
        assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE);
    }
    gate_test_clock_advance(&fixture->clock, GATE_BREAKER_WAIT_MIN_MS);
    assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE); /* the probe */
    assert_int_equal(count_api(fixture), 6);
    gate_test_clock_advance(&fixture->clock, 2 * GATE_BREAKER_WAIT_MIN_MS - 1);
    assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE);
    assert_int_equal(count_api(fixture), 6);
    gate_test_clock_advance(&fixture->clock, 1);
    assert_int_equal(run_tool(fixture), GATE_OK);
    assert_int_equal(run_tool(fixture), GATE_OK);
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_TOOL), GATE_BREAKER_STATE_CLOSED);
}

static void test_lost_write__is_unknown__not_refused(void **state) {
    struct fixture *fixture = *state;
    fixture->answers[0] = (struct gate_test_http_answer){.is_silent = true};
    fixture->answer_count = 1;
    for (int call = 0; call < 5; call++) {
        assert_int_equal(run_tool(fixture), GATE_ERR_OUTCOME_UNKNOWN);
    }
    assert_int_equal(run_tool(fixture), GATE_ERR_UNAVAILABLE);
    assert_int_equal(count_api(fixture), 5);
}

static void test_too_large_answers__are_the_callers_matter(void **state) {
    struct fixture *fixture = *state;
    static char body[GATE_UPSTREAM_TOOL_MAX_BYTES + 1];
    memset(body, ' ', sizeof body);
    fixture->answers[0] =
        (struct gate_test_http_answer){.status = 200, .body = body, .body_length = sizeof body};
    fixture->answer_count = 1;
    for (int call = 0; call < 6; call++) {
        assert_int_equal(run_tool(fixture), GATE_ERR_OUTCOME_UNKNOWN);
    }
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_TOOL), GATE_BREAKER_STATE_CLOSED);
}

/* The script's clock stands still, so that only the engine's real one ends these. */
static void start_impatient(struct fixture *fixture, struct call *call, int64_t patience_ms) {
    begin(fixture, call);
    call->ctx->deadline_ms = fixture->clock.monotonic_ms + patience_ms;
    gate_scalekit_accounts_fetch(call->ctx, fixture->scalekit, "u1", &call->accounts, &call->count,
                                 note_end, call);
}

static void test_impatient_callers__say_nothing_about_scalekit(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    fixture->answers[0].is_held = true;
    for (int i = 0; i < ENOUGH; i++) {
        struct call call;
        start_impatient(fixture, &call, 2);
        assert_int_equal(end(fixture, &call), GATE_ERR_TIMEOUT);
    }
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_READ), GATE_BREAKER_STATE_CLOSED);
    gate_test_server_release(fixture->server);
}

static void test_wait_for_the_token__ends_at_each_waiters_own_deadline(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer.is_held = true;
    script(fixture, 200, "{}");
    struct call patient;
    struct call impatient[3];
    start_accounts(fixture, &patient);
    for (int i = 0; i < 3; i++) {
        start_impatient(fixture, &impatient[i], 10 * (i + 1));
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(fixture, &impatient[i]), GATE_ERR_TIMEOUT);
        assert_non_null(strstr(impatient[i].ctx->error.message, "token"));
        gate_ctx_free(impatient[i].ctx);
    }
    assert_false(patient.is_done);
    gate_test_server_release(fixture->server);
    assert_int_equal(end(fixture, &patient), GATE_OK);
    assert_int_equal(count_tokens(fixture), 1);
}

static void
test_wait_for_the_token__limit_that_comes_later_than_the_answer__is_harmless(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    struct call call;
    start_impatient(fixture, &call, 2000);
    assert_int_equal(end(fixture, &call), GATE_OK);
} /* and close_fixture ends what is left of the wait */

static void test_token_endpoint__that_is_away__fails_at_once_and_is_probed(void **state) {
    struct fixture *fixture = *state;
    fixture->token_answer = (struct gate_test_http_answer){.status = 503};
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_ERR_UNAVAILABLE); /* three attempts */
    assert_int_equal(state_of(fixture, GATE_SCALEKIT_WORK_TOKEN), GATE_BREAKER_STATE_OPEN);
    struct call call;
    start_accounts(fixture, &call);
    assert_true(call.is_done);
    assert_int_equal(end(fixture, &call), GATE_ERR_UNAVAILABLE);
    look(fixture);
    fixture->token_answer.status = 0;
    gate_test_clock_advance(&fixture->clock, GATE_BREAKER_WAIT_MIN_MS);
    start_accounts(fixture, &call); /* begins the probe, and does not wait for it */
    assert_true(call.is_done);
    assert_int_equal(end(fixture, &call), GATE_ERR_UNAVAILABLE);
    gate_test_server_wait_requests(fixture->server, 4);
    while (run_accounts(fixture) != GATE_OK) { /* until the probe's answer is read */
        gate_runqueue_run_one(fixture->queue);
    }
    assert_int_equal(count_tokens(fixture), 4);
    assert_int_equal(count_api(fixture), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_answers__that_make_work_pause),
        CASE(test_reads__pause_by_themselves),
        CASE(test_paused_work__is_not_sent__and_says_when_to_try_again),
        CASE(test_paused_work__resumes_with_the_first_probe_that_is_answered),
        CASE(test_lost_write__is_unknown__not_refused),
        CASE(test_too_large_answers__are_the_callers_matter),
        CASE(test_impatient_callers__say_nothing_about_scalekit),
        CASE(test_wait_for_the_token__ends_at_each_waiters_own_deadline),
        CASE(test_wait_for_the_token__limit_that_comes_later_than_the_answer__is_harmless),
        CASE(test_token_endpoint__that_is_away__fails_at_once_and_is_probed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
