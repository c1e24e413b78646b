/* Limits of callers as answers tell them, and whose limit a 429 is. */
#include "web/exchange.h"

#define ORDER "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\",\"params\":{}}"

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static void expect_header(const struct answer *answer, const char *name, const char *value) {
    assert_int_equal(count_headers(answer, name), 1);
    assert_string_equal(find_header(answer, name), value);
}

static const struct answer *get_with(const char *token, const char *target, const char *user) {
    const char *header = gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=Bearer %s", token);
    return send_request(&w, &(struct sending){.target = target, .headers = {header, user}});
}

static void test_headers__of_a_users_rate(void **state) {
    (void)state;
    w.p.config.user_calls_per_minute = 2;
    const struct answer *answer = get(&w, PERSONAL, "/api/v1/me");
    assert_int_equal(answer->status, 200);
    expect_header(answer, "RateLimit-Limit", "2");
    expect_header(answer, "RateLimit-Remaining", "1");
    expect_header(answer, "RateLimit-Reset", "30");
    assert_int_equal(get(&w, SERVICE_ANN, "/api/v1/me")->status, 200);
    answer = get(&w, PERSONAL, "/api/v1/connections");
    const gate_json *problem = expect_problem(&w, answer, 429, "too-many-calls");
    expect_member(problem, "source", "gatehouse");
    assert_non_null(strstr(gate_json_member_text(problem, "detail"), "limit: rate"));
    expect_header(answer, "RateLimit-Remaining", "0");
    expect_header(answer, "Retry-After", "30");
    /* What the person needs to stop it does not count. */
    assert_int_equal(get(&w, BROWSER, "/tokens")->status, 200);
    assert_int_equal(get(&w, BROWSER, "/")->status, 200);
    assert_int_equal(count_headers(get(&w, BROWSER, "/"), "RateLimit-Limit"), 0);
    gate_test_clock_advance(&w.p.clock, 30000);
    assert_int_equal(get(&w, PERSONAL, "/api/v1/me")->status, 200);
}

static void test_headers__none_without_limits(void **state) {
    (void)state;
    assert_int_equal(count_headers(get(&w, PERSONAL, "/api/v1/me"), "RateLimit-Limit"), 0);
    assert_int_equal(count_headers(get(&w, NOBODY, "/healthz"), "RateLimit-Limit"), 0);
}

static void test_rate__of_a_token(void **state) {
    (void)state;
    const char *token = add_token(&w.p, &(struct gate_token_wish){
                                            .kind = GATE_TOKEN_SERVICE,
                                            .label = "slow",
                                            .scopes = GATE_SCOPE_READ,
                                            .connections = "*",
                                            .tools = "*",
                                            .identifiers = "*",
                                            .calls_per_minute = 2,
                                        });
    assert_int_equal(get_with(token, "/api/v1/me", NULL)->status, 200);
    assert_int_equal(get_with(token, "/api/v1/me", "HTTP_GATEHOUSE_USER=ann")->status, 200);
    /* A stranger's name is not a way around it, and leaves no user behind. */
    const struct answer *answer = get_with(token, "/api/v1/me", "HTTP_GATEHOUSE_USER=stranger");
    (void)expect_problem(&w, answer, 429, "too-many-calls");
    expect_header(answer, "RateLimit-Limit", "2");
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    assert_int_equal(gate_store_user_find_by_identifier(w.p.ctx, tx, "stranger", &user),
                     GATE_ERR_NOT_FOUND);
    gate_store_read_end(w.p.store, tx);
    assert_int_equal(get(&w, SERVICE_ANN, "/api/v1/me")->status, 200);
}

static void test_rate__a_refused_call_reaches_nobody(void **state) {
    (void)state;
    w.p.config.user_calls_per_minute = 1;
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 200);
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 429);
    assert_int_equal(count_seen(&w.p, "POST /api/v1/execute_tool"), 1);
}

