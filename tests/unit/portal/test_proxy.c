#include "support/scripted_portal.h"

#include "portal/proxy.h"

#define DETAILS "GET /api/v1/connected_accounts/details"
#define JSON "Content-Type: application/json\r\n"
#define REFUSAL(code)                                                                              \
    "{\"code\":7,\"message\":\"no\",\"details\":[{\"@type\":"                                      \
    "\"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo\",\"error_code\":\"" code "\"}]}"

/* A portal with Ann, whose Gmail is active and whose Slack has expired. */
static struct scripted_portal p;
static struct gate_caller ann;
static struct gate_proxy_order order;

/* One call and what came of it. */
static struct {
    struct gate_ctx *ctx;
    gate_proxying *proxying;
    struct gate_proxy_result result;
    enum gate_err err;
} run;

static void use_token(const char *scopes, const char *connections) {
    ann.kind = GATE_CALLER_PERSONAL_TOKEN;
    ann.token = (struct gate_token){
        .id = 7,
        .scopes = scopes,
        .connections = connections,
        .tools = "*",
    };
}

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){.has_user = true, .user = add_person(&p, "ann")};
    use_token(GATE_SCOPE_PROXY_READ " " GATE_SCOPE_PROXY_WRITE, "*");
    record_catalogue(&p);
    record_accounts(&p, &ann.user);
    order = (struct gate_proxy_order){
        .method = "GET", .target = "/v1/things?q=secret", .connection_name = "gmail"};
    run.ctx = NULL;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(run.ctx);
    scripted_portal_close(&p);
    return 0;
}

static enum gate_err run_order(void) {
    struct waited waited = {0};
    gate_ctx_free(run.ctx);
    run.ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    gate_portal_proxy_open(run.ctx, p.portal, &ann, &order, &run.proxying, &run.result, note_end,
                           &waited);
    run.err = wait_for_end(&p, &waited);
    if (run.err != GATE_OK) {
        assert_int_equal(run.err, run.ctx->error.kind);
        return run.err;
    }
    enum gate_err err = GATE_OK;
    while (err == GATE_OK && !run.result.answer.is_last) {
        struct waited next = {0};
        gate_portal_proxy_next(run.ctx, run.proxying, note_end, &next);
        err = wait_for_end(&p, &next);
    }
    assert_int_equal(err, GATE_OK);
    return run.err;
}

static void expect_text(const char *found, const char *wanted) {
    if (wanted == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, wanted);
    }
}

/* So many rows were left; the newest says so. Returns it. */
static const struct gate_tool_call *expect_row(size_t count, const char *outcome,
                                               const char *source, const char *code) {
    struct gate_tool_call *calls = NULL;
    assert_int_equal(list_calls(&p, ann.user.id, &calls), count);
    expect_text(calls[0].outcome, outcome);
    expect_text(calls[0].error_source, source);
    expect_text(calls[0].error_code, code);
    expect_text(calls[0].request_id, "fedcba9876543210");
    assert_int_equal(calls[0].token_id, ann.token.id);
    assert_int_equal(calls[0].at, p.clock.wall_ms);
    assert_null(strstr(calls[0].tool_name, "secret"));
    assert_null(strchr(calls[0].tool_name, '?'));
    return &calls[0];
}

/* ---- the rules ---- */

