#include "support/scripted_portal.h"

#include "store/token.h"

#define MINUTE_MS INT64_C(60000)

static struct scripted_portal p;

static int set_up(void **state) {
    (void)state;
    scripted_portal_open(&p, "https://portal.example.com");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    scripted_portal_close(&p);
    return 0;
}

static struct gate_token_wish personal_wish(int64_t owner) {
    return (struct gate_token_wish){
        .kind = GATE_TOKEN_PERSONAL,
        .owner_user_id = owner,
        .label = "laptop",
        .scopes = GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE,
        .connections = "*",
        .tools = "*",
    };
}

static struct gate_token_wish service_wish(const char *identifiers) {
    return (struct gate_token_wish){
        .kind = GATE_TOKEN_SERVICE,
        .label = "agent",
        .scopes = GATE_SCOPE_EXECUTE,
        .connections = "*",
        .tools = "*",
        .identifiers = identifiers,
    };
}

static enum gate_err find(const char *bearer, struct gate_caller *ret_caller) {
    enum gate_err err = gate_portal_token_find(p.ctx, p.portal, bearer, ret_caller);
    settle_writes(&p);
    assert_int_equal(p.ctx->error.kind, GATE_OK);
    return err;
}

static void expect_nobody(const char *bearer) {
    struct gate_caller caller = {.kind = GATE_CALLER_NOBODY};
    if (find(bearer, &caller) != GATE_ERR_UNAUTHENTICATED) {
        fail_msg("taken: %s", bearer);
    }
    assert_int_equal(caller.kind, GATE_CALLER_NOBODY);
}

/* ---- who is behind a token ---- */

static void test_find__the_owner_of_a_personal_token(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    struct gate_token_wish wish = personal_wish(ann.id);
    const char *text = add_token(&p, &wish);
    assert_true(gate_text_starts_with(text, "ghp_"));
    assert_int_equal(strlen(text), 4 + 43);
    struct gate_caller caller;
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(caller.kind, GATE_CALLER_PERSONAL_TOKEN);
    assert_true(caller.has_user);
    assert_int_equal(caller.user.id, ann.id);
    assert_string_equal(caller.token.label, "laptop");
    assert_true(gate_text_starts_with(text, caller.token.prefix));
    assert_int_equal(strlen(caller.token.prefix), 10);
}

static void test_find__a_service_token_has_no_user_yet(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    const char *text = add_token(&p, &wish);
    assert_true(gate_text_starts_with(text, "ghs_"));
    struct gate_caller caller;
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(caller.kind, GATE_CALLER_SERVICE_TOKEN);
    assert_false(caller.has_user);
    assert_int_equal(caller.user.id, 0);
}

static void test_find__what_is_no_token(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    struct gate_token_wish wish = personal_wish(ann.id);
    const char *text = add_token(&p, &wish);
    const char *own = text + 4;
    gate_arena *arena = p.ctx->arena;
    char long_text[200];
    memset(long_text, 'a', sizeof long_text);
    memcpy(long_text, "ghp_", 4);
    long_text[sizeof long_text - 1] = '\0';
    const char *const bearers[] = {
        "",
        "ghp_",
        "ghp",
        "x",
        long_text,
        own,
        gate_arena_printf(arena, "ghs_%s", own),
        gate_arena_printf(arena, "GHP_%s", own),
        gate_arena_printf(arena, "ghp_%sx", own),
        gate_arena_printf(arena, "ghp_%s ", own),
        gate_arena_printf(arena, " ghp_%s", own),
        gate_arena_printf(arena, "ghp_%.*s", 42, own),
        "ghp_' OR 1=1 --",
        "ghp_\xff\xfe",
    };
    for (size_t i = 0; i < sizeof bearers / sizeof bearers[0]; i++) {
        expect_nobody(bearers[i]);
    }
}

static void test_find__two_tokens_differ(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    const char *one = add_token(&p, &wish);
    const char *other = add_token(&p, &wish);
    assert_string_not_equal(one, other);
}

static void test_find__expired(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    wish.expires_at = gate_ctx_now_ms(p.ctx) + HOUR_MS;
    const char *text = add_token(&p, &wish);
    struct gate_caller caller;
    gate_test_clock_advance(&p.clock, HOUR_MS - 1);
    assert_int_equal(find(text, &caller), GATE_OK);
    gate_test_clock_advance(&p.clock, 1);
    expect_nobody(text);
}

static enum gate_err revoke(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    return gate_store_token_revoke(ctx, tx, state, 0, gate_ctx_now_ms(ctx));
}

