#include "unit/store/temporary_store.h"

#include "store/account.h"
#include "store/notice.h"

#define URL_ONE "https://one.example.com/hook"
#define URL_TWO "https://two.example.com/hook"

static const char *const both[] = {URL_ONE, URL_TWO, NULL};

static void save_targets(struct aggregate_case *c, const char *const *urls, size_t lost) {
    size_t ret_lost = 99;
    assert_int_equal(gate_store_notice_targets_save(c->ctx, c->tx, urls, &ret_lost), GATE_OK);
    assert_int_equal(ret_lost, lost);
}

static struct gate_notice_target target_of(struct aggregate_case *c, const char *url) {
    struct gate_notice_target *targets = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_notice_target_list(c->ctx, c->tx, &targets, &count), GATE_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(targets[i].url, url) == 0) {
            return targets[i];
        }
    }
    fail_msg("no target %s", url);
    return (struct gate_notice_target){0};
}

static void change(struct aggregate_case *c, int64_t user_id, enum gate_account_status status) {
    const struct gate_account account = {
        .user_id = user_id, .connection_name = "gmail", .scalekit_id = "ca_1", .status = status};
    assert_int_equal(
        gate_store_account_save(c->ctx, c->tx, &account, GATE_ACCOUNT_SAVE_ALWAYS, NOW, NULL),
        GATE_OK);
}

