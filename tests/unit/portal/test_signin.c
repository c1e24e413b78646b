#include "signin_stage.h"

/* ---- beginning ---- */

static void test_begin__asks_for_a_code(void **state) {
    (void)state;
    struct attempt attempt = begin("/connectors/gmail");
    assert_int_equal(attempt.err, GATE_OK);
    assert_true(gate_text_starts_with(attempt.url, ISSUER "/authorize?response_type=code&"));
    assert_string_equal(url_value(attempt.url, "client_id"), CLIENT);
    assert_string_equal(url_value(attempt.url, "redirect_uri"), PORTAL "/signin/callback");
    assert_string_equal(url_value(attempt.url, "scope"), "openid email profile");
    assert_string_equal(url_value(attempt.url, "code_challenge_method"), "S256");
    assert_int_equal(strlen(attempt.challenge), 43);
    assert_int_equal(strlen(attempt.state), 43);
    assert_int_equal(strlen(fake.nonce), 43);
    assert_int_equal(strlen(attempt.suffix), GATE_SIGNIN_SUFFIX_LENGTH);
    assert_string_equal(attempt.suffix,
                        gate_portal_signin_cookie_suffix_make(fake.arena, attempt.state));
    assert_null(strstr(attempt.cookie, attempt.state));
}

static void test_begin__nothing_repeats(void **state) {
    (void)state;
    struct attempt one = begin(NULL);
    const char *nonce = fake.nonce;
    struct attempt two = begin(NULL);
    assert_string_not_equal(one.state, two.state);
    assert_string_not_equal(one.challenge, two.challenge);
    assert_string_not_equal(one.suffix, two.suffix);
    assert_string_not_equal(nonce, fake.nonce);
    assert_int_equal(fake.discovery_fetches, 1);
}

static void test_begin__keeps_the_endpoints_query(void **state) {
    (void)state;
    fake.discovery = "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"" ISSUER
                     "/authorize?tenant=7\",\"token_endpoint\":\"" ISSUER
                     "/token\",\"jwks_uri\":\"" ISSUER "/keys\"}";
    struct attempt attempt = begin("/");
    assert_true(
        gate_text_starts_with(attempt.url, ISSUER "/authorize?tenant=7&response_type=code&"));
}

static void test_begin__refuses_other_hosts(void **state) {
    (void)state;
    assert_int_equal(begin("//evil.example").err, GATE_ERR_INPUT);
    assert_int_equal(begin("https://evil.example/").err, GATE_ERR_INPUT);
    assert_int_equal(fake.discovery_fetches, 0);
}

static void test_begin__longest_return_to_fits_a_cookie(void **state) {
    (void)state;
    char text[GATE_RETURN_TO_MAX_BYTES + 1];
    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[GATE_RETURN_TO_MAX_BYTES] = '\0';
    struct attempt attempt = begin(text);
    assert_int_equal(attempt.err, GATE_OK);
    assert_true(strlen(attempt.cookie) < 3500);
    struct gate_signin_answer given = good_answer(&attempt);
    assert_string_equal(finish_answer(&given).return_to, text);
}

/* ---- finishing ---- */

static void test_finish__a_person_and_a_session(void **state) {
    (void)state;
    struct finish finish = sign_in("/connectors/gmail?x=1");
    assert_int_equal(finish.err, GATE_OK);
    assert_string_equal(finish.return_to, "/connectors/gmail?x=1");
    assert_int_equal(strlen(finish.session), 43);
    struct gate_ctx *ctx = make_ctx();
    struct gate_caller caller;
    assert_int_equal(find_caller(finish.session, ctx, &caller), GATE_OK);
    assert_int_equal(caller.kind, GATE_CALLER_BROWSER);
    assert_true(caller.has_user);
    assert_string_equal(caller.user.issuer, ISSUER);
    assert_string_equal(caller.user.subject, "ann-1");
    assert_string_equal(caller.user.identifier, "ann@example.com");
    assert_string_equal(caller.user.email, "ann@example.com");
    assert_string_equal(caller.user.name, "Ann");
    assert_string_equal(caller.session.user_agent, USER_AGENT);
    int64_t now = gate_ctx_now_ms(ctx);
    assert_int_equal(caller.session.created_at, now);
    assert_int_equal(caller.session.idle_expires_at, now + config.session_idle_ms);
    assert_int_equal(caller.session.expires_at, now + config.session_max_ms);
    assert_non_null(caller.session.sealed_id_token);
    assert_null(strstr(caller.session.sealed_id_token, "."));
    gate_ctx_free(ctx);
}

