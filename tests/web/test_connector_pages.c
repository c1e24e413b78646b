/* The pages about connectors, from the list to the way to a provider and back. */
#include "web/exchange.h"

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static void expect_text(const struct answer *answer, const char *text) {
    if (strstr(answer->body, text) == NULL) {
        fail_msg("no \"%s\" in: %s", text, answer->body);
    }
}

static void expect_no_text(const struct answer *answer, const char *text) {
    if (strstr(answer->body, text) != NULL) {
        fail_msg("\"%s\" in: %s", text, answer->body);
    }
}

static void test_connectors__needs_you_comes_first(void **state) {
    (void)state;
    const struct answer *answer = get(&w, BROWSER, "/");
    expect_page(answer, 200, "Access ran out");
    const char *slack = strstr(answer->body, "href=\"/connectors/slack\"");
    const char *gmail = strstr(answer->body, "href=\"/connectors/gmail\"");
    assert_non_null(slack);
    assert_non_null(gmail);
    assert_true(slack < gmail);
    expect_text(answer, "action=\"/connectors/slack/connect\"");
    expect_text(answer, "data-refresh-url=\"/\"");
    expect_no_text(answer, "Notion");
}

static void test_connector__shows_state_and_ways_to_end_it(void **state) {
    (void)state;
    const struct answer *answer = get(&w, BROWSER, "/connectors/gmail");
    expect_page(answer, 200, "status-connected");
    expect_text(answer, "/connectors/gmail/disconnect?action=disconnect");
    expect_text(answer, "/connectors/gmail/disconnect?action=remove");
    expect_text(answer, "Connected</span>");
    expect_page(get(&w, BROWSER, "/connectors/notion"), 404, "There is no such connector");
    expect_page(get(&w, BROWSER, "/connectors/%3Cb%3E"), 404, "There is no such connector");
}

static void test_deep_link__says_what_will_happen(void **state) {
    (void)state;
    const struct answer *answer =
        get(&w, BROWSER, "/connect/slack?return_to=%2Fconnectors%2Fgmail");
    expect_page(answer, 200, "You are about to reconnect Slack");
    expect_text(answer, "name=\"return_to\" value=\"/connectors/gmail\"");
    expect_text(answer, "Read and send messages, in your name");
    answer = get(&w, BROWSER, "/connect/gmail?return_to=%2Fconnectors%2Fslack");
    expect_page(answer, 200, "Gmail is already connected");
    expect_text(answer, "href=\"/connectors/slack\"");
    expect_text(answer, "Go back");
}

static void test_deep_link__refuses(void **state) {
    (void)state;
    expect_page(get(&w, BROWSER, "/connect/gmail?return_to=https%3A%2F%2Fevil.example%2F"), 400,
                "That link does not work");
    expect_page(get(&w, BROWSER, "/connect/notion"), 404, "There is no such connector");
    expect_page(get(&w, BROWSER, "/connect/nothing"), 404, "There is no such connector");
    expect_redirect(get(&w, NOBODY, "/connect/gmail"), "/signin?return_to=%2Fconnect%2Fgmail");
}

static void test_connect__leads_to_the_link_and_binds_the_browser(void **state) {
    (void)state;
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/slack/connect", "return_to=");
    expect_redirect(answer, "https://scalekit.example.com/magic/1");
    const char *cookie = find_set_cookie(answer, "__Host-browser=");
    assert_non_null(cookie);
    assert_non_null(strstr(cookie, "HttpOnly"));
    assert_non_null(strstr(cookie, "Secure"));
    assert_int_equal(strcspn(cookie + strlen("__Host-browser="), ";"), 43);
}

static void test_connect__refuses(void **state) {
    (void)state;
    expect_page(
        post_form(&w, BROWSER_CSRF, "/connectors/slack/connect", "return_to=https://evil.example/"),
        400, "That link does not work");
    expect_page(post_form(&w, BROWSER_CSRF, "/connectors/nothing/connect", ""), 404,
                "There is no such connector");
    script(&w.p, "POST /api/v1/connected_accounts/magic_link", 500, "{\"message\":\"raw words\"}");
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/slack/connect", "return_to=/");
    expect_page(answer, 503, "Try again");
    expect_text(answer, "/connect/slack?return_to=%2F");
    expect_no_text(answer, "raw words");
}

/* ---- coming back ---- */

/* The state of the last link that was made. */
static const char *last_state(void) {
    const char *body = find_seen_body(&w.p, "POST /api/v1/connected_accounts/magic_link");
    assert_non_null(body);
    const char *at = strstr(body, "\"state\":\"");
    assert_non_null(at);
    at += strlen("\"state\":\"");
    return gate_arena_strndup(arena_of(&w), at, strcspn(at, "\""));
}

/* Begin on Slack and come back with this query after the state. */
static const struct answer *go_round(const char *return_to, const char *query) {
    const struct answer *begun =
        post_form(&w, BROWSER_CSRF, "/connectors/slack/connect",
                  gate_arena_printf(arena_of(&w), "return_to=%s", return_to));
    const char *browser = find_set_cookie(begun, "__Host-browser=");
    assert_non_null(browser);
    const struct sending back = {
        .target =
            gate_arena_printf(arena_of(&w), "/connect/callback?state=%s%s", last_state(), query),
        .headers = {gate_arena_printf(arena_of(&w), "HTTP_COOKIE=__Host-session=%s; %.*s", w.cookie,
                                      (int)strcspn(browser, ";"), browser)},
    };
    return send_request(&w, &back);
}