static void test_check__scope_by_method(void **state) {
    (void)state;
    static const struct {
        const char *method;
        bool is_read;
    } methods[] = {
        {"GET", true},    {"HEAD", true},    {"OPTIONS", true}, {"POST", false}, {"PUT", false},
        {"PATCH", false}, {"DELETE", false}, {"REPORT", false}, {"get", false},  {"QUERY", false},
    };
    static const struct {
        const char *scopes;
        bool reads;
        bool writes;
    } scopes[] = {
        {GATE_SCOPE_PROXY_READ, true, false},
        {GATE_SCOPE_PROXY_WRITE, false, true},
        {GATE_SCOPE_PROXY_READ " " GATE_SCOPE_PROXY_WRITE, true, true},
        {GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE, false, false},
        {"", false, false},
        {"proxy", false, false},
        {"proxy:reader", false, false},
    };
    struct gate_ctx *ctx = p.ctx;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (size_t j = 0; j < sizeof scopes / sizeof scopes[0]; j++) {
            use_token(scopes[j].scopes, "*");
            order.method = methods[i].method;
            gate_error_clear(&ctx->error);
            const bool may = methods[i].is_read ? scopes[j].reads : scopes[j].writes;
            const enum gate_err err = gate_portal_proxy_check(ctx, &ann, &order);
            if (err != (may ? GATE_OK : GATE_ERR_FORBIDDEN)) {
                fail_msg("%s with %s: %d", methods[i].method, scopes[j].scopes, err);
            }
            assert_true(may || strstr(ctx->error.message, "(rule: scope proxy:") != NULL);
        }
    }
}

static void test_check__connections_where_deny_wins(void **state) {
    (void)state;
    static const struct {
        const char *connections;
        bool may;
    } cases[] = {
        {"*", true},           {"gmail", true},
        {"slack gmail", true}, {"gm*", true},
        {"slack", false},      {"", false},
        {"* !gmail", false},   {"!gmail *", false},
        {"gmail !gm*", false}, {"gmail !slack", true},
        {"!slack", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        use_token(GATE_SCOPE_PROXY_READ, cases[i].connections);
        gate_error_clear(&p.ctx->error);
        const enum gate_err err = gate_portal_proxy_check(p.ctx, &ann, &order);
        if (err != (cases[i].may ? GATE_OK : GATE_ERR_FORBIDDEN)) {
            fail_msg("%s: %d", cases[i].connections, err);
        }
    }
}

static void test_check__nobody_to_act_for(void **state) {
    (void)state;
    ann.has_user = false;
    assert_int_equal(gate_portal_proxy_check(p.ctx, &ann, &order), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(p.ctx->error.message, "(rule: users)"));
}

static void test_open__what_a_rule_forbids_is_on_record_and_nobody_is_asked(void **state) {
    (void)state;
    use_token(GATE_SCOPE_PROXY_READ, "slack");
    assert_int_equal(run_order(), GATE_ERR_FORBIDDEN);
    (void)expect_row(1, "denied", "gatehouse", NULL);
    use_token(GATE_SCOPE_PROXY_WRITE, "*");
    assert_int_equal(run_order(), GATE_ERR_FORBIDDEN);
    (void)expect_row(2, "denied", "gatehouse", NULL);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_refuse__puts_on_record_what_was_not_opened(void **state) {
    (void)state;
    struct waited waited = {0};
    run.ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    (void)gate_fail(run.ctx, GATE_ERR_FORBIDDEN, "no");
    gate_portal_proxy_refuse(run.ctx, p.portal, &ann, &order, GATE_ERR_FORBIDDEN, note_end,
                             &waited);
    assert_int_equal(wait_for_end(&p, &waited), GATE_ERR_FORBIDDEN);
    assert_string_equal(run.ctx->error.message, "no");
    expect_text(expect_row(1, "denied", "gatehouse", NULL)->connection_name, "gmail");
}

/* ---- the account ---- */

static void test_open__active_account(void **state) {
    (void)state;
    script(&p, "GET /proxy/v1/things?q=secret", 200, "ok");
    assert_int_equal(run_order(), GATE_OK);
    expect_text(run.result.account_status, "ACTIVE");
    const struct gate_tool_call *row = expect_row(1, "ok", NULL, NULL);
    expect_text(row->tool_name, "GET /v1/things");
    expect_text(row->connection_name, "gmail");
    assert_int_equal(count_seen(&p, ""), 1);
}

static void test_open__account_that_is_not_active(void **state) {
    (void)state;
    order.connection_name = "slack";
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    assert_int_equal(run_order(), GATE_ERR_NEEDS_AUTHORIZATION);
    expect_text(run.result.account_status, "EXPIRED");
    expect_text(expect_row(1, "needs_authorization", "gatehouse", NULL)->connection_name, "slack");
    script(&p, DETAILS, 404, "{\"code\":5,\"message\":\"none\"}");
    assert_int_equal(run_order(), GATE_ERR_NEEDS_AUTHORIZATION);
    expect_text(run.result.account_status, NULL);
    (void)expect_row(2, "needs_authorization", "gatehouse", NULL);
    assert_int_equal(count_seen(&p, "GET /proxy"), 0);
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "ACTIVE")); /* connected meanwhile */
    script(&p, "GET /proxy/v1/things", 200, "ok");
    assert_int_equal(run_order(), GATE_OK);
    expect_text(run.result.account_status, "ACTIVE");
    (void)expect_row(3, "ok", NULL, NULL);
}

