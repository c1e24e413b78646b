#include "fixture.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

/* "00-" ID "-" 16 digits "-01", and no other parent than this request's own. */
static void expect_parent(const char *seen, const char *before) {
    assert_int_equal(strlen(seen), 55);
    assert_memory_equal(seen, "00-" ID "-", 36);
    assert_string_equal(seen + 52, "-01");
    assert_null(strstr(seen, PARENT));
    assert_string_not_equal(seen, before);
}

static void join(struct call *call) {
    gate_trace_join(call->ctx->arena, "00-" ID "-" PARENT "-01", "a=1, b=2", &call->ctx->trace);
}

static void test_trace__goes_on_in_every_request(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 503, "{\"code\":14,\"message\":\"later\"}");
    script(fixture, 200, "{}");
    struct call call;
    begin(fixture, &call);
    join(&call);
    gate_scalekit_accounts_fetch(call.ctx, fixture->scalekit, "u1", &call.accounts, &call.count,
                                 note_end, &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    gate_ctx_free(call.ctx);
    assert_int_equal(count_api(fixture), 2);
    expect_parent(fixture->token_traceparent, "");
    expect_parent(fixture->seen_traceparent[0], fixture->token_traceparent);
    expect_parent(fixture->seen_traceparent[1], fixture->seen_traceparent[0]);
    assert_string_equal(fixture->seen_tracestate[0], "a=1,b=2");
    assert_string_equal(fixture->seen_tracestate[1], "a=1,b=2");
}

static void test_trace__goes_on_in_writes(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{\"data\":{}}");
    struct call call;
    begin(fixture, &call);
    join(&call);
    gate_scalekit_tool_execute(call.ctx, fixture->scalekit, &send_mail, &call.reply, note_end,
                               &call);
    assert_int_equal(end(fixture, &call), GATE_OK);
    look(fixture);
    expect_parent(fixture->seen_traceparent[0], "");
    assert_string_equal(fixture->seen_tracestate[0], "a=1,b=2");
}

static void test_trace__is_a_new_one_for_each_that_came_without(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    assert_int_equal(run_accounts(fixture), GATE_OK);
    assert_int_equal(run_accounts(fixture), GATE_OK);
    look(fixture);
    assert_int_equal(strlen(fixture->seen_traceparent[0]), 55);
    assert_string_equal(fixture->seen_traceparent[0] + 52, "-00");
    assert_memory_equal(fixture->seen_traceparent[0], fixture->token_traceparent, 36);
    assert_memory_not_equal(fixture->seen_traceparent[0], fixture->seen_traceparent[1], 36);
    assert_string_equal(fixture->seen_tracestate[0], "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_trace__goes_on_in_every_request),
        CASE(test_trace__goes_on_in_writes),
        CASE(test_trace__is_a_new_one_for_each_that_came_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
