#include "support/scripted_portal.h"

#include "portal/tool_call.h"

#define EXECUTE "POST /api/v1/execute_tool"
#define DETAILS "GET /api/v1/connected_accounts/details"
#define PARAMS "{\"n\": 1.0000000000000000001, \"n2\":\"\\u00e9\"}"

#define NOT_FOUND_ANSWER "{\"code\":5,\"message\":\"no such thing\"}"
#define TOOL_ERROR_ANSWER                                                                          \
    "{\"code\":16,\"message\":\"tool failed\",\"details\":[{\"@type\":\"x\",\"error_code\":"       \
    "\"TOOL_ERROR\",\"tool_error_info\":{\"execution_id\":\"ex_9\",\"tool_error_code\":\"401\","   \
    "\"tool_error_message\":\"Quota is used up\"}}]}"

/* A portal with Ann, whose Gmail is active and whose Slack has expired. */
static struct scripted_portal p;
static struct gate_caller ann;

/* One call and what came of it. */
static struct {
    struct gate_ctx *ctx;
    struct gate_tool_call_result result;
    enum gate_err err;
} run;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){
        .kind = GATE_CALLER_BROWSER,
        .has_user = true,
        .user = add_person(&p, "ann"),
    };
    record_catalogue(&p);
    record_accounts(&p, &ann.user);
    run.ctx = NULL;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(run.ctx);
    scripted_portal_close(&p);
    return 0;
}

static void use_token(const char *scopes, const char *connections, const char *tools) {
    ann.kind = GATE_CALLER_PERSONAL_TOKEN;
    ann.token = (struct gate_token){
        .id = 7,
        .scopes = scopes,
        .connections = connections,
        .tools = tools,
    };
}

static enum gate_err run_order(const struct gate_tool_call_order *order) {
    struct waited waited = {0};
    gate_ctx_free(run.ctx);
    run.ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    gate_portal_tool_call_run(run.ctx, p.portal, &ann, order, &run.result, note_end, &waited);
    run.err = wait_for_end(&p, &waited);
    assert_int_equal(run.err, run.ctx->error.kind);
    return run.err;
}

static enum gate_err run_on(const char *connection_name, const char *connected_account_id) {
    return run_order(&(struct gate_tool_call_order){
        .tool_name = "gmail_send_email",
        .connection_name = connection_name,
        .connected_account_id = connected_account_id,
        .agent_run_id = "run-1",
        .params_json = PARAMS,
        .params_length = strlen(PARAMS),
    });
}

static void expect_text(const char *found, const char *wanted) {
    if (wanted == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, wanted);
    }
}

/* Exactly one row was left, and it says so. Returns it. */
static const struct gate_tool_call *expect_row(const char *outcome, const char *source) {
    struct gate_tool_call *calls = NULL;
    assert_int_equal(list_calls(&p, ann.user.id, &calls), 1);
    expect_text(calls[0].outcome, outcome);
    expect_text(calls[0].error_source, source);
    expect_text(calls[0].tool_name, "gmail_send_email");
    expect_text(calls[0].agent_run_id, "run-1");
    expect_text(calls[0].request_id, "fedcba9876543210");
    assert_int_equal(calls[0].user_id, ann.user.id);
    assert_int_equal(calls[0].token_id, ann.token.id);
    assert_int_equal(calls[0].at, p.clock.wall_ms);
    return &calls[0];
}

/* ---- it runs ---- */

static void test_run__passes_parameters_and_result_on_byte_for_byte(void **state) {
    (void)state;
    assert_int_equal(run_on("gmail", NULL), GATE_OK);
    assert_string_equal(find_seen_body(&p, EXECUTE),
                        "{\"tool_name\":\"gmail_send_email\",\"params\":" PARAMS
                        ",\"identifier\":\"ann\",\"connector\":\"gmail\","
                        "\"agent_run_id\":\"run-1\"}");
    assert_int_equal(run.result.reply.data_length, strlen("{\"n\":1.0000000000000000001}"));
    assert_memory_equal(run.result.reply.data, "{\"n\":1.0000000000000000001}",
                        run.result.reply.data_length);
    expect_text(run.result.connection_name, "gmail");
    expect_text(run.result.account_status, "ACTIVE");
    const struct gate_tool_call *row = expect_row("ok", NULL);
    expect_text(row->connection_name, "gmail");
    expect_text(row->execution_id, "ex_1");
    expect_text(row->error_code, NULL);
    assert_int_equal(count_seen(&p, ""), 1);
}