static void test_open__connection_that_is_not_offered(void **state) {
    (void)state;
    order.connection_name = "nowhere";
    assert_int_equal(run_order(), GATE_ERR_NOT_FOUND);
    expect_text(expect_row(1, "denied", "gatehouse", NULL)->connection_name, NULL);
    order.connection_name = "notion";
    assert_int_equal(run_order(), GATE_ERR_NOT_FOUND);
    expect_text(expect_row(2, "denied", "gatehouse", NULL)->connection_name, "notion");
    order.connection_name = NULL;
    assert_int_equal(run_order(), GATE_ERR_INPUT);
    (void)expect_row(3, "invalid", "gatehouse", NULL);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_open__refused_because_the_account_has_ended_since(void **state) {
    (void)state;
    script_answer(&p, "GET /proxy/v1/things",
                  (struct gate_test_http_answer){
                      .status = 404, .headers = JSON, .body = REFUSAL("NO_ACCOUNT")});
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "DISCONNECTED"));
    assert_int_equal(run_order(), GATE_ERR_NEEDS_AUTHORIZATION);
    expect_text(run.result.account_status, "DISCONNECTED");
    (void)expect_row(1, "needs_authorization", "gatehouse", "NO_ACCOUNT");
    assert_int_equal(count_seen(&p, DETAILS), 1);
}

/* ---- the trail ---- */

static void test_trail__row_for_each_outcome(void **state) {
    (void)state;
    static const struct {
        const char *method;
        struct gate_test_http_answer answer;
        enum gate_err err;
        const char *outcome;
        const char *source;
        const char *code;
    } cases[] = {
        {"GET", {.status = 204}, GATE_OK, "ok", NULL, NULL},
        {"GET", {.status = 302}, GATE_OK, "ok", NULL, NULL},
        {"GET", {.status = 400}, GATE_OK, "provider_error", "provider", "HTTP_400"},
        {"POST", {.status = 429}, GATE_OK, "provider_error", "provider", "HTTP_429"},
        {"POST", {.status = 503}, GATE_OK, "provider_error", "provider", "HTTP_503"},
        {"GET",
         {.status = 403, .headers = JSON, .body = REFUSAL("A")},
         GATE_ERR_FORBIDDEN,
         "denied",
         "scalekit",
         "A"},
        {"GET",
         {.status = 400, .headers = JSON, .body = REFUSAL("B")},
         GATE_ERR_INPUT,
         "invalid",
         "scalekit",
         "B"},
        {"GET",
         {.status = 429, .headers = JSON, .body = REFUSAL("RATE_LIMITED")},
         GATE_ERR_RATE_LIMITED,
         "busy",
         "scalekit",
         "RATE_LIMITED"},
        {"GET",
         {.status = 400, .headers = JSON, .body = REFUSAL("TOOL_ERROR")},
         GATE_ERR_PROVIDER,
         "provider_error",
         "provider",
         "TOOL_ERROR"},
        {"GET", {.is_silent = true}, GATE_ERR_UNAVAILABLE, "unavailable", "scalekit", NULL},
        {"POST",
         {.is_silent = true},
         GATE_ERR_OUTCOME_UNKNOWN,
         "outcome_unknown",
         "scalekit",
         NULL},
    };
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        order.method = cases[i].method;
        script_answer(&p, "GET /proxy/", cases[i].answer);
        script_answer(&p, "POST /proxy/", cases[i].answer);
        assert_int_equal(run_order(), cases[i].err);
        pthread_mutex_lock(&p.lock);
        p.script_count = 1; /* what comes next replaces both */
        pthread_mutex_unlock(&p.lock);
        (void)expect_row(i + 1, cases[i].outcome, cases[i].source, cases[i].code);
    }
}

