#include "unit/store/temporary_store.h"

#include "store/session.h"

static struct gate_session session_of(int64_t user_id, unsigned char mark) {
    return (struct gate_session){.hash = {{mark, 7}},
                                 .user_id = user_id,
                                 .created_at = NOW,
                                 .last_seen_at = NOW,
                                 .idle_expires_at = NOW + 1000,
                                 .expires_at = NOW + 5000,
                                 .user_agent = "Browser/1"};
}

static void test_find_by_hash__gives_session_and_person(void **state) {
    struct aggregate_case *c = *state;
    struct gate_session session = session_of(add_user(c, "ada"), 1), found = {0};
    struct gate_user user = {0};
    int64_t id = 0;
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, &session.hash, NOW, &found, &user), GATE_OK);
    assert_int_equal(found.id, id);
    assert_int_equal(user.id, session.user_id);
    assert_string_equal(user.identifier, "ada");
    assert_string_equal(found.user_agent, "Browser/1");
    assert_null(found.sealed_id_token);
    assert_memory_equal(found.hash.bytes, session.hash.bytes, GATE_DIGEST_BYTES);
    session.hash.bytes[0] = 2;
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, &session.hash, NOW, &found, &user),
        GATE_ERR_NOT_FOUND);
}

static void test_find_by_hash__passes_over_expired_ones(void **state) {
    struct aggregate_case *c = *state;
    struct gate_session session = session_of(add_user(c, "ada"), 1), found = {0};
    struct gate_user user = {0};
    int64_t id = 0;
    const struct gate_digest *hash = &session.hash;
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, hash, NOW + 1000, &found, &user),
        GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_session_touch(c->ctx, c->tx, id, NOW + 900, NOW + 9999), GATE_OK);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, hash, NOW + 4999, &found, &user), GATE_OK);
    assert_int_equal(found.last_seen_at, NOW + 900);
    assert_int_equal(found.idle_expires_at, NOW + 5000);
    assert_int_equal(gate_store_session_touch(c->ctx, c->tx, id, NOW + 100, NOW + 200), GATE_OK);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, hash, NOW + 4999, &found, &user), GATE_OK);
    assert_int_equal(found.last_seen_at, NOW + 900);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, hash, NOW + 5000, &found, &user),
        GATE_ERR_NOT_FOUND);
}

static void test_insert__drops_the_oldest_beyond_the_limit(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve"), id = 0;
    struct gate_session other = session_of(eve, 255), session, found = {0};
    struct gate_user user = {0};
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &other, &id), GATE_OK);
    for (int i = 0; i <= GATE_SESSIONS_PER_USER_MAX; i++) {
        session = session_of(ada, (unsigned char)i);
        assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    }
    session = session_of(ada, 0);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, &session.hash, NOW, &found, &user),
        GATE_ERR_NOT_FOUND);
    session = session_of(ada, 1);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, &session.hash, NOW, &found, &user), GATE_OK);
    assert_int_equal(
        gate_store_session_find_by_hash(c->ctx, c->tx, &other.hash, NOW, &found, &user), GATE_OK);
}

static void test_insert__refuses_doubles_and_strangers(void **state) {
    struct aggregate_case *c = *state;
    struct gate_session session = session_of(add_user(c, "ada"), 1);
    int64_t id = 0;
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_ERR_CONFLICT);
    session = session_of(12345, 2);
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_ERR_CONFLICT);
}

static void test_delete__by_hash_and_expiry(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), id = 0;
    struct gate_session found = {0};
    struct gate_user user = {0};
    for (unsigned char i = 0; i < 5; i++) {
        struct gate_session session = session_of(ada, i);
        session.idle_expires_at = NOW + i;
        assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    }
    struct gate_digest last = session_of(ada, 4).hash;
    size_t deleted = 99;
    assert_int_equal(gate_store_session_delete_expired(c->ctx, c->tx, NOW + 3, 3, &deleted),
                     GATE_OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(gate_store_session_delete_expired(c->ctx, c->tx, NOW + 3, 3, &deleted),
                     GATE_OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(gate_store_session_find_by_hash(c->ctx, c->tx, &last, NOW, &found, &user),
                     GATE_OK);
    assert_int_equal(gate_store_session_delete_by_hash(c->ctx, c->tx, &last), GATE_OK);
    assert_int_equal(gate_store_session_delete_by_hash(c->ctx, c->tx, &last), GATE_OK);
    assert_int_equal(gate_store_session_find_by_hash(c->ctx, c->tx, &last, NOW, &found, &user),
                     GATE_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_find_by_hash__gives_session_and_person),
        aggregate_test(test_find_by_hash__passes_over_expired_ones),
        aggregate_test(test_insert__drops_the_oldest_beyond_the_limit),
        aggregate_test(test_insert__refuses_doubles_and_strangers),
        aggregate_test(test_delete__by_hash_and_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
