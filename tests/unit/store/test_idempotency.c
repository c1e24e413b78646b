#include "unit/store/temporary_store.h"

#include "store/idempotency.h"

#define INSTANCE ((struct gate_digest){{7}})

static struct gate_idempotency row_of(int64_t user_id, int64_t owner, unsigned char mark) {
    return (struct gate_idempotency){.user_id = user_id,
                                     .owner = owner,
                                     .key_hash = {{mark, 1}},
                                     .request_hash = {{mark, 2}},
                                     .instance = INSTANCE,
                                     .started_at = NOW,
                                     .runs_until = NOW + 100,
                                     .expires_at = NOW + 1000};
}

static void insert(struct aggregate_case *c, struct gate_idempotency *row) {
    assert_int_equal(gate_store_idempotency_insert(c->ctx, c->tx, row, &row->id), GATE_OK);
}

static enum gate_err find(struct aggregate_case *c, const struct gate_idempotency *row,
                          struct gate_idempotency *ret_found) {
    return gate_store_idempotency_find(c->ctx, c->tx, row->user_id, row->owner, &row->key_hash,
                                       ret_found);
}

static void answer(struct aggregate_case *c, struct gate_idempotency *row, const char *sealed) {
    row->state = GATE_IDEMPOTENCY_ANSWERED;
    row->status = 422;
    row->content_type = "application/problem+json";
    row->sealed_answer = sealed;
    assert_int_equal(gate_store_idempotency_end(c->ctx, c->tx, row), GATE_OK);
}

static enum gate_idempotency_state state_of(struct aggregate_case *c,
                                            const struct gate_idempotency *row) {
    struct gate_idempotency found;
    assert_int_equal(find(c, row, &found), GATE_OK);
    return found.state;
}

static void expect_usage(struct aggregate_case *c, int64_t owner, int64_t keys, int64_t bytes) {
    struct gate_idempotency_usage usage = {-1, -1};
    assert_int_equal(gate_store_idempotency_usage(c->ctx, c->tx, owner, &usage), GATE_OK);
    assert_int_equal(usage.keys, keys);
    assert_int_equal(usage.bytes, bytes);
}

static void run_sql(struct aggregate_case *c, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(c->tx->handle, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s", message);
    }
}

static void set_usage(struct aggregate_case *c, int64_t owner, int64_t keys, int64_t bytes) {
    char sql[200];
    snprintf(sql, sizeof sql,
             "INSERT OR REPLACE INTO idempotency_usage (owner, keys, bytes) VALUES (%lld, %lld, "
             "%lld)",
             (long long)owner, (long long)keys, (long long)bytes);
    run_sql(c, sql);
}

static void test_row__from_start_to_answer(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1), found;
    assert_int_equal(find(c, &row, &found), GATE_ERR_NOT_FOUND);
    insert(c, &row);
    assert_int_equal(find(c, &row, &found), GATE_OK);
    assert_int_equal(found.id, row.id);
    assert_int_equal(found.state, GATE_IDEMPOTENCY_STARTED);
    assert_int_equal(found.started_at, NOW);
    assert_int_equal(found.runs_until, NOW + 100);
    assert_int_equal(found.expires_at, NOW + 1000);
    assert_true(gate_digest_equal(&found.request_hash, &row.request_hash));
    assert_true(gate_digest_equal(&found.instance, &row.instance));
    assert_null(found.sealed_answer);
    answer(c, &row, "sealed");
    assert_int_equal(find(c, &row, &found), GATE_OK);
    assert_int_equal(found.state, GATE_IDEMPOTENCY_ANSWERED);
    assert_int_equal(found.status, 422);
    assert_string_equal(found.content_type, "application/problem+json");
    assert_string_equal(found.sealed_answer, "sealed");
    assert_int_equal(c->ctx->error.kind, GATE_OK);
}

static void test_row__is_found_by_person_owner_and_key_together(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1), found;
    insert(c, &row);
    struct gate_idempotency others[] = {row, row, row};
    others[0].user_id = add_user(c, "eve");
    others[1].owner = 6;
    others[2].key_hash.bytes[31] = 1;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(find(c, &others[i], &found), GATE_ERR_NOT_FOUND);
        insert(c, &others[i]);
    }
}

static void test_insert__refuses_a_key_that_is_there(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1);
    insert(c, &row);
    int64_t id;
    assert_int_equal(gate_store_idempotency_insert(c->ctx, c->tx, &row, &id), GATE_ERR_CONFLICT);
    expect_usage(c, 5, 1, 0);
}

static void test_insert__is_bounded_per_owner_and_in_total(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1);
    int64_t id;
    set_usage(c, 5, GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX, 0);
    assert_int_equal(gate_store_idempotency_insert(c->ctx, c->tx, &row, &id), GATE_ERR_BUSY);
    assert_int_equal(c->ctx->error.kind, GATE_OK);
    set_usage(c, 5, GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX - 1, 0);
    insert(c, &row);
    set_usage(c, 0, GATE_IDEMPOTENCY_KEYS_MAX, 0);
    row = row_of(row.user_id, 6, 2);
    assert_int_equal(gate_store_idempotency_insert(c->ctx, c->tx, &row, &id), GATE_ERR_BUSY);
}

