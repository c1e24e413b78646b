#include "unit/portal/scripted_scalekit.h"

#include "portal/disconnecting.h"

static enum gate_err end_connection(struct world *world, const char *connection, bool remove) {
    struct work work;
    const char *display_name = NULL;
    begin_work(world, &work);
    gate_portal_disconnect(work.ctx, world->portal, &world->caller, connection, remove,
                           &display_name, note_end, &work);
    enum gate_err err = wait_for(world, &work);
    assert_non_null(display_name);
    end_work(&work);
    return err;
}

static void know_account(struct world *world, const char *connection, const char *status) {
    has_account(world, connection, status);
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(need_accounts(world), GATE_OK);
}

static void test_disconnect__keeps_the_record(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    assert_int_equal(end_connection(world, "gmail", false), GATE_OK);
    assert_string_equal(recorded(world, "gmail"), "DISCONNECTED");
    assert_int_equal(count_of(world, &world->count_delete), 0);
}

static void test_disconnect__removes(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    assert_int_equal(end_connection(world, "gmail", true), GATE_OK);
    assert_null(recorded(world, "gmail"));
    assert_int_equal(end_connection(world, "gmail", true), GATE_OK); /* gone already */
    assert_int_equal(end_connection(world, "gmail", false), GATE_OK);
}

static void test_disconnect__knows_no_such_connection(void **state) {
    struct world *world = *state;
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(end_connection(world, "nothing", false), GATE_ERR_NOT_FOUND);
    assert_int_equal(end_connection(world, "nothing", true), GATE_ERR_NOT_FOUND);
    assert_int_equal(count_of(world, &world->count_delete), 0);
}

static void test_disconnect__asks_for_the_id_it_does_not_have(void **state) {
    struct world *world = *state;
    assert_int_equal(need_catalogue(world), GATE_OK);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(end_connection(world, "gmail", false), GATE_OK);
    assert_string_equal(recorded(world, "gmail"), "DISCONNECTED");
}

static void test_disconnect__leaves_the_record_when_scalekit_fails(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    fails(world, ":disconnect", 503);
    fails(world, ":delete", 503);
    assert_int_equal(end_connection(world, "gmail", false), GATE_ERR_UNAVAILABLE);
    assert_int_equal(end_connection(world, "gmail", true), GATE_ERR_UNAVAILABLE);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
}

static void test_disconnect__asks_when_the_answer_was_lost(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    add_fault(world, ":disconnect", (struct gate_test_http_answer){.is_silent = true});
    add_fault(world, ":delete", (struct gate_test_http_answer){.is_silent = true});
    assert_int_equal(end_connection(world, "gmail", false), GATE_OK);
    assert_string_equal(recorded(world, "gmail"), "DISCONNECTED");
    assert_int_equal(end_connection(world, "gmail", true), GATE_OK);
    assert_null(recorded(world, "gmail"));
}

static void test_disconnect__says_so_when_nothing_came_of_it(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    pthread_mutex_lock(&world->lock);
    world->keeps_status = true;
    pthread_mutex_unlock(&world->lock);
    assert_int_equal(end_connection(world, "gmail", false), GATE_ERR_UPSTREAM);
    add_fault(world, ":disconnect", (struct gate_test_http_answer){.is_silent = true});
    add_fault(world, ":delete", (struct gate_test_http_answer){.is_silent = true});
    assert_int_equal(end_connection(world, "gmail", false), GATE_ERR_UNAVAILABLE);
    assert_int_equal(end_connection(world, "gmail", true), GATE_ERR_UNAVAILABLE);
    fails(world, "/details", 400);
    assert_int_equal(end_connection(world, "gmail", true), GATE_ERR_OUTCOME_UNKNOWN);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
}

static void test_disconnect__hears_that_it_is_gone(void **state) {
    struct world *world = *state;
    know_account(world, "gmail", "ACTIVE");
    advance(world, 1000);
    lose_account(world, "gmail");
    assert_int_equal(end_connection(world, "gmail", false), GATE_OK);
    assert_null(recorded(world, "gmail"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_disconnect__keeps_the_record),
        world_test(test_disconnect__removes),
        world_test(test_disconnect__knows_no_such_connection),
        world_test(test_disconnect__asks_for_the_id_it_does_not_have),
        world_test(test_disconnect__leaves_the_record_when_scalekit_fails),
        world_test(test_disconnect__asks_when_the_answer_was_lost),
        world_test(test_disconnect__says_so_when_nothing_came_of_it),
        world_test(test_disconnect__hears_that_it_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
