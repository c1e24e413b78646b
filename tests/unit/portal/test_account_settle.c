#include "support/scripted_portal.h"

#include "portal/account_settle.h"

#define DETAILS "GET /api/v1/connected_accounts/details"

static struct scripted_portal p;
static struct gate_user ann;
static struct gate_settled settled;
static struct gate_ctx *ctx; /* of the operation */

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = add_person(&p, "ann");
    record_catalogue(&p);
    record_accounts(&p, &ann);
    ctx = NULL;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    scripted_portal_close(&p);
    return 0;
}

static enum gate_err settle(const char *connection_name) {
    struct waited waited = {0};
    gate_ctx_free(ctx);
    ctx = gate_ctx_new(&p.clock.clock, p.runqueue, "fedcba9876543210");
    memset(&settled, 0xff, sizeof settled); /* set in every case */
    gate_portal_account_settle(ctx, p.portal, &ann, connection_name, &settled, note_end, &waited);
    const enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, ctx->error.kind);
    return err;
}

/* After a refusal of a call that the record let through. */
static enum gate_err resettle(enum gate_err refusal) {
    struct waited waited = {0};
    (void)gate_fail(ctx, refusal, "Scalekit's own words");
    gate_portal_account_resettle(ctx, p.portal, &ann, "gmail", refusal, &settled, note_end,
                                 &waited);
    const enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, ctx->error.kind);
    return err;
}

static void script_details(const char *body) {
    script(&p, DETAILS, 200, body);
}

static void test_settle__active_on_record_asks_nobody(void **state) {
    (void)state;
    assert_int_equal(settle("gmail"), GATE_OK);
    assert_true(settled.is_there);
    assert_false(settled.was_asked);
    assert_int_equal(settled.account.status, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_settle__anything_else_asks_before_it_refuses(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        enum gate_err err;
        enum gate_account_status status;
    } cases[] = {
        {ACCOUNT_ANSWER("ann", "slack", "ACTIVE"), GATE_OK, GATE_ACCOUNT_ACTIVE},
        {ACCOUNT_ANSWER("ann", "slack", "EXPIRED"), GATE_ERR_NEEDS_AUTHORIZATION,
         GATE_ACCOUNT_EXPIRED},
        {ACCOUNT_ANSWER("ann", "slack", "PENDING_AUTH"), GATE_ERR_NEEDS_AUTHORIZATION,
         GATE_ACCOUNT_PENDING_AUTH},
        {ACCOUNT_ANSWER("ann", "slack", "DISCONNECTED"), GATE_ERR_NEEDS_AUTHORIZATION,
         GATE_ACCOUNT_DISCONNECTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        record_accounts(&p, &ann); /* Slack has expired, once more */
        script_details(cases[i].answer);
        assert_int_equal(settle("slack"), cases[i].err);
        assert_true(settled.was_asked);
        assert_true(settled.is_there);
        assert_int_equal(settled.account.status, cases[i].status);
        assert_int_equal(count_seen(&p, DETAILS), i + 1);
    }
}

static void test_settle__never_connected(void **state) {
    (void)state;
    ann = add_person(&p, "carl");
    script(&p, DETAILS, 404, "{\"code\":5,\"message\":\"none\"}");
    assert_int_equal(settle("gmail"), GATE_ERR_NEEDS_AUTHORIZATION);
    assert_false(settled.is_there);
    assert_true(settled.was_asked);
    assert_true(strlen(ctx->error.message) > 0);
    script_details(ACCOUNT_ANSWER("carl", "gmail", "ACTIVE"));
    assert_int_equal(settle("gmail"), GATE_OK);
    assert_true(settled.is_there);
}

static void test_settle__connection_that_is_not_offered(void **state) {
    (void)state;
    static const char *const names[] = {"nowhere", "notion", "", "GMAIL", "gmail "};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(settle(names[i]), GATE_ERR_NOT_FOUND);
        assert_false(settled.is_there);
        assert_false(settled.was_asked);
    }
    assert_int_equal(count_seen(&p, ""), 0);
}

/* Who cannot be asked does not make an account active, nor tells the user to act. */
static void test_settle__scalekit_cannot_say(void **state) {
    (void)state;
    script(&p, DETAILS, 403, "{\"code\":7,\"message\":\"no\"}");
    assert_int_equal(settle("slack"), GATE_ERR_FORBIDDEN);
    assert_true(settled.was_asked);
    assert_false(settled.is_there);
    script(&p, DETAILS, 200, "rubbish");
    assert_int_equal(settle("slack"), GATE_ERR_UPSTREAM);
}

static void test_resettle__account_that_has_ended_since(void **state) {
    (void)state;
    static const enum gate_err refusals[] = {GATE_ERR_INPUT, GATE_ERR_FORBIDDEN, GATE_ERR_NOT_FOUND,
                                             GATE_ERR_CONFLICT};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        record_accounts(&p, &ann);
        assert_int_equal(settle("gmail"), GATE_OK);
        script_details(ACCOUNT_ANSWER("ann", "gmail", "EXPIRED"));
        assert_int_equal(resettle(refusals[i]), GATE_ERR_NEEDS_AUTHORIZATION);
        assert_int_equal(settled.account.status, GATE_ACCOUNT_EXPIRED);
        assert_null(strstr(ctx->error.message, "Scalekit's own words"));
    }
    record_accounts(&p, &ann);
    assert_int_equal(settle("gmail"), GATE_OK);
    script(&p, DETAILS, 404, "{\"code\":5,\"message\":\"none\"}");
    assert_int_equal(resettle(GATE_ERR_NOT_FOUND), GATE_ERR_NEEDS_AUTHORIZATION);
    assert_false(settled.is_there);
}

