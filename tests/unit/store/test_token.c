#include "unit/store/temporary_store.h"

#include "store/token.h"

static struct gate_token personal(struct aggregate_case *c, int64_t owner, int number) {
    return (struct gate_token){.public_id = gate_arena_printf(c->ctx->arena, "tok_%d", number),
                               .prefix = "ghp_abcd",
                               .label = "laptop",
                               .kind = GATE_TOKEN_PERSONAL,
                               .owner_user_id = owner,
                               .scopes = "tools:read tools:run",
                               .connections = "*",
                               .created_at = NOW};
}

static struct gate_digest hash_of(int number) {
    return (struct gate_digest){{(unsigned char)number, (unsigned char)(number >> 8), 1}};
}

static enum gate_err insert(struct aggregate_case *c, const struct gate_token *token, int number) {
    struct gate_digest hash = hash_of(number);
    int64_t id = 0;
    return gate_store_token_insert(c->ctx, c->tx, &hash, token, &id);
}

static enum gate_err find(struct aggregate_case *c, int number, int64_t now_ms,
                          struct gate_token *token, struct gate_user *owner) {
    struct gate_digest hash = hash_of(number);
    return gate_store_token_find_by_hash(c->ctx, c->tx, &hash, now_ms, token, owner);
}

static void test_find_by_hash__gives_token_and_owner(void **state) {
    struct aggregate_case *c = *state;
    struct gate_token token = personal(c, add_user(c, "ada"), 1), found = {0};
    struct gate_user owner = {0};
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(find(c, 1, NOW, &found, &owner), GATE_OK);
    assert_string_equal(found.public_id, "tok_1");
    assert_string_equal(found.scopes, "tools:read tools:run");
    assert_null(found.tools);
    assert_int_equal(found.kind, GATE_TOKEN_PERSONAL);
    assert_string_equal(owner.identifier, "ada");
    assert_int_equal(find(c, 2, NOW, &found, &owner), GATE_ERR_NOT_FOUND);
}

static void test_find_by_hash__gives_a_service_token_without_owner(void **state) {
    struct aggregate_case *c = *state;
    struct gate_token token = personal(c, 0, 1), found = {0};
    struct gate_user owner = {.id = 5};
    token.kind = GATE_TOKEN_SERVICE;
    token.identifiers = "*@example.com";
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(find(c, 1, NOW, &found, &owner), GATE_OK);
    assert_int_equal(found.kind, GATE_TOKEN_SERVICE);
    assert_string_equal(found.identifiers, "*@example.com");
    assert_int_equal(owner.id, 0);
    assert_int_equal(found.owner_user_id, 0);
}

static void test_find_by_hash__tells_expired_from_revoked(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_token token = personal(c, ada, 1), found = {0};
    struct gate_user owner = {0};
    token.expires_at = NOW + 10;
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(find(c, 1, NOW + 9, &found, &owner), GATE_OK);
    found.id = 0;
    assert_int_equal(find(c, 1, NOW + 10, &found, &owner), GATE_ERR_EXPIRED);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_1", ada, NOW + 3), GATE_OK);
    assert_int_equal(find(c, 1, NOW + 4, &found, &owner), GATE_ERR_FORBIDDEN);
    assert_int_equal(found.id, 0);
    assert_int_equal(c->ctx->error.kind, GATE_OK);
}

static void test_find_by_public_id__gives_only_what_works(void **state) {
    struct aggregate_case *c = *state;
    struct gate_token token = personal(c, 0, 1), found = {0};
    token.kind = GATE_TOKEN_SERVICE;
    token.expires_at = NOW + 10;
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(gate_store_token_find_by_public_id(c->ctx, c->tx, "tok_1", NOW, &found),
                     GATE_OK);
    assert_int_equal(found.kind, GATE_TOKEN_SERVICE);
    found.id = 0;
    assert_int_equal(gate_store_token_find_by_public_id(c->ctx, c->tx, "tok_2", NOW, &found),
                     GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_token_find_by_public_id(c->ctx, c->tx, "tok_1", NOW + 10, &found),
                     GATE_ERR_EXPIRED);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_1", 0, NOW + 3), GATE_OK);
    assert_int_equal(gate_store_token_find_by_public_id(c->ctx, c->tx, "tok_1", NOW + 4, &found),
                     GATE_ERR_FORBIDDEN);
    assert_int_equal(found.id, 0);
    assert_int_equal(c->ctx->error.kind, GATE_OK);
}

static void test_insert__wants_an_owner_for_personal_ones_only(void **state) {
    struct aggregate_case *c = *state;
    struct gate_token token = personal(c, 0, 1);
    assert_int_not_equal(insert(c, &token, 1), GATE_OK);
    token.owner_user_id = add_user(c, "ada");
    token.kind = GATE_TOKEN_SERVICE;
    assert_int_not_equal(insert(c, &token, 1), GATE_OK);
}

