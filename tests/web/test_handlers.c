/* What every answer has, and the pages around signing in and connecting. */
#include "web/exchange.h"

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    return 0;
}

static int set_up_http(void **state) {
    (void)state;
    portal_web_open(&w, HTTP_URL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static const struct answer *get_with(enum who who, const char *target, const char *header) {
    return send_request(&w, &(struct sending){.who = who, .target = target, .headers = {header}});
}

#define AS_BROWSER "HTTP_ACCEPT=text/html,*/*;q=0.8"

/* ---- addresses ---- */

static void test_address__that_does_not_exist(void **state) {
    (void)state;
    expect_page(get_with(BROWSER, "/nothing", AS_BROWSER), 404, "There is nothing here");
    (void)expect_problem(&w, get(&w, BROWSER, "/nothing"), 404, "not-found");
    (void)expect_problem(&w, get_with(NOBODY, "/api/v1/nothing", AS_BROWSER), 404, "not-found");
    expect_page(get(&w, BROWSER, "/connectors/no-such"), 404, "There is no such connector");
}

static void test_address__of_another_method(void **state) {
    (void)state;
    const struct answer *answer = send_request(
        &w, &(struct sending){.method = "PUT", .target = "/signin", .headers = {AS_BROWSER}});
    expect_page(answer, 405, find_header(answer, "X-Request-Id")); /* for asking for help */
    assert_string_equal(find_header(answer, "Allow"), "GET, HEAD");
    answer = send_request(&w, &(struct sending){.method = "PUT", .target = "/api/v1/me"});
    (void)expect_problem(&w, answer, 405, "method-not-allowed");
}

static void test_address__that_is_a_trick(void **state) {
    (void)state;
    static const char *const targets[] = {
        "/connectors/../signout",     "/%2e%2e/x",       "//evil.example", "/connectors/a%2fb", "*",
        "http://portal.example.com/", "/connectors/%00", "/a\r\nb",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)expect_problem(&w, get(&w, BROWSER, targets[i]), 400, "invalid-request");
        expect_page(get_with(BROWSER, targets[i], AS_BROWSER), 400, "did not work");
    }
    const struct sending sending = {.target = "(none)", .lacks_uri = true};
    (void)expect_problem(&w, send_request(&w, &sending), 400, "invalid-request");
}

static void test_address__queries_as_declared(void **state) {
    (void)state;
    assert_int_equal(get(&w, BROWSER, "/?x=1")->status, 400);
    assert_int_equal(get(&w, BROWSER, "/signed-out?a")->status, 400);
    assert_int_equal(get(&w, BROWSER, "/connectors/gmail/disconnect?action=burn")->status, 400);
    assert_int_equal(get(&w, BROWSER, "/connectors/gmail/disconnect?action=%ff")->status, 400);
    assert_int_equal(get(&w, BROWSER, "/connectors/gmail/disconnect?action=remove")->status, 200);
    assert_int_equal(
        get(&w, BROWSER, "/connectors/gmail/disconnect?action=remove&action=remove")->status, 400);
}

static void test_form__kinds_of_bodies(void **state) {
    (void)state;
    const char *target = "/connectors/gmail/disconnect";
    assert_int_equal(post_form(&w, BROWSER_CSRF, target, "action=disconnect&x=1")->status, 400);
    assert_int_equal(post_form(&w, BROWSER_CSRF, target, "action=burn")->status, 400);
    assert_int_equal(post_form(&w, BROWSER_CSRF, target, "")->status, 400);
    assert_int_equal(post_form(&w, BROWSER_CSRF, target, "action=%zz")->status, 400);
    assert_int_equal(post_json(&w, BROWSER_CSRF, target, "{\"action\":\"disconnect\"}")->status,
                     415);
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* ---- headers ---- */

static void test_request_id__taken_or_made(void **state) {
    (void)state;
    static const struct {
        const char *header;
        const char *id; /* NULL: one of ours */
    } cases[] = {
        {"REQUEST_ID=0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789ABCDEF"},
        {"REQUEST_ID=01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"},
        {"REQUEST_ID=0123456", NULL},
        {"REQUEST_ID=", NULL},
        {"REQUEST_ID=0123456789abcdeg", NULL},
        {"REQUEST_ID=01234567\r\nX: y", NULL},
        {"REQUEST_ID=00000000000000000000000000000000000000000000000000000000000000000", NULL},
        {"HTTP_X_REQUEST_ID=0123456789abcdef", NULL}, /* a caller's own word */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *id = find_header(get_with(NOBODY, "/healthz", cases[i].header), "X-Request-Id");
        if (cases[i].id != NULL) {
            assert_string_equal(id, cases[i].id);
        } else {
            assert_int_equal(strlen(id), 32);
            assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        }
    }
}

static void test_server_timing__on_json_for_known_callers(void **state) {
    (void)state;
    static const char order[] = "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\"}";
    const struct answer *answer = post_json(&w, PERSONAL, "/api/v1/execute_tool", order);
    assert_int_equal(answer->status, 200);
    long long total, gate, scalekit, pause;
    int end = 0;
    const char *timing = find_header(answer, "Server-Timing");
    assert_non_null(timing);
    assert_int_equal(sscanf(timing,
                            "total;dur=%lld, gate;dur=%lld, scalekit;dur=%lld, pause;dur=%lld%n",
                            &total, &gate, &scalekit, &pause, &end),
                     4);
    assert_int_equal(timing[end], '\0');
    assert_int_equal(total, 0); /* the test's clock stands still, the network's does not */
    assert_int_equal(gate, 0);
    assert_true(scalekit >= 0);
    assert_int_equal(pause, 0);
    static const struct {
        enum who who;
        const char *target;
        size_t count;
    } cases[] = {
        {PERSONAL, "/api/v1/me", 1},
        {BROWSER, "/api/v1/connections", 1},
        {SERVICE_ANN, "/api/v1/connections/nothing", 1},
        {SERVICE, "/api/v1/connections", 1}, /* refused: whose connections? */
        {NOBODY, "/api/v1/me", 0},
        {NOBODY, "/readyz", 0},
        {BROWSER, "/", 0},
        {NOBODY, "/nothing", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answer = get(&w, cases[i].who, cases[i].target);
        if (count_headers(answer, "Server-Timing") != cases[i].count) {
            fail_msg("%s", cases[i].target);
        }
    }
    answer = get_with(NOBODY, "/api/v1/me", "HTTP_AUTHORIZATION=Bearer ghp_not-one-of-ours");
    assert_int_equal(answer->status, 401);
    assert_int_equal(count_headers(answer, "Server-Timing"), 0);
}

static void test_policy__lets_nothing_foreign_in(void **state) {
    (void)state;
    const char *policy = find_header(get(&w, NOBODY, "/signin"), "Content-Security-Policy");
    assert_true(gate_text_starts_with(policy, "default-src 'none'; "));
    assert_non_null(strstr(policy, "script-src 'self';"));
    assert_non_null(strstr(policy, "frame-ancestors 'none';"));
    assert_non_null(strstr(policy, "base-uri 'none';"));
    assert_null(strstr(policy, "unsafe"));
}

static void test_busy__is_503_with_retry_after(void **state) {
    (void)state;
    const char *const targets[] = {"/", "/api/v1/me", "/nothing", "//"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct sending sending = {.who = BROWSER, .target = targets[i], .is_busy = true};
        const struct answer *answer = send_request(&w, &sending);
        assert_int_equal(answer->status, 503);
        assert_string_equal(find_header(answer, "Retry-After"), "1");
    }
}

/* ---- signing in and out ---- */

static void test_large_header__is_431(void **state) {
    (void)state;
    struct sending sending = {.who = PERSONAL, .target = "/api/v1/me", .has_large_header = true};
    (void)expect_problem(&w, send_request(&w, &sending), 431, "header-too-large");
    sending = (struct sending){.who = BROWSER, .target = "/", .has_large_header = true};
    expect_page(send_request(&w, &sending), 431, "Your browser sent too much");
}

static void test_signin__strangers_come_back_where_they_were(void **state) {
    (void)state;
    expect_redirect(get(&w, NOBODY, "/connect/gmail?return_to=%2Fconnectors%2Fgmail"),
                    "/signin?return_to=%2Fconnect%2Fgmail%3Freturn_to%3D%252Fconnectors%252Fgmail");
    assert_string_equal(find_header(get(&w, NOBODY, "/"), "Location"), "/signin");
    const struct answer *answer = post_form(&w, NOBODY, "/connectors/gmail/connect", "");
    assert_string_equal(find_header(answer, "Location"), "/signin");
    answer = send_request(&w, &(struct sending){.method = "HEAD", .target = "/connectors/gmail"});
    assert_string_equal(find_header(answer, "Location"), "/signin");
}

static void expect_signin_cookie(const char *name, const char *attributes) {
    const struct answer *answer = get(&w, NOBODY, "/signin?go=1");
    expect_redirect(answer, gate_test_server_url(w.p.server));
    const char *cookie = find_set_cookie(answer, name);
    assert_non_null(cookie);
    assert_string_equal(strchr(cookie, ';'), attributes);
    assert_int_equal(count_headers(answer, "Set-Cookie"), 1);
}

static void test_signin__cookie_on_https(void **state) {
    (void)state;
    expect_signin_cookie("__Host-signin-", "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
}

static void test_signin__cookie_on_loopback_http(void **state) {
    (void)state;
    expect_signin_cookie("gatehouse-signin-", "; Path=/; HttpOnly; SameSite=Lax; Max-Age=600");
    assert_int_equal(get(&w, BROWSER, "/")->status, 200);
}

static void test_signin__to_foreign_addresses(void **state) {
    (void)state;
    static const char *const targets[] = {
        "/signin?return_to=https%3A%2F%2Fevil.example%2F",
        "/signin?return_to=%2F%2Fevil.example",
        "/signin?return_to=%2F%5Cevil.example",
        "/signin?return_to=javascript%3Aalert(1)",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_page(get(&w, NOBODY, targets[i]), 400, "That link does not work");
        expect_page(get(&w, BROWSER, targets[i]), 400, "That link does not work");
    }
    expect_redirect(get(&w, BROWSER, "/signin?return_to=%2Fconnectors%2Fgmail"),
                    "/connectors/gmail");
}

static void test_signout__ends_the_session(void **state) {
    (void)state;
    const struct answer *answer = post_form(&w, BROWSER_CSRF, "/signout", "");
    expect_redirect(answer,
                    gate_arena_printf(arena_of(&w), "%s/oidc/logout?", w.p.config.oidc_issuer));
    assert_string_equal(find_set_cookie(answer, "__Host-session"),
                        "__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
    expect_redirect(get(&w, BROWSER, "/"), "/signin");
}

static void test_signout__without_a_provider_that_answers(void **state) {
    (void)state;
    script(&w.p, "GET /.well-known/", 404, "{}");
    const struct answer *answer = post_form(&w, BROWSER_CSRF, "/signout", "");
    expect_redirect(answer, "/signed-out");
    assert_non_null(find_set_cookie(answer, "__Host-session=;"));
}

/* ---- connecting ---- */

static void test_connect__sends_to_the_link_and_binds_the_browser(void **state) {
    (void)state;
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/slack/connect", "return_to=%2Fconnectors%2Fslack");
    expect_redirect(answer, "https://scalekit.example.com/magic/1");
    const char *cookie = find_set_cookie(answer, "__Host-browser=");
    assert_non_null(cookie);
    assert_non_null(strstr(cookie, "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age="));
    const char *body = find_seen_body(&w.p, "POST /api/v1/connected_accounts/magic_link");
    assert_non_null(strstr(body, "\"identifier\":\"ann\""));
    assert_non_null(strstr(body, "\"user_verify_url\":\"" HTTPS_URL "/connect/callback\""));
}

static void test_connect__to_foreign_addresses(void **state) {
    (void)state;
    const struct answer *answer = post_form(&w, BROWSER_CSRF, "/connectors/slack/connect",
                                            "return_to=https%3A%2F%2Fevil.example%2F");
    expect_page(answer, 400, "That link does not work");
    expect_page(get(&w, BROWSER, "/connect/slack?return_to=https%3A%2F%2Fevil.example%2F"), 400,
                "That link does not work");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_connect__when_scalekit_does_not_answer(void **state) {
    (void)state;
    script(&w.p, "POST /api/v1/connected_accounts/magic_link", 200, "nonsense");
    const struct answer *answer = post_form(&w, BROWSER_CSRF, "/connectors/slack/connect", "");
    expect_page(answer, 503, "That did not work just now");
}

static void test_disconnect__leaves_a_notice_that_is_shown_once(void **state) {
    (void)state;
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/gmail/disconnect", "action=disconnect");
    expect_redirect(answer, "/");
    const char *cookie = find_set_cookie(answer, "__Host-notice=");
    assert_non_null(cookie);
    const char *header = gate_arena_printf(arena_of(&w), "HTTP_COOKIE=%.*s; __Host-session=%s",
                                           (int)strcspn(cookie, ";"), cookie, w.cookie);
    answer = get_with(NOBODY, "/", header);
    expect_page(answer, 200, "Gmail is disconnected.");
    assert_non_null(find_set_cookie(answer, "__Host-notice=; "));
}

static void test_notice__from_a_strange_cookie(void **state) {
    (void)state;
    static const char *const cookies[] = {
        "HTTP_COOKIE=__Host-notice=connected.%3Cscript%3E",
        "HTTP_COOKIE=__Host-notice=connected.%",
        "HTTP_COOKIE=__Host-notice=connected.%0d%0a",
        "HTTP_COOKIE=__Host-notice=nothing.Gmail",
        "HTTP_COOKIE=__Host-notice=.Gmail",
        "HTTP_COOKIE=__Host-notice=x",
    };
    for (size_t i = 0; i < sizeof cookies / sizeof cookies[0]; i++) {
        const struct answer *answer = get_with(NOBODY, "/signin", cookies[i]);
        assert_int_equal(answer->status, 200);
        assert_null(strstr(answer->body, "<script>"));
    }
}

static void test_pages__carry_the_csrf_token_that_holds(void **state) {
    (void)state;
    const char *csrf = csrf_of(&w, w.cookie);
    expect_page(get(&w, BROWSER, "/"), 200, csrf);
    expect_page(get(&w, BROWSER, "/connectors/gmail/disconnect"), 200, csrf);
    assert_null(strstr(get(&w, NOBODY, "/signin")->body, csrf));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define HTTP_CASE(test) cmocka_unit_test_setup_teardown(test, set_up_http, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_address__that_does_not_exist),
        CASE(test_address__of_another_method),
        CASE(test_address__that_is_a_trick),
        CASE(test_address__queries_as_declared),
        CASE(test_form__kinds_of_bodies),
        CASE(test_request_id__taken_or_made),
        CASE(test_server_timing__on_json_for_known_callers),
        CASE(test_policy__lets_nothing_foreign_in),
        CASE(test_busy__is_503_with_retry_after),
        CASE(test_large_header__is_431),
        CASE(test_signin__strangers_come_back_where_they_were),
        CASE(test_signin__cookie_on_https),
        HTTP_CASE(test_signin__cookie_on_loopback_http),
        CASE(test_signin__to_foreign_addresses),
        CASE(test_signout__ends_the_session),
        CASE(test_signout__without_a_provider_that_answers),
        CASE(test_connect__sends_to_the_link_and_binds_the_browser),
        CASE(test_connect__to_foreign_addresses),
        CASE(test_connect__when_scalekit_does_not_answer),
        CASE(test_disconnect__leaves_a_notice_that_is_shown_once),
        CASE(test_notice__from_a_strange_cookie),
        CASE(test_pages__carry_the_csrf_token_that_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