static void test_finish__redeems_with_pkce_and_basic(void **state) {
    (void)state;
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    given.code = "a code/+&";
    assert_int_equal(finish_answer(&given).err, GATE_OK);
    assert_non_null(strstr(fake.token_body, "grant_type=authorization_code"));
    assert_string_equal(url_value(fake.token_body, "&code"), "a code/+&");
    assert_string_equal(url_value(fake.token_body, "redirect_uri"), PORTAL "/signin/callback");
    const char *verifier = url_value(fake.token_body, "code_verifier");
    struct gate_digest digest = gate_digest_make(verifier, strlen(verifier));
    assert_string_equal(gate_base64url_format(fake.arena, digest.bytes, GATE_DIGEST_BYTES),
                        attempt.challenge);
    static const char pair[] = "gate%20house:s3cr%3At%26%25";
    assert_string_equal(fake.token_authorization,
                        gate_arena_printf(fake.arena, "Basic %s",
                                          gate_base64_format(fake.arena, pair, sizeof pair - 1)));
    assert_null(strstr(fake.token_body, "client_secret"));
}

static void test_finish__client_secret_post(void **state) {
    (void)state;
    fake.discovery =
        DOCUMENT(I, E, "\"" ISSUER "/token\"", "\"" ISSUER "/keys\"",
                 ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]");
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_null(fake.token_authorization);
    assert_string_equal(url_value(fake.token_body, "client_id"), CLIENT);
    assert_string_equal(url_value(fake.token_body, "client_secret"), SECRET);
}

static void test_finish__public_client(void **state) {
    (void)state;
    config.oidc_client_secret = NULL;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_null(fake.token_authorization);
    assert_string_equal(url_value(fake.token_body, "client_id"), CLIENT);
    assert_null(url_value(fake.token_body, "client_secret"));
}