static void test_resettle__account_that_has_gone_after_the_clock_was_set_back(void **state) {
    (void)state;
    record_accounts(&p, &ann);
    gate_test_clock_set_back(&p.clock, HOUR_MS);
    assert_int_equal(settle("gmail"), GATE_OK);
    script(&p, DETAILS, 404, "{\"code\":5,\"message\":\"none\"}");
    assert_int_equal(resettle(GATE_ERR_NOT_FOUND), GATE_ERR_NEEDS_AUTHORIZATION);
    assert_false(settled.is_there);
    assert_int_equal(settle("gmail"), GATE_ERR_NEEDS_AUTHORIZATION);
}

static void test_resettle__refusal_stands_where_the_account_is_fine(void **state) {
    (void)state;
    assert_int_equal(settle("gmail"), GATE_OK);
    script_details(ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    assert_int_equal(resettle(GATE_ERR_FORBIDDEN), GATE_ERR_FORBIDDEN);
    assert_string_equal(ctx->error.message, "Scalekit's own words");
    assert_true(settled.is_there);
    assert_int_equal(count_seen(&p, DETAILS), 1);
}

static void test_resettle__refusal_stands_where_scalekit_cannot_say(void **state) {
    (void)state;
    assert_int_equal(settle("gmail"), GATE_OK);
    script(&p, DETAILS, 403, "{\"code\":7,\"message\":\"no\"}");
    assert_int_equal(resettle(GATE_ERR_NOT_FOUND), GATE_ERR_NOT_FOUND);
    assert_string_equal(ctx->error.message, "Scalekit's own words");
}

static void test_resettle__does_not_ask_in_vain(void **state) {
    (void)state;
    static const enum gate_err others[] = {
        GATE_ERR_PROVIDER,        GATE_ERR_RATE_LIMITED, GATE_ERR_UNAVAILABLE, GATE_ERR_TIMEOUT,
        GATE_ERR_OUTCOME_UNKNOWN, GATE_ERR_UPSTREAM,     GATE_ERR_BUSY};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(settle("gmail"), GATE_OK);
        assert_int_equal(resettle(others[i]), others[i]);
        assert_string_equal(ctx->error.message, "Scalekit's own words");
    }
    assert_int_equal(settle("gmail"), GATE_OK);
    settled.was_asked = true; /* before the call */
    assert_int_equal(resettle(GATE_ERR_FORBIDDEN), GATE_ERR_FORBIDDEN);
    assert_int_equal(count_seen(&p, ""), 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_settle__active_on_record_asks_nobody),
        CASE(test_settle__anything_else_asks_before_it_refuses),
        CASE(test_settle__never_connected),
        CASE(test_settle__connection_that_is_not_offered),
        CASE(test_settle__scalekit_cannot_say),
        CASE(test_resettle__account_that_has_ended_since),
        CASE(test_resettle__account_that_has_gone_after_the_clock_was_set_back),
        CASE(test_resettle__refusal_stands_where_the_account_is_fine),
        CASE(test_resettle__refusal_stands_where_scalekit_cannot_say),
        CASE(test_resettle__does_not_ask_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