static void run_sql(struct aggregate_case *c, const char *sql) {
    assert_int_equal(sqlite3_exec(c->tx->handle, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void test_notice__is_written_with_the_change_or_not_at_all(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    change(c, ada, GATE_ACCOUNT_ACTIVE); /* before anybody wants to know */
    save_targets(c, both, 0);
    assert_int_equal(target_of(c, URL_ONE).pending, 0);
    run_sql(c, "BEGIN");
    change(c, ada, GATE_ACCOUNT_EXPIRED);
    assert_int_equal(target_of(c, URL_ONE).pending, 1);
    run_sql(c, "ROLLBACK");
    assert_int_equal(target_of(c, URL_ONE).pending, 0);
    change(c, ada, GATE_ACCOUNT_EXPIRED);
    assert_int_equal(gate_store_account_forget(c->ctx, c->tx, ada, "gmail",
                                               GATE_ACCOUNT_SOURCE_SWEEP, NOW + 5, NULL),
                     GATE_OK);
    assert_int_equal(target_of(c, URL_ONE).pending, 2);
    assert_int_equal(target_of(c, URL_TWO).pending, 2);

    struct gate_notice first = {0}, second = {0}, other = {0};
    int64_t one = target_of(c, URL_ONE).id;
    assert_int_equal(gate_store_notice_find_next(c->ctx, c->tx, one, &first), GATE_OK);
    assert_string_equal(first.identifier, "ada");
    assert_string_equal(first.old_status, "ACTIVE");
    assert_string_equal(first.new_status, "EXPIRED");
    assert_int_equal(gate_store_notice_delivered(c->ctx, c->tx, one, first.id, NOW), GATE_OK);
    assert_int_equal(gate_store_notice_delivered(c->ctx, c->tx, one, first.id, NOW), GATE_OK);
    assert_int_equal(gate_store_notice_find_next(c->ctx, c->tx, one, &second), GATE_OK);
    assert_null(second.new_status);
    assert_int_equal(second.at, NOW + 5);
    assert_int_equal(gate_store_notice_find_next(c->ctx, c->tx, target_of(c, URL_TWO).id, &other),
                     GATE_OK);
    assert_string_equal(other.new_status, "EXPIRED");
    assert_string_not_equal(other.message_id, first.message_id);
    assert_int_equal(target_of(c, URL_ONE).pending, 1);
    assert_int_equal(target_of(c, URL_ONE).delivered_at, NOW);
}

static void test_targets__follow_the_settings(void **state) {
    struct aggregate_case *c = *state;
    static const char *const two[] = {URL_TWO, NULL};
    int64_t ada = add_user(c, "ada");
    save_targets(c, both, 0);
    change(c, ada, GATE_ACCOUNT_ACTIVE);
    save_targets(c, both, 0);
    int64_t id = target_of(c, URL_TWO).id;
    save_targets(c, two, 1);
    assert_int_equal(target_of(c, URL_TWO).id, id);
    assert_int_equal(target_of(c, URL_TWO).pending, 1);
    save_targets(c, NULL, 1);
    struct gate_notice_target *targets = NULL;
    size_t count = 99;
    assert_int_equal(gate_store_notice_target_list(c->ctx, c->tx, &targets, &count), GATE_OK);
    assert_int_equal(count, 0);
}

static void test_outbox__is_bounded_and_drops_the_oldest(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    save_targets(c, both, 0);
    change(c, ada, GATE_ACCOUNT_ACTIVE);
    change(c, ada, GATE_ACCOUNT_EXPIRED);
    run_sql(c, "UPDATE notice_target SET pending = 99999 WHERE url = '" URL_ONE "'");
    int64_t one = target_of(c, URL_ONE).id;
    change(c, ada, GATE_ACCOUNT_DISCONNECTED);
    assert_int_equal(target_of(c, URL_ONE).dropped, 0);
    assert_int_equal(target_of(c, URL_ONE).pending, 100000);
    change(c, ada, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(target_of(c, URL_ONE).dropped, 1);
    assert_int_equal(target_of(c, URL_ONE).pending, 100000);
    struct gate_notice next = {0};
    assert_int_equal(gate_store_notice_find_next(c->ctx, c->tx, one, &next), GATE_OK);
    assert_string_equal(next.new_status, "EXPIRED");
    assert_int_equal(target_of(c, URL_TWO).dropped, 0);
    assert_int_equal(target_of(c, URL_TWO).pending, 4);
}

static void test_wake__forgets_failures_and_resumes_only_when_told(void **state) {
    struct aggregate_case *c = *state;
    save_targets(c, both, 0);
    int64_t one = target_of(c, URL_ONE).id;
    bool changed = true;
    assert_int_equal(gate_store_notice_target_wake(c->ctx, c->tx, one, true, &changed), GATE_OK);
    assert_false(changed);
    struct gate_notice_failure failure = {.error = "HTTP 500", .next_at = NOW + 9};
    assert_int_equal(gate_store_notice_failed(c->ctx, c->tx, one, &failure, NOW), GATE_OK);
    assert_int_equal(gate_store_notice_failed(c->ctx, c->tx, one, &failure, NOW + 5), GATE_OK);
    assert_int_equal(target_of(c, URL_ONE).failing_since, NOW);
    assert_int_equal(target_of(c, URL_ONE).attempts, 2);
    assert_int_equal(target_of(c, URL_ONE).next_at, NOW + 9);
    assert_int_equal(gate_store_notice_target_wake(c->ctx, c->tx, one, false, &changed), GATE_OK);
    assert_true(changed);
    assert_int_equal(target_of(c, URL_ONE).next_at, 0);
    failure.disables = true;
    assert_int_equal(gate_store_notice_failed(c->ctx, c->tx, one, &failure, NOW), GATE_OK);
    assert_int_equal(target_of(c, URL_ONE).disabled_at, NOW);
    assert_int_equal(gate_store_notice_target_wake(c->ctx, c->tx, one, false, &changed), GATE_OK);
    assert_false(changed);
    assert_int_equal(gate_store_notice_target_wake(c->ctx, c->tx, one, true, &changed), GATE_OK);
    assert_true(changed);
    assert_int_equal(target_of(c, URL_ONE).disabled_at, 0);
}

static void test_person__who_is_forgotten_takes_notices_along(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    save_targets(c, both, 0);
    change(c, ada, GATE_ACCOUNT_ACTIVE);
    change(c, eve, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(gate_store_user_delete(c->ctx, c->tx, ada, NOW), GATE_OK);
    assert_int_equal(target_of(c, URL_ONE).pending, 1);
    struct gate_notice next = {0};
    assert_int_equal(gate_store_notice_find_next(c->ctx, c->tx, target_of(c, URL_ONE).id, &next),
                     GATE_OK);
    assert_string_equal(next.identifier, "eve");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_notice__is_written_with_the_change_or_not_at_all),
        aggregate_test(test_targets__follow_the_settings),
        aggregate_test(test_outbox__is_bounded_and_drops_the_oldest),
        aggregate_test(test_wake__forgets_failures_and_resumes_only_when_told),
        aggregate_test(test_person__who_is_forgotten_takes_notices_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
