#include "support/scripted_portal.h"

#include "portal/tool_offers.h"

#define SCOPED "GET /api/v1/tools/scoped"
#define ACCOUNTS "GET /api/v1/connected_accounts?"

static struct scripted_portal p;
static struct gate_caller ann;
static struct gate_tool_offers offers;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){
        .kind = GATE_CALLER_PERSONAL_TOKEN,
        .has_user = true,
        .user = add_person(&p, "ann"),
        .token = {.scopes = GATE_SCOPE_EXECUTE, .connections = "*", .tools = "*"},
    };
    record_catalogue(&p);
    record_accounts(&p, &ann.user);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scripted_portal_close(&p);
    return 0;
}

static enum gate_err find(const char *tool_name) {
    struct waited waited = {0};
    offers = (struct gate_tool_offers){.count = 77};
    gate_error_clear(&p.ctx->error);
    gate_portal_tool_offers_find(p.ctx, p.portal, &ann, tool_name, &offers, note_end, &waited);
    enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, p.ctx->error.kind);
    return err;
}

static void test_find__one(void **state) {
    (void)state;
    assert_int_equal(find("gmail_search"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "gmail");
    assert_null(offers.connection_names[1]);
    assert_int_equal(
        count_seen(&p, SCOPED "?identifier=ann&filter.tool_names=gmail_search&page_size=100"), 1);
}

static void test_find__only_the_very_name_counts(void **state) {
    (void)state;
    assert_int_equal(find("gmail_searc"), GATE_OK); /* the script answers whatever is asked */
    assert_int_equal(offers.count, 0);
}

static void test_find__each_connection_once_and_by_the_rules(void **state) {
    (void)state;
    script(&p, SCOPED, 200,
           "{\"tools\":[" SCOPED_TEXT("t", "ca_ann_slack") "," SCOPED_TEXT(
               "t", "ca_ann_gmail") "," SCOPED_TEXT("t", "ca_ann_slack") ",7,{}]}");
    assert_int_equal(find("t"), GATE_OK);
    assert_int_equal(offers.count, 2);
    assert_string_equal(offers.connection_names[0], "slack");
    assert_string_equal(offers.connection_names[1], "gmail");
    ann.token.connections = "gmail";
    assert_int_equal(find("t"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "gmail");
}

static void test_find__rules_that_allow_it_nowhere(void **state) {
    (void)state;
    ann.token.tools = "other_*";
    assert_int_equal(find("gmail_search"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(p.ctx->error.message, "rule: connections or tools"));
    assert_int_equal(count_seen(&p, ""), 0);
    assert_int_equal(offers.count, 77);
}

static void test_find__an_account_newer_than_the_record(void **state) {
    (void)state;
    script(&p, SCOPED, 200, "{\"tools\":[" SCOPED_TEXT("t", "ca_new") "]}");
    script(&p, ACCOUNTS, 200,
           "{\"connected_accounts\":[{\"id\":\"ca_new\",\"identifier\":\"ann\","
           "\"connector\":\"slack\",\"status\":\"ACTIVE\"}]}");
    assert_int_equal(find("t"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "slack");
    assert_int_equal(count_seen(&p, ACCOUNTS), 1);
}

static void test_find__an_account_that_nobody_knows(void **state) {
    (void)state;
    script(&p, SCOPED, 200, "{\"tools\":[" SCOPED_TEXT("t", "ca_carl_gmail") "]}");
    assert_int_equal(find("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
    assert_int_equal(count_seen(&p, ACCOUNTS), 1); /* read once, not for ever */
}

static void test_find__answers_that_make_no_sense(void **state) {
    (void)state;
    script(&p, SCOPED, 200, "{\"tools\":{\"a\":1}}");
    assert_int_equal(find("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
    script(&p, SCOPED, 200, "nonsense");
    assert_int_equal(find("t"), GATE_ERR_UPSTREAM);
    script(&p, SCOPED, 503, "");
    assert_int_equal(find("t"), GATE_ERR_UNAVAILABLE);
}

/* ---- what would offer it ---- */

#define TOOLS "GET /api/v1/tools?filter.tool_name="

static enum gate_err find_prospects(const char *tool_name) {
    struct waited waited = {0};
    offers = (struct gate_tool_offers){.count = 77};
    gate_error_clear(&p.ctx->error);
    gate_portal_tool_prospects_find(p.ctx, p.portal, &ann, tool_name, &offers, note_end, &waited);
    return wait_for_end(&p, &waited);
}

static void test_prospects__of_an_account_that_has_ended(void **state) {
    (void)state;
    script(&p, TOOLS, 200, "{\"tools\":[" AVAILABLE_TEXT("slack_post", "slack") "]}");
    assert_int_equal(find_prospects("slack_post"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "slack");
    assert_null(offers.connection_names[1]);
    assert_int_equal(count_seen(&p, TOOLS "slack_post&page_size=100"), 1);
}

static void test_prospects__not_of_what_is_active_switched_off_or_forbidden(void **state) {
    (void)state;
    script(&p, TOOLS, 200,
           "{\"tools\":[" AVAILABLE_TEXT("t", "GMAIL") "," AVAILABLE_TEXT(
               "t", "NOTION") "," AVAILABLE_TEXT("other", "SLACK") ",7,{}]}");
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
    script(&p, TOOLS, 200, "{\"tools\":[" AVAILABLE_TEXT("t", "SLACK") "]}");
    ann.token.tools = "!t";
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
}

static enum gate_err save_two_slacks(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    static const struct gate_connection connections[] = {
        {.name = "slack", .provider = "SLACK", .enabled = true},
        {.name = "slack-2", .provider = "SLACK", .enabled = true},
    };
    return gate_store_connection_catalogue_replace(ctx, tx, connections, 2, gate_ctx_now_ms(ctx));
}

static enum gate_err forget_slack(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    return gate_store_account_forget(ctx, tx, ann.user.id, "slack", GATE_ACCOUNT_SOURCE_PAGE,
                                     gate_ctx_now_ms(ctx), NULL);
}

static void test_prospects__the_one_that_the_user_knows(void **state) {
    (void)state;
    assert_int_equal(gate_store_write_now(p.ctx, p.store, save_two_slacks, NULL), GATE_OK);
    script(&p, TOOLS, 200, "{\"tools\":[" AVAILABLE_TEXT("t", "SLACK") "]}");
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "slack");
    ann.token.connections = "* !slack";
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.connection_names[0], "slack-2");
    ann.token.connections = "*";
    assert_int_equal(gate_store_write_now(p.ctx, p.store, forget_slack, NULL), GATE_OK);
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 2);
}

static void test_prospects__answers_that_make_no_sense(void **state) {
    (void)state;
    script(&p, TOOLS, 200, "{\"tools\":{\"a\":1}}");
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
    script(&p, TOOLS, 404, "{\"code\":5,\"message\":\"no\"}");
    assert_int_equal(find_prospects("t"), GATE_OK);
    assert_int_equal(offers.count, 0);
    script(&p, TOOLS, 403, "{\"code\":7,\"message\":\"no\"}");
    assert_int_equal(find_prospects("t"), GATE_ERR_UPSTREAM);
    script(&p, TOOLS, 503, "");
    assert_int_equal(find_prospects("t"), GATE_ERR_UNAVAILABLE);
    assert_int_equal(offers.count, 77);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_find__one),
        CASE(test_find__only_the_very_name_counts),
        CASE(test_find__each_connection_once_and_by_the_rules),
        CASE(test_find__rules_that_allow_it_nowhere),
        CASE(test_find__an_account_newer_than_the_record),
        CASE(test_find__an_account_that_nobody_knows),
        CASE(test_find__answers_that_make_no_sense),
        CASE(test_prospects__of_an_account_that_has_ended),
        CASE(test_prospects__not_of_what_is_active_switched_off_or_forbidden),
        CASE(test_prospects__the_one_that_the_user_knows),
        CASE(test_prospects__answers_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
