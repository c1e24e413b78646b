#include "support/scripted_portal.h"

#include "portal/bearer.h"
#include "portal/grant.h"
#include "portal/state.h"

static struct scripted_portal p;
static struct gate_token_wish made; /* the token that `secret` and `id` are of */
static const char *secret;
static const char *id;

static const char *id_of(const char *text) {
    struct gate_caller caller;
    assert_int_equal(gate_portal_token_find(p.ctx, p.portal, text, &caller), GATE_OK);
    settle_writes(&p);
    return caller.token.public_id;
}

static void add_client(void) {
    secret = add_token(&p, &made);
    id = id_of(secret);
}

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    made = (struct gate_token_wish){
        .kind = GATE_TOKEN_SERVICE,
        .label = "agent",
        .scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE,
        .connections = "*",
        .tools = "*",
        .identifiers = "ann *@example.com !eve@*",
    };
    add_client();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scripted_portal_close(&p);
    return 0;
}

static struct gate_grant_wish credentials(const char *scope) {
    return (struct gate_grant_wish){
        .client_id = id,
        .client_secret = secret,
        .scope = scope,
        .address = "192.0.2.1",
    };
}

static struct gate_grant_wish exchange(const char *identifier) {
    struct gate_grant_wish wish = credentials(NULL);
    wish.kind = GATE_GRANT_TOKEN_EXCHANGE;
    wish.subject_token = identifier;
    wish.subject_kind = GATE_PROOF_IDENTIFIER;
    return wish;
}

static struct gate_grant_wish exchange_by(const char *actor_token, const char *identifier) {
    struct gate_grant_wish wish = exchange(identifier);
    wish.client_id = wish.client_secret = NULL;
    wish.actor_token = actor_token;
    wish.actor_kind = GATE_PROOF_ACCESS_TOKEN;
    return wish;
}

static enum gate_err try_grant(struct gate_grant_wish wish, struct gate_grant *grant) {
    struct gate_quota quota = {0};
    gate_error_clear(&p.ctx->error);
    *grant = (struct gate_grant){0};
    enum gate_err err = gate_portal_grant(p.ctx, p.portal, &wish, &quota, grant);
    settle_writes(&p);
    if (err == GATE_ERR_OVER_QUOTA) {
        assert_true(quota.retry_after_s > 0);
    }
    if (err != GATE_OK) {
        assert_null(grant->bearer);
        assert_int_equal(p.ctx->error.kind, err);
    }
    return err;
}

static enum gate_err outcome_of(struct gate_grant_wish wish) {
    struct gate_grant grant;
    return try_grant(wish, &grant);
}

static const char *bearer_for(struct gate_grant_wish wish) {
    struct gate_grant grant;
    if (try_grant(wish, &grant) != GATE_OK) {
        fail_msg("%s", p.ctx->error.message);
    }
    return grant.bearer;
}

static struct gate_caller caller_of(const char *bearer) {
    struct gate_caller caller;
    gate_error_clear(&p.ctx->error);
    assert_int_equal(gate_portal_token_find(p.ctx, p.portal, bearer, &caller), GATE_OK);
    settle_writes(&p);
    return caller;
}

static void expect_dead(const char *bearer) {
    struct gate_caller caller;
    assert_int_equal(gate_portal_token_find(p.ctx, p.portal, bearer, &caller),
                     GATE_ERR_UNAUTHENTICATED);
}

static enum gate_err act(struct gate_caller *caller, const char *identifier) {
    struct waited waited = {0};
    struct gate_quota quota = {0};
    gate_error_clear(&p.ctx->error);
    gate_portal_token_act_for(p.ctx, p.portal, caller, identifier, &quota, note_end, &waited);
    return wait_for_end(&p, &waited);
}

static enum gate_err revoke(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    return gate_store_token_revoke(ctx, tx, state, 0, gate_ctx_now_ms(ctx));
}

