#include "unit/store/temporary_store.h"

#include "store/connection.h"
#include "store/token.h"
#include "store/tool_call.h"

static int64_t add_call(struct aggregate_case *c, int64_t user_id, int64_t token_id,
                        const char *connection_name, int64_t at) {
    struct gate_tool_call call = {.user_id = user_id,
                                  .token_id = token_id,
                                  .connection_name = connection_name,
                                  .tool_name = "gmail_send_email",
                                  .outcome = "ok",
                                  .execution_id = "ex_1",
                                  .request_id = "req",
                                  .at = at,
                                  .duration_ms = 12};
    int64_t id = 0;
    assert_int_equal(gate_store_tool_call_insert(c->ctx, c->tx, &call, &id), GATE_OK);
    return id;
}

static int64_t add_token(struct aggregate_case *c, int64_t owner) {
    struct gate_token token = {.public_id = "tok_1",
                               .prefix = "ghp_",
                               .label = "agent",
                               .kind = GATE_TOKEN_PERSONAL,
                               .owner_user_id = owner,
                               .created_at = NOW};
    struct gate_digest hash = {{1}};
    int64_t id = 0;
    assert_int_equal(gate_store_token_insert(c->ctx, c->tx, &hash, &token, &id), GATE_OK);
    return id;
}

static size_t list(struct aggregate_case *c, const struct gate_tool_call_filter *filter,
                   struct gate_tool_call **calls) {
    size_t count = 0;
    assert_int_equal(gate_store_tool_call_list(c->ctx, c->tx, filter, calls, &count), GATE_OK);
    return count;
}

static void test_list__is_newest_first_and_filtered(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    int64_t token = add_token(c, ada);
    add_call(c, ada, 0, "gmail", NOW);
    int64_t second = add_call(c, ada, token, "slack", NOW + 1);
    add_call(c, eve, 0, "gmail", NOW + 2);
    int64_t last = add_call(c, ada, 0, "gmail", NOW + 3);
    struct gate_tool_call *calls = NULL;
    struct gate_tool_call_filter filter = {.user_id = ada, .max = 10};
    assert_int_equal(list(c, &filter, &calls), 3);
    assert_int_equal(calls[0].id, last);
    assert_null(calls[0].token_label);
    assert_string_equal(calls[1].token_label, "agent");
    assert_string_equal(calls[1].execution_id, "ex_1");
    assert_null(calls[1].error_code);
    assert_int_equal(calls[1].duration_ms, 12);
    filter.before_id = second;
    assert_int_equal(list(c, &filter, &calls), 1);
    filter = (struct gate_tool_call_filter){.user_id = ada, .connection_name = "gmail", .max = 1};
    assert_int_equal(list(c, &filter, &calls), 1);
    assert_int_equal(calls[0].id, last);
    filter.before_id = last;
    assert_int_equal(list(c, &filter, &calls), 1);
    assert_int_equal(calls[0].at, NOW);
    filter.connection_name = "none";
    assert_int_equal(list(c, &filter, &calls), 0);
}

static void test_insert__accepts_a_call_of_nobody(void **state) {
    struct aggregate_case *c = *state;
    struct gate_tool_call call = {.outcome = "denied", .at = NOW};
    assert_int_equal(gate_store_tool_call_insert(c->ctx, c->tx, &call, NULL), GATE_OK);
    call.outcome = NULL;
    assert_int_not_equal(gate_store_tool_call_insert(c->ctx, c->tx, &call, NULL), GATE_OK);
}

static void test_last_list__has_the_newest_per_connection(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    int64_t token = add_token(c, ada);
    struct gate_tool_call_last *calls = NULL;
    size_t count = 9;
    assert_int_equal(gate_store_tool_call_last_list(c->ctx, c->tx, ada, &calls, &count), GATE_OK);
    assert_int_equal(count, 0);
    static const struct gate_connection catalogue[] = {{.name = "gmail"}, {.name = "slack"}};
    assert_int_equal(gate_store_connection_catalogue_replace(c->ctx, c->tx, catalogue, 2, NOW),
                     GATE_OK);
    for (int i = 0; i < 30; i++) {
        add_call(c, ada, 0, i % 3 == 0 ? "slack" : "gmail", NOW + i);
        add_call(c, ada, 0, "made-up", NOW + 500); /* no connection of that name */
    }
    add_call(c, ada, token, "gmail", NOW + 100);
    add_call(c, eve, 0, "notion", NOW + 200);
    add_call(c, ada, 0, NULL, NOW + 300);
    assert_int_equal(gate_store_tool_call_last_list(c->ctx, c->tx, ada, &calls, &count), GATE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(calls[0].connection_name, "gmail");
    assert_int_equal(calls[0].at, NOW + 100);
    assert_string_equal(calls[0].token_label, "agent");
    assert_string_equal(calls[1].connection_name, "slack");
    assert_int_equal(calls[1].at, NOW + 27);
    assert_null(calls[1].token_label);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_list__is_newest_first_and_filtered),
        aggregate_test(test_insert__accepts_a_call_of_nobody),
        aggregate_test(test_last_list__has_the_newest_per_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
