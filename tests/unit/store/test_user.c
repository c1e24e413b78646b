#include "unit/store/temporary_store.h"

#include "store/account.h"
#include "store/tool_call.h"

static struct gate_user person(const char *subject, const char *identifier) {
    return (struct gate_user){.issuer = "https://id.example.com",
                              .subject = subject,
                              .identifier = identifier,
                              .email = "ada@example.com",
                              .name = "Ada"};
}

static void test_save__inserts_and_then_updates(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user ada = person("s1", "ada");
    struct gate_user first = {0}, second = {0};
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW, &first), GATE_OK);
    assert_int_equal(first.created_at, NOW);
    assert_int_equal(first.last_seen_at, NOW);
    assert_int_equal(first.accounts_read_at, 0);
    assert_null(first.organization);
    ada.name = "Ada L.";
    ada.identifier = "ada@new";
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW + 5, &second), GATE_OK);
    assert_int_equal(second.id, first.id);
    assert_int_equal(second.created_at, NOW);
    assert_int_equal(second.last_seen_at, NOW + 5);
    assert_string_equal(second.name, "Ada L.");
    assert_string_equal(second.identifier, "ada@new");
}

static void test_save__refuses_an_identifier_of_another_person(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user ada = person("s1", "ada"), eve = person("s2", "ada"), ret = {0};
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW, &ret), GATE_OK);
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &eve, NOW, &ret), GATE_ERR_CONFLICT);
    assert_string_equal(ret.subject, "s1");
    gate_error_clear(&c->ctx->error);
    eve.identifier = "eve";
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &eve, NOW, &ret), GATE_OK);
    eve.identifier = "ada";
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &eve, NOW, &ret), GATE_ERR_CONFLICT);
}

static void test_save__refuses_an_empty_identifier(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user nobody = person("s1", ""), ret = {0};
    assert_int_not_equal(gate_store_user_save(c->ctx, c->tx, &nobody, NOW, &ret), GATE_OK);
    nobody.identifier = NULL;
    assert_int_not_equal(gate_store_user_save(c->ctx, c->tx, &nobody, NOW, &ret), GATE_OK);
    assert_int_equal(ret.id, 0);
}

static void test_save__adopts_whom_a_service_named(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user named = {0}, again = {0}, signed_in = {0};
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada", NOW, &named), GATE_OK);
    assert_string_equal(named.issuer, GATE_USER_ISSUER_SERVICE);
    assert_int_equal(named.last_seen_at, 0);
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada", NOW + 1, &again), GATE_OK);
    assert_int_equal(again.id, named.id);
    struct gate_user ada = person("s1", "ada");
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW + 2, &signed_in), GATE_OK);
    assert_int_equal(signed_in.id, named.id);
    assert_string_equal(signed_in.issuer, "https://id.example.com");
    assert_string_equal(signed_in.subject, "s1");
    assert_int_equal(signed_in.created_at, NOW);
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada", NOW + 3, &again), GATE_OK);
    assert_string_equal(again.subject, "s1");
}

static void test_save__renamed_to_whom_a_service_named(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user ada = person("s1", "ada@old"), first = {0}, named = {0}, second = {0};
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW, &first), GATE_OK);
    struct gate_account account = {
        .user_id = first.id, .connection_name = "gmail", .status = GATE_ACCOUNT_ACTIVE};
    assert_int_equal(
        gate_store_account_save(c->ctx, c->tx, &account, GATE_ACCOUNT_SAVE_ALWAYS, NOW, NULL),
        GATE_OK);
    assert_int_equal(gate_store_user_save_accounts_read_at(c->ctx, c->tx, first.id, NOW), GATE_OK);
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada@new", NOW + 1, &named), GATE_OK);
    struct gate_tool_call call = {.user_id = named.id, .outcome = "ok", .at = NOW + 1};
    assert_int_equal(gate_store_tool_call_insert(c->ctx, c->tx, &call, NULL), GATE_OK);

    ada.identifier = "ada@new";
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW + 2, &second), GATE_OK);
    assert_int_equal(second.id, first.id);
    assert_string_equal(second.identifier, "ada@new");
    assert_int_equal(second.accounts_read_at, 0); /* so they are read under the new identifier */
    assert_int_equal(gate_store_account_find(c->ctx, c->tx, first.id, "gmail", &account),
                     GATE_ERR_NOT_FOUND);
    struct gate_tool_call *calls = NULL;
    size_t count = 0;
    struct gate_tool_call_filter filter = {.user_id = first.id, .max = 9};
    assert_int_equal(gate_store_tool_call_list(c->ctx, c->tx, &filter, &calls, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, named.id, &named), GATE_ERR_NOT_FOUND);
}

static void test_find__by_id_and_identifier(void **state) {
    struct aggregate_case *c = *state;
    int64_t id = add_user(c, "it's \"quoted\"; --");
    struct gate_user user = {0};
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, id, &user), GATE_OK);
    assert_int_equal(
        gate_store_user_find_by_identifier(c->ctx, c->tx, "it's \"quoted\"; --", &user), GATE_OK);
    assert_int_equal(user.id, id);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, id + 1, &user), GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_user_find_by_identifier(c->ctx, c->tx, NULL, &user),
                     GATE_ERR_NOT_FOUND);
    assert_int_equal(c->ctx->error.kind, GATE_OK);
}

static void test_list__pages_by_id(void **state) {
    struct aggregate_case *c = *state;
    for (int i = 0; i < 25; i++) {
        add_user(c, gate_arena_printf(c->ctx->arena, "user-%02d", i));
    }
    struct gate_user *users = NULL;
    size_t count = 0, seen = 0;
    int64_t after = 0;
    do {
        assert_int_equal(gate_store_user_list(c->ctx, c->tx, after, 10, &users, &count), GATE_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(users[i].id > after);
            after = users[i].id;
        }
        seen += count;
    } while (count > 0);
    assert_int_equal(seen, 25);
}

static void test_times__are_set(void **state) {
    struct aggregate_case *c = *state;
    int64_t id = add_user(c, "ada");
    struct gate_user user = {0};
    assert_int_equal(gate_store_user_touch(c->ctx, c->tx, id, NOW + 9), GATE_OK);
    assert_int_equal(gate_store_user_touch(c->ctx, c->tx, id, NOW + 3), GATE_OK);
    assert_int_equal(gate_store_user_touch(c->ctx, c->tx, 999, NOW), GATE_OK);
    assert_int_equal(gate_store_user_save_accounts_read_at(c->ctx, c->tx, id, NOW + 4), GATE_OK);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, id, &user), GATE_OK);
    assert_int_equal(user.last_seen_at, NOW + 9);
    assert_int_equal(user.accounts_read_at, NOW + 4);
    assert_int_equal(gate_store_user_save_accounts_read_at(c->ctx, c->tx, id, 0), GATE_OK);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, id, &user), GATE_OK);
    assert_int_equal(user.accounts_read_at, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_save__inserts_and_then_updates),
        aggregate_test(test_save__refuses_an_identifier_of_another_person),
        aggregate_test(test_save__refuses_an_empty_identifier),
        aggregate_test(test_save__adopts_whom_a_service_named),
        aggregate_test(test_save__renamed_to_whom_a_service_named),
        aggregate_test(test_find__by_id_and_identifier),
        aggregate_test(test_list__pages_by_id),
        aggregate_test(test_times__are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
