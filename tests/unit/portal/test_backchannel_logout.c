#include "unit/portal/signin_stage.h"

#include "portal/backchannel_logout.h"

#define EVENTS "\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":{}},"
/* The test clock stands at 1772366400 s. */
#define GOOD_IAT "1772366400"
#define GOOD_EXP "1772366520"

/* A logout token in which every part may be replaced; NULL leaves the good one. */
struct parts {
    const char *iss;
    const char *aud;
    const char *times;
    const char *events;
    const char *jti;
    const char *names;
    const char *more;
    const gate_signing_key *signer;
};

static const char *choose(const char *part, const char *good) {
    return part == NULL ? good : part;
}

static const char *make_token(const struct parts *parts) {
    const char *payload = gate_arena_printf(
        fake.arena, "{%s%s%s%s%s%s%s\"x\":1}", choose(parts->iss, "\"iss\":\"" ISSUER "\","),
        choose(parts->aud, "\"aud\":\"" CLIENT "\","),
        choose(parts->times, "\"iat\":" GOOD_IAT ",\"exp\":" GOOD_EXP ","),
        choose(parts->events, EVENTS), choose(parts->jti, "\"jti\":\"j-1\","),
        choose(parts->names, "\"sub\":\"ann-1\","), choose(parts->more, ""));
    return gate_signing_key_sign(fake.arena, parts->signer == NULL ? fake.key : parts->signer,
                                 payload);
}

static enum gate_err send_token(const char *token) {
    struct gate_ctx *ctx = make_ctx();
    struct outcome outcome = {0};
    gate_portal_backchannel_logout(ctx, portal, token, note, &outcome);
    wait_for(&outcome);
    assert_int_equal(ctx->error.kind, outcome.err);
    gate_ctx_free(ctx);
    return outcome.err;
}

static enum gate_err log_out(const struct parts *parts) {
    return send_token(make_token(parts));
}

/* Sign Ann in, at the provider's session `sid` (NULL: it says none). */
static const char *sign_in_at(const char *sid) {
    fake.claims =
        sid == NULL ? CLAIMS : gate_arena_printf(fake.arena, "{\"sid\":\"%s\",%s", sid, &CLAIMS[1]);
    struct finish finish = sign_in("/");
    assert_int_equal(finish.err, GATE_OK);
    return finish.session;
}

static void test_logout__by_subject_ends_all_of_this_person(void **state) {
    (void)state;
    const char *first = sign_in_at("s-1");
    const char *second = sign_in_at(NULL);
    assert_int_equal(log_out(&(struct parts){0}), GATE_OK);
    assert_false(is_signed_in(first));
    assert_false(is_signed_in(second));
}

static void test_logout__by_session_ends_that_one(void **state) {
    (void)state;
    const char *first = sign_in_at("s-1");
    const char *second = sign_in_at("s-2");
    assert_int_equal(log_out(&(struct parts){.names = "\"sid\":\"s-1\","}), GATE_OK);
    assert_false(is_signed_in(first));
    assert_true(is_signed_in(second));
    assert_int_equal(log_out(&(struct parts){.names = "\"sid\":\"s-2\",\"sub\":\"ann-1\",",
                                             .jti = "\"jti\":\"j-2\","}),
                     GATE_OK);
    assert_false(is_signed_in(second));
}

static void test_logout__by_both_spares_others(void **state) {
    (void)state;
    const char *named = sign_in_at("s-1");
    const char *other = sign_in_at("s-2");
    const char *unknown = sign_in_at(NULL); /* might be that one */
    assert_int_equal(log_out(&(struct parts){.names = "\"sub\":\"ann-1\",\"sid\":\"s-1\","}),
                     GATE_OK);
    assert_false(is_signed_in(named));
    assert_true(is_signed_in(other));
    assert_false(is_signed_in(unknown));
}

static void test_logout__of_somebody_else_ends_nothing(void **state) {
    (void)state;
    const char *session = sign_in_at("s-1");
    static const char *const names[] = {
        "\"sub\":\"bob-1\",",
        "\"sid\":\"s-9\",",
        "\"sub\":\"bob-1\",\"sid\":\"s-1\",",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct parts parts = {
            .names = names[i],
            .jti = gate_arena_printf(fake.arena, "\"jti\":\"other-%zu\",", i),
        };
        assert_int_equal(log_out(&parts), GATE_OK); /* nobody to sign out is no failure */
        assert_true(is_signed_in(session));
    }
}