static void test_run__by_the_id_of_an_own_account(void **state) {
    (void)state;
    assert_int_equal(run_on(NULL, "ca_ann_gmail"), GATE_OK);
    const char *body = find_seen_body(&p, EXECUTE);
    assert_non_null(strstr(body, "\"connector\":\"gmail\""));
    assert_non_null(strstr(body, "\"connected_account_id\":\"ca_ann_gmail\""));
    expect_text(expect_row("ok", NULL)->connection_name, "gmail");
}

static void test_run__with_a_token(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "gmail", "gmail_*");
    assert_int_equal(run_on("gmail", NULL), GATE_OK);
    (void)expect_row("ok", NULL);
}

static void test_run__reads_a_catalogue_that_was_never_read(void **state) {
    (void)state;
    scripted_portal_close(&p);
    scripted_portal_open(&p, "https://portal.example.com");
    ann.user = add_person(&p, "ann");
    assert_int_equal(run_on(NULL, "ca_ann_gmail"), GATE_OK);
    assert_int_equal(count_seen(&p, "GET /api/v1/connections/app"), 1);
    assert_int_equal(count_seen(&p, "GET /api/v1/connected_accounts?"), 1);
    assert_int_equal(count_seen(&p, EXECUTE), 1);
    (void)expect_row("ok", NULL);
}

/* ---- rules: Scalekit hears nothing ---- */

static void expect_denied(enum gate_err err, const char *why) {
    assert_int_equal(run.err, err);
    if (strstr(run.ctx->error.message, why) == NULL) {
        fail_msg("%s", run.ctx->error.message);
    }
    (void)expect_row("denied", "gatehouse");
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_rules__scope(void **state) {
    (void)state;
    use_token(GATE_SCOPE_READ, "*", "*");
    (void)run_on("gmail", NULL);
    expect_denied(GATE_ERR_FORBIDDEN, "rule: scope");
}

static void test_rules__scope_before_an_account_is_looked_for(void **state) {
    (void)state;
    use_token(NULL, "*", "*");
    (void)run_on(NULL, "ca_nobody");
    expect_denied(GATE_ERR_FORBIDDEN, "rule: scope");
}

static void test_rules__connection(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    (void)run_on("gmail", NULL);
    expect_denied(GATE_ERR_FORBIDDEN, "rule: connections");
}

static void test_rules__connection_behind_an_account(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    (void)run_on(NULL, "ca_ann_gmail");
    expect_denied(GATE_ERR_FORBIDDEN, "rule: connections");
}

static void test_rules__tool(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "*", "gmail_search");
    (void)run_on("gmail", NULL);
    expect_denied(GATE_ERR_FORBIDDEN, "rule: tools");
}

static void test_rules__come_before_the_catalogue_is_read(void **state) {
    (void)state;
    scripted_portal_close(&p);
    scripted_portal_open(&p, "https://portal.example.com");
    ann.user = add_person(&p, "ann");
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    (void)run_on("gmail", NULL);
    expect_denied(GATE_ERR_FORBIDDEN, "rule: connections");
}

static void test_rules__a_forbidden_connection_looks_the_same_whether_it_exists(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "gmail", "*");
    (void)run_on("no-such", NULL);
    expect_denied(GATE_ERR_FORBIDDEN, "rule: connections");
}

static void test_rules__a_caller_without_a_user(void **state) {
    (void)state;
    ann.kind = GATE_CALLER_SERVICE_TOKEN;
    ann.has_user = false;
    ann.user = (struct gate_user){0};
    use_token(GATE_SCOPE_EXECUTE, "*", "*");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(run.ctx->error.message, "rule: users"));
    assert_int_equal(count_seen(&p, ""), 0);
}

/* ---- checked beforehand ---- */

