#include "unit/store/temporary_store.h"

#include "store/account.h"

static struct gate_account gmail(int64_t user_id, enum gate_account_status status,
                                 int64_t updated_at) {
    return (struct gate_account){.user_id = user_id,
                                 .connection_name = "gmail",
                                 .scalekit_id = "ca_1",
                                 .authorization_type = "OAUTH",
                                 .status = status,
                                 .updated_at = updated_at,
                                 .learned_from = GATE_ACCOUNT_SOURCE_WEBHOOK};
}

static bool save(struct aggregate_case *c, struct gate_account account,
                 enum gate_account_save_rule rule, int64_t now_ms) {
    bool changed = false;
    assert_int_equal(gate_store_account_save(c->ctx, c->tx, &account, rule, now_ms, &changed),
                     GATE_OK);
    return changed;
}

static size_t events_of(struct aggregate_case *c, int64_t user_id,
                        struct gate_account_event **events) {
    size_t count = 0;
    assert_int_equal(
        gate_store_account_event_list(c->ctx, c->tx, user_id, "gmail", 100, events, &count),
        GATE_OK);
    return count;
}

static struct gate_account find(struct aggregate_case *c, int64_t user_id) {
    struct gate_account account = {0};
    assert_int_equal(gate_store_account_find(c->ctx, c->tx, user_id, "gmail", &account), GATE_OK);
    return account;
}

static void test_save__appends_an_event_for_each_change(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_account_event *events = NULL;
    assert_true(save(c, gmail(ada, GATE_ACCOUNT_PENDING_AUTH, 10), GATE_ACCOUNT_SAVE_NEWER, NOW));
    assert_true(save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW + 1));
    assert_false(save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 30), GATE_ACCOUNT_SAVE_NEWER, NOW + 2));
    assert_int_equal(events_of(c, ada, &events), 2);
    assert_string_equal(events[0].old_status, "PENDING_AUTH");
    assert_string_equal(events[0].new_status, "ACTIVE");
    assert_int_equal(events[0].at, NOW + 1);
    assert_int_equal(events[0].source, GATE_ACCOUNT_SOURCE_WEBHOOK);
    assert_null(events[1].old_status);
    struct gate_account account = find(c, ada);
    assert_int_equal(account.learned_at, NOW + 2);
    assert_int_equal(account.updated_at, 30);
    assert_string_equal(account.scalekit_id, "ca_1");
}

static void test_save__passes_over_older_news(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_false(save(c, gmail(ada, GATE_ACCOUNT_EXPIRED, 19), GATE_ACCOUNT_SAVE_NEWER, NOW + 1));
    assert_false(save(c, gmail(ada, GATE_ACCOUNT_EXPIRED, 0), GATE_ACCOUNT_SAVE_NEWER, NOW + 1));
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_ACTIVE);
    assert_true(save(c, gmail(ada, GATE_ACCOUNT_EXPIRED, 20), GATE_ACCOUNT_SAVE_NEWER, NOW + 2));
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_EXPIRED);
}

static void test_save__always_takes_what_is_known_now(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_true(save(c, gmail(ada, GATE_ACCOUNT_EXPIRED, 0), GATE_ACCOUNT_SAVE_ALWAYS, NOW + 1));
    assert_int_equal(find(c, ada).updated_at, 20);
    assert_true(save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 15), GATE_ACCOUNT_SAVE_ALWAYS, NOW + 2));
    assert_int_equal(find(c, ada).updated_at, 15);
}

static void test_save__keeps_an_unknown_status(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save(c, gmail(ada, GATE_ACCOUNT_UNKNOWN, 1), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_UNKNOWN);
}

static void test_forget__outlives_late_news(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_account account;
    struct gate_account_event *events = NULL;
    bool changed = false;
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_int_equal(gate_store_account_forget(c->ctx, c->tx, ada, "gmail",
                                               GATE_ACCOUNT_SOURCE_DISCONNECT, NOW + 1, &changed),
                     GATE_OK);
    assert_true(changed);
    assert_int_equal(gate_store_account_forget(c->ctx, c->tx, ada, "gmail",
                                               GATE_ACCOUNT_SOURCE_DISCONNECT, NOW + 2, &changed),
                     GATE_OK);
    assert_false(changed);
    assert_int_equal(events_of(c, ada, &events), 2);
    assert_null(events[0].new_status);
    assert_string_equal(events[0].old_status, "ACTIVE");
    assert_false(save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 21), GATE_ACCOUNT_SAVE_NEWER, NOW + 3));
    assert_int_equal(gate_store_account_find(c->ctx, c->tx, ada, "gmail", &account),
                     GATE_ERR_NOT_FOUND);
    struct gate_account again = gmail(ada, GATE_ACCOUNT_ACTIVE, 5);
    again.scalekit_id = "ca_2";
    assert_true(save(c, again, GATE_ACCOUNT_SAVE_NEWER, NOW + 4));
}

