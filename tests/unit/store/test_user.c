#include "unit/store/temporary_store.h"

#include "store/account.h"
#include "store/session.h"
#include "store/token.h"
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

static void suspend(struct aggregate_case *c, int64_t id, int64_t at_ms, size_t sessions,
                    bool changes) {
    size_t ended = 99;
    bool changed = !changes;
    assert_int_equal(gate_store_user_suspend(c->ctx, c->tx, id, at_ms, &ended, &changed), GATE_OK);
    assert_int_equal(ended, sessions);
    assert_int_equal(changed, changes);
}

static int64_t add_session(struct aggregate_case *c, int64_t user_id, unsigned char mark) {
    struct gate_session session = {.hash = {{mark}},
                                   .user_id = user_id,
                                   .created_at = NOW,
                                   .last_seen_at = NOW,
                                   .idle_expires_at = NOW + 1000,
                                   .expires_at = NOW + 1000};
    int64_t id = 0;
    assert_int_equal(gate_store_session_insert(c->ctx, c->tx, &session, &id), GATE_OK);
    return id;
}

static enum gate_err find_session(struct aggregate_case *c, unsigned char mark) {
    struct gate_digest hash = {{mark}};
    struct gate_session session;
    struct gate_user user;
    return gate_store_session_find_by_hash(c->ctx, c->tx, &hash, NOW, &session, &user);
}

static void test_suspend__ends_sessions_and_keeps_its_first_time(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    struct gate_user user = {0};
    add_session(c, ada, 1);
    add_session(c, ada, 2);
    add_session(c, eve, 3);
    suspend(c, ada, NOW, 2, true);
    suspend(c, ada, NOW + 5, 0, false);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, ada, &user), GATE_OK);
    assert_int_equal(user.suspended_at, NOW);
    assert_int_equal(find_session(c, 1), GATE_ERR_NOT_FOUND);
    assert_int_equal(find_session(c, 3), GATE_OK);
    add_session(c, ada, 4); /* a sign-in that was on its way */
    assert_int_equal(find_session(c, 4), GATE_ERR_NOT_FOUND);
    suspend(c, ada, 0, 0, true);
    suspend(c, ada, 0, 0, false);
    assert_int_equal(find_session(c, 4), GATE_OK);
}

static void test_suspend__follows_the_identifier_to_whom_it_belongs(void **state) {
    struct aggregate_case *c = *state;
    struct gate_user ada = person("s1", "ada"), saved = {0}, named = {0};
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW, &saved), GATE_OK);
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada@new", NOW, &named), GATE_OK);
    suspend(c, named.id, NOW + 7, 0, true);
    ada.identifier = "ada@new";
    assert_int_equal(gate_store_user_save(c->ctx, c->tx, &ada, NOW + 9, &saved), GATE_OK);
    assert_int_equal(saved.suspended_at, NOW + 7);
    assert_int_equal(gate_store_user_find(c->ctx, c->tx, named.id, &named), GATE_ERR_NOT_FOUND);
}

static void add_call(struct aggregate_case *c, int64_t user_id, int64_t token_id) {
    const struct gate_tool_call call = {.user_id = user_id,
                                        .token_id = token_id,
                                        .connection_name = "gmail",
                                        .tool_name = "GET /users/ada@example.com",
                                        .outcome = "ok",
                                        .execution_id = "exec-1",
                                        .agent_run_id = "ada's run",
                                        .request_id = "r-1",
                                        .at = NOW};
    assert_int_equal(gate_store_tool_call_insert(c->ctx, c->tx, &call, NULL), GATE_OK);
}

static int64_t add_token(struct aggregate_case *c, int64_t owner, unsigned char mark) {
    const struct gate_digest hash = {{mark}};
    const struct gate_token token = {.public_id = gate_arena_printf(c->ctx->arena, "tok_%d", mark),
                                     .prefix = "x",
                                     .label = "laptop",
                                     .kind = owner == 0 ? GATE_TOKEN_SERVICE : GATE_TOKEN_PERSONAL,
                                     .owner_user_id = owner,
                                     .created_at = NOW};
    int64_t id = 0;
    assert_int_equal(gate_store_token_insert(c->ctx, c->tx, &hash, &token, &id), GATE_OK);
    return id;
}

