/* A person's access keys: seen, made once, limited as chosen, and ended, by nobody but themselves.
 */
#include "web/exchange.h"

#define DAY_MS (24 * HOUR_MS)
#define ALL "&may=run&reach=all&days=90"

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

static struct gate_token *list_tokens(int64_t user_id, size_t *ret_count) {
    struct gate_token *tokens = NULL;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    assert_int_equal(gate_store_token_list_by_user(w.p.ctx, tx, user_id, &tokens, ret_count),
                     GATE_OK);
    gate_store_read_end(w.p.store, tx);
    return tokens;
}

static size_t count_tokens(void) {
    size_t count = 0;
    (void)list_tokens(w.ann.id, &count);
    return count;
}

static struct gate_token newest(void) {
    size_t count = 0;
    const struct gate_token *tokens = list_tokens(w.ann.id, &count);
    assert_true(count > 0);
    return tokens[0];
}

static const struct answer *make(const char *body) {
    return post_form(&w, BROWSER_CSRF, "/tokens", body);
}

/* The token's text on the page that shows it. */
static const char *read_key(const struct answer *answer) {
    expect_page(answer, 200, "shown this once only");
    static const char before[] = "<code id=\"key\">";
    const char *at = strstr(answer->body, before);
    assert_non_null(at);
    at += sizeof before - 1;
    return gate_arena_strndup(arena_of(&w), at, strcspn(at, "<"));
}

static int use_key(const char *key, const char *target) {
    const char *header = gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=Bearer %s", key);
    return send_request(&w, &(struct sending){.target = target, .headers = {header}})->status;
}

static const char *revoke_path(const char *public_id) {
    return gate_arena_printf(arena_of(&w), "/tokens/%s/revoke", public_id);
}

/* ---- making ---- */

static void test_make__shows_the_key_once_and_nowhere_else(void **state) {
    (void)state;
    const struct answer *answer = make("label=Laptop" ALL);
    const char *key = read_key(answer);
    assert_true(gate_text_starts_with(key, "ghp_"));
    assert_int_equal(strlen(key), 4 + 43);
    assert_int_equal(count_headers(answer, "Location"), 0);
    for (size_t i = 0; i < answer->header_count; i++) {
        assert_null(strstr(answer->headers[i].value, key));
    }
    const struct answer *list = get(&w, BROWSER, "/tokens");
    expect_page(list, 200, "Laptop");
    assert_null(strstr(list->body, key));
    assert_int_equal(use_key(key, "/api/v1/me"), 200);
}

static void test_make__everything_that_was_chosen(void **state) {
    (void)state;
    int64_t now = gate_ctx_now_ms(w.p.ctx);
    (void)read_key(make("label=Report&may=see&reach=chosen&connection=gmail&connection=slack"
                        "&tools=gmail_*+!gmail_send_*&days=30"));
    struct gate_token token = newest();
    assert_string_equal(token.label, "Report");
    assert_string_equal(token.scopes, GATE_SCOPE_READ);
    assert_string_equal(token.connections, "gmail slack");
    assert_string_equal(token.tools, "gmail_* !gmail_send_*");
    assert_null(token.identifiers);
    assert_int_equal(token.kind, GATE_TOKEN_PERSONAL);
    assert_int_equal(token.owner_user_id, w.ann.id);
    assert_int_equal(token.expires_at - now, 30 * DAY_MS);
    const struct answer *list = get(&w, BROWSER, "/tokens");
    expect_page(list, 200, "Can only look");
    expect_page(list, 200, "with Gmail, Slack");
    expect_page(list, 200, "gmail_* !gmail_send_*");
    expect_page(list, 200, "Works for 30 more days");
    expect_page(list, 200, "Never used");
}