#define SLACK_IS(status) ACCOUNT_ANSWER("ann", "slack", status)

static void scalekit_says(const char *answer) {
    script(&w.p, "GET /api/v1/connected_accounts/details", 200, answer);
}

static void test_callback__connects(void **state) {
    (void)state;
    script(&w.p, "POST /api/v1/connected_accounts/user/verify", 200, "{}");
    scalekit_says(SLACK_IS("ACTIVE"));
    const struct answer *answer = go_round("", "&auth_request_id=ar_1");
    expect_redirect(answer, "/");
    assert_non_null(find_set_cookie(answer, "__Host-notice=connected.Slack"));
    answer = go_round("/connectors/gmail", "&auth_request_id=ar_2");
    assert_string_equal(find_header(answer, "Location"), "/connectors/gmail");
}

static void test_callback__not_finished(void **state) {
    (void)state;
    scalekit_says(SLACK_IS("PENDING_AUTH"));
    const struct answer *answer = go_round("", "&error=access_denied&error_description=raw");
    expect_redirect(answer, "/connectors/slack");
    assert_non_null(find_set_cookie(answer, "__Host-notice=refused.Slack"));
    answer = go_round("", "");
    expect_redirect(answer, "/connectors/slack");
    assert_non_null(find_set_cookie(answer, "__Host-notice=waiting.Slack"));
}

static void test_callback__problems(void **state) {
    (void)state;
    static const struct {
        int scalekit;
        int status;
        const char *words;
    } rows[] = {
        {403, 403, "This was allowed by somebody else"},
        {404, 410, "This cannot be finished any more"},
        {503, 503, "It could not be finished just now"},
    };
    scalekit_says(SLACK_IS("PENDING_VERIFICATION"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        script(&w.p, "POST /api/v1/connected_accounts/user/verify", rows[i].scalekit,
               "{\"code\":7,\"message\":\"raw words\"}");
        const struct answer *answer = go_round("/connectors/gmail", "&auth_request_id=ar_1");
        expect_page(answer, rows[i].status, rows[i].words);
        expect_text(answer, "/connect/slack?return_to=%2Fconnectors%2Fgmail");
        expect_no_text(answer, "raw words");
    }
    expect_page(get(&w, BROWSER, "/connect/callback?state=x&auth_request_id=y"), 404,
                "That link does not work");
    expect_page(get(&w, BROWSER, "/connect/callback"), 404, "That link does not work");
}

/* ---- ending ---- */

static void test_disconnect__asks_first(void **state) {
    (void)state;
    const struct answer *answer = get(&w, BROWSER, "/connectors/gmail/disconnect");
    expect_page(answer, 200, "Disconnect Gmail?");
    expect_text(answer, "name=\"action\" value=\"disconnect\"");
    answer = get(&w, BROWSER, "/connectors/gmail/disconnect?action=remove");
    expect_page(answer, 200, "Remove Gmail?");
    expect_text(answer, "name=\"action\" value=\"remove\"");
    expect_no_text(answer, "name=\"action\" value=\"disconnect\"");
    assert_int_equal(get(&w, BROWSER, "/connectors/gmail/disconnect?action=x")->status, 400);
    expect_page(get(&w, BROWSER, "/connectors/nothing/disconnect"), 404,
                "There is no such connector");
}

static void test_disconnect__ends_it_and_says_so(void **state) {
    (void)state;
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/gmail/disconnect", "action=disconnect");
    expect_redirect(answer, "/");
    assert_non_null(find_set_cookie(answer, "__Host-notice=disconnected.Gmail"));
    answer = post_form(&w, BROWSER_CSRF, "/connectors/gmail/disconnect", "action=remove");
    expect_redirect(answer, "/");
    assert_non_null(find_set_cookie(answer, "__Host-notice=removed.Gmail"));
    expect_page(get(&w, BROWSER, "/connectors/gmail"), 200, "You removed it");
}

static void test_disconnect__refuses(void **state) {
    (void)state;
    static const char *const bodies[] = {"", "action=", "action=delete"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(
            post_form(&w, BROWSER_CSRF, "/connectors/gmail/disconnect", bodies[i])->status, 400);
    }
    expect_page(post_form(&w, BROWSER_CSRF, "/connectors/nothing/disconnect", "action=remove"), 404,
                "There is no such connector");
    script(&w.p, "POST /api/v1/connected_accounts/ca_ann_gmail:disconnect", 503,
           "{\"code\":14,\"message\":\"raw words\"}");
    const struct answer *answer =
        post_form(&w, BROWSER_CSRF, "/connectors/gmail/disconnect", "action=disconnect");
    expect_page(answer, 503, "Try again");
    expect_page(get(&w, BROWSER, "/connectors/gmail"), 200, "status-connected");
}

#define page_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        page_test(test_connectors__needs_you_comes_first),
        page_test(test_connector__shows_state_and_ways_to_end_it),
        page_test(test_deep_link__says_what_will_happen),
        page_test(test_deep_link__refuses),
        page_test(test_connect__leads_to_the_link_and_binds_the_browser),
        page_test(test_connect__refuses),
        page_test(test_callback__connects),
        page_test(test_callback__not_finished),
        page_test(test_callback__problems),
        page_test(test_disconnect__asks_first),
        page_test(test_disconnect__ends_it_and_says_so),
        page_test(test_disconnect__refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
