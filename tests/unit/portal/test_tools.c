#include "support/scripted_portal.h"

#include "portal/tools.h"

#define SCOPED "GET /api/v1/tools/scoped"
#define FOUR_TOOLS                                                                                 \
    "{\"tools\":[" SCOPED_TEXT("gmail_send_email", "ca_ann_gmail") "," SCOPED_TEXT(                \
        "slack_post",                                                                              \
        "ca_ann_slack") "," SCOPED_TEXT("gmail_search",                                            \
                                        "ca_ann_gmail") "," SCOPED_TEXT("other",                   \
                                                                        "ca_unknown") "],\"next_"  \
                                                                                      "page_"      \
                                                                                      "token\":"   \
                                                                                      "\"p2\","    \
                                                                                      "\"total_"   \
                                                                                      "size\":9}"

static struct scripted_portal p;
static struct gate_caller ann;
static struct gate_tools_page page;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    ann = (struct gate_caller){
        .kind = GATE_CALLER_PERSONAL_TOKEN,
        .has_user = true,
        .user = add_person(&p, "ann"),
        .token = {.scopes = GATE_SCOPE_READ, .connections = "*", .tools = "*"},
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

static enum gate_err list(const struct gate_scalekit_tools_query *query) {
    struct waited waited = {0};
    page = (struct gate_tools_page){.count = 77};
    gate_error_clear(&p.ctx->error);
    gate_portal_tools_list(p.ctx, p.portal, &ann, query, &page, note_end, &waited);
    enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, p.ctx->error.kind);
    return err;
}

static enum gate_err list_all(void) {
    static const struct gate_scalekit_tools_query query;
    return list(&query);
}

static void expect_tool(size_t index, const char *text) {
    assert_true(index < page.count);
    assert_int_equal(page.tools[index].length, strlen(text));
    assert_memory_equal(page.tools[index].text, text, strlen(text));
}

static void test_list__byte_for_byte(void **state) {
    (void)state;
    ann.kind = GATE_CALLER_BROWSER;
    script(&p, SCOPED, 200, FOUR_TOOLS);
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 4);
    expect_tool(0, SCOPED_TEXT("gmail_send_email", "ca_ann_gmail"));
    expect_tool(3, SCOPED_TEXT("other", "ca_unknown"));
    assert_string_equal(page.next_page_token, "p2");
    assert_int_equal(page.total_size, 9);
}

static void test_list__without_the_scope(void **state) {
    (void)state;
    ann.token.scopes = GATE_SCOPE_EXECUTE;
    assert_int_equal(list_all(), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(p.ctx->error.message, "rule: scope"));
    assert_int_equal(count_seen(&p, ""), 0);
    assert_int_equal(page.count, 77);
}

static void test_list__what_the_rules_leave(void **state) {
    (void)state;
    ann.token.connections = "gmail";
    ann.token.tools = "gmail_se* slack_post";
    script(&p, SCOPED, 200, FOUR_TOOLS);
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 2);
    expect_tool(0, SCOPED_TEXT("gmail_send_email", "ca_ann_gmail"));
    expect_tool(1, SCOPED_TEXT("gmail_search", "ca_ann_gmail"));
    assert_int_equal(page.total_size, -1); /* nobody knows how many are left on other pages */
    assert_string_equal(page.next_page_token, "p2");
}

static void test_list__a_tool_of_an_unknown_account_is_left_out(void **state) {
    (void)state;
    script(&p, SCOPED, 200, FOUR_TOOLS);
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.total_size, -1);
}

static void test_list__empty_rules_leave_nothing(void **state) {
    (void)state;
    ann.token.tools = "";
    script(&p, SCOPED, 200, FOUR_TOOLS);
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 0);
}

static void test_list__elements_of_another_shape_are_left_out(void **state) {
    (void)state;
    script(&p, SCOPED, 200,
           "{\"tools\":[7,null,{},\"x\",{\"tool\":{\"definition\":{\"name\":7}},"
           "\"connected_account_id\":\"ca_ann_gmail\"},"
           "{\"tool\":{\"definition\":{\"name\":\"gmail_search\"}}},"
           "{\"tool\":{\"definition\":{\"name\":\"gmail_search\"}},"
           "\"connected_account_id\":[\"ca_ann_gmail\"]}]}");
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 0);
    assert_null(page.next_page_token);
}

static void test_list__no_tools_at_all(void **state) {
    (void)state;
    static const char *const answers[] = {
        "{}",
        "{\"tools\":null}",
        "{\"tools\":[]}",
        "{\"tools\":[],\"next_page_token\":\"\"}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        script(&p, SCOPED, 200, answers[i]);
        assert_int_equal(list_all(), GATE_OK);
        assert_int_equal(page.count, 0);
        assert_int_equal(page.total_size, 0);
        assert_null(page.next_page_token);
    }
}