static void test_find__revoked(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    const char *text = add_token(&p, &wish);
    struct gate_caller caller;
    assert_int_equal(find(text, &caller), GATE_OK);
    char public_id[64];
    snprintf(public_id, sizeof public_id, "%s", caller.token.public_id);
    assert_int_equal(gate_store_write_now(p.ctx, p.store, revoke, public_id), GATE_OK);
    expect_nobody(text);
}

static void test_find__notes_use_at_most_once_a_minute(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    const char *text = add_token(&p, &wish);
    struct gate_caller caller;
    int64_t start = gate_ctx_now_ms(p.ctx);
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(caller.token.last_used_at, 0);
    gate_test_clock_advance(&p.clock, MINUTE_MS - 1);
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(caller.token.last_used_at, start);
    gate_test_clock_advance(&p.clock, 1);
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(find(text, &caller), GATE_OK);
    assert_int_equal(caller.token.last_used_at, start + MINUTE_MS);
}

/* ---- what it may ---- */

static struct gate_caller caller_with(enum gate_caller_kind kind, const char *scopes,
                                      const char *connections, const char *tools) {
    return (struct gate_caller){
        .kind = kind,
        .token = {.scopes = scopes, .connections = connections, .tools = tools},
    };
}

static void test_rules__deny_by_default(void **state) {
    (void)state;
    static const char *const nothing[] = {NULL, "", " ", "   "};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        struct gate_caller caller =
            caller_with(GATE_CALLER_PERSONAL_TOKEN, nothing[i], nothing[i], nothing[i]);
        assert_false(gate_portal_has_scope(&caller, GATE_SCOPE_READ));
        assert_false(gate_portal_may_use_connection(&caller, "gmail"));
        assert_false(gate_portal_may_use_connection(&caller, ""));
        assert_false(gate_portal_may_use_tool(&caller, "gmail", "gmail_send_email"));
    }
}

static void test_rules__nobody_may_nothing_and_browsers_everything(void **state) {
    (void)state;
    struct gate_caller nobody = caller_with(GATE_CALLER_NOBODY, "*", "*", "*");
    assert_false(gate_portal_has_scope(&nobody, GATE_SCOPE_READ));
    assert_false(gate_portal_may_use_connection(&nobody, "gmail"));
    assert_false(gate_portal_may_use_tool(&nobody, "gmail", "x"));
    struct gate_caller browser = caller_with(GATE_CALLER_BROWSER, NULL, NULL, NULL);
    assert_true(gate_portal_has_scope(&browser, GATE_SCOPE_EXECUTE));
    assert_true(gate_portal_may_use_connection(&browser, "gmail"));
    assert_true(gate_portal_may_use_tool(&browser, "gmail", "x"));
}

static void test_rules__patterns(void **state) {
    (void)state;
    static const struct {
        const char *patterns;
        const char *name;
        bool matches;
    } cases[] = {
        {"gmail", "gmail", true},
        {"gmail", "gmail2", false},
        {"gmail", "Gmail", false},
        {"gmail", "gmai", false},
        {"slack gmail", "gmail", true},
        {"  slack   gmail  ", "gmail", true},
        {"slack", "gmail", false},
        {"*", "anything at all", true},
        {"*", "", true},
        {"gmail-*", "gmail-prod", true},
        {"gmail-*", "gmail", false},
        {"*-prod", "gmail-prod", true},
        {"*-prod", "gmail-prod-2", false},
        {"g*l", "gmail", true},
        {"g?ail", "gmail", false},
        {"gm.il", "gmail", false},
        {"[a-z]*", "gmail", false},
        {"**", "gmail", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_caller caller =
            caller_with(GATE_CALLER_SERVICE_TOKEN, NULL, cases[i].patterns, NULL);
        if (gate_portal_may_use_connection(&caller, cases[i].name) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].patterns, cases[i].name);
        }
    }
}

static void test_rules__a_pattern_that_is_too_long_matches_nothing(void **state) {
    (void)state;
    char pattern[GATE_IDENTIFIER_MAX_BYTES + 2];
    memset(pattern, '*', sizeof pattern);
    pattern[GATE_IDENTIFIER_MAX_BYTES + 1] = '\0';
    struct gate_caller caller = caller_with(GATE_CALLER_SERVICE_TOKEN, NULL, pattern, NULL);
    assert_false(gate_portal_may_use_connection(&caller, "gmail"));
    pattern[GATE_IDENTIFIER_MAX_BYTES] = '\0';
    assert_true(gate_portal_may_use_connection(&caller, "gmail"));
}