static void refuse(struct aggregate_case *c, int64_t user_id, int status, const char *tool) {
    assert_int_equal(
        gate_store_account_note_refusal(c->ctx, c->tx, user_id, "gmail", status, tool, NOW + 5),
        GATE_OK);
}

static void succeed(struct aggregate_case *c, int64_t user_id, const char *tool) {
    assert_int_equal(gate_store_account_note_success(c->ctx, c->tx, user_id, "gmail", tool),
                     GATE_OK);
}

static void test_refusal__is_ended_by_what_contradicts_it(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 10), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_int_equal(find(c, ada).refused_at, 0);
    refuse(c, ada, 403, "send");
    assert_int_equal(find(c, ada).refused_at, NOW + 5);
    assert_int_equal(find(c, ada).refused_status, 403);
    assert_string_equal(find(c, ada).refused_tool, "send");
    succeed(c, ada, "fetch"); /* reading was never in question */
    assert_int_equal(find(c, ada).refused_at, NOW + 5);
    succeed(c, ada, "send");
    assert_int_equal(find(c, ada).refused_at, 0);
    refuse(c, ada, 401, "send");
    succeed(c, ada, "fetch"); /* whoever is let in is not locked out */
    assert_int_equal(find(c, ada).refused_at, 0);
    refuse(c, ada, 403, "send");
    assert_int_equal(gate_store_account_end_refusal(c->ctx, c->tx, ada, "gmail"), GATE_OK);
    assert_int_equal(find(c, ada).refused_at, 0);
}

static void test_refusal__lives_as_long_as_the_account_is_active(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 10), GATE_ACCOUNT_SAVE_NEWER, NOW);
    refuse(c, ada, 403, "send");
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 11), GATE_ACCOUNT_SAVE_NEWER, NOW + 6);
    assert_int_equal(find(c, ada).refused_at, NOW + 5); /* a renewed token grants nothing new */
    save(c, gmail(ada, GATE_ACCOUNT_PENDING_VERIFICATION, 12), GATE_ACCOUNT_SAVE_NEWER, NOW + 7);
    assert_int_equal(find(c, ada).refused_at, 0);
    refuse(c, ada, 403, "send"); /* late: it is not active */
    assert_int_equal(find(c, ada).refused_at, 0);
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 13), GATE_ACCOUNT_SAVE_NEWER, NOW + 8);
    refuse(c, ada, 403, "send");
    struct gate_account other = gmail(ada, GATE_ACCOUNT_ACTIVE, 14);
    other.scalekit_id = "ca_2";
    save(c, other, GATE_ACCOUNT_SAVE_NEWER, NOW + 9);
    assert_int_equal(find(c, ada).refused_at, 0);
}

static size_t reconcile(struct aggregate_case *c, int64_t user_id,
                        const struct gate_account *accounts, size_t count, int64_t asked_at) {
    struct gate_account_reading reading = {.accounts = accounts,
                                           .count = count,
                                           .asked_at = asked_at,
                                           .learned_from = GATE_ACCOUNT_SOURCE_PAGE};
    size_t changed = 99;
    assert_int_equal(
        gate_store_account_reconcile(c->ctx, c->tx, user_id, &reading, asked_at + 2, &changed),
        GATE_OK);
    return changed;
}

static void test_reconcile__saves_and_forgets(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    struct gate_account slack = gmail(0, GATE_ACCOUNT_ACTIVE, 20), *list = NULL;
    slack.connection_name = "slack";
    size_t count = 0;
    save(c, gmail(ada, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW);
    save(c, gmail(eve, GATE_ACCOUNT_ACTIVE, 20), GATE_ACCOUNT_SAVE_NEWER, NOW);
    assert_int_equal(reconcile(c, ada, &slack, 1, NOW + 10), 2);
    assert_int_equal(gate_store_account_list(c->ctx, c->tx, ada, &list, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].connection_name, "slack");
    assert_int_equal(list[0].learned_from, GATE_ACCOUNT_SOURCE_PAGE);
    assert_int_equal(find(c, eve).status, GATE_ACCOUNT_ACTIVE);
    struct gate_user user = {0};
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, ada, &user), GATE_OK);
    assert_int_equal(user.accounts_read_at, NOW + 10);
    assert_int_equal(reconcile(c, ada, &slack, 1, NOW + 20), 0);
}