static enum gate_err read_nothing(void *source, char *room, size_t max_bytes, size_t *ret_length) {
    (void)source;
    (void)room;
    (void)max_bytes;
    (void)ret_length;
    return GATE_ERR_INPUT;
}

/* The caller's fault, about which Scalekit has nothing to say. */
static void test_trail__body_that_ends_too_soon(void **state) {
    (void)state;
    order.method = "POST";
    order.body_length = 5;
    order.read_body = read_nothing;
    assert_int_equal(run_order(), GATE_ERR_INPUT);
    (void)expect_row(1, "invalid", "gatehouse", NULL);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_trail__long_path_is_cut(void **state) {
    (void)state;
    script(&p, "GET /proxy/", 200, "ok");
    char target[GATE_PROXY_TRAIL_PATH_MAX_BYTES + 20];
    for (size_t beyond = 0; beyond < 2; beyond++) {
        memset(target, 'a', sizeof target);
        target[0] = '/';
        strcpy(target + GATE_PROXY_TRAIL_PATH_MAX_BYTES + beyond, "?q=secret");
        order.target = target;
        assert_int_equal(run_order(), GATE_OK);
        const char *name = expect_row(beyond + 1, "ok", NULL, NULL)->tool_name;
        const size_t kept = strlen("GET ") + GATE_PROXY_TRAIL_PATH_MAX_BYTES;
        assert_memory_equal(name + strlen("GET "), target, GATE_PROXY_TRAIL_PATH_MAX_BYTES);
        assert_string_equal(name + kept, beyond == 0 ? "" : "…");
    }
}

static void test_close__in_the_middle(void **state) {
    (void)state;
    static char body[400000];
    memset(body, 'x', sizeof body);
    script_answer(
        &p, "GET /proxy/",
        (struct gate_test_http_answer){.status = 200, .body = body, .body_length = sizeof body});
    struct waited waited = {0};
    run.ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    gate_portal_proxy_open(run.ctx, p.portal, &ann, &order, &run.proxying, &run.result, note_end,
                           &waited);
    assert_int_equal(wait_for_end(&p, &waited), GATE_OK);
    assert_false(run.result.answer.is_last);
    (void)expect_row(1, "ok", NULL, NULL); /* already */
    struct waited closed = {0};
    gate_portal_proxy_close(run.ctx, run.proxying, note_end, &closed);
    assert_int_equal(wait_for_end(&p, &closed), GATE_OK);
    assert_int_equal(gate_net_in_flight(p.net), 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_check__scope_by_method),
        CASE(test_check__connections_where_deny_wins),
        CASE(test_check__nobody_to_act_for),
        CASE(test_open__what_a_rule_forbids_is_on_record_and_nobody_is_asked),
        CASE(test_refuse__puts_on_record_what_was_not_opened),
        CASE(test_open__active_account),
        CASE(test_open__account_that_is_not_active),
        CASE(test_open__connection_that_is_not_offered),
        CASE(test_open__refused_because_the_account_has_ended_since),
        CASE(test_trail__row_for_each_outcome),
        CASE(test_trail__body_that_ends_too_soon),
        CASE(test_trail__long_path_is_cut),
        CASE(test_close__in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
