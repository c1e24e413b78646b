#include "fixture.h"

static void test_tools_fetch__asks_for_one_page(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{ \"tools\": [ {\"tool\":{}} ] }");
    static const char *const connections[] = {"gmail", "slack prod", NULL};
    static const char *const names[] = {"gmail_send_email", NULL};
    struct gate_scalekit_tools_query query = {
        .identifier = "u1",
        .connection_names = connections,
        .tool_names = names,
        .page_size = 50,
        .page_token = "p",
    };
    struct call call;
    begin(fixture, &call);
    gate_scalekit_tools_fetch(call.ctx, fixture->scalekit, &query, &call.reply, note_end, &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    assert_int_equal(call.reply.status, 200);
    assert_string_equal(call.reply.body, "{ \"tools\": [ {\"tool\":{}} ] }");
    assert_null(call.reply.data);
    gate_ctx_free(call.ctx);
    query.available = true;
    query.page_size = 0;
    query.page_token = NULL;
    begin(fixture, &call);
    gate_scalekit_tools_fetch(call.ctx, fixture->scalekit, &query, &call.reply, note_end, &call);
    assert_int_equal(end(fixture, &call), GATE_OK);
    look(fixture);
    assert_string_equal(fixture->seen_target[0],
                        "GET /api/v1/tools/scoped?identifier=u1&filter.connection_names=gmail"
                        "&filter.connection_names=slack%20prod"
                        "&filter.tool_names=gmail_send_email&page_size=50&page_token=p");
    assert_string_equal(fixture->seen_target[1], "GET /api/v1/tools/available?identifier=u1");
}

static void test_tool_execute__passes_numbers_on_digit_by_digit(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200,
           "{\"data\": {\"big\": 12345678901234567890.10, \"s\":\"\\u00e4\"} ,"
           "\"execution_id\":\"e1\",\"new_field\":true}");
    struct call call;
    start_tool(fixture, &call);
    assert_int_equal(finish(fixture, &call), GATE_OK);
    assert_string_equal(call.reply.execution_id, "e1");
    char data[128];
    snprintf(data, sizeof data, "%.*s", (int)call.reply.data_length, call.reply.data);
    assert_string_equal(data, "{\"big\": 12345678901234567890.10, \"s\":\"\\u00e4\"}");
    assert_int_equal(call.reply.failure.status, 0);
    gate_ctx_free(call.ctx);
    look(fixture);
    assert_string_equal(fixture->seen_target[0], "POST /api/v1/execute_tool");
    assert_string_equal(fixture->seen_body[0],
                        "{\"tool_name\":\"gmail_send_email\",\"params\":"
                        "{\"n\": 1.0000000000000000001},\"identifier\":\"u1\","
                        "\"connector\":\"gmail\"}");
}

static void test_tool_execute__by_account_and_run(void **state) {
    struct fixture *fixture = *state;
    script(fixture, 200, "{}");
    struct gate_scalekit_tool_call wanted = {.tool_name = "t",
                                             .identifier = "u1",
                                             .connected_account_id = "ca_1",
                                             .agent_run_id = "run-7"};
    struct call call;
    begin(fixture, &call);
    gate_scalekit_tool_execute(call.ctx, fixture->scalekit, &wanted, &call.reply, note_end, &call);
    assert_int_equal(end(fixture, &call), GATE_OK);
    look(fixture);
    assert_string_equal(fixture->seen_body[0],
                        "{\"tool_name\":\"t\",\"params\":{},\"identifier\":\"u1\","
                        "\"connected_account_id\":\"ca_1\",\"agent_run_id\":\"run-7\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_tools_fetch__asks_for_one_page),
        CASE(test_tool_execute__passes_numbers_on_digit_by_digit),
        CASE(test_tool_execute__by_account_and_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