static void test_logout__works_once(void **state) {
    (void)state;
    const char *token = make_token(&(struct parts){0});
    assert_int_equal(send_token(token), GATE_OK);
    const char *later = sign_in_at(NULL);
    assert_int_equal(send_token(token), GATE_ERR_UNAUTHENTICATED);
    assert_true(is_signed_in(later));
    /* Remembered as long as it would be taken, by whichever clock. */
    gate_test_clock_advance(&test_clock, 175 * 1000);
    assert_int_equal(send_token(token), GATE_ERR_UNAUTHENTICATED);
    assert_true(is_signed_in(later));
}

static void test_logout__every_lie_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        struct parts parts;
    } rows[] = {
        {"no iss", {.iss = ""}},
        {"another iss", {.iss = "\"iss\":\"https://evil.example\","}},
        {"no aud", {.aud = ""}},
        {"another aud", {.aud = "\"aud\":\"somebody\","}},
        {"several aud", {.aud = "\"aud\":[\"" CLIENT "\",\"api\"],"}},
        {"no iat", {.times = "\"exp\":" GOOD_EXP ","}},
        {"no exp", {.times = "\"iat\":" GOOD_IAT ","}},
        {"expired", {.times = "\"iat\":1772366000,\"exp\":1772366340,"}},
        {"issued long ago", {.times = "\"iat\":1772365000,\"exp\":" GOOD_EXP ","}},
        {"issued later", {.times = "\"iat\":1772366500,\"exp\":1772366600,"}},
        {"times as text", {.times = "\"iat\":\"" GOOD_IAT "\",\"exp\":\"" GOOD_EXP "\","}},
        {"no events", {.events = ""}},
        {"events as a list",
         {.events = "\"events\":[\"http://schemas.openid.net/event/backchannel-logout\"],"}},
        {"another event", {.events = "\"events\":{\"http://example.com/event\":{}},"}},
        {"an event that is no object",
         {.events = "\"events\":{\"http://schemas.openid.net/event/backchannel-logout\":true},"}},
        {"no jti", {.jti = ""}},
        {"jti as a number", {.jti = "\"jti\":7,"}},
        {"jti empty", {.jti = "\"jti\":\"\","}},
        {"nobody named", {.names = ""}},
        {"sub as a number", {.names = "\"sub\":7,"}},
        {"sub null beside a sid", {.names = "\"sub\":null,\"sid\":\"s-1\","}},
        {"sid empty beside a sub", {.names = "\"sub\":\"ann-1\",\"sid\":\"\","}},
        {"a nonce", {.more = "\"nonce\":\"n\","}},
        {"a nonce of null", {.more = "\"nonce\":null,"}},
    };
    const char *session = sign_in_at("s-1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (log_out(&rows[i].parts) != GATE_ERR_UNAUTHENTICATED) {
            fail_msg("taken: %s", rows[i].what);
        }
        assert_true(is_signed_in(session));
    }
    assert_int_equal(log_out(&(struct parts){.signer = fake.other}), GATE_ERR_UNAUTHENTICATED);
    assert_true(is_signed_in(session));
    assert_int_equal(log_out(&(struct parts){0}), GATE_OK);
    assert_false(is_signed_in(session));
}

static void test_logout__an_id_token_is_none(void **state) {
    (void)state;
    const char *session = sign_in_at("s-1");
    assert_int_equal(send_token(sign_claims()), GATE_ERR_UNAUTHENTICATED);
    assert_true(is_signed_in(session));
}

static void test_logout__rubbish_costs_no_question(void **state) {
    (void)state;
    static const char *const texts[] = {"", "x", "a.b.c", "e30.e30.e30", "..", "e30.e30"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(send_token(texts[i]), GATE_ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fake.discovery_fetches + fake.keys_fetches, 0);
}

static void test_logout__cannot_be_seen_without_the_provider(void **state) {
    (void)state;
    fake.discovery_err = GATE_ERR_UNAVAILABLE;
    assert_int_equal(log_out(&(struct parts){0}), GATE_ERR_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_logout__by_subject_ends_all_of_this_person),
        CASE(test_logout__by_session_ends_that_one),
        CASE(test_logout__by_both_spares_others),
        CASE(test_logout__of_somebody_else_ends_nothing),
        CASE(test_logout__works_once),
        CASE(test_logout__every_lie_is_refused),
        CASE(test_logout__an_id_token_is_none),
        CASE(test_logout__rubbish_costs_no_question),
        CASE(test_logout__cannot_be_seen_without_the_provider),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