static void test_finish__only_in_the_browser_that_began(void **state) {
    (void)state;
    struct attempt mine = begin(NULL);
    struct attempt other = begin(NULL);
    const struct gate_signin_answer answers[] = {
        {.code = "c", .sealed_cookie_value = mine.cookie},
        {.state = "", .code = "c", .sealed_cookie_value = mine.cookie},
        {.state = mine.state, .code = "c"},
        {.state = mine.state, .code = "c", .sealed_cookie_value = ""},
        {.state = mine.state, .code = "c", .sealed_cookie_value = other.cookie},
        {.state = other.state, .code = "c", .sealed_cookie_value = mine.cookie},
        {.state = "x", .code = "c", .sealed_cookie_value = mine.cookie},
        {.state = mine.state, .code = "c", .sealed_cookie_value = "AAAA"},
        {.state = mine.state, .code = "c", .sealed_cookie_value = "not base64!"},
        {.state = mine.state, .error = "access_denied"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(finish_answer(&answers[i]).err, GATE_ERR_CONFLICT);
    }
    assert_int_equal(fake.token_fetches, 0);
}

static void test_finish__several_tabs(void **state) {
    (void)state;
    struct attempt one = begin("/one");
    const char *nonce = fake.nonce;
    struct attempt two = begin("/two");
    struct gate_signin_answer given = good_answer(&two);
    assert_string_equal(finish_answer(&given).return_to, "/two");
    fake.nonce = nonce;
    given = good_answer(&one);
    assert_string_equal(finish_answer(&given).return_to, "/one");
}

static void test_finish__after_ten_minutes(void **state) {
    (void)state;
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    gate_test_clock_advance(&test_clock, GATE_SIGNIN_TTL_MS + 1);
    assert_int_equal(finish_answer(&given).err, GATE_ERR_EXPIRED);
    assert_int_equal(fake.token_fetches, 0);
}

static void test_finish__issuer_of_the_answer(void **state) {
    (void)state;
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    given.issuer = "https://evil.example";
    assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
    given.issuer = "";
    assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(fake.token_fetches, 0);
    given.issuer = ISSUER;
    assert_int_equal(finish_answer(&given).err, GATE_OK);
}

static void test_finish__announced_issuer_is_missing(void **state) {
    (void)state;
    fake.discovery = DOCUMENT(I, E, "\"" ISSUER "/token\"", "\"" ISSUER "/keys\"",
                              ",\"authorization_response_iss_parameter_supported\":true");
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
    given.issuer = ISSUER;
    assert_int_equal(finish_answer(&given).err, GATE_OK);
}

static void test_finish__errors_of_the_provider(void **state) {
    (void)state;
    static const struct {
        const char *error;
        enum gate_err err;
    } rows[] = {
        {"access_denied", GATE_ERR_PROVIDER},
        {"login_required", GATE_ERR_PROVIDER},
        {"server_error", GATE_ERR_UNAVAILABLE},
        {"temporarily_unavailable", GATE_ERR_UNAVAILABLE},
        {"invalid_scope", GATE_ERR_CONFIG},
        {"unauthorized_client", GATE_ERR_CONFIG},
        {"<script>alert(1)</script>", GATE_ERR_UPSTREAM},
        {"", GATE_ERR_UPSTREAM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct attempt attempt = begin(NULL);
        struct gate_signin_answer given = good_answer(&attempt);
        given.error = rows[i].error;
        struct finish finish = finish_answer(&given);
        assert_int_equal(finish.err, rows[i].err);
        assert_null(strstr(finish.message, "script"));
    }
    assert_int_equal(fake.token_fetches, 0);
}

static void test_finish__no_code(void **state) {
    (void)state;
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    given.code = NULL;
    assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
    given.code = "";
    assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
}

static void test_finish__what_the_token_endpoint_may_answer(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum gate_err err;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\"}", GATE_ERR_CONFLICT},
        {401, "{\"error\":\"invalid_client\"}", GATE_ERR_CONFIG},
        {400, "{\"error\":\"unauthorized_client\"}", GATE_ERR_CONFIG},
        {401, "", GATE_ERR_CONFIG},
        {400, "{\"error\":\"x\"}", GATE_ERR_UPSTREAM},
        {404, "<html>", GATE_ERR_UPSTREAM},
        {302, "", GATE_ERR_UPSTREAM},
        {500, "oops", GATE_ERR_UNAVAILABLE},
        {503, "{}", GATE_ERR_UNAVAILABLE},
        {429, "", GATE_ERR_UNAVAILABLE},
        {200, "<html>Sign in</html>", GATE_ERR_UPSTREAM},
        {200, "", GATE_ERR_UPSTREAM},
        {200, "{\"access_token\":\"a\",\"id_tok", GATE_ERR_UPSTREAM},
        {200, "{\"access_token\":\"a\"}", GATE_ERR_UPSTREAM},
        {200, "{\"id_token\":7}", GATE_ERR_UPSTREAM},
        {200, "[]", GATE_ERR_UPSTREAM},
        {200, "{\"id_token\":\"\"}", GATE_ERR_UNAUTHENTICATED},
        {200, "{\"id_token\":\"x\"}", GATE_ERR_UNAUTHENTICATED},
        {200, "{\"id_token\":\"a.b.c\"}", GATE_ERR_UNAUTHENTICATED},
        {200, "{\"id_token\":\"....\"}", GATE_ERR_UNAUTHENTICATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.token_status = rows[i].status;
        fake.token_answer = rows[i].body;
        struct finish finish = sign_in(NULL);
        if (finish.err != rows[i].err) {
            fail_msg("%d %s: %s", rows[i].status, rows[i].body, gate_err_name(finish.err));
        }
    }
}

static void test_finish__network_failures(void **state) {
    (void)state;
    static const enum gate_err errs[] = {GATE_ERR_BUSY, GATE_ERR_UNAVAILABLE, GATE_ERR_TIMEOUT,
                                         GATE_ERR_OUTCOME_UNKNOWN, GATE_ERR_UPSTREAM};
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        fake.net_err = errs[i];
        assert_int_equal(sign_in(NULL).err, errs[i]);
    }
}