static enum gate_err check(const char *connection_name, const char *connected_account_id) {
    const struct gate_tool_call_order order = {
        .tool_name = "gmail_send_email",
        .connection_name = connection_name,
        .connected_account_id = connected_account_id,
    };
    gate_error_clear(&p.ctx->error);
    return gate_portal_tool_call_check(p.ctx, p.portal, &ann, &order);
}

static void test_check__says_what_a_run_would_say(void **state) {
    (void)state;
    assert_int_equal(check("gmail", NULL), GATE_OK);
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    assert_int_equal(check("gmail", NULL), GATE_ERR_FORBIDDEN);
    assert_int_equal(check(NULL, "ca_ann_gmail"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(p.ctx->error.message, "rule: connections"));
    assert_int_equal(check(NULL, "ca_nobody"), GATE_OK); /* not known yet */
    assert_int_equal(p.ctx->error.kind, GATE_OK);
    use_token(GATE_SCOPE_READ, "*", "*");
    assert_int_equal(check(NULL, "ca_nobody"), GATE_ERR_FORBIDDEN);
    ann.has_user = false;
    assert_int_equal(check("gmail", NULL), GATE_ERR_FORBIDDEN);
    struct gate_tool_call *calls;
    assert_int_equal(list_calls(&p, ann.user.id, &calls), 0);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_refuse__leaves_a_row(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    const struct gate_tool_call_order order = {
        .tool_name = "gmail_send_email",
        .connected_account_id = "ca_ann_gmail",
        .agent_run_id = "run-1",
    };
    struct waited waited = {0};
    run.ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    assert_int_equal(gate_portal_tool_call_check(run.ctx, p.portal, &ann, &order),
                     GATE_ERR_FORBIDDEN);
    gate_portal_tool_call_refuse(run.ctx, p.portal, &ann, &order, &run.result, note_end, &waited);
    assert_int_equal(wait_for_end(&p, &waited), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(run.ctx->error.message, "rule: connections"));
    assert_false(run.result.has_left);
    expect_text(expect_row("denied", "gatehouse")->connection_name, "gmail");
}

/* ---- what has left may have been carried out ---- */

static void test_left__only_what_scalekit_has_looked_at(void **state) {
    (void)state;
    assert_int_equal(run_on("gmail", NULL), GATE_OK);
    assert_true(run.result.has_left);
    script(&p, EXECUTE, 418, "{\"code\":2,\"message\":\"I'm a teapot\"}");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_UPSTREAM);
    assert_true(run.result.has_left);
    script(&p, EXECUTE, 401, "{\"code\":16,\"message\":\"token\"}");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_UPSTREAM);
    assert_false(run.result.has_left);
    assert_int_equal(run_on("no-such", NULL), GATE_ERR_NOT_FOUND);
    assert_false(run.result.has_left);
}

static void test_left__not_without_a_token_of_ours(void **state) {
    (void)state;
    script(&p, "POST /oauth/token", 401, "{\"error\":\"invalid_client\"}");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_UPSTREAM);
    assert_false(run.result.has_left);
    assert_int_equal(count_seen(&p, EXECUTE), 0);
}

/* ---- which account ---- */

/* Scalekit is asked once for this user's accounts, and for nothing else. */
static void expect_denied_after_reading(void) {
    assert_int_equal(run.err, GATE_ERR_NOT_FOUND);
    assert_non_null(strstr(run.ctx->error.message, "no connected account"));
    (void)expect_row("denied", "gatehouse");
    assert_int_equal(count_seen(&p, "GET /api/v1/connected_accounts?identifier=ann&"), 1);
    assert_int_equal(count_seen(&p, ""), 1);
}

static void test_account__somebody_elses_id(void **state) {
    (void)state;
    struct gate_user bob = add_person(&p, "bob");
    record_accounts(&p, &bob);
    (void)run_on(NULL, "ca_bob_gmail");
    expect_denied_after_reading();
}

static void test_account__somebody_elses_id_on_an_own_connection(void **state) {
    (void)state;
    struct gate_user bob = add_person(&p, "bob");
    record_accounts(&p, &bob);
    (void)run_on("gmail", "ca_bob_gmail");
    expect_denied_after_reading();
}

