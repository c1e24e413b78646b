#include "support/scripted_portal.h"

#include "core/encoding.h"
#include "portal/bearer.h"
#include "portal/token.h"

#define NOW INT64_C(1772366400000)

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

static const struct gate_bearer full = {
    .token_public_id = "tok_abc",
    .identifier = "ann of \xc3\xa9tat@example.com",
    .scopes = "tools:read tools:execute",
    .expires_at = NOW + HOUR_MS,
};

static char *make(const struct gate_bearer *bearer) {
    return gate_bearer_make(p.ctx->arena, p.portal, bearer);
}

static enum gate_err open_at(const char *text, int64_t now_ms, struct gate_bearer *ret_bearer) {
    return gate_bearer_open(p.ctx->arena, p.portal, text, now_ms, ret_bearer);
}

static void expect_none(const char *text) {
    struct gate_bearer bearer;
    if (open_at(text, NOW, &bearer) != GATE_ERR_INPUT) {
        fail_msg("taken: %s", text);
    }
}

static void test_open__what_was_made(void **state) {
    (void)state;
    struct gate_bearer bearer;
    assert_int_equal(open_at(make(&full), NOW, &bearer), GATE_OK);
    assert_string_equal(bearer.token_public_id, full.token_public_id);
    assert_string_equal(bearer.identifier, full.identifier);
    assert_string_equal(bearer.scopes, full.scopes);
    assert_int_equal(bearer.expires_at, full.expires_at);
    const struct gate_bearer plain = {.token_public_id = "tok_abc", .expires_at = NOW + 1};
    assert_int_equal(open_at(make(&plain), NOW, &bearer), GATE_OK);
    assert_null(bearer.identifier);
    assert_null(bearer.scopes);
}

static void test_bound__is_no_other_users_in_any_list(void **state) {
    (void)state;
    struct gate_caller caller = {.kind = GATE_CALLER_SERVICE_TOKEN, .token = {.identifiers = "*"}};
    assert_true(gate_portal_may_act_for(&caller, "ann@example.com"));
    assert_true(gate_portal_may_act_for(&caller, full.identifier));
    caller.bearer = &full;
    assert_true(gate_portal_may_act_for(&caller, full.identifier));
    assert_false(gate_portal_may_act_for(&caller, "ann@example.com"));
    assert_false(gate_portal_may_act_for(&caller, ""));
}

static void test_open__after_its_end(void **state) {
    (void)state;
    struct gate_bearer bearer;
    const char *text = make(&full);
    assert_int_equal(open_at(text, full.expires_at - 1, &bearer), GATE_OK);
    assert_int_equal(open_at(text, full.expires_at, &bearer), GATE_ERR_EXPIRED);
    assert_int_equal(open_at(text, INT64_MAX, &bearer), GATE_ERR_EXPIRED);
}

static void test_open__with_any_character_changed(void **state) {
    (void)state;
    const char *text = make(&full);
    for (size_t i = 0; i < strlen(text); i++) {
        char *other = gate_arena_strdup(p.ctx->arena, text);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        expect_none(other);
    }
}

static void test_open__what_is_none(void **state) {
    (void)state;
    const char *text = make(&full);
    gate_arena *arena = p.ctx->arena;
    char long_text[2000];
    memset(long_text, 'A', sizeof long_text);
    memcpy(long_text, GATE_BEARER_PREFIX, strlen(GATE_BEARER_PREFIX));
    long_text[sizeof long_text - 1] = '\0';
    const char *const texts[] = {
        "",
        "gha_",
        "gha_A",
        "ghs_AAAA",
        long_text,
        text + 4,
        gate_arena_printf(arena, "GHA_%s", text + 4),
        gate_arena_printf(arena, "%s ", text),
        gate_arena_printf(arena, "%sA", text),
        gate_arena_printf(arena, "%s=", text),
        gate_arena_strndup(arena, text, strlen(text) - 1),
        "gha_\xff\xfe",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_none(texts[i]);
    }
}

/* What was sealed for another purpose, or under another secret, says nothing here. */
static void test_open__of_another_portal(void **state) {
    (void)state;
    const char *text = make(&full);
    gate_secret *secret = gate_secret_new("another secret of thirty-two byte", 32);
    struct gate_config config = p.config;
    config.secret = secret;
    gate_portal *other = gate_portal_new(&(struct gate_portal_parts){
        .config = &config,
        .store = p.store,
        .net = p.net,
        .scalekit = p.scalekit,
        .clock = &p.clock.clock,
        .runqueue = p.runqueue,
    });
    struct gate_bearer bearer;
    assert_int_equal(gate_bearer_open(p.ctx->arena, other, text, NOW, &bearer), GATE_ERR_INPUT);
    gate_portal_free(other);
    gate_secret_free(secret);
}

/* Two for the same are not the same text, and neither shows whom it is for. */
static void test_make__tells_nothing(void **state) {
    (void)state;
    const char *one = make(&full);
    assert_string_not_equal(one, make(&full));
    unsigned char *bytes;
    size_t length;
    assert_int_equal(gate_base64url_parse(p.ctx->arena, one + 4, strlen(one + 4), &bytes, &length),
                     GATE_OK);
    for (size_t i = 0; i + 7 <= length; i++) {
        assert_memory_not_equal(bytes + i, "tok_abc", 7);
        assert_memory_not_equal(bytes + i, "example", 7);
    }
}

static void test_make__the_longest_fits(void **state) {
    (void)state;
    char identifier[GATE_IDENTIFIER_MAX_BYTES + 1];
    char scopes[GATE_SCOPES_MAX_BYTES + 1];
    memset(identifier, 'i', sizeof identifier - 1);
    memset(scopes, 's', sizeof scopes - 1);
    identifier[sizeof identifier - 1] = scopes[sizeof scopes - 1] = '\0';
    struct gate_bearer bearer = full;
    bearer.identifier = identifier;
    bearer.scopes = scopes;
    bearer.expires_at = INT64_MAX;
    const char *text = make(&bearer);
    assert_in_range(strlen(text), 1, GATE_BEARER_TEXT_MAX_BYTES);
    assert_int_equal(open_at(text, NOW, &bearer), GATE_OK);
    assert_string_equal(bearer.identifier, identifier);
    assert_string_equal(bearer.scopes, scopes);
}

static void test_scopes__that_are_plain(void **state) {
    (void)state;
    assert_true(gate_bearer_scopes_are_plain("tools:read"));
    assert_true(gate_bearer_scopes_are_plain("tools:read tools:execute a.b-c_D9"));
    static const char *const others[] = {
        "",     " ",    " a",   "a ", "a  b", "*",        "tools:*", "!tools:read",
        "a !b", "a\tb", "a\nb", "\"", "a,b",  "\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (gate_bearer_scopes_are_plain(others[i])) {
            fail_msg("plain: %s", others[i]);
        }
    }
    char long_text[GATE_SCOPES_MAX_BYTES + 2];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_false(gate_bearer_scopes_are_plain(long_text));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_open__what_was_made),    CASE(test_bound__is_no_other_users_in_any_list),
        CASE(test_open__after_its_end),    CASE(test_open__with_any_character_changed),
        CASE(test_open__what_is_none),     CASE(test_open__of_another_portal),
        CASE(test_make__tells_nothing),    CASE(test_make__the_longest_fits),
        CASE(test_scopes__that_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