static void revoke_client(void) {
    char *public_id = gate_arena_strdup(p.ctx->arena, id);
    assert_int_equal(gate_store_write_now(p.ctx, p.store, revoke, public_id), GATE_OK);
}

/* ---- client credentials ---- */

static void test_credentials__a_bearer_that_is_its_token(void **state) {
    (void)state;
    struct gate_grant grant;
    assert_int_equal(try_grant(credentials(NULL), &grant), GATE_OK);
    assert_true(gate_text_starts_with(grant.bearer, "gha_"));
    assert_int_equal(grant.expires_in_s, 3600);
    assert_string_equal(grant.caller.token.scopes, made.scopes);
    struct gate_caller own = caller_of(secret);
    struct gate_caller caller = caller_of(grant.bearer);
    assert_int_equal(caller.kind, GATE_CALLER_SERVICE_TOKEN);
    assert_int_equal(caller.token.id, own.token.id); /* its buckets, keys and trail with it */
    assert_false(caller.has_user);
    assert_null(gate_caller_bound_identifier(&caller));
    assert_true(gate_portal_has_scope(&caller, GATE_SCOPE_EXECUTE));
    assert_true(gate_portal_may_use_tool(&caller, "gmail", "send"));
    assert_int_equal(act(&caller, "ann"), GATE_OK);
    assert_int_equal(act(&caller, "bob"), GATE_ERR_FORBIDDEN);
}

static void test_credentials__last_an_hour(void **state) {
    (void)state;
    const char *bearer = bearer_for(credentials(NULL));
    gate_test_clock_advance(&p.clock, HOUR_MS - 1);
    assert_int_equal(caller_of(bearer).token.expires_at, gate_ctx_now_ms(p.ctx) + 1);
    gate_test_clock_advance(&p.clock, 1);
    expect_dead(bearer);
}

static void test_credentials__last_no_longer_than_the_token(void **state) {
    (void)state;
    made.expires_at = gate_ctx_now_ms(p.ctx) + 90000;
    add_client();
    struct gate_grant grant;
    assert_int_equal(try_grant(credentials(NULL), &grant), GATE_OK);
    assert_int_equal(grant.expires_in_s, 90);
    gate_test_clock_advance(&p.clock, 90000);
    expect_dead(grant.bearer);
    assert_int_equal(outcome_of(credentials(NULL)), GATE_ERR_UNAUTHENTICATED);
}