static void test_account__younger_than_the_record(void **state) {
    (void)state;
    script(&p, "GET /api/v1/connected_accounts?", 200,
           "{\"connected_accounts\":[{\"id\":\"ca_new\",\"identifier\":\"ann\","
           "\"connector\":\"slack\",\"status\":\"ACTIVE\"}]}");
    assert_int_equal(run_on(NULL, "ca_new"), GATE_OK);
    expect_text(expect_row("ok", NULL)->connection_name, "slack");
    assert_int_equal(count_seen(&p, "GET /api/v1/connected_accounts?"), 1);
}

static void test_account__younger_than_the_record_and_forbidden(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "gmail", "*");
    script(&p, "GET /api/v1/connected_accounts?", 200,
           "{\"connected_accounts\":[{\"id\":\"ca_new\",\"identifier\":\"ann\","
           "\"connector\":\"slack\",\"status\":\"ACTIVE\"}]}");
    assert_int_equal(run_on(NULL, "ca_new"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(run.ctx->error.message, "rule: connections"));
    assert_int_equal(count_seen(&p, EXECUTE), 0);
}

static void test_account__that_cannot_be_asked_about(void **state) {
    (void)state;
    script(&p, "GET /api/v1/connected_accounts?", 403, "{\"code\":7,\"message\":\"no\"}");
    assert_int_equal(run_on(NULL, "ca_new"), GATE_ERR_UPSTREAM);
    (void)expect_row("unavailable", "scalekit");
}

static void test_account__id_and_connection_contradict(void **state) {
    (void)state;
    (void)run_on("slack", "ca_ann_gmail");
    expect_denied(GATE_ERR_NOT_FOUND, "no connected account");
}

static void test_account__no_such_connection(void **state) {
    (void)state;
    (void)run_on("no-such", NULL);
    expect_denied(GATE_ERR_NOT_FOUND, "no connection of that name");
}

static void test_account__a_connection_that_is_switched_off(void **state) {
    (void)state;
    (void)run_on("notion", NULL);
    expect_denied(GATE_ERR_NOT_FOUND, "no connection of that name");
}

/* ---- asked once before anybody is told "not connected" ---- */

static void expect_needs_authorization(const char *connection_name, const char *status) {
    assert_int_equal(run.err, GATE_ERR_NEEDS_AUTHORIZATION);
    expect_text(run.result.connection_name, connection_name);
    expect_text(run.result.account_status, status);
    expect_text(expect_row("needs_authorization", "gatehouse")->connection_name, connection_name);
    assert_int_equal(count_seen(&p, DETAILS), 1);
}

static void test_ask__still_expired(void **state) {
    (void)state;
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    (void)run_on("slack", NULL);
    expect_needs_authorization("slack", "EXPIRED");
    assert_int_equal(count_seen(&p, ""), 1);
}

static void test_ask__connected_in_the_meantime(void **state) {
    (void)state;
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "ACTIVE"));
    assert_int_equal(run_on("slack", NULL), GATE_OK);
    expect_text(run.result.account_status, "ACTIVE");
    (void)expect_row("ok", NULL);
    assert_int_equal(count_seen(&p, DETAILS), 1);
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_ask__never_connected(void **state) {
    (void)state;
    scripted_portal_close(&p);
    scripted_portal_open(&p, "https://portal.example.com");
    ann.user = add_person(&p, "ann");
    record_catalogue(&p);
    (void)run_on("gmail", NULL);
    expect_needs_authorization("gmail", NULL);
    assert_int_equal(count_seen(&p, EXECUTE), 0);
}

static void test_ask__a_status_that_nobody_knows(void **state) {
    (void)state;
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "REVOKED"));
    (void)run_on("slack", NULL);
    expect_needs_authorization("slack", "UNKNOWN");
}

static void test_ask__cannot_be_asked(void **state) {
    (void)state;
    script(&p, DETAILS, 200, "no json");
    assert_int_equal(run_on("slack", NULL), GATE_ERR_UPSTREAM);
    (void)expect_row("unavailable", "scalekit");
    assert_int_equal(count_seen(&p, EXECUTE), 0);
}

