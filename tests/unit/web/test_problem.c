#include "unit/web/bare_request.h"

#include "web/problem.h"
#include "web/route.h"

static int set_up(void **state) {
    static struct bare_request bare;
    bare_request_make(&bare);
    *state = &bare;
    return 0;
}

static int tear_down(void **state) {
    bare_request_done(*state);
    return 0;
}

static const gate_json *finish(struct bare_request *bare, const struct gate_problem *problem) {
    gate_problem_finish(&bare->request, problem);
    assert_int_equal(bare->answers, 1);
    assert_string_equal(find_header(bare, "Content-Type"), "application/problem+json");
    return read_body(bare);
}

static void expect_text(const gate_json *json, const char *name, const char *value) {
    const char *found = gate_json_member_text(json, name);
    if (value == NULL) {
        assert_false(gate_json_has_member(json, name));
    } else {
        assert_non_null(found);
        assert_string_equal(found, value);
    }
}

static void test_status__of_every_kind(void **state) {
    (void)state;
    static const int statuses[GATE_ERR_COUNT_] = {
        [GATE_OK] = 500, /* a failure without a kind is a bug */
        [GATE_ERR_INPUT] = 400,
        [GATE_ERR_UNAUTHENTICATED] = 401,
        [GATE_ERR_FORBIDDEN] = 403,
        [GATE_ERR_NOT_FOUND] = 404,
        [GATE_ERR_CONFLICT] = 409,
        [GATE_ERR_EXPIRED] = 410,
        [GATE_ERR_MEDIA_TYPE] = 415,
        [GATE_ERR_TOO_LARGE] = 413,
        [GATE_ERR_HEADER_TOO_LARGE] = 431,
        [GATE_ERR_NEEDS_AUTHORIZATION] = 409,
        [GATE_ERR_BUSY] = 503,
        [GATE_ERR_OVER_QUOTA] = 429,
        [GATE_ERR_RATE_LIMITED] = 429,
        [GATE_ERR_UNAVAILABLE] = 503,
        [GATE_ERR_TIMEOUT] = 504,
        [GATE_ERR_OUTCOME_UNKNOWN] = 502,
        [GATE_ERR_UPSTREAM] = 502,
        [GATE_ERR_PROVIDER] = 422,
        [GATE_ERR_KEY_REUSED] = 422,
        [GATE_ERR_KEY_RUNNING] = 409,
        [GATE_ERR_KEY_OUTCOME_UNKNOWN] = 409,
        [GATE_ERR_KEY_ANSWER_GONE] = 409,
        [GATE_ERR_STORE] = 503,
        [GATE_ERR_CONFIG] = 500,
        [GATE_ERR_INTERNAL] = 500,
    };
    for (int kind = 0; kind < GATE_ERR_COUNT_; kind++) {
        assert_int_equal(gate_problem_status((enum gate_err)kind), statuses[kind]);
    }
    assert_int_equal(gate_problem_status(GATE_ERR_COUNT_), 500);
}

static void test_finish__all_members(void **state) {
    struct bare_request *bare = *state;
    const gate_json *json = finish(bare, &(struct gate_problem){
                                             .kind = GATE_ERR_PROVIDER,
                                             .detail = "The \"app\" said no.",
                                             .error_code = "TOOL_ERROR",
                                             .provider_error_code = "quota",
                                             .execution_id = "ex_1",
                                             .connection = "gmail",
                                             .account_status = "ACTIVE",
                                             .authorization_url = "https://portal.example.com/x",
                                             .retry_after_s = 9,
                                         });
    int64_t number = 0;
    assert_int_equal(bare->request.response.status, 422);
    expect_text(json, "type", "https://portal.example.com/problems/provider-error");
    expect_text(json, "title", "The app behind the tool refused");
    assert_true(gate_json_member_integer(json, "status", &number));
    assert_int_equal(number, 422);
    expect_text(json, "detail", "The \"app\" said no.");
    expect_text(json, "instance", "0123456789abcdef");
    expect_text(json, "source", "provider");
    expect_text(json, "error_code", "TOOL_ERROR");
    expect_text(json, "provider_error_code", "quota");
    expect_text(json, "execution_id", "ex_1");
    expect_text(json, "connection", "gmail");
    expect_text(json, "account_status", "ACTIVE");
    expect_text(json, "authorization_url", "https://portal.example.com/x");
    assert_true(gate_json_member_integer(json, "retry_after_s", &number));
    assert_int_equal(number, 9);
    assert_string_equal(find_header(bare, "Retry-After"), "9");
}