static void test_credentials__fall_with_the_token(void **state) {
    (void)state;
    const char *bearer = bearer_for(credentials(NULL));
    const char *bound = bearer_for(exchange("ann"));
    revoke_client();
    expect_dead(bearer);
    expect_dead(bound);
    assert_int_equal(outcome_of(credentials(NULL)), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(outcome_of(exchange_by(bearer, "ann")), GATE_ERR_INPUT);
}

/* Unknown client, wrong secret, none at all, a token that has ended: one answer. */
static void test_credentials__that_do_not_hold(void **state) {
    (void)state;
    const char *other_secret = add_token(&p, &made);
    const char *other_id = id_of(other_secret);
    const char *bearer = bearer_for(credentials(NULL));
    const char *const pairs[][2] = {
        {NULL, NULL},
        {id, NULL},
        {NULL, secret},
        {id, ""},
        {"", secret},
        {id, "ghs_wrong"},
        {id, other_secret},
        {other_id, secret},
        {"tok_none", secret},
        {"tok_none", "ghs_none"},
        {id, id},
        {secret, id},
        {secret, secret},
        {id, bearer}, /* a bearer renews nothing */
        {id, gate_arena_printf(p.ctx->arena, "%s ", secret)},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct gate_grant_wish wish = credentials(NULL);
        wish.client_id = pairs[i][0];
        wish.client_secret = pairs[i][1];
        wish.address = gate_arena_printf(p.ctx->arena, "192.0.2.%zu", i);
        assert_int_equal(outcome_of(wish), GATE_ERR_UNAUTHENTICATED);
        assert_string_equal(p.ctx->error.message,
                            "The client is not known, or its secret is wrong.");
    }
}

static void test_credentials__of_a_personal_token(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    made.kind = GATE_TOKEN_PERSONAL;
    made.owner_user_id = ann.id;
    made.identifiers = NULL;
    add_client();
    struct gate_grant grant;
    assert_int_equal(try_grant(credentials(NULL), &grant), GATE_ERR_FORBIDDEN);
    assert_int_equal(grant.refusal, GATE_REFUSED_CLIENT_KIND);
    assert_int_equal(outcome_of(exchange("ann")), GATE_ERR_FORBIDDEN);
    assert_int_equal(outcome_of(exchange_by(secret, "ann")), GATE_ERR_INPUT);
}

/* ---- scopes ---- */

static void test_scope__narrows(void **state) {
    (void)state;
    struct gate_grant grant;
    assert_int_equal(try_grant(credentials(GATE_SCOPE_READ), &grant), GATE_OK);
    assert_string_equal(grant.caller.token.scopes, GATE_SCOPE_READ);
    struct gate_caller caller = caller_of(grant.bearer);
    assert_string_equal(caller.token.scopes, GATE_SCOPE_READ);
    assert_true(gate_portal_has_scope(&caller, GATE_SCOPE_READ));
    assert_false(gate_portal_has_scope(&caller, GATE_SCOPE_EXECUTE));
}

static void test_scope__never_widens(void **state) {
    (void)state;
    made.scopes = "tools:r* !tools:execute *";
    add_client();
    static const char *const scopes[] = {
        "tools:execute",
        "tools:read tools:execute",
        "*",
        "tools:*",
        "tools:e*",
        "!tools:read",
        "tools:read !x",
        " tools:read",
        "tools:read ",
        "tools:read  x",
        "TOOLS:EXECUTE",
        "\"",
    };
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        struct gate_grant grant;
        if (try_grant(credentials(scopes[i]), &grant) == GATE_OK) {
            fail_msg("given: %s", scopes[i]);
        }
        assert_int_equal(grant.refusal, GATE_REFUSED_SCOPE);
    }
    struct gate_caller caller = caller_of(bearer_for(credentials("tools:read")));
    assert_true(gate_portal_has_scope(&caller, "tools:read"));
    assert_false(gate_portal_has_scope(&caller, "tools:other"));
}

/* ---- token exchange ---- */

static void test_exchange__for_one_user_alone(void **state) {
    (void)state;
    struct gate_grant grant;
    assert_int_equal(try_grant(exchange("bob@example.com"), &grant), GATE_OK);
    struct gate_caller caller = caller_of(grant.bearer);
    assert_string_equal(gate_caller_bound_identifier(&caller), "bob@example.com");
    assert_int_equal(act(&caller, "ann"), GATE_ERR_FORBIDDEN); /* the token may, this may not */
    assert_false(caller.has_user);
    assert_int_equal(act(&caller, "BOB@example.com"), GATE_ERR_FORBIDDEN);
    assert_int_equal(act(&caller, "bob@example.com"), GATE_OK);
    assert_string_equal(caller.user.identifier, "bob@example.com");
}

static void test_exchange__leaves_nothing_behind(void **state) {
    (void)state;
    (void)bearer_for(exchange("never-seen@example.com"));
    struct gate_user user;
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_user_find_by_identifier(p.ctx, tx, "never-seen@example.com", &user),
                     GATE_ERR_NOT_FOUND);
    gate_store_read_end(p.store, tx);
}

static void test_exchange__outside_the_rules(void **state) {
    (void)state;
    static const char *const users[] = {
        "bob", "eve@example.com", "EVE@example.com", "x@example.com.evil", "*", "!x"};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        assert_int_equal(outcome_of(exchange(users[i])), GATE_ERR_FORBIDDEN);
        assert_non_null(strstr(p.ctx->error.message, "(rule: users"));
    }
}