static void test_insert__refuses_doubles(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    struct gate_token token = personal(c, ada, 1), other = personal(c, ada, 2);
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(insert(c, &other, 1), GATE_ERR_CONFLICT);
    gate_error_clear(&c->ctx->error);
    assert_int_equal(insert(c, &token, 2), GATE_ERR_CONFLICT);
}

static void test_insert__is_limited_per_person(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (int i = 0; i < GATE_TOKENS_PER_USER_MAX; i++) {
        struct gate_token token = personal(c, ada, i);
        assert_int_equal(insert(c, &token, i), GATE_OK);
    }
    struct gate_token more = personal(c, ada, 1000);
    assert_int_equal(insert(c, &more, 1000), GATE_ERR_TOO_LARGE);
    gate_error_clear(&c->ctx->error);
    struct gate_token others = personal(c, add_user(c, "eve"), 1001);
    assert_int_equal(insert(c, &others, 1001), GATE_OK);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_7", ada, NOW), GATE_OK);
    assert_int_equal(insert(c, &more, 1000), GATE_OK);
}

static void test_insert__drops_dead_ones_beyond_the_limit(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (int i = 0; i < GATE_TOKENS_PER_USER_MAX + 10; i++) {
        struct gate_token token = personal(c, ada, i);
        assert_int_equal(insert(c, &token, i), GATE_OK);
        assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, token.public_id, ada, NOW),
                         GATE_OK);
    }
    struct gate_token *tokens = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_token_list_by_user(c->ctx, c->tx, ada, &tokens, &count), GATE_OK);
    assert_int_equal(count, GATE_TOKENS_PER_USER_MAX + 1);
    assert_string_equal(tokens[0].public_id, "tok_59");
}

static void test_revoke__is_for_the_owner_and_the_operator(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada"), eve = add_user(c, "eve");
    struct gate_token token = personal(c, ada, 1), *tokens = NULL;
    size_t count = 0;
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_1", eve, NOW), GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_2", 0, NOW), GATE_ERR_NOT_FOUND);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_1", 0, NOW + 1), GATE_OK);
    assert_int_equal(gate_store_token_revoke(c->ctx, c->tx, "tok_1", ada, NOW + 2), GATE_OK);
    assert_int_equal(gate_store_token_list(c->ctx, c->tx, 0, 10, &tokens, &count), GATE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tokens[0].revoked_at, NOW + 1);
}

static void test_touch__moves_forward_only(void **state) {
    struct aggregate_case *c = *state;
    struct gate_token token = personal(c, add_user(c, "ada"), 1), found = {0};
    struct gate_user owner = {0};
    assert_int_equal(insert(c, &token, 1), GATE_OK);
    assert_int_equal(find(c, 1, NOW, &found, &owner), GATE_OK);
    assert_int_equal(found.last_used_at, 0);
    assert_int_equal(gate_store_token_touch(c->ctx, c->tx, found.id, NOW + 5), GATE_OK);
    assert_int_equal(gate_store_token_touch(c->ctx, c->tx, found.id, NOW + 4), GATE_OK);
    assert_int_equal(gate_store_token_touch(c->ctx, c->tx, 777, NOW + 4), GATE_OK);
    assert_int_equal(find(c, 1, NOW, &found, &owner), GATE_OK);
    assert_int_equal(found.last_used_at, NOW + 5);
}

static void test_list__pages_by_id(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_user(c, "ada");
    for (int i = 0; i < 12; i++) {
        struct gate_token token = personal(c, ada, i);
        assert_int_equal(insert(c, &token, i), GATE_OK);
    }
    struct gate_token *tokens = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_token_list(c->ctx, c->tx, 0, 10, &tokens, &count), GATE_OK);
    assert_int_equal(count, 10);
    assert_int_equal(gate_store_token_list(c->ctx, c->tx, tokens[9].id, 10, &tokens, &count),
                     GATE_OK);
    assert_int_equal(count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_find_by_hash__gives_token_and_owner),
        aggregate_test(test_find_by_hash__gives_a_service_token_without_owner),
        aggregate_test(test_find_by_hash__tells_expired_from_revoked),
        aggregate_test(test_find_by_public_id__gives_only_what_works),
        aggregate_test(test_insert__wants_an_owner_for_personal_ones_only),
        aggregate_test(test_insert__refuses_doubles),
        aggregate_test(test_insert__is_limited_per_person),
        aggregate_test(test_insert__drops_dead_ones_beyond_the_limit),
        aggregate_test(test_revoke__is_for_the_owner_and_the_operator),
        aggregate_test(test_touch__moves_forward_only),
        aggregate_test(test_list__pages_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