static void test_trail__a_flood_of_refused_calls_is_one_row_a_minute(void **state) {
    (void)state;
    w.p.config.user_calls_per_minute = 1;
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 200);
    /* What is not a call, and what only asks, neither leaves a row nor takes its place. */
    assert_int_equal(get(&w, PERSONAL, "/api/v1/me")->status, 429);
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool?explain=1", ORDER)->status, 429);
    struct gate_tool_call *calls;
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 1);
    for (int i = 0; i < 20; i++) {
        const struct answer *answer = post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER);
        (void)expect_problem(&w, answer, 429, "too-many-calls");
        assert_int_equal(atoi(find_header(answer, "Retry-After")), 60);
    }
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 2);
    assert_string_equal(calls[0].outcome, "over_quota");
    assert_string_equal(calls[0].error_source, "gatehouse");
    assert_string_equal(calls[0].error_code, "user_rate");
    assert_string_equal(calls[0].tool_name, "gmail_send_email");
    assert_string_equal(calls[0].connection_name, "gmail");
    assert_string_equal(calls[0].token_label, "laptop");
    gate_test_clock_advance(&w.p.clock, 60000);
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 200);
    /* Would have been no call. */
    assert_int_equal(
        post_json(&w, PERSONAL, "/api/v1/execute_tool", "{\"tool_name\":\"a\\nb\"}")->status, 429);
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 3);
    assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 429);
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 4);
    assert_string_equal(calls[0].outcome, "over_quota");
}

/* A token that may act for anybody must not fill the table of users with names that it makes up. */
static void test_new_users__are_counted_for_each_token(void **state) {
    (void)state;
    w.p.config.token_new_users_per_hour = 2;
    struct gate_token_wish wish = {
        .kind = GATE_TOKEN_SERVICE,
        .label = "anybody",
        .scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE,
        .connections = "*",
        .tools = "*",
        .identifiers = "*",
    };
    const char *token = add_token(&w.p, &wish);
    const char *other = add_token(&w.p, &wish);
    static const char me[] = "/api/v1/me";
    for (int i = 0; i < 3; i++) { /* known by then, or known before, costs nothing */
        assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=new-1")->status, 200);
        assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=new-2")->status, 200);
        assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=ann")->status, 200);
    }
    const struct answer *answer = get_with(token, me, "HTTP_GATEHOUSE_USER=new-3");
    const gate_json *problem = expect_problem(&w, answer, 429, "too-many-calls");
    assert_non_null(strstr(gate_json_member_text(problem, "detail"), "limit: new users"));
    expect_header(answer, "Retry-After", "1800");
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    assert_int_equal(gate_store_user_find_by_identifier(w.p.ctx, tx, "new-3", &user),
                     GATE_ERR_NOT_FOUND);
    gate_store_read_end(w.p.store, tx);
    assert_int_equal(get_with(other, me, "HTTP_GATEHOUSE_USER=new-3")->status, 200);
    assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=new-3")->status, 200);
    gate_test_clock_advance(&w.p.clock, 1800 * 1000);
    assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=new-4")->status, 200);
    assert_int_equal(get_with(token, me, "HTTP_GATEHOUSE_USER=new-5")->status, 429);
}

static void expect_limit(const gate_json *limits, const char *name, int64_t number) {
    int64_t told = -1;
    assert_true(gate_json_member_integer(limits, name, &told));
    assert_int_equal(told, number);
}

static void test_explanation__has_the_callers_own_limits(void **state) {
    (void)state;
    static const char target[] = "/api/v1/execute_tool?explain=1";
    const gate_json *json = read_json(&w, post_json(&w, PERSONAL, target, ORDER));
    const gate_json *limits = gate_json_member(json, "limits");
    assert_true(gate_json_is_null(gate_json_member(limits, "calls_per_minute")));
    assert_true(gate_json_is_null(gate_json_member(limits, "calls_remaining")));
    w.p.config.user_calls_per_minute = 5;
    w.p.config.user_in_flight_max = 3;
    w.p.config.token_in_flight_max = 2;
    (void)get(&w, PERSONAL, "/api/v1/me");
    limits = gate_json_member(read_json(&w, post_json(&w, PERSONAL, target, ORDER)), "limits");
    expect_limit(limits, "calls_per_minute", 5);
    expect_limit(limits, "in_flight_max", 3);
    expect_limit(limits, "in_flight", 1);
    const struct answer *answer = post_json(&w, SERVICE_ANN, target, ORDER);
    limits = gate_json_member(read_json(&w, answer), "limits");
    expect_limit(limits, "in_flight_max", 2); /* the service token's, which is nearer */
    expect_limit(limits, "in_flight", 1);
    expect_limit(limits, "calls_remaining", atoi(find_header(answer, "RateLimit-Remaining")));
}