static void test_exchange__for_no_user(void **state) {
    (void)state;
    char long_name[GATE_IDENTIFIER_MAX_BYTES + 13];
    memset(long_name, 'a', sizeof long_name);
    strcpy(long_name + sizeof long_name - 13, "@example.com");
    assert_int_equal(outcome_of(exchange(long_name)), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange(NULL)), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange("a\nb@example.com")), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange("\xff@example.com")), GATE_ERR_INPUT);
    static const enum gate_grant_proof kinds[] = {GATE_PROOF_NONE, GATE_PROOF_ACCESS_TOKEN,
                                                  GATE_PROOF_OTHER};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct gate_grant_wish wish = exchange("ann");
        wish.subject_kind = kinds[i];
        assert_int_equal(outcome_of(wish), GATE_ERR_INPUT);
    }
}

static void test_exchange__by_an_actors_token(void **state) {
    (void)state;
    const char *bearer = bearer_for(credentials(NULL));
    const char *const actors[] = {secret, bearer};
    for (size_t i = 0; i < sizeof actors / sizeof actors[0]; i++) {
        struct gate_caller caller = caller_of(bearer_for(exchange_by(actors[i], "ann")));
        assert_string_equal(gate_caller_bound_identifier(&caller), "ann");
    }
    /* Both proofs, of one and the same service. */
    struct gate_grant_wish wish = exchange_by(bearer, "ann");
    wish.client_id = id;
    assert_int_equal(outcome_of(wish), GATE_OK);
    wish.client_secret = secret;
    assert_int_equal(outcome_of(wish), GATE_OK);
}

static void test_exchange__by_an_actor_that_is_none(void **state) {
    (void)state;
    const char *other = add_token(&p, &made);
    const char *bound = bearer_for(exchange("ann"));
    assert_int_equal(outcome_of(exchange_by("ghs_none", "ann")), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange_by(NULL, "ann")), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange_by(bound, "ann")), GATE_ERR_INPUT);
    assert_int_equal(outcome_of(exchange_by(bound, "bob@example.com")), GATE_ERR_INPUT);
    struct gate_grant_wish wish = exchange_by(secret, "ann");
    wish.actor_kind = GATE_PROOF_NONE;
    assert_int_equal(outcome_of(wish), GATE_ERR_INPUT);
    wish = exchange_by(other, "ann"); /* another service's */
    wish.client_id = id;
    assert_int_equal(outcome_of(wish), GATE_ERR_INPUT);
    wish.client_secret = secret;
    assert_int_equal(outcome_of(wish), GATE_ERR_INPUT);
    wish.client_secret = "ghs_wrong"; /* a wrong secret is not made up for */
    wish.actor_token = secret;
    assert_int_equal(outcome_of(wish), GATE_ERR_UNAUTHENTICATED);
}

/* A bearer that leaked cannot be made to last longer, or to do more. */
static void test_exchange__of_a_narrowed_bearer(void **state) {
    (void)state;
    const char *narrow = bearer_for(credentials(GATE_SCOPE_READ));
    gate_test_clock_advance(&p.clock, HOUR_MS / 2);
    struct gate_grant grant;
    assert_int_equal(try_grant(exchange_by(narrow, "ann"), &grant), GATE_OK);
    assert_int_equal(grant.expires_in_s, 1800);
    assert_string_equal(grant.caller.token.scopes, GATE_SCOPE_READ);
    struct gate_caller caller = caller_of(grant.bearer);
    assert_false(gate_portal_has_scope(&caller, GATE_SCOPE_EXECUTE));
    struct gate_grant_wish wish = exchange_by(narrow, "ann");
    wish.scope = GATE_SCOPE_EXECUTE;
    assert_int_equal(outcome_of(wish), GATE_ERR_FORBIDDEN);
    gate_test_clock_advance(&p.clock, HOUR_MS / 2);
    expect_dead(grant.bearer);
}