static void test_make__without_end_and_with_all(void **state) {
    (void)state;
    (void)read_key(make("label=x&may=run&reach=all&connection=gmail&tools=++&days=never"));
    struct gate_token token = newest();
    assert_string_equal(token.scopes, GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE);
    assert_string_equal(token.connections, "*");
    assert_string_equal(token.tools, "*");
    assert_int_equal(token.expires_at, 0);
    expect_page(get(&w, BROWSER, "/tokens"), 200, "Works until you revoke it");
}

static void test_make__a_key_that_may_also_disconnect(void **state) {
    (void)state;
    (void)read_key(make("label=x&may=end&reach=all&days=90"));
    assert_string_equal(newest().scopes,
                        GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE " " GATE_SCOPE_ACCOUNTS);
    expect_page(get(&w, BROWSER, "/tokens"), 200,
                "Can see and run tools, and disconnect connectors");
    const struct answer *again = make("label=&may=end&reach=all&days=90");
    expect_page(again, 400, "value=\"end\" checked");
    expect_page(get(&w, BROWSER, "/tokens/new"), 200, "value=\"see\" checked");
}

static void test_make__a_key_that_may_call_apps_directly(void **state) {
    (void)state;
    (void)read_key(make("label=x&may=see&reach=all&direct=read&days=90"));
    assert_string_equal(newest().scopes, GATE_SCOPE_READ " " GATE_SCOPE_PROXY_READ);
    expect_page(get(&w, BROWSER, "/tokens"), 200, "May also read from the apps directly");
    (void)read_key(make("label=x&may=run&reach=all&direct=write&days=90"));
    assert_string_equal(newest().scopes,
                        GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE " " GATE_SCOPE_PROXY_READ
                                        " " GATE_SCOPE_PROXY_WRITE);
    expect_page(get(&w, BROWSER, "/tokens"), 200, "read and change things in the apps directly");
    (void)read_key(make("label=x&may=run&reach=all&direct=no&days=90"));
    assert_string_equal(newest().scopes, GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE);
    const struct answer *again = make("label=&may=run&reach=all&direct=write&days=90");
    expect_page(again, 400, "value=\"write\" checked");
}

static void test_make__a_key_that_only_looks_runs_nothing(void **state) {
    (void)state;
    const char *key = read_key(make("label=x&may=see&reach=all&days=90"));
    assert_int_equal(use_key(key, "/api/v1/tools/scoped"), 200);
    const char *header = gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=Bearer %s", key);
    const struct answer *answer =
        send_request(&w, &(struct sending){
                             .method = "POST",
                             .target = "/api/v1/execute_tool",
                             .content_type = "application/json",
                             .body = "{\"tool_name\":\"gmail_search\",\"connector\":\"gmail\"}",
                             .headers = {header},
                         });
    (void)expect_problem(&w, answer, 403, "forbidden");
    assert_int_equal(count_seen(&w.p, "POST /api/v1/execute_tool"), 0);
}

static void test_make__what_is_not_understood_is_asked_again(void **state) {
    (void)state;
    char long_label[GATE_LABEL_MAX_BYTES + 2];
    memset(long_label, 'a', sizeof long_label - 1);
    long_label[sizeof long_label - 1] = '\0';
    const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"label=" ALL, "Give the key a name"},
        {"may=run&reach=all&days=90", "Give the key a name"},
        {gate_arena_printf(arena_of(&w), "label=%s" ALL, long_label), "The name is too long"},
        {"label=x&reach=all&days=90", "Choose what the key may do"},
        {"label=x&may=all&reach=all&days=90", "Choose what the key may do"},
        {"label=x&may=run&days=90", "Choose which connectors"},
        {"label=x&may=run&reach=some&days=90", "Choose which connectors"},
        {"label=x&may=run&reach=chosen&days=90", "Choose at least one connector"},
        {"label=x&may=run&reach=chosen&connection=&days=90", "cannot be chosen"},
        {"label=x&may=run&reach=chosen&connection=*&days=90", "cannot be chosen"},
        {"label=x&may=run&reach=chosen&connection=gmail+*&days=90", "cannot be chosen"},
        {"label=x&may=run&reach=chosen&connection=!gmail&days=90", "cannot be chosen"},
        {"label=x&may=run&reach=all&direct=all&days=90", "Choose whether"},
        {"label=x&may=see&reach=all&direct=write&days=90", "may only look"},
        {"label=x&may=run&reach=all", "Choose how long"},
        {"label=x&may=run&reach=all&days=31", "Choose how long"},
        {"label=x&tools=!" ALL, "A rule that denies"},
    };
    size_t before = count_tokens();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer = make(cases[i].body);
        if (answer->status != 400 || strstr(answer->body, cases[i].text) == NULL) {
            fail_msg("%s: %d %s", cases[i].body, answer->status, answer->body);
        }
        expect_page(answer, 400, "No access key was made");
    }
    assert_int_equal(count_tokens(), before);
}

