#include "unit/store/temporary_store.h"

#include "store/account.h"
#include "store/connection.h"

static const struct gate_connection catalogue[] = {
    {.name = "slack-prod",
     .provider = "SLACK",
     .type = "OAUTH",
     .display_name = "Slack",
     .enabled = true,
     .position = 2},
    {.name = "gmail",
     .provider = "GMAIL",
     .type = "OAUTH",
     .display_name = "Gmail",
     .enabled = true,
     .position = 1},
    {.name = "asana",
     .provider = "ASANA",
     .type = "OAUTH",
     .display_name = "Asana",
     .enabled = true,
     .position = 2},
    {.name = "off",
     .provider = "NOTION",
     .type = "OAUTH",
     .display_name = "Off",
     .enabled = false,
     .position = 0},
};

static void replace(struct aggregate_case *c, const struct gate_connection *connections,
                    size_t count, int64_t now_ms) {
    assert_int_equal(
        gate_store_connection_catalogue_replace(c->ctx, c->tx, connections, count, now_ms),
        GATE_OK);
}

static void test_list__has_enabled_ones_in_order(void **state) {
    struct aggregate_case *c = *state;
    replace(c, catalogue, 4, NOW);
    struct gate_connection *list = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_connection_list(c->ctx, c->tx, &list, &count), GATE_OK);
    assert_int_equal(count, 3);
    assert_string_equal(list[0].name, "gmail");
    assert_string_equal(list[1].name, "asana");
    assert_string_equal(list[2].name, "slack-prod");
    assert_int_equal(list[2].read_at, NOW);
}

static void test_catalogue_replace__hides_what_is_missing(void **state) {
    struct aggregate_case *c = *state;
    struct gate_connection found = {0}, *list = NULL;
    size_t count = 0;
    replace(c, catalogue, 4, NOW);
    replace(c, catalogue + 1, 1, NOW); /* in the same millisecond */
    assert_int_equal(gate_store_connection_list(c->ctx, c->tx, &list, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(gate_store_connection_find(c->ctx, c->tx, "slack-prod", &found),
                     GATE_ERR_NOT_FOUND);
    replace(c, catalogue, 1, NOW + 1);
    assert_int_equal(gate_store_connection_find(c->ctx, c->tx, "slack-prod", &found), GATE_OK);
    assert_string_equal(found.display_name, "Slack");
    assert_int_equal(found.position, 2);
}

static void test_catalogue_replace__accepts_nothing_and_bare_names(void **state) {
    struct aggregate_case *c = *state;
    struct gate_connection found = {0}, *list = NULL;
    size_t count = 9;
    replace(c, NULL, 0, NOW);
    assert_int_equal(gate_store_connection_list(c->ctx, c->tx, &list, &count), GATE_OK);
    assert_int_equal(count, 0);
    replace(c, &(struct gate_connection){.name = "bare"}, 1, NOW);
    assert_int_equal(gate_store_connection_find(c->ctx, c->tx, "bare", &found), GATE_OK);
    assert_string_equal(found.display_name, "bare");
    assert_false(found.enabled);
}

static void test_catalogue_read_at__is_0_before_the_first(void **state) {
    struct aggregate_case *c = *state;
    int64_t at = 5;
    assert_int_equal(gate_store_connection_catalogue_read_at(c->ctx, c->tx, &at), GATE_OK);
    assert_int_equal(at, 0);
    replace(c, NULL, 0, NOW);
    replace(c, NULL, 0, NOW + 7);
    assert_int_equal(gate_store_connection_catalogue_read_at(c->ctx, c->tx, &at), GATE_OK);
    assert_int_equal(at, NOW + 7);
}

static void test_find__includes_disabled_ones(void **state) {
    struct aggregate_case *c = *state;
    struct gate_connection found = {0};
    replace(c, catalogue, 4, NOW);
    assert_int_equal(gate_store_connection_find(c->ctx, c->tx, "off", &found), GATE_OK);
    assert_false(found.enabled);
    assert_int_equal(gate_store_connection_find(c->ctx, c->tx, "OFF", &found), GATE_ERR_NOT_FOUND);
}

static void save_gmail(struct aggregate_case *c, int64_t user_id) {
    const struct gate_account account = {.user_id = user_id,
                                         .connection_name = "gmail",
                                         .scalekit_id = "ca_1",
                                         .status = GATE_ACCOUNT_ACTIVE,
                                         .learned_from = GATE_ACCOUNT_SOURCE_PAGE};
    assert_int_equal(
        gate_store_account_save(c->ctx, c->tx, &account, GATE_ACCOUNT_SAVE_ALWAYS, NOW, NULL),
        GATE_OK);
}

static size_t list_events(struct aggregate_case *c, int64_t user_id,
                          struct gate_account_event **ret_events) {
    size_t count = 0;
    assert_int_equal(
        gate_store_account_event_list(c->ctx, c->tx, user_id, "gmail", 10, ret_events, &count),
        GATE_OK);
    return count;
}

static void test_catalogue_replace__tells_whoever_has_an_account_there(void **state) {
    struct aggregate_case *c = *state;
    struct gate_account_event *events = NULL;
    struct gate_connection disabled = catalogue[1];
    disabled.enabled = false;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    save_gmail(c, ada); /* before the catalogue is known: no change */
    replace(c, catalogue, 4, NOW);
    replace(c, catalogue, 4, NOW + 1);
    assert_int_equal(list_events(c, ada, &events), 1);
    replace(c, &disabled, 1, NOW + 2);
    replace(c, NULL, 0, NOW + 3); /* gone, but it was not offered before either */
    assert_int_equal(list_events(c, ada, &events), 2);
    assert_string_equal(events[0].old_status, "ACTIVE");
    assert_string_equal(events[0].new_status, GATE_ACCOUNT_EVENT_NOT_OFFERED);
    assert_int_equal(events[0].source, GATE_ACCOUNT_SOURCE_CATALOGUE);
    assert_int_equal(events[0].at, NOW + 2);
    replace(c, catalogue, 4, NOW + 4);
    assert_int_equal(list_events(c, ada, &events), 3);
    assert_string_equal(events[0].old_status, GATE_ACCOUNT_EVENT_NOT_OFFERED);
    assert_string_equal(events[0].new_status, "ACTIVE");
    replace(c, NULL, 0, NOW + 5);
    assert_int_equal(list_events(c, ada, &events), 4);
    assert_int_equal(list_events(c, eve, &events), 0);
}

static void test_find_former__has_what_is_gone(void **state) {
    struct aggregate_case *c = *state;
    struct gate_connection found = {0};
    replace(c, catalogue, 4, NOW);
    assert_int_equal(gate_store_connection_find_former(c->ctx, c->tx, "gmail", &found), GATE_OK);
    assert_true(found.enabled);
    replace(c, NULL, 0, NOW);
    assert_int_equal(gate_store_connection_find_former(c->ctx, c->tx, "gmail", &found), GATE_OK);
    assert_false(found.enabled);
    assert_string_equal(found.display_name, "Gmail");
    assert_int_equal(gate_store_connection_find_former(c->ctx, c->tx, "never", &found),
                     GATE_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_list__has_enabled_ones_in_order),
        aggregate_test(test_catalogue_replace__hides_what_is_missing),
        aggregate_test(test_catalogue_replace__accepts_nothing_and_bare_names),
        aggregate_test(test_catalogue_read_at__is_0_before_the_first),
        aggregate_test(test_find__includes_disabled_ones),
        aggregate_test(test_catalogue_replace__tells_whoever_has_an_account_there),
        aggregate_test(test_find_former__has_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