static void test_finish__claims_that_lie(void **state) {
    (void)state;
    static const char *const claims[] = {
        "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"ann-1\",\"exp\":1772369999,"
        "\"iat\":1772366400,\"nonce\":\"another\",\"email\":\"a@b.example\"}",
        "{\"iss\":\"https://evil.example\",\"aud\":\"" CLIENT "\",\"sub\":\"ann-1\","
        "\"exp\":1772369999,\"iat\":1772366400,\"nonce\":\"%s\"}",
        "{\"iss\":\"" ISSUER "\",\"aud\":\"somebody\",\"sub\":\"ann-1\",\"exp\":1772369999,"
        "\"iat\":1772366400,\"nonce\":\"%s\"}",
        "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"exp\":1772369999,"
        "\"iat\":1772366400,\"nonce\":\"%s\"}",
        "[]",
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        fake.claims = claims[i];
        assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAUTHENTICATED);
    }
    fake.claims = CLAIMS;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
}

/* ---- who it is ---- */

#define BARE                                                                                       \
    "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"ann-1\",\"exp\":1772369999,"         \
    "\"iat\":1772366400,\"nonce\":\"%s\""

static void test_person__completed_from_userinfo(void **state) {
    (void)state;
    fake.claims = BARE "}";
    fake.userinfo = "{\"sub\":\"ann-1\",\"email\":\"ann@example.com\",\"email_verified\":true,"
                    "\"name\":\"Ann\"}";
    struct finish finish = sign_in(NULL);
    assert_int_equal(finish.err, GATE_OK);
    assert_int_equal(fake.userinfo_fetches, 1);
    assert_string_equal(fake.userinfo_authorization, "Bearer at-1");
    struct gate_ctx *ctx = make_ctx();
    struct gate_caller caller;
    assert_int_equal(find_caller(finish.session, ctx, &caller), GATE_OK);
    assert_string_equal(caller.user.identifier, "ann@example.com");
    assert_string_equal(caller.user.name, "Ann");
    gate_ctx_free(ctx);
}

static void test_person__userinfo_is_left_alone_when_not_needed(void **state) {
    (void)state;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_int_equal(fake.userinfo_fetches, 0);
}

static void test_person__what_userinfo_may_answer(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum gate_err err;
    } rows[] = {
        {200, "{\"sub\":\"bob\",\"email\":\"ann@example.com\",\"email_verified\":true}",
         GATE_ERR_UNAUTHENTICATED},
        {200, "{\"email\":\"ann@example.com\",\"email_verified\":true}", GATE_ERR_UNAUTHENTICATED},
        {200, "{\"sub\":\"ann-1\"}", GATE_ERR_NOT_FOUND},
        {200, "{\"sub\":\"ann-1\",\"email\":\"ann@example.com\"}", GATE_ERR_NOT_FOUND},
        {200, "{\"sub\":\"ann-1\",\"email\":\"ann@example.com\",\"email_verified\":false}",
         GATE_ERR_NOT_FOUND},
        {200, "eyJhbGciOiJub25lIn0.e30.", GATE_ERR_UPSTREAM},
        {401, "{}", GATE_ERR_UPSTREAM},
        {500, "", GATE_ERR_UPSTREAM},
    };
    fake.claims = BARE "}";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.userinfo_status = rows[i].status;
        fake.userinfo = rows[i].body;
        struct finish finish = sign_in(NULL);
        if (finish.err != rows[i].err) {
            fail_msg("%d %s: %s", rows[i].status, rows[i].body, gate_err_name(finish.err));
        }
    }
}