static void test_make__keeps_what_was_filled_in(void **state) {
    (void)state;
    const struct answer *answer =
        make("label=%3Cb%3E&may=run&reach=chosen&connection=slack&tools=!&days=365");
    expect_page(answer, 400, "value=\"&lt;b&gt;\"");
    expect_page(answer, 400, "value=\"run\" checked");
    expect_page(answer, 400, "value=\"chosen\" checked");
    expect_page(answer, 400, "value=\"slack\" checked");
    expect_page(answer, 400, "value=\"gmail\">");
    expect_page(answer, 400, "value=\"365\" checked");
    expect_page(answer, 400, "value=\"!\"");
}

static void test_make__so_many_and_no_more(void **state) {
    (void)state;
    while (count_tokens() < GATE_TOKENS_PER_USER_MAX) {
        (void)read_key(make("label=x" ALL));
    }
    expect_page(make("label=x" ALL), 413, "revoke one first");
    assert_int_equal(count_tokens(), GATE_TOKENS_PER_USER_MAX);
}

static void test_make__too_many_choices(void **state) {
    (void)state;
    const char *body = "label=x&may=run&reach=chosen&days=90";
    for (int i = 0; i <= GATE_TOKEN_CHOICES_MAX; i++) {
        body = gate_arena_printf(arena_of(&w), "%s&connection=c%d", body, i);
    }
    expect_page(make(body), 400, "Choose at most 50 connectors");
}

static void test_new__offers_what_is_mine_first(void **state) {
    (void)state;
    const struct answer *answer = get(&w, BROWSER, "/tokens/new");
    expect_page(answer, 200, "value=\"gmail\"");
    expect_page(answer, 200, "value=\"slack\"");
    assert_null(strstr(answer->body, "notion")); /* not offered */
    assert_null(strstr(answer->body, "No access key was made"));
    expect_page(answer, 200, "aria-current=\"page\">Access keys");
}

/* ---- seeing ---- */

static void test_list__nothing_yet(void **state) {
    (void)state;
    struct gate_token token = newest();
    assert_int_equal(post_form(&w, BROWSER_CSRF, revoke_path(token.public_id), "")->status, 303);
    const struct answer *answer = get(&w, BROWSER, "/tokens");
    expect_page(answer, 200, "No access keys in use");
    expect_page(answer, 200, "No longer working");
}

static void test_list__what_has_ended_is_apart(void **state) {
    (void)state;
    (void)read_key(make("label=short&may=see&reach=all&days=30"));
    begin_session(&w);
    gate_test_clock_advance(&w.p.clock, 24 * DAY_MS);
    begin_session(&w);
    expect_page(get(&w, BROWSER, "/tokens"), 200, "Ends soon");
    gate_test_clock_advance(&w.p.clock, 8 * DAY_MS);
    begin_session(&w);
    const struct answer *answer = get(&w, BROWSER, "/tokens");
    expect_page(answer, 200, "Ended 2 days ago");
    assert_null(strstr(answer->body, revoke_path(newest().public_id)));
}