/* ---- limits ---- */

static void test_limit__a_grant_is_a_call_of_the_token(void **state) {
    (void)state;
    made.calls_per_minute = 2;
    add_client();
    const char *bearer = bearer_for(credentials(NULL));
    struct gate_caller caller = caller_of(bearer);
    struct gate_quota quota = {0};
    assert_int_equal(gate_portal_admit_token(p.ctx, p.portal, &caller, &quota), GATE_OK);
    assert_int_equal(quota.limit, 2); /* one bucket for the token and its bearers */
    assert_int_equal(quota.remaining, 0);
    assert_int_equal(outcome_of(credentials(NULL)), GATE_ERR_OVER_QUOTA);
}

static enum gate_err fail_from(const char *address) {
    struct gate_grant_wish wish = credentials(NULL);
    wish.client_secret = "ghs_wrong";
    wish.address = address;
    return outcome_of(wish);
}

static void test_limit__on_failures_never_meets_the_honest(void **state) {
    (void)state;
    for (int i = 0; i < GATE_FAILURES_PER_MINUTE; i++) {
        assert_int_equal(fail_from("192.0.2.1"), GATE_ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fail_from("192.0.2.1"), GATE_ERR_OVER_QUOTA);
    assert_int_equal(fail_from("::ffff:192.0.2.1"), GATE_ERR_OVER_QUOTA);
    assert_int_equal(outcome_of(credentials(NULL)), GATE_OK); /* the same place, the same id */
    assert_int_equal(outcome_of(exchange("ann")), GATE_OK);
    assert_int_equal(outcome_of(exchange_by(secret, "ann")), GATE_OK);
    assert_int_equal(outcome_of(exchange_by("ghs_wrong", "ann")), GATE_ERR_OVER_QUOTA);
    gate_test_clock_advance(&p.clock, 1000);
    assert_int_equal(fail_from("192.0.2.1"), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(fail_from("192.0.2.1"), GATE_ERR_OVER_QUOTA);
}

static void test_limit__on_failures_counts_networks(void **state) {
    (void)state;
    /* Random, so that two networks now and then share a bucket; with this one these do not. */
    memset(p.portal->instance.bytes, 1, sizeof p.portal->instance.bytes);
    for (int i = 0; i < GATE_FAILURES_PER_MINUTE; i++) {
        const char *address = gate_arena_printf(p.ctx->arena, "2001:db8:0:1::%x", i);
        assert_int_equal(fail_from(address), GATE_ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fail_from("2001:db8:0:1:ffff::1"), GATE_ERR_OVER_QUOTA);
    for (int i = 0; i < GATE_FAILURES_PER_MINUTE; i++) {
        assert_int_equal(fail_from(i % 2 == 0 ? NULL : "unix:"), GATE_ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fail_from("no address"), GATE_ERR_OVER_QUOTA);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_credentials__a_bearer_that_is_its_token),
        CASE(test_credentials__last_an_hour),
        CASE(test_credentials__last_no_longer_than_the_token),
        CASE(test_credentials__fall_with_the_token),
        CASE(test_credentials__that_do_not_hold),
        CASE(test_credentials__of_a_personal_token),
        CASE(test_scope__narrows),
        CASE(test_scope__never_widens),
        CASE(test_exchange__for_one_user_alone),
        CASE(test_exchange__leaves_nothing_behind),
        CASE(test_exchange__outside_the_rules),
        CASE(test_exchange__for_no_user),
        CASE(test_exchange__by_an_actors_token),
        CASE(test_exchange__by_an_actor_that_is_none),
        CASE(test_exchange__of_a_narrowed_bearer),
        CASE(test_limit__a_grant_is_a_call_of_the_token),
        CASE(test_limit__on_failures_never_meets_the_honest),
        CASE(test_limit__on_failures_counts_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