static void test_end__only_once_and_by_whoever_started(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1), stranger;
    insert(c, &row);
    stranger = row;
    stranger.instance.bytes[0]++;
    answer(c, &stranger, "forged");
    assert_int_equal(gate_store_idempotency_release(c->ctx, c->tx, row.id, &stranger.instance),
                     GATE_OK);
    assert_int_equal(state_of(c, &row), GATE_IDEMPOTENCY_STARTED);
    row.state = GATE_IDEMPOTENCY_UNKNOWN;
    assert_int_equal(gate_store_idempotency_end(c->ctx, c->tx, &row), GATE_OK);
    answer(c, &row, "too late");
    assert_int_equal(gate_store_idempotency_release(c->ctx, c->tx, row.id, &row.instance), GATE_OK);
    assert_int_equal(state_of(c, &row), GATE_IDEMPOTENCY_UNKNOWN);
    expect_usage(c, 5, 1, 0);
}

static void test_release__forgets(void **state) {
    struct aggregate_case *c = *state;
    struct gate_idempotency row = row_of(add_user(c, "ada"), 5, 1), found;
    insert(c, &row);
    assert_int_equal(gate_store_idempotency_release(c->ctx, c->tx, row.id, &row.instance), GATE_OK);
    assert_int_equal(find(c, &row, &found), GATE_ERR_NOT_FOUND);
    expect_usage(c, 5, 0, 0);
    insert(c, &row);
}

static void test_usage__follows_every_change(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    struct gate_idempotency one = row_of(ada, 5, 1), two = row_of(eve, 5, 1),
                            three = row_of(eve, -eve, 1);
    insert(c, &one);
    insert(c, &two);
    insert(c, &three);
    answer(c, &one, "12345");
    answer(c, &three, "123");
    expect_usage(c, 5, 2, 5);
    expect_usage(c, -eve, 1, 3);
    expect_usage(c, 0, 3, 8);
    run_sql(c, "DELETE FROM user WHERE identifier = 'eve'");
    expect_usage(c, 5, 1, 5);
    expect_usage(c, -eve, 0, 0);
    expect_usage(c, 0, 1, 5);
    assert_int_equal(gate_store_idempotency_delete(c->ctx, c->tx, one.id), GATE_OK);
    expect_usage(c, 0, 0, 0);
}

static void test_end__the_oldest_answers_make_room(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_idempotency old = row_of(ada, 5, 1), others = row_of(ada, 6, 1),
                            new = row_of(ada, 5, 2);
    insert(c, &old);
    insert(c, &others);
    insert(c, &new);
    answer(c, &old, "old answer");
    answer(c, &others, "of another token");
    set_usage(c, 5, 2, GATE_IDEMPOTENCY_BYTES_PER_CALLER_MAX);
    answer(c, &new, "newanswer");
    assert_int_equal(state_of(c, &old), GATE_IDEMPOTENCY_NOT_KEPT);
    assert_int_equal(state_of(c, &new), GATE_IDEMPOTENCY_ANSWERED);
    assert_int_equal(state_of(c, &others), GATE_IDEMPOTENCY_ANSWERED);
}

static void test_end__an_answer_without_room_is_not_kept(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_idempotency others = row_of(ada, 6, 1), row = row_of(ada, 5, 2);
    insert(c, &others);
    insert(c, &row);
    answer(c, &others, "of another token");
    set_usage(c, 0, 2, GATE_IDEMPOTENCY_BYTES_MAX);
    answer(c, &row, "x");
    assert_int_equal(state_of(c, &row), GATE_IDEMPOTENCY_NOT_KEPT);
    assert_int_equal(state_of(c, &others), GATE_IDEMPOTENCY_ANSWERED);
}

static void test_delete_expired__is_limited(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (unsigned char i = 0; i < 5; i++) {
        struct gate_idempotency row = row_of(ada, 5, i);
        insert(c, &row);
    }
    size_t deleted = 99;
    static const struct {
        int64_t now_ms;
        size_t deleted;
    } steps[] = {{NOW + 999, 0}, {NOW + 1000, 3}, {NOW + 1000, 2}, {NOW + 1000, 0}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(
            gate_store_idempotency_delete_expired(c->ctx, c->tx, steps[i].now_ms, 3, &deleted),
            GATE_OK);
        assert_int_equal(deleted, steps[i].deleted);
    }
    expect_usage(c, 5, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_row__from_start_to_answer),
        aggregate_test(test_row__is_found_by_person_owner_and_key_together),
        aggregate_test(test_insert__refuses_a_key_that_is_there),
        aggregate_test(test_insert__is_bounded_per_owner_and_in_total),
        aggregate_test(test_end__only_once_and_by_whoever_started),
        aggregate_test(test_release__forgets),
        aggregate_test(test_usage__follows_every_change),
        aggregate_test(test_end__the_oldest_answers_make_room),
        aggregate_test(test_end__an_answer_without_room_is_not_kept),
        aggregate_test(test_delete_expired__is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
