#include "unit/store/temporary_store.h"

#include "store/authorization.h"

static struct gate_authorization attempt_of(int64_t user_id, unsigned char mark) {
    return (struct gate_authorization){.state_hash = {{mark, 1}},
                                       .browser_hash = {{mark, 2}},
                                       .user_id = user_id,
                                       .connection_name = "gmail",
                                       .return_to = "/connectors/gmail",
                                       .created_at = NOW + mark,
                                       .expires_at = NOW + 1000};
}

static void insert(struct aggregate_case *c, const struct gate_authorization *attempt) {
    assert_int_equal(gate_store_authorization_insert(c->ctx, c->tx, attempt), GATE_OK);
}

static void test_use__works_once(void **state) {
    struct aggregate_case *c = *state;
    struct gate_authorization attempt = attempt_of(add_user(c, "ada"), 1), used = {0};
    insert(c, &attempt);
    const struct gate_digest *hash = &attempt.state_hash;
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, hash, NOW + 5, &used), GATE_OK);
    assert_int_equal(used.used_at, NOW + 5);
    assert_int_equal(used.user_id, attempt.user_id);
    assert_string_equal(used.return_to, "/connectors/gmail");
    assert_memory_equal(used.browser_hash.bytes, attempt.browser_hash.bytes, GATE_DIGEST_BYTES);
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, hash, NOW + 6, NULL),
                     GATE_ERR_CONFLICT);
    /* Used stays used, also when it would have expired by now. */
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, hash, NOW + 9999, NULL),
                     GATE_ERR_CONFLICT);
    assert_int_equal(c->ctx->error.kind, GATE_OK);
}

static void test_use__refuses_expired_and_unknown_ones(void **state) {
    struct aggregate_case *c = *state;
    struct gate_authorization attempt = attempt_of(add_user(c, "ada"), 1), found = {0};
    insert(c, &attempt);
    const struct gate_digest *hash = &attempt.state_hash;
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, hash, NOW + 1000, &found),
                     GATE_ERR_EXPIRED);
    struct gate_digest other = {{9}};
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, &other, NOW, &found),
                     GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_authorization_find(c->ctx, c->tx, hash, &found), GATE_OK);
    assert_int_equal(found.used_at, 0);
    assert_null(found.outcome);
}

static void test_finish__records_the_outcome(void **state) {
    struct aggregate_case *c = *state;
    struct gate_authorization attempt = attempt_of(add_user(c, "ada"), 1), found = {0};
    insert(c, &attempt);
    assert_int_equal(gate_store_authorization_finish(c->ctx, c->tx, &attempt.state_hash, "refused"),
                     GATE_OK);
    assert_int_equal(gate_store_authorization_find(c->ctx, c->tx, &attempt.state_hash, &found),
                     GATE_OK);
    assert_string_equal(found.outcome, "refused");
    struct gate_digest other = {{9}};
    assert_int_equal(gate_store_authorization_finish(c->ctx, c->tx, &other, "refused"), GATE_OK);
}

static void test_insert__drops_the_oldest_beyond_the_limit(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    struct gate_authorization attempt = attempt_of(eve, 200), found;
    insert(c, &attempt);
    for (int i = 0; i <= GATE_AUTHORIZATION_REQUESTS_PER_USER_MAX; i++) {
        attempt = attempt_of(ada, (unsigned char)i);
        insert(c, &attempt);
    }
    struct gate_digest first = attempt_of(ada, 0).state_hash;
    struct gate_digest second = attempt_of(ada, 1).state_hash;
    struct gate_digest others = attempt_of(eve, 200).state_hash;
    assert_int_equal(gate_store_authorization_find(c->ctx, c->tx, &first, &found),
                     GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_authorization_find(c->ctx, c->tx, &second, &found), GATE_OK);
    assert_int_equal(gate_store_authorization_find(c->ctx, c->tx, &others, &found), GATE_OK);
}

static void test_insert__refuses_a_state_that_is_there(void **state) {
    struct aggregate_case *c = *state;
    struct gate_authorization attempt = attempt_of(add_user(c, "ada"), 1);
    insert(c, &attempt);
    assert_int_equal(gate_store_authorization_insert(c->ctx, c->tx, &attempt), GATE_ERR_CONFLICT);
}

static void test_delete_expired__is_limited(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (unsigned char i = 0; i < 5; i++) {
        struct gate_authorization attempt = attempt_of(ada, i);
        insert(c, &attempt);
    }
    size_t deleted = 99;
    assert_int_equal(gate_store_authorization_delete_expired(c->ctx, c->tx, NOW + 999, 3, &deleted),
                     GATE_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(
        gate_store_authorization_delete_expired(c->ctx, c->tx, NOW + 1000, 3, &deleted), GATE_OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(
        gate_store_authorization_delete_expired(c->ctx, c->tx, NOW + 1000, 3, &deleted), GATE_OK);
    assert_int_equal(deleted, 2);
}

static void test_list_open__leaves_out_what_has_ended(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    for (unsigned char i = 0; i < 4; i++) {
        struct gate_authorization attempt = attempt_of(i == 3 ? eve : ada, i);
        attempt.created_at += i;
        insert(c, &attempt);
    }
    struct gate_authorization *open = NULL;
    size_t count = 0;
    assert_int_equal(
        gate_store_authorization_list_open(c->ctx, c->tx, ada, NOW + 999, 9, &open, &count),
        GATE_OK);
    assert_int_equal(count, 3);
    assert_true(open[0].created_at > open[1].created_at);
    struct gate_digest used = attempt_of(ada, 0).state_hash,
                       finished = attempt_of(ada, 1).state_hash;
    assert_int_equal(gate_store_authorization_use(c->ctx, c->tx, &used, NOW, NULL), GATE_OK);
    assert_int_equal(gate_store_authorization_finish(c->ctx, c->tx, &finished, "connected"),
                     GATE_OK);
    assert_int_equal(
        gate_store_authorization_list_open(c->ctx, c->tx, ada, NOW + 999, 9, &open, &count),
        GATE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(
        gate_store_authorization_list_open(c->ctx, c->tx, ada, NOW + 1000, 9, &open, &count),
        GATE_OK);
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_use__works_once),
        aggregate_test(test_use__refuses_expired_and_unknown_ones),
        aggregate_test(test_finish__records_the_outcome),
        aggregate_test(test_insert__drops_the_oldest_beyond_the_limit),
        aggregate_test(test_insert__refuses_a_state_that_is_there),
        aggregate_test(test_delete_expired__is_limited),
        aggregate_test(test_list_open__leaves_out_what_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