static int64_t number_of(struct aggregate_case *c, const char *sql) {
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(c->tx->handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void test_delete__keeps_the_trail_as_nobodys(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    int64_t service = add_token(c, 0, 1), personal = add_token(c, ada, 2);
    struct gate_account account = {.user_id = ada,
                                   .connection_name = "gmail",
                                   .scalekit_id = "ca_ada",
                                   .status = GATE_ACCOUNT_ACTIVE};
    assert_int_equal(
        gate_store_account_save(c->ctx, c->tx, &account, GATE_ACCOUNT_SAVE_ALWAYS, NOW, NULL),
        GATE_OK);
    add_session(c, ada, 1);
    add_call(c, ada, service);
    add_call(c, ada, personal);
    add_call(c, ada, 0);
    add_call(c, eve, service);
    struct gate_user_holdings holdings;
    assert_int_equal(gate_store_user_count_holdings(c->ctx, c->tx, ada, NOW, &holdings), GATE_OK);
    assert_int_equal(holdings.sessions, 1);
    assert_int_equal(holdings.tokens, 1);
    assert_int_equal(holdings.accounts, 1);
    assert_int_equal(holdings.calls, 3);
    assert_int_equal(holdings.events, 1);

    size_t count = 0;
    assert_int_equal(gate_store_user_unname_trail(c->ctx, c->tx, ada, 2, NOW, &count), GATE_OK);
    assert_int_equal(count, 3); /* two calls, one event */
    assert_int_equal(gate_store_user_delete(c->ctx, c->tx, ada, NOW), GATE_OK);
    assert_int_equal(gate_store_user_delete(c->ctx, c->tx, ada, NOW), GATE_OK);

    assert_int_equal(number_of(c, "SELECT count(*) FROM tool_call"), 4);
    assert_int_equal(number_of(c, "SELECT count(*) FROM tool_call WHERE tool_name = 'GET'"), 3);
    assert_int_equal(number_of(c, "SELECT count(*) FROM tool_call WHERE execution_id IS NULL "
                                  "AND agent_run_id IS NULL AND request_id IS NULL"),
                     3);
    assert_int_equal(number_of(c, "SELECT count(*) FROM tool_call WHERE token_id IS NOT NULL"), 2);
    assert_int_equal(number_of(c, "SELECT count(*) FROM account_event WHERE scalekit_id IS NULL"),
                     1);
    assert_int_equal(number_of(c, "SELECT count(*) FROM session"), 0);
    assert_int_equal(number_of(c, "SELECT count(*) FROM api_token"), 1);
    assert_int_equal(number_of(c, "SELECT count(*) FROM connected_account"), 0);

    /* Nobody is not in the list of persons, and whoever comes with the identifier is new. */
    struct gate_user *users = NULL, again = {0};
    assert_int_equal(gate_store_user_list(c->ctx, c->tx, 0, 10, &users, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(users[0].identifier, "eve");
    assert_int_equal(gate_store_user_ensure(c->ctx, c->tx, "ada", NOW, &again), GATE_OK);
    assert_int_equal(gate_store_user_count_holdings(c->ctx, c->tx, again.id, NOW, &holdings),
                     GATE_OK);
    assert_int_equal(holdings.calls + holdings.events, 0);
}

static void test_delete__a_call_that_was_running_leaves_a_nameless_row(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    assert_int_equal(gate_store_user_delete(c->ctx, c->tx, ada, NOW), GATE_OK);
    add_call(c, ada, 0);
    assert_int_equal(number_of(c, "SELECT count(*) FROM tool_call WHERE user_id IS NULL"), 1);
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
        aggregate_test(test_suspend__ends_sessions_and_keeps_its_first_time),
        aggregate_test(test_suspend__follows_the_identifier_to_whom_it_belongs),
        aggregate_test(test_delete__keeps_the_trail_as_nobodys),
        aggregate_test(test_delete__a_call_that_was_running_leaves_a_nameless_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