static void test_ask__refuses_by_itself(void **state) {
    (void)state;
    script(&p, DETAILS, 403, "{\"code\":7,\"message\":\"not yours\"}");
    assert_int_equal(run_on("slack", NULL), GATE_ERR_FORBIDDEN);
    (void)expect_row("denied", "scalekit");
}

/* ---- Scalekit refuses: the account may have ended since ---- */

static void test_refusal__the_account_had_ended(void **state) {
    (void)state;
    script(&p, EXECUTE, 400, "{\"code\":9,\"message\":\"account is not active\"}");
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "EXPIRED"));
    (void)run_on("gmail", NULL);
    expect_needs_authorization("gmail", "EXPIRED");
    /* From now on it is on record. */
    (void)run_on("gmail", NULL);
    assert_int_equal(run.err, GATE_ERR_NEEDS_AUTHORIZATION);
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_refusal__the_account_is_gone(void **state) {
    (void)state;
    script(&p, EXECUTE, 404, NOT_FOUND_ANSWER);
    (void)run_on("gmail", NULL); /* details say 404, too */
    expect_needs_authorization("gmail", NULL);
}

static void test_refusal__of_any_kind_that_may_mean_it(void **state) {
    (void)state;
    static const int statuses[] = {400, 403, 404, 409};
    for (int i = 0; i < 4; i++) {
        gate_test_clock_advance(&p.clock, 1);
        record_accounts(&p, &ann.user);
        script(&p, EXECUTE, statuses[i], "{\"code\":9,\"message\":\"no\"}");
        assert_int_equal(run_on("gmail", NULL), GATE_ERR_NEEDS_AUTHORIZATION);
        assert_int_equal(count_seen(&p, DETAILS), i + 1);
    }
}

static void test_refusal__of_the_call_itself(void **state) {
    (void)state;
    script(&p, EXECUTE, 404, NOT_FOUND_ANSWER);
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_NOT_FOUND);
    expect_text(run.result.reply.failure.message, "no such thing");
    (void)expect_row("denied", "scalekit");
    assert_int_equal(count_seen(&p, DETAILS), 1);
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_refusal__and_the_account_cannot_be_looked_at(void **state) {
    (void)state;
    script(&p, EXECUTE, 400, "{\"code\":3,\"message\":\"params are wrong\"}");
    script(&p, DETAILS, 403, "<html>no</html>");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_INPUT);
    /* What was asked for is what is answered. */
    assert_non_null(strstr(run.ctx->error.message, "400"));
    expect_text(run.result.reply.failure.message, "params are wrong");
    (void)expect_row("invalid", "scalekit");
}

static void test_refusal__after_it_was_asked_is_not_asked_again(void **state) {
    (void)state;
    script(&p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "ACTIVE"));
    script(&p, EXECUTE, 409, "{\"code\":6,\"message\":\"conflict\"}");
    assert_int_equal(run_on("slack", NULL), GATE_ERR_CONFLICT);
    (void)expect_row("invalid", "scalekit");
    assert_int_equal(count_seen(&p, DETAILS), 1);
}

/* ---- other ends ---- */

static void test_end__tool_error_is_the_providers_whatever_its_status(void **state) {
    (void)state;
    script(&p, EXECUTE, 401, TOOL_ERROR_ANSWER);
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_PROVIDER);
    expect_text(run.result.reply.failure.error_code, "TOOL_ERROR");
    expect_text(run.result.reply.failure.tool_error_message, "Quota is used up");
    const struct gate_tool_call *row = expect_row("provider_error", "provider");
    expect_text(row->error_code, "TOOL_ERROR");
    expect_text(row->execution_id, "ex_9");
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_end__rate_limited(void **state) {
    (void)state;
    script_answer(&p, EXECUTE,
                  (struct gate_test_http_answer){.status = 429,
                                                 .headers = "Retry-After: 17\r\n",
                                                 .body = "{\"code\":8,\"message\":\"slow down\"}"});
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_RATE_LIMITED);
    assert_int_equal(run.result.reply.failure.retry_after_s, 17);
    (void)expect_row("busy", "scalekit");
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_end__unavailable(void **state) {
    (void)state;
    script(&p, EXECUTE, 503, "{\"code\":14,\"message\":\"down\"}");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_UNAVAILABLE);
    (void)expect_row("unavailable", "scalekit");
    assert_int_equal(count_seen(&p, EXECUTE), 1); /* a write is not repeated */
}