static void test_finish__members_that_are_not_known_are_left_out(void **state) {
    struct bare_request *bare = *state;
    const gate_json *json = finish(bare, &(struct gate_problem){.kind = GATE_ERR_NOT_FOUND});
    static const char *const names[] = {
        "detail",     "error_code",     "provider_error_code", "execution_id",
        "connection", "account_status", "authorization_url",   "retry_after_s",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        expect_text(json, names[i], NULL);
    }
    expect_text(json, "source", "gatehouse");
    assert_null(find_header(bare, "Retry-After"));
    assert_null(find_header(bare, "Allow"));
    assert_null(find_header(bare, "WWW-Authenticate"));
}

static void test_finish__the_recorded_sentence_for_the_caller(void **state) {
    struct bare_request *bare = *state;
    enum gate_err err = gate_fail(bare->request.ctx, GATE_ERR_INPUT, "action is missing.");
    expect_text(finish(bare, &(struct gate_problem){.kind = err}), "detail", "action is missing.");
}

static void test_finish__sentences_that_are_not_for_callers(void **state) {
    struct bare_request *bare = *state;
    static const enum gate_err kinds[] = {
        GATE_ERR_UNAVAILABLE, GATE_ERR_TIMEOUT, GATE_ERR_OUTCOME_UNKNOWN, GATE_ERR_UPSTREAM,
        GATE_ERR_STORE,       GATE_ERR_CONFIG,  GATE_ERR_INTERNAL,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bare_request_done(bare);
        bare_request_make(bare);
        enum gate_err err = gate_fail(bare->request.ctx, kinds[i], "disk /var/lib/x is full");
        const gate_json *json = finish(bare, &(struct gate_problem){.kind = err});
        expect_text(json, "detail", NULL);
        assert_null(strstr(gate_buffer_text(&bare->request.response.body), "disk"));
    }
}

static void test_finish__a_sentence_of_another_kind_is_not_shown(void **state) {
    struct bare_request *bare = *state;
    (void)gate_fail(bare->request.ctx, GATE_ERR_STORE, "disk is full");
    expect_text(finish(bare, &(struct gate_problem){.kind = GATE_ERR_NOT_FOUND}), "detail", NULL);
}

static void test_finish__unauthenticated_says_how(void **state) {
    struct bare_request *bare = *state;
    (void)finish(bare, &(struct gate_problem){.kind = GATE_ERR_UNAUTHENTICATED});
    assert_string_equal(find_header(bare, "WWW-Authenticate"), "Bearer realm=\"gatehouse\"");
}

static void test_finish__method_not_allowed(void **state) {
    struct bare_request *bare = *state;
    bare->request.allow = "GET, HEAD";
    const gate_json *json = finish(bare, &(struct gate_problem){.kind = GATE_ERR_NOT_FOUND});
    assert_int_equal(bare->request.response.status, 405);
    assert_string_equal(find_header(bare, "Allow"), "GET, HEAD");
    expect_text(json, "type", "https://portal.example.com/problems/method-not-allowed");
    expect_text(json, "title", "Method not allowed");
}

static void test_finish__allow_is_of_no_matter_to_other_kinds(void **state) {
    struct bare_request *bare = *state;
    bare->request.allow = "GET, HEAD";
    (void)finish(bare, &(struct gate_problem){.kind = GATE_ERR_BUSY});
    assert_int_equal(bare->request.response.status, 503);
    assert_null(find_header(bare, "Allow"));
    assert_string_equal(find_header(bare, "Retry-After"), "1");
}

static void test_finish__text_that_is_not_utf8(void **state) {
    struct bare_request *bare = *state;
    const gate_json *json = finish(bare, &(struct gate_problem){
                                             .kind = GATE_ERR_PROVIDER,
                                             .detail = "caf\xe9 \x01\"\\",
                                         });
    expect_text(json, "detail", "caf\xef\xbf\xbd \x01\"\\");
}

static void test_fail__as_json_drops_a_body_begun_earlier(void **state) {
    struct bare_request *bare = *state;
    struct gate_request *request = &bare->request;
    gate_response_begin(&request->response, request->ctx->arena, 200, "text/html");
    gate_buffer_append_text(&request->response.body, "<p>half a page");
    gate_request_fail(request, gate_fail(request->ctx, GATE_ERR_NOT_FOUND, "Not here."));
    assert_int_equal(bare->answers, 1);
    expect_text(read_body(bare), "detail", "Not here.");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_status__of_every_kind),
        CASE(test_finish__all_members),
        CASE(test_finish__members_that_are_not_known_are_left_out),
        CASE(test_finish__the_recorded_sentence_for_the_caller),
        CASE(test_finish__sentences_that_are_not_for_callers),
        CASE(test_finish__a_sentence_of_another_kind_is_not_shown),
        CASE(test_finish__unauthenticated_says_how),
        CASE(test_finish__method_not_allowed),
        CASE(test_finish__allow_is_of_no_matter_to_other_kinds),
        CASE(test_finish__text_that_is_not_utf8),
        CASE(test_fail__as_json_drops_a_body_begun_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