static void test_list__asks_for_the_callers_user_only(void **state) {
    (void)state;
    static const char *const connections[] = {"gmail", "slack", NULL};
    static const char *const tools[] = {"gmail search", NULL};
    assert_int_equal(list(&(struct gate_scalekit_tools_query){
                         .identifier = "bob",
                         .connection_names = connections,
                         .tool_names = tools,
                         .page_size = 5,
                         .page_token = "p 2",
                     }),
                     GATE_OK);
    assert_int_equal(count_seen(&p, SCOPED "?identifier=ann&filter.connection_names=gmail&"
                                           "filter.connection_names=slack&"
                                           "filter.tool_names=gmail%20search&page_size=5&"
                                           "page_token=p%202"),
                     1);
}

static void test_list__accounts_that_were_never_read(void **state) {
    (void)state;
    struct gate_user bob = add_person(&p, "bob");
    ann.user = bob;
    script(&p, "GET /api/v1/connected_accounts?identifier=bob", 200,
           "{\"connected_accounts\":[" ACCOUNT_TEXT("bob", "gmail", "ACTIVE") "]}");
    script(&p, SCOPED, 200, "{\"tools\":[" SCOPED_TEXT("gmail_search", "ca_bob_gmail") "]}");
    assert_int_equal(list_all(), GATE_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(count_seen(&p, "GET /api/v1/connected_accounts?identifier=bob"), 1);
}

static void test_list__refusals_of_scalekit(void **state) {
    (void)state;
    script(&p, SCOPED, 400, "{\"code\":3,\"message\":\"page_token is wrong\"}");
    assert_int_equal(list_all(), GATE_ERR_INPUT);
    assert_int_equal(page.count, 77);
    script(&p, SCOPED, 200, "[]");
    assert_int_equal(list_all(), GATE_ERR_UPSTREAM);
}

/* ---- what could be made available ---- */

static void expect_available(const char *connections, const char *tools, size_t count) {
    static const struct gate_scalekit_tools_query query = {.available = true};
    ann.token.connections = connections;
    ann.token.tools = tools;
    assert_int_equal(list(&query), GATE_OK);
    assert_int_equal(page.count, count);
    assert_string_equal(page.next_page_token, "p2");
}

static void test_available__what_the_rules_leave(void **state) {
    (void)state;
    expect_available("*", "*", 2); /* Notion is switched off */
    expect_tool(0, AVAILABLE_TEXT("gmail_search", "GMAIL"));
    expect_tool(1, AVAILABLE_TEXT("slack_post", "SLACK")); /* hers has expired */
    assert_int_equal(page.total_size, -1);
    expect_available("slack", "*", 1);
    expect_tool(0, AVAILABLE_TEXT("slack_post", "SLACK"));
    expect_available("gmail", "slack_post", 0);
    expect_available("*", "", 0);
    expect_available("", "*", 0);
}

static void test_available__without_the_scope(void **state) {
    (void)state;
    static const struct gate_scalekit_tools_query query = {.available = true};
    ann.token.scopes = GATE_SCOPE_EXECUTE;
    assert_int_equal(list(&query), GATE_ERR_FORBIDDEN);
    assert_int_equal(count_seen(&p, ""), 0);
}

static void test_available__elements_of_another_shape_are_left_out(void **state) {
    (void)state;
    script(&p, "GET /api/v1/tools/available", 200,
           "{\"tools\":[7,null,{},{\"provider\":\"GMAIL\"},{\"definition\":{\"name\":\"x\"}},"
           "{\"provider\":7,\"definition\":{\"name\":\"x\"}}],\"next_page_token\":\"p2\"}");
    expect_available("*", "*", 0);
}

static void test_available__when_scalekit_is_away(void **state) {
    (void)state;
    static const struct gate_scalekit_tools_query query = {.available = true};
    script(&p, "GET /api/v1/tools/available", 500, "");
    assert_int_equal(list(&query), GATE_ERR_UNAVAILABLE);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_list__byte_for_byte),
        CASE(test_list__without_the_scope),
        CASE(test_list__what_the_rules_leave),
        CASE(test_list__a_tool_of_an_unknown_account_is_left_out),
        CASE(test_list__empty_rules_leave_nothing),
        CASE(test_list__elements_of_another_shape_are_left_out),
        CASE(test_list__no_tools_at_all),
        CASE(test_list__asks_for_the_callers_user_only),
        CASE(test_list__accounts_that_were_never_read),
        CASE(test_list__refusals_of_scalekit),
        CASE(test_available__what_the_rules_leave),
        CASE(test_available__without_the_scope),
        CASE(test_available__elements_of_another_shape_are_left_out),
        CASE(test_available__when_scalekit_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