static void test_end__the_answer_was_lost(void **state) {
    (void)state;
    script_answer(&p, EXECUTE, (struct gate_test_http_answer){.is_silent = true});
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_OUTCOME_UNKNOWN);
    (void)expect_row("outcome_unknown", "scalekit");
    assert_int_equal(count_seen(&p, EXECUTE), 1);
}

static void test_end__an_answer_that_makes_no_sense(void **state) {
    (void)state;
    script(&p, EXECUTE, 200, "done");
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_OUTCOME_UNKNOWN);
    (void)expect_row("outcome_unknown", "scalekit");
}

static void test_end__parameters_that_are_too_large(void **state) {
    (void)state;
    size_t length = GATE_JSON_BODY_MAX_BYTES + 64 * 1024;
    char *params = gate_arena_alloc(p.ctx->arena, length + 1);
    memset(params, ' ', length);
    params[0] = '{';
    params[length - 1] = '}';
    (void)run_order(&(struct gate_tool_call_order){
        .tool_name = "gmail_send_email",
        .connection_name = "gmail",
        .agent_run_id = "run-1",
        .params_json = params,
        .params_length = length,
    });
    assert_int_equal(run.err, GATE_ERR_TOO_LARGE);
    (void)expect_row("invalid", "gatehouse");
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_end__our_own_limit(void **state) {
    (void)state;
    close_net(&p);
    open_net(&p, 0);
    assert_int_equal(run_on("gmail", NULL), GATE_ERR_BUSY);
    (void)expect_row("busy", "gatehouse");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_run__passes_parameters_and_result_on_byte_for_byte),
        CASE(test_run__by_the_id_of_an_own_account),
        CASE(test_run__with_a_token),
        CASE(test_run__reads_a_catalogue_that_was_never_read),
        CASE(test_rules__scope),
        CASE(test_rules__scope_before_an_account_is_looked_for),
        CASE(test_rules__connection),
        CASE(test_rules__connection_behind_an_account),
        CASE(test_rules__tool),
        CASE(test_rules__come_before_the_catalogue_is_read),
        CASE(test_rules__a_forbidden_connection_looks_the_same_whether_it_exists),
        CASE(test_rules__a_caller_without_a_user),
        CASE(test_check__says_what_a_run_would_say),
        CASE(test_refuse__leaves_a_row),
        CASE(test_left__only_what_scalekit_has_looked_at),
        CASE(test_left__not_without_a_token_of_ours),
        CASE(test_account__somebody_elses_id),
        CASE(test_account__somebody_elses_id_on_an_own_connection),
        CASE(test_account__younger_than_the_record),
        CASE(test_account__younger_than_the_record_and_forbidden),
        CASE(test_account__that_cannot_be_asked_about),
        CASE(test_account__id_and_connection_contradict),
        CASE(test_account__no_such_connection),
        CASE(test_account__a_connection_that_is_switched_off),
        CASE(test_ask__still_expired),
        CASE(test_ask__connected_in_the_meantime),
        CASE(test_ask__never_connected),
        CASE(test_ask__a_status_that_nobody_knows),
        CASE(test_ask__cannot_be_asked),
        CASE(test_ask__refuses_by_itself),
        CASE(test_refusal__the_account_had_ended),
        CASE(test_refusal__the_account_is_gone),
        CASE(test_refusal__of_any_kind_that_may_mean_it),
        CASE(test_refusal__of_the_call_itself),
        CASE(test_refusal__and_the_account_cannot_be_looked_at),
        CASE(test_refusal__after_it_was_asked_is_not_asked_again),
        CASE(test_end__tool_error_is_the_providers_whatever_its_status),
        CASE(test_end__rate_limited),
        CASE(test_end__unavailable),
        CASE(test_end__the_answer_was_lost),
        CASE(test_end__an_answer_that_makes_no_sense),
        CASE(test_end__parameters_that_are_too_large),
        CASE(test_end__our_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
