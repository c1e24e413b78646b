#include "unit/store/temporary_store.h"

#include "store/admin_event.h"
#include "store/user.h"

static int64_t add_event(struct aggregate_case *c, int64_t user_id, int64_t at) {
    const struct gate_admin_event event = {
        .at = at,
        .uid = 1000,
        .os_user = "root",
        .login_user = "alice",
        .action = "user suspend",
        .user_id = user_id,
    };
    int64_t id = 0;
    assert_int_equal(gate_store_admin_event_insert(c->ctx, c->tx, &event, &id), GATE_OK);
    return id;
}

static void test_list__newest_first_with_their_outcome(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    int64_t first = add_event(c, ada, NOW + 1);
    int64_t second = add_event(c, 0, NOW + 2);
    int64_t third = add_event(c, 0, NOW + 3);
    const struct gate_admin_event done = {.id = first, .outcome = "done"};
    const struct gate_admin_event failed = {
        .id = third, .outcome = "failed", .subject = "tok_1", .user_id = ada};
    assert_int_equal(gate_store_admin_event_finish(c->ctx, c->tx, &done), GATE_OK);
    assert_int_equal(gate_store_admin_event_finish(c->ctx, c->tx, &failed), GATE_OK);
    struct gate_admin_event *events;
    size_t count;
    assert_int_equal(gate_store_admin_event_list(c->ctx, c->tx, 10, &events, &count), GATE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(events[0].id, third);
    assert_string_equal(events[0].outcome, "failed");
    assert_string_equal(events[0].subject, "tok_1");
    assert_int_equal(events[0].user_id, ada);
    assert_int_equal(events[1].id, second);
    assert_null(events[1].outcome);
    assert_int_equal(events[1].user_id, 0);
    assert_null(events[1].identifier);
    assert_string_equal(events[2].outcome, "done");
    assert_string_equal(events[2].identifier, "ada");
    assert_string_equal(events[2].os_user, "root");
    assert_string_equal(events[2].login_user, "alice");
    assert_int_equal(events[2].at, NOW + 1);
    assert_int_equal(gate_store_admin_event_list(c->ctx, c->tx, 1, &events, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(events[0].id, third);
}

/* An id may be given again once its person is forgotten. */
static void test_list__never_names_somebody_who_came_later(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    (void)add_event(c, ada, NOW - 1); /* before this person was there */
    (void)add_event(c, ada + 1, NOW);
    struct gate_admin_event *events;
    size_t count;
    assert_int_equal(gate_store_admin_event_list(c->ctx, c->tx, 10, &events, &count), GATE_OK);
    assert_int_equal(count, 2);
    assert_null(events[0].identifier);
    assert_null(events[1].identifier);
    assert_int_equal(events[1].user_id, ada);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_list__newest_first_with_their_outcome),
        aggregate_test(test_list__never_names_somebody_who_came_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