static void test_reconcile__does_not_undo_what_was_learned_meanwhile(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_account listed = gmail(ada, GATE_ACCOUNT_ACTIVE, 20), account;
    save(c, listed, GATE_ACCOUNT_SAVE_NEWER, NOW + 1);
    assert_int_equal(reconcile(c, ada, NULL, 0, NOW), 0);
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(gate_store_account_forget(c->ctx, c->tx, ada, "gmail",
                                               GATE_ACCOUNT_SOURCE_DISCONNECT, NOW + 5, NULL),
                     GATE_OK);
    assert_int_equal(reconcile(c, ada, &listed, 1, NOW + 4), 0);
    assert_int_equal(gate_store_account_find(c->ctx, c->tx, ada, "gmail", &account),
                     GATE_ERR_NOT_FOUND);
    /* Asked for afterwards, the list is right again. */
    assert_int_equal(reconcile(c, ada, &listed, 1, NOW + 6), 1);
}

/* What bears a time that is yet to come was learned before, not since. */
static void test_reconcile__counts_also_when_the_clock_was_set_back(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), hour_ms = 3600000;
    struct gate_account listed = gmail(ada, GATE_ACCOUNT_ACTIVE, 20), account;
    listed.event_at = 30;
    save(c, listed, GATE_ACCOUNT_SAVE_NEWER, NOW + hour_ms);
    listed.event_at = 0;
    listed.status = GATE_ACCOUNT_EXPIRED;
    assert_int_equal(reconcile(c, ada, &listed, 1, NOW), 1);
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_EXPIRED);
    save(c, listed, GATE_ACCOUNT_SAVE_ALWAYS, NOW + hour_ms);
    assert_int_equal(reconcile(c, ada, NULL, 0, NOW + 10), 1);
    assert_int_equal(gate_store_account_find(c->ctx, c->tx, ada, "gmail", &account),
                     GATE_ERR_NOT_FOUND);
    assert_int_equal(reconcile(c, ada, &listed, 1, NOW + 20), 1);
    assert_int_equal(gate_store_account_forget(c->ctx, c->tx, ada, "gmail",
                                               GATE_ACCOUNT_SOURCE_DISCONNECT, NOW + hour_ms, NULL),
                     GATE_OK);
    assert_int_equal(reconcile(c, ada, &listed, 1, NOW + 30), 1);
    assert_int_equal(find(c, ada).status, GATE_ACCOUNT_EXPIRED);
}

static void test_event_list__is_limited_and_newest_first(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (int i = 0; i < 20; i++) {
        save(c, gmail(ada, i % 2 ? GATE_ACCOUNT_ACTIVE : GATE_ACCOUNT_EXPIRED, i),
             GATE_ACCOUNT_SAVE_NEWER, NOW + i);
    }
    struct gate_account_event *events = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_account_event_list(c->ctx, c->tx, ada, "gmail", 7, &events, &count),
                     GATE_OK);
    assert_int_equal(count, 7);
    assert_int_equal(events[0].at, NOW + 19);
    assert_int_equal(events[6].at, NOW + 13);
}

static void test_save__refuses_a_person_that_is_not_there(void **state) {
    struct aggregate_case *c = *state;
    struct gate_account account = gmail(4711, GATE_ACCOUNT_ACTIVE, 1);
    assert_int_equal(
        gate_store_account_save(c->ctx, c->tx, &account, GATE_ACCOUNT_SAVE_NEWER, NOW, NULL),
        GATE_ERR_CONFLICT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_save__appends_an_event_for_each_change),
        aggregate_test(test_save__passes_over_older_news),
        aggregate_test(test_save__always_takes_what_is_known_now),
        aggregate_test(test_save__keeps_an_unknown_status),
        aggregate_test(test_forget__outlives_late_news),
        aggregate_test(test_refusal__is_ended_by_what_contradicts_it),
        aggregate_test(test_refusal__lives_as_long_as_the_account_is_active),
        aggregate_test(test_reconcile__saves_and_forgets),
        aggregate_test(test_reconcile__does_not_undo_what_was_learned_meanwhile),
        aggregate_test(test_reconcile__counts_also_when_the_clock_was_set_back),
        aggregate_test(test_event_list__is_limited_and_newest_first),
        aggregate_test(test_save__refuses_a_person_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