/* Each call that ends gives its place back, however it ends. */
static void test_in_flight__places_come_back(void **state) {
    (void)state;
    w.p.config.user_in_flight_max = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER)->status, 200);
        assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", "{")->status, 400);
        assert_int_equal(post_json(&w, PERSONAL, "/api/v1/execute_tool", "{}")->status, 400);
        assert_int_equal(get(&w, SERVICE, "/api/v1/connections")->status, 400);
        assert_int_equal(get(&w, SERVICE_ANN, "/api/v1/connections")->status, 200);
    }
}

static void test_429__whose_it_is(void **state) {
    (void)state;
    static const char scalekits[] =
        "{\"code\":8,\"message\":\"slow down\",\"details\":[{\"error_code\":"
        "\"RATE_LIMITED\"}]}";
    static const char apps[] =
        "{\"code\":8,\"message\":\"tool failed\",\"details\":[{\"error_code\":\"TOOL_ERROR\","
        "\"tool_error_info\":{\"tool_error_code\":\"RATE_LIMIT_EXCEEDED\","
        "\"tool_error_message\":\"too many mails\",\"execution_id\":\"ex_9\"}}]}";
    w.p.config.user_calls_per_minute = 2;
    script(&w.p, "POST /api/v1/execute_tool", 429, scalekits);
    const struct answer *answer = post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER);
    const gate_json *problem = expect_problem(&w, answer, 429, "rate-limited");
    expect_member(problem, "source", "scalekit");
    script(&w.p, "POST /api/v1/execute_tool", 429, apps);
    answer = post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER);
    problem = expect_problem(&w, answer, 422, "provider-error");
    expect_member(problem, "source", "provider");
    expect_member(problem, "provider_error_code", "RATE_LIMIT_EXCEEDED");
    answer = post_json(&w, PERSONAL, "/api/v1/execute_tool", ORDER);
    problem = expect_problem(&w, answer, 429, "too-many-calls");
    expect_member(problem, "source", "gatehouse");
}

/* What nginx asks before it takes a long body costs its sender nothing. */
static void test_known_token__is_nginxs_question_and_counts_for_nothing(void **state) {
    (void)state;
    w.p.config.user_calls_per_minute = 1;
    const enum who callers[] = {PERSONAL, SERVICE, SERVICE_ANN};
    for (size_t i = 0; i < 9; i++) {
        const struct answer *answer =
            send_request(&w, &(struct sending){.who = callers[i % 3],
                                               .target = "/known-token",
                                               .headers = {"GATEHOUSE_DOOR=nginx"}});
        assert_int_equal(answer->status, 204);
        assert_int_equal(count_headers(answer, "RateLimit-Limit"), 0);
    }
    static const char *const others[] = {"GATEHOUSE_DOOR=operator", "HTTP_GATEHOUSE_DOOR=nginx"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)expect_problem(&w,
                             send_request(&w, &(struct sending){.who = PERSONAL,
                                                                .target = "/known-token",
                                                                .headers = {others[i]}}),
                             404, "not-found");
    }
    const struct answer *stranger = send_request(
        &w, &(struct sending){.target = "/known-token", .headers = {"GATEHOUSE_DOOR=nginx"}});
    (void)expect_problem(&w, stranger, 401, "unauthenticated");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_headers__of_a_users_rate),
        CASE(test_headers__none_without_limits),
        CASE(test_rate__of_a_token),
        CASE(test_rate__a_refused_call_reaches_nobody),
        CASE(test_trail__a_flood_of_refused_calls_is_one_row_a_minute),
        CASE(test_new_users__are_counted_for_each_token),
        CASE(test_explanation__has_the_callers_own_limits),
        CASE(test_in_flight__places_come_back),
        CASE(test_429__whose_it_is),
        CASE(test_known_token__is_nginxs_question_and_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