static void test_person__another_claim_is_the_identifier(void **state) {
    (void)state;
    config.oidc_identifier_claim = "sub";
    fake.claims = BARE "}";
    struct finish finish = sign_in(NULL);
    assert_int_equal(finish.err, GATE_OK);
    assert_int_equal(fake.userinfo_fetches, 0);
    struct gate_ctx *ctx = make_ctx();
    struct gate_caller caller;
    assert_int_equal(find_caller(finish.session, ctx, &caller), GATE_OK);
    assert_string_equal(caller.user.identifier, "ann-1");
    gate_ctx_free(ctx);
}

static void test_person__identifier_of_somebody_else(void **state) {
    (void)state;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    fake.claims = "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"mallory\","
                  "\"exp\":1772369999,\"iat\":1772366400,\"nonce\":\"%s\","
                  "\"email\":\"ann@example.com\",\"email_verified\":true}";
    assert_int_equal(sign_in(NULL).err, GATE_ERR_FORBIDDEN);
}

/* ---- sessions of one browser ---- */

static enum gate_err suspend_everybody(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    struct gate_user *users;
    size_t count;
    size_t sessions;
    bool changed;
    enum gate_err err = gate_store_user_list(ctx, tx, 0, 10, &users, &count);
    for (size_t i = 0; err == GATE_OK && i < count; i++) {
        err = gate_store_user_suspend(ctx, tx, users[i].id, gate_ctx_now_ms(ctx), &sessions,
                                      &changed);
    }
    return err;
}

static void test_person__suspended(void **state) {
    (void)state;
    const char *session = sign_in("/").session;
    assert_true(is_signed_in(session));
    struct gate_ctx *ctx = make_ctx();
    assert_int_equal(gate_store_write_now(ctx, store, suspend_everybody, NULL), GATE_OK);
    gate_ctx_free(ctx);
    assert_false(is_signed_in(session));
    assert_int_equal(sign_in("/").err, GATE_ERR_FORBIDDEN);
}

static void test_session__old_one_ends_with_the_next_sign_in(void **state) {
    (void)state;
    struct finish first = sign_in(NULL);
    assert_true(is_signed_in(first.session));
    struct attempt attempt = begin(NULL);
    struct gate_signin_answer given = good_answer(&attempt);
    given.old_session_cookie_value = first.session;
    struct finish second = finish_answer(&given);
    assert_int_equal(second.err, GATE_OK);
    assert_string_not_equal(first.session, second.session);
    assert_false(is_signed_in(first.session));
    assert_true(is_signed_in(second.session));
}

static void test_session__user_agent_is_cut(void **state) {
    (void)state;
    char long_agent[GATE_USER_AGENT_MAX_BYTES + 3];
    memset(long_agent, 'a', sizeof long_agent);
    memcpy(long_agent + GATE_USER_AGENT_MAX_BYTES - 1, "\xc3\xa4", 3);
    const char *const agents[] = {long_agent, "a\nb", "\xff", "", NULL};
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        struct attempt attempt = begin(NULL);
        struct gate_signin_answer given = good_answer(&attempt);
        given.user_agent = agents[i];
        struct finish finish = finish_answer(&given);
        struct gate_ctx *ctx = make_ctx();
        struct gate_caller caller;
        assert_int_equal(find_caller(finish.session, ctx, &caller), GATE_OK);
        if (i == 0) {
            assert_int_equal(strlen(caller.session.user_agent), GATE_USER_AGENT_MAX_BYTES - 1);
        } else {
            assert_null(caller.session.user_agent);
        }
        gate_ctx_free(ctx);
    }
}