static void test_list__hostile_names_stay_text(void **state) {
    (void)state;
    (void)read_key(make("label=%3Cscript%3Ealert(1)%3C/script%3E&tools=%3Ci%3E" ALL));
    const struct answer *answer = get(&w, BROWSER, "/tokens");
    assert_null(strstr(answer->body, "<script>alert"));
    assert_null(strstr(answer->body, "<i>"));
    expect_page(answer, 200, "&lt;script&gt;alert(1)&lt;/script&gt;");
}

/* ---- ending ---- */

static void test_revoke__asks_first_and_then_ends_it(void **state) {
    (void)state;
    const char *key = read_key(make("label=Laptop" ALL));
    const char *path = revoke_path(newest().public_id);
    expect_page(get(&w, BROWSER, path), 200, "What stops working");
    assert_int_equal(use_key(key, "/api/v1/me"), 200);
    const struct answer *answer = post_form(&w, BROWSER_CSRF, path, "");
    expect_redirect(answer, "/tokens");
    const char *cookie = find_set_cookie(answer, "__Host-notice=");
    assert_non_null(cookie);
    assert_non_null(strstr(cookie, "revoked.Laptop"));
    assert_int_equal(use_key(key, "/api/v1/me"), 401);
    int64_t revoked_at = newest().revoked_at;
    /* Again is no harm, and there is nothing left to ask about. */
    expect_redirect(post_form(&w, BROWSER_CSRF, path, ""), "/tokens");
    assert_int_equal(newest().revoked_at, revoked_at);
    expect_redirect(get(&w, BROWSER, path), "/tokens");
}

static void test_revoke__only_ones_own(void **state) {
    (void)state;
    struct gate_user bob = add_person(&w.p, "bob");
    const char *key = add_token(&w.p, &(struct gate_token_wish){
                                          .kind = GATE_TOKEN_PERSONAL,
                                          .owner_user_id = bob.id,
                                          .label = "bobs secret name",
                                          .scopes = GATE_SCOPE_READ,
                                      });
    size_t count = 0;
    const char *bobs = list_tokens(bob.id, &count)[0].public_id;
    const struct answer *answer = get(&w, BROWSER, "/tokens");
    assert_null(strstr(answer->body, "bobs secret name"));
    /* Another's, a service's and none look the same. */
    struct gate_caller service;
    assert_int_equal(gate_portal_token_find(w.p.ctx, w.p.portal, w.service, &service), GATE_OK);
    const char *const ids[] = {bobs, service.token.public_id, "tok_none", "1", "%20", "*"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        answer = get(&w, BROWSER, revoke_path(ids[i]));
        expect_page(answer, 404, "It is not one of yours");
        assert_null(strstr(answer->body, "bobs"));
        answer = post_form(&w, BROWSER_CSRF, revoke_path(ids[i]), "");
        expect_page(answer, 404, "It is not one of yours");
    }
    assert_int_equal(use_key(key, "/api/v1/me"), 200);
    assert_int_equal(get(&w, SERVICE, "/api/v1/me")->status, 200);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_make__shows_the_key_once_and_nowhere_else),
        CASE(test_make__everything_that_was_chosen),
        CASE(test_make__without_end_and_with_all),
        CASE(test_make__a_key_that_may_also_disconnect),
        CASE(test_make__a_key_that_may_call_apps_directly),
        CASE(test_make__a_key_that_only_looks_runs_nothing),
        CASE(test_make__what_is_not_understood_is_asked_again),
        CASE(test_make__keeps_what_was_filled_in),
        CASE(test_make__so_many_and_no_more),
        CASE(test_make__too_many_choices),
        CASE(test_new__offers_what_is_mine_first),
        CASE(test_list__nothing_yet),
        CASE(test_list__what_has_ended_is_apart),
        CASE(test_list__hostile_names_stay_text),
        CASE(test_revoke__asks_first_and_then_ends_it),
        CASE(test_revoke__only_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