static void test_rules__a_tool_needs_its_connection_too(void **state) {
    (void)state;
    struct gate_caller caller =
        caller_with(GATE_CALLER_PERSONAL_TOKEN, NULL, "gmail", "gmail_* slack_post");
    assert_true(gate_portal_may_use_tool(&caller, "gmail", "gmail_send_email"));
    assert_true(gate_portal_may_use_tool(&caller, "gmail", "slack_post"));
    assert_false(gate_portal_may_use_tool(&caller, "slack", "slack_post"));
    assert_false(gate_portal_may_use_tool(&caller, "gmail", "notion_read"));
}

static void test_rules__scopes(void **state) {
    (void)state;
    struct gate_caller caller = caller_with(GATE_CALLER_PERSONAL_TOKEN, GATE_SCOPE_READ, "*", "*");
    assert_true(gate_portal_has_scope(&caller, GATE_SCOPE_READ));
    assert_false(gate_portal_has_scope(&caller, GATE_SCOPE_EXECUTE));
    assert_false(gate_portal_has_scope(&caller, "tools"));
}

static void test_rules__deny_wins(void **state) {
    (void)state;
    static const struct {
        const char *rules;
        const char *name;
        bool allowed;
    } cases[] = {
        {"* !gmail", "gmail", false},
        {"!gmail *", "gmail", false},
        {"gmail !gmail", "gmail", false},
        {"* !gmail", "slack", true},
        {"* !gmail", "gmail-prod", true},
        {"* !gmail*", "gmail-prod", false},
        {"gmail-* !*-prod", "gmail-prod", false},
        {"gmail-* !*-prod", "gmail-test", true},
        {"* !GMAIL", "gmail", false},
        {"* !gmail", "GMail", false},
        {"!gmail", "slack", false}, /* nothing is allowed by denying something else */
        {"!*", "gmail", false},
        {"* !*", "gmail", false},
        {"* ! !slack", "gmail", true},
        {"* !slack !gmail", "gmail", false},
        {"*!gmail", "gmail", false}, /* in the middle it is a character like others */
        {"*!gmail", "x!gmail", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_caller caller =
            caller_with(GATE_CALLER_SERVICE_TOKEN, NULL, cases[i].rules, NULL);
        if (gate_portal_may_use_connection(&caller, cases[i].name) != cases[i].allowed) {
            fail_msg("%s on %s", cases[i].rules, cases[i].name);
        }
    }
}

static void test_rules__a_denial_that_cannot_be_checked_denies(void **state) {
    (void)state;
    char rules[GATE_IDENTIFIER_MAX_BYTES + 8] = "* !";
    memset(rules + 3, 'x', GATE_IDENTIFIER_MAX_BYTES + 1);
    struct gate_caller caller = caller_with(GATE_CALLER_SERVICE_TOKEN, NULL, rules, NULL);
    assert_false(gate_portal_may_use_connection(&caller, "gmail"));
}

static void test_rules__a_refusal_names_the_rule(void **state) {
    (void)state;
    struct gate_caller caller =
        caller_with(GATE_CALLER_PERSONAL_TOKEN, NULL, "* !slack", "gmail_* !gmail_send_*");
    static const struct {
        const char *connection;
        const char *tool;
        const char *rule; /* NULL: allowed */
    } cases[] = {
        {"gmail", "gmail_search", NULL},
        {"gmail", "gmail_send_email", "(rule: tools, !gmail_send_*)"},
        {"gmail", "GMAIL_SEND_EMAIL", "(rule: tools, !gmail_send_*)"},
        {"gmail", "notion_read", "(rule: tools)"},
        {"slack", "gmail_search", "(rule: connections, !slack)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gate_error_clear(&p.ctx->error);
        enum gate_err err =
            gate_portal_tool_check(p.ctx, &caller, cases[i].connection, cases[i].tool);
        if (cases[i].rule == NULL) {
            assert_int_equal(err, GATE_OK);
            continue;
        }
        assert_int_equal(err, GATE_ERR_FORBIDDEN);
        if (strstr(p.ctx->error.message, cases[i].rule) == NULL) {
            fail_msg("%s", p.ctx->error.message);
        }
    }
}

/* ---- acting for somebody ---- */

static enum gate_err act_for(struct gate_caller *caller, const char *identifier) {
    struct waited waited = {0};
    gate_error_clear(&p.ctx->error);
    struct gate_quota quota = {0};
    gate_portal_token_act_for(p.ctx, p.portal, caller, identifier, &quota, note_end, &waited);
    return wait_for_end(&p, &waited);
}

static struct gate_caller service_caller(const char *identifiers) {
    struct gate_token_wish wish = service_wish(identifiers);
    struct gate_caller caller;
    assert_int_equal(find(add_token(&p, &wish), &caller), GATE_OK);
    return caller;
}

static void test_act_for__a_known_person(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    struct gate_caller caller = service_caller("ann bob");
    assert_int_equal(act_for(&caller, "ann"), GATE_OK);
    assert_true(caller.has_user);
    assert_int_equal(caller.user.id, ann.id);
    assert_string_equal(caller.user.identifier, "ann");
}

static void test_act_for__a_person_never_seen_is_recorded_once(void **state) {
    (void)state;
    struct gate_caller caller = service_caller("*@example.com");
    assert_int_equal(act_for(&caller, "new@example.com"), GATE_OK);
    int64_t id = caller.user.id;
    assert_true(id > 0);
    assert_string_equal(caller.user.issuer, GATE_USER_ISSUER_SERVICE);
    assert_int_equal(act_for(&caller, "new@example.com"), GATE_OK);
    assert_int_equal(caller.user.id, id);
}

static void test_act_for__a_domain_but_not_its_guests(void **state) {
    (void)state;
    struct gate_caller caller = service_caller("*@example.com !*.guest@example.com");
    assert_int_equal(act_for(&caller, "bob.guest@example.com"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(p.ctx->error.message, "(rule: users, !*.guest@example.com)"));
    assert_int_equal(act_for(&caller, "Bob.Guest@example.com"), GATE_ERR_FORBIDDEN);
    assert_int_equal(act_for(&caller, "bob@example.com.evil.example"), GATE_ERR_FORBIDDEN);
    assert_int_equal(act_for(&caller, "bob@example.com"), GATE_OK);
}

static enum gate_err set_suspension(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    const struct gate_user *user = state;
    size_t sessions;
    bool changed;
    return gate_store_user_suspend(ctx, tx, user->id, user->suspended_at, &sessions, &changed);
}

static void suspend(struct gate_user *user, int64_t at_ms) {
    user->suspended_at = at_ms;
    assert_int_equal(gate_store_write_now(p.ctx, p.store, set_suspension, user), GATE_OK);
}

static void test_suspended__neither_tokens_nor_services_act_for_them(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    struct gate_caller service = service_caller("*"), personal;
    struct gate_token_wish wish = personal_wish(ann.id);
    const char *text = add_token(&p, &wish);
    suspend(&ann, gate_ctx_now_ms(p.ctx));
    expect_nobody(text);
    assert_int_equal(act_for(&service, "ann"), GATE_ERR_FORBIDDEN);
    assert_false(service.has_user);
    suspend(&ann, 0);
    gate_error_clear(&p.ctx->error);
    assert_int_equal(act_for(&service, "ann"), GATE_OK);
    assert_int_equal(find(text, &personal), GATE_OK);
}

static void test_act_for__outside_the_rules(void **state) {
    (void)state;
    (void)add_person(&p, "ann");
    static const char *const rules[] = {NULL, "", "bob", "an", "ann?", "ANN"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct gate_caller caller = service_caller(rules[i]);
        assert_int_equal(act_for(&caller, "ann"), GATE_ERR_FORBIDDEN);
        assert_non_null(strstr(p.ctx->error.message, "rule: users"));
        assert_false(caller.has_user);
        gate_error_clear(&p.ctx->error);
    }
    /* Who may not be acted for is not recorded either. */
    struct gate_caller caller = service_caller("ann");
    struct gate_user user;
    assert_int_equal(act_for(&caller, "stranger"), GATE_ERR_FORBIDDEN);
    gate_store_tx *tx = gate_store_read_begin(p.store);
    assert_int_equal(gate_store_user_find_by_identifier(p.ctx, tx, "stranger", &user),
                     GATE_ERR_NOT_FOUND);
    gate_store_read_end(p.store, tx);
}

/* ---- making ---- */

static enum gate_err try_make(const struct gate_token_wish *wish) {
    const char *text = NULL;
    const char *public_id = NULL;
    struct waited waited = {0};
    gate_error_clear(&p.ctx->error);
    gate_portal_token_make(p.ctx, p.portal, wish, &text, &public_id, note_end, &waited);
    enum gate_err err = wait_for_end(&p, &waited);
    assert_int_equal(err, p.ctx->error.kind);
    assert_int_equal(err == GATE_OK, text != NULL);
    assert_int_equal(err == GATE_OK, public_id != NULL);
    return err;
}

static void test_make__labels(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    char label[GATE_LABEL_MAX_BYTES + 2];
    memset(label, 'a', sizeof label);
    label[GATE_LABEL_MAX_BYTES + 1] = '\0';
    const char *const bad[] = {NULL, "", "two\nlines", "\xff", label};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wish.label = bad[i];
        assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    }
    label[GATE_LABEL_MAX_BYTES] = '\0';
    wish.label = label;
    assert_int_equal(try_make(&wish), GATE_OK);
}

static void test_make__lists(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    char list[2 * (GATE_TOKEN_RULES_MAX + 1) + 1] = "";
    for (int i = 0; i < GATE_TOKEN_RULES_MAX; i++) {
        strcat(list, "a ");
    }
    wish.tools = list;
    assert_int_equal(try_make(&wish), GATE_OK);
    strcat(list, "a");
    assert_int_equal(try_make(&wish), GATE_ERR_TOO_LARGE);
    wish.tools = "gmail_*\nslack_*";
    assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    wish.tools = "\xff";
    assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    char word[GATE_IDENTIFIER_MAX_BYTES + 2];
    memset(word, 'a', sizeof word);
    word[GATE_IDENTIFIER_MAX_BYTES + 1] = '\0';
    wish.tools = word;
    assert_int_equal(try_make(&wish), GATE_ERR_TOO_LARGE);
    word[GATE_IDENTIFIER_MAX_BYTES] = '\0';
    assert_int_equal(try_make(&wish), GATE_OK);
}

static void test_make__rules_that_deny(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    static const char *const bad[] = {"!", "* !", "! gmail", "!!gmail"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wish.tools = bad[i];
        assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    }
    char word[GATE_IDENTIFIER_MAX_BYTES + 3] = "!";
    memset(word + 1, 'a', GATE_IDENTIFIER_MAX_BYTES);
    wish.tools = word;
    assert_int_equal(try_make(&wish), GATE_OK);
    word[GATE_IDENTIFIER_MAX_BYTES + 1] = 'a';
    assert_int_equal(try_make(&wish), GATE_ERR_TOO_LARGE);
}

static void test_make__expiry_and_owner(void **state) {
    (void)state;
    struct gate_token_wish wish = service_wish("*");
    wish.expires_at = gate_ctx_now_ms(p.ctx);
    assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    wish.expires_at++;
    assert_int_equal(try_make(&wish), GATE_OK);
    struct gate_user ann = add_person(&p, "ann");
    wish = service_wish("*");
    wish.owner_user_id = ann.id;
    assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
    wish = personal_wish(0);
    assert_int_equal(try_make(&wish), GATE_ERR_INPUT);
}

static void test_make__so_many_for_one_person(void **state) {
    (void)state;
    struct gate_user ann = add_person(&p, "ann");
    struct gate_token_wish wish = personal_wish(ann.id);
    for (int i = 0; i < GATE_TOKENS_PER_USER_MAX; i++) {
        assert_int_equal(try_make(&wish), GATE_OK);
    }
    assert_int_equal(try_make(&wish), GATE_ERR_TOO_LARGE);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_find__the_owner_of_a_personal_token),
        CASE(test_find__a_service_token_has_no_user_yet),
        CASE(test_find__what_is_no_token),
        CASE(test_find__two_tokens_differ),
        CASE(test_find__expired),
        CASE(test_find__revoked),
        CASE(test_find__notes_use_at_most_once_a_minute),
        cmocka_unit_test(test_rules__deny_by_default),
        cmocka_unit_test(test_rules__nobody_may_nothing_and_browsers_everything),
        cmocka_unit_test(test_rules__patterns),
        cmocka_unit_test(test_rules__a_pattern_that_is_too_long_matches_nothing),
        cmocka_unit_test(test_rules__a_tool_needs_its_connection_too),
        cmocka_unit_test(test_rules__scopes),
        cmocka_unit_test(test_rules__deny_wins),
        cmocka_unit_test(test_rules__a_denial_that_cannot_be_checked_denies),
        CASE(test_rules__a_refusal_names_the_rule),
        CASE(test_act_for__a_domain_but_not_its_guests),
        CASE(test_make__rules_that_deny),
        CASE(test_act_for__a_known_person),
        CASE(test_act_for__a_person_never_seen_is_recorded_once),
        CASE(test_act_for__outside_the_rules),
        CASE(test_suspended__neither_tokens_nor_services_act_for_them),
        CASE(test_make__labels),
        CASE(test_make__lists),
        CASE(test_make__expiry_and_owner),
        CASE(test_make__so_many_for_one_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