static const char *sign_out(const char *cookie) {
    struct gate_ctx *ctx = make_ctx();
    struct gate_caller caller;
    assert_int_equal(find_caller(cookie, ctx, &caller), GATE_OK);
    const char *url = "unset";
    struct outcome outcome = {0};
    gate_portal_session_end(ctx, portal, &caller, &url, note, &outcome);
    wait_for(&outcome);
    assert_int_equal(outcome.err, GATE_OK);
    assert_int_equal(ctx->error.kind, GATE_OK);
    const char *copy = gate_arena_strdup(fake.arena, url);
    gate_ctx_free(ctx);
    return copy;
}

static void test_sign_out__goes_by_the_provider(void **state) {
    (void)state;
    struct finish finish = sign_in(NULL);
    const char *url = sign_out(finish.session);
    assert_false(is_signed_in(finish.session));
    assert_true(gate_text_starts_with(url, ISSUER "/logout?x=1&client_id=gate%20house&"));
    assert_string_equal(url_value(url, "post_logout_redirect_uri"), PORTAL "/signed-out");
    assert_string_equal(url_value(url, "id_token_hint"), sign_claims());
}

static void test_sign_out__provider_without_logout_page(void **state) {
    (void)state;
    fake.discovery = DOCUMENT(I, E, "\"" ISSUER "/token\"", "\"" ISSUER "/keys\"", "");
    struct finish finish = sign_in(NULL);
    assert_null(sign_out(finish.session));
    assert_false(is_signed_in(finish.session));
}

static void test_sign_out__provider_is_down(void **state) {
    (void)state;
    struct finish finish = sign_in(NULL);
    config.session_idle_ms = config.session_max_ms;
    gate_portal_free(portal); /* a restart: nothing is known of the provider */
    portal = gate_portal_new(&(struct gate_portal_parts){
        .config = &config,
        .store = store,
        .clock = &test_clock.clock,
        .runqueue = runqueue,
    });
    fake.discovery_err = GATE_ERR_TIMEOUT;
    assert_null(sign_out(finish.session));
    assert_false(is_signed_in(finish.session));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_begin__asks_for_a_code),
        CASE(test_begin__nothing_repeats),
        CASE(test_begin__keeps_the_endpoints_query),
        CASE(test_begin__refuses_other_hosts),
        CASE(test_begin__longest_return_to_fits_a_cookie),
        CASE(test_finish__a_person_and_a_session),
        CASE(test_finish__redeems_with_pkce_and_basic),
        CASE(test_finish__client_secret_post),
        CASE(test_finish__public_client),
        CASE(test_finish__only_in_the_browser_that_began),
        CASE(test_finish__several_tabs),
        CASE(test_finish__after_ten_minutes),
        CASE(test_finish__issuer_of_the_answer),
        CASE(test_finish__announced_issuer_is_missing),
        CASE(test_finish__errors_of_the_provider),
        CASE(test_finish__no_code),
        CASE(test_finish__what_the_token_endpoint_may_answer),
        CASE(test_finish__network_failures),
        CASE(test_finish__claims_that_lie),
        CASE(test_person__completed_from_userinfo),
        CASE(test_person__userinfo_is_left_alone_when_not_needed),
        CASE(test_person__what_userinfo_may_answer),
        CASE(test_person__another_claim_is_the_identifier),
        CASE(test_person__identifier_of_somebody_else),
        CASE(test_person__suspended),
        CASE(test_session__old_one_ends_with_the_next_sign_in),
        CASE(test_session__user_agent_is_cut),
        CASE(test_sign_out__goes_by_the_provider),
        CASE(test_sign_out__provider_without_logout_page),
        CASE(test_sign_out__provider_is_down),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
