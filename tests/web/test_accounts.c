/* Connected accounts over the API: Scalekit's shapes, narrowed to the caller. */
#include "web/exchange.h"

#define ACCOUNTS_URL "/api/v1/connected_accounts"
#define DETAILS_URL ACCOUNTS_URL "/details"
#define LINK_URL ACCOUNTS_URL "/magic_link"
#define DELETE_URL ACCOUNTS_URL ":delete"
#define DISCONNECT_URL ACCOUNTS_URL "/ca_ann_gmail:disconnect"
#define CREATE "POST " ACCOUNTS_URL
#define DELETE "POST " DELETE_URL

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    static const char *const origins[] = {"https://agent.example.com", NULL};
    portal_web_open(&w, HTTPS_URL);
    w.p.config.return_origins = origins;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

/* Let the personal token be this one from now on. */
static void use_token(const char *scopes, const char *connections) {
    w.personal = add_token(&w.p, &(struct gate_token_wish){
                                     .kind = GATE_TOKEN_PERSONAL,
                                     .owner_user_id = w.ann.id,
                                     .label = "narrow",
                                     .scopes = scopes,
                                     .connections = connections,
                                 });
}

static const struct answer *post(const char *target, const char *body) {
    return post_json(&w, PERSONAL, target, body);
}

static void expect_status(const char *connection_name, const char *status) {
    struct gate_account account;
    gate_store_tx *tx = gate_store_read_begin(w.p.store);
    enum gate_err err = gate_store_account_find(w.p.ctx, tx, w.ann.id, connection_name, &account);
    gate_store_read_end(w.p.store, tx);
    if (status == NULL) {
        assert_int_equal(err, GATE_ERR_NOT_FOUND);
    } else {
        assert_int_equal(err, GATE_OK);
        assert_string_equal(gate_account_status_name(account.status), status);
    }
}

/* ---- GET /api/v1/connected_accounts ---- */

static void test_list__in_scalekits_shape(void **state) {
    (void)state;
    const struct answer *answer = get(&w, PERSONAL, ACCOUNTS_URL);
    assert_int_equal(answer->status, 200);
    const gate_json *json = read_json(&w, answer);
    const gate_json *accounts = gate_json_member(json, "connected_accounts");
    assert_int_equal(gate_json_length(accounts), 2);
    const gate_json *gmail = gate_json_element(accounts, 0);
    expect_member(gmail, "id", "ca_ann_gmail");
    expect_member(gmail, "identifier", "ann");
    expect_member(gmail, "connector", "gmail");
    expect_member(gmail, "provider", "GMAIL");
    expect_member(gmail, "status", "ACTIVE");
    assert_false(gate_json_has_member(gmail, "authorization_details"));
    assert_false(gate_json_has_member(gmail, "last_used_at")); /* never */
    expect_member(gate_json_element(accounts, 1), "connector", "slack");
    expect_member(json, "next_page_token", "");
    int64_t total = 0;
    assert_true(gate_json_member_integer(json, "total_size", &total));
    assert_int_equal(total, 2);
    assert_int_equal(count_seen(&w.p, ""), 0); /* from the record */
}

static void test_list__in_pages(void **state) {
    (void)state;
    const gate_json *first = read_json(&w, get(&w, PERSONAL, ACCOUNTS_URL "?page_size=1"));
    const char *token = gate_json_member_text(first, "next_page_token");
    assert_string_not_equal(token, "");
    const gate_json *second = read_json(
        &w, get(&w, PERSONAL,
                gate_arena_printf(arena_of(&w), ACCOUNTS_URL "?page_size=1&page_token=%s", token)));
    expect_member(gate_json_element(gate_json_member(second, "connected_accounts"), 0), "connector",
                  "slack");
    expect_member(second, "next_page_token", "");
}

static void test_list__filters(void **state) {
    (void)state;
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"connector=gmail", 1},
        {"connection_names=gmail&connection_names=slack&connection_names=x", 2},
        {"provider=slack", 1},
        {"query=gma", 1},
        {"query=", 2},
        {"identifier=ann", 2},
        {"connector=no-such", 0},
        {"page_size=100", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), ACCOUNTS_URL "?%s", cases[i].query);
        const gate_json *json = read_json(&w, get(&w, PERSONAL, target));
        assert_int_equal(gate_json_length(gate_json_member(json, "connected_accounts")),
                         cases[i].count);
    }
}

static void test_list__queries_that_are_wrong(void **state) {
    (void)state;
    static const char *const queries[] = {
        "page_size=101",
        "page_size=-1",
        "page_size=99999999999999999999",
        "page_token=nonsense",
        "page_token=%00",
        "connector=gmail&connection_names=slack",
        "connector=gmail&connector=slack",
        "organization_id=org_1",
        "user_id=usr_1",
        "other=1",
        "identifier=",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), ACCOUNTS_URL "?%s", queries[i]);
        (void)expect_problem(&w, get(&w, PERSONAL, target), 400, "invalid-request");
    }
    (void)expect_problem(&w, get(&w, PERSONAL, ACCOUNTS_URL "?identifier=carl"), 403, "forbidden");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_list__of_the_user_that_is_named(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, SERVICE, ACCOUNTS_URL "?identifier=carl"));
    assert_int_equal(gate_json_length(gate_json_member(json, "connected_accounts")), 0);
    assert_int_equal(count_seen(&w.p, "GET " ACCOUNTS_URL "?identifier=carl&"), 1);
    assert_int_equal(count_seen(&w.p, ""), 1);
}

/* ---- GET /api/v1/connections/app ---- */

static void test_app_connections__what_is_offered(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections/app"));
    const gate_json *connections = gate_json_member(json, "connections");
    assert_int_equal(gate_json_length(connections), 2); /* Notion is switched off */
    expect_member(gate_json_element(connections, 0), "key_id", "gmail");
    expect_member(gate_json_element(connections, 0), "provider_key", "GMAIL");
    expect_member(gate_json_element(connections, 0), "status", "COMPLETED");
    assert_true(gate_json_member_bool(gate_json_element(connections, 0), "enabled"));
    json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections/app?query=ann"));
    assert_int_equal(gate_json_length(gate_json_member(json, "connections")), 0);
    use_token(GATE_SCOPE_READ, "slack");
    json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections/app?provider=SLACK&page_size=1"));
    assert_int_equal(gate_json_length(gate_json_member(json, "connections")), 1);
    use_token(GATE_SCOPE_EXECUTE, "*");
    (void)expect_problem(&w, get(&w, PERSONAL, "/api/v1/connections/app"), 403, "forbidden");
}

/* ---- GET /api/v1/connected_accounts/details ---- */

static void test_details__by_connector_or_id(void **state) {
    (void)state;
    static const char *const targets[] = {
        DETAILS_URL "?connector=slack",
        DETAILS_URL "?id=ca_ann_slack",
        DETAILS_URL "?connector=slack&id=ca_ann_slack&identifier=ann",
        DETAILS_URL "?connector=&id=ca_ann_slack",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const gate_json *account =
            gate_json_member(read_json(&w, get(&w, PERSONAL, targets[i])), "connected_account");
        expect_member(account, "id", "ca_ann_slack");
        expect_member(account, "status", "EXPIRED");
    }
    assert_int_equal(get(&w, BROWSER, targets[0])->status, 200);
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* Whether it is somebody else's, or nobody's: the same answer, but for the request's id. */
static void test_details__somebody_elses_looks_like_nobodys(void **state) {
    (void)state;
    struct gate_user carl = add_person(&w.p, "carl");
    record_accounts(&w.p, &carl);
    static const char *const ids[] = {
        "ca_carl_gmail", "ca_nobody", "ca_ann_gmail%20", "CA_ANN_GMAIL", "a%2Fb%3Ac%25", "-",
    };
    const char *first = NULL;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), DETAILS_URL "?id=%s", ids[i]);
        const gate_json *json = expect_problem(&w, get(&w, PERSONAL, target), 404, "not-found");
        first = first == NULL ? gate_json_member_text(json, "detail") : first;
        expect_member(json, "detail", first);
    }
    assert_int_equal(count_seen(&w.p, "GET " ACCOUNTS_URL "?identifier=ann&"),
                     sizeof ids / sizeof ids[0]);
    assert_int_equal(count_seen(&w.p, ""), sizeof ids / sizeof ids[0]);
}

static void test_details__made_up_connections_cost_scalekit_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"no-such", "notion", "a%2Fb", "%25", "*", "details"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), DETAILS_URL "?connector=%s", names[i]);
        (void)expect_problem(&w, get(&w, PERSONAL, target), 404, "not-found");
    }
    (void)expect_problem(&w, get(&w, PERSONAL, DETAILS_URL), 400, "invalid-request");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_details__credentials_are_not_for_asking(void **state) {
    (void)state;
    static const char *const targets[] = {
        ACCOUNTS_URL "/auth?connector=gmail",
        ACCOUNTS_URL "/ca_ann_gmail",
        ACCOUNTS_URL ":search?query=ann",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)expect_problem(&w, get(&w, PERSONAL, targets[i]), 404, "not-found");
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* ---- POST /api/v1/connected_accounts ---- */

static void test_create__without_credentials(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"connector\":\"gmail\"}",
        "{\"connector\":\"gmail\",\"identifier\":\"ann\",\"connected_account\":{}}",
        "{\"connector\":\"gmail\",\"connected_account\":null}",
        /* what SDKs send who were given none */
        "{\"connector\":\"gmail\",\"connected_account\":{\"authorization_details\":{\"oauth_"
        "token\":"
        "{\"access_token\":\"\",\"scopes\":[]}},\"api_config\":{}}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const struct answer *answer = post(ACCOUNTS_URL, bodies[i]);
        assert_int_equal(answer->status, 201);
        const gate_json *account = gate_json_member(read_json(&w, answer), "connected_account");
        expect_member(account, "status", "PENDING_AUTH");
        expect_member(account, "identifier", "ann");
        assert_string_equal(
            find_seen_body(&w.p, CREATE),
            "{\"connector\":\"gmail\",\"identifier\":\"ann\",\"connected_account\":{}}");
    }
    expect_status("gmail", "PENDING_AUTH");
}

static void test_create__with_credentials(void **state) {
    (void)state;
    static const char *const accounts[] = {
        "{\"authorization_details\":{\"oauth_token\":{\"access_token\":\"secret\"}}}",
        "{\"authorization_details\":{\"static_auth\":{\"details\":{\"api_key\":\"secret\"}}}}",
        "{\"authorization_details\":{\"oauth_token\":{\"scopes\":[\"secret\"]}}}",
        "{\"api_config\":{\"base\":1}}",
        "{\"api_config\":{\"base\":false}}",
        "[]",
        "\"\"",
        "7",
    };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        const char *body = gate_arena_printf(
            arena_of(&w), "{\"connector\":\"gmail\",\"connected_account\":%s}", accounts[i]);
        const struct answer *answer = post(ACCOUNTS_URL, body);
        (void)expect_problem(&w, answer, 400, "invalid-request");
        assert_null(strstr(answer->body, "secret"));
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
    expect_status("gmail", "ACTIVE");
}

static void test_create__where_there_is_one(void **state) {
    (void)state;
    script(&w.p, CREATE, 409, "{\"code\":6,\"message\":\"there is one\"}");
    (void)expect_problem(&w, post(ACCOUNTS_URL, "{\"connector\":\"gmail\"}"), 409, "conflict");
}

static void test_create__bodies_that_are_wrong(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"connector\":\"\"}",
        "{\"connector\":7}",
        "{\"connector\":\"gmail\",\"organization_id\":\"org_1\"}",
        "{\"connector\":\"gmail\",\"user_id\":\"usr_1\"}",
        "{\"connector\":\"gmail\",\"id\":\"ca_1\"}",
        "{\"connector\":\"a\\nb\"}",
        "{\"connector\":\"gmail\",\"connector\":\"slack\"}",
        "[]",
        "",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)expect_problem(&w, post(ACCOUNTS_URL, bodies[i]), 400, "invalid-request");
    }
    (void)expect_problem(&w,
                         post(ACCOUNTS_URL, "{\"connector\":\"gmail\",\"identifier\":\"carl\"}"),
                         403, "forbidden");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* What Scalekit refuses is nothing that the caller did wrong, and its words stay here. */
static void test_create__when_scalekit_fails(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body;
        int answer;
        const char *slug;
    } cases[] = {
        {400, "{\"code\":3,\"message\":\"raw words\"}", 502, "upstream-invalid"},
        {401, "{\"code\":16,\"message\":\"raw words\"}", 502, "upstream-invalid"},
        {403, "{\"code\":7,\"message\":\"raw words\"}", 502, "upstream-invalid"},
        {404, "{\"code\":5,\"message\":\"raw words\"}", 404, "not-found"},
        {429, "{\"code\":8,\"message\":\"slow down\"}", 429, "rate-limited"},
        {503, "{\"code\":14,\"message\":\"raw words\"}", 503, "upstream-unavailable"},
        {500, "{\"code\":13,\"message\":\"raw words\"}", 503, "upstream-unavailable"},
        {200, "rubbish", 503, "upstream-unavailable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script(&w.p, CREATE, cases[i].status, cases[i].body);
        const struct answer *answer = post(ACCOUNTS_URL, "{\"connector\":\"gmail\"}");
        (void)expect_problem(&w, answer, cases[i].answer, cases[i].slug);
        assert_null(strstr(answer->body, "raw words"));
    }
}

/* ---- POST /api/v1/connected_accounts/magic_link ---- */

static void test_link__is_the_portals_own(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *link;
    } cases[] = {
        {"{\"connector\":\"gmail\"}", HTTPS_URL "/connect/gmail"},
        {"{\"connector\":\"gmail\",\"identifier\":\"ann\",\"id\":\"\",\"user_verify_url\":\"\","
         "\"state\":\"\"}",
         HTTPS_URL "/connect/gmail"},
        {"{\"id\":\"ca_ann_slack\"}", HTTPS_URL "/connect/slack"},
        {"{\"connector\":\"slack\",\"user_verify_url\":\"https://agent.example.com/cb?a=1\","
         "\"state\":\"s\"}",
         HTTPS_URL "/connect/slack?return_to=https%3A%2F%2Fagent.example.com%2Fcb%3Fa%3D1"},
        {"{\"connector\":\"slack\",\"user_verify_url\":\"" HTTPS_URL "/activity\"}",
         HTTPS_URL "/connect/slack?return_to=%2Factivity"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer = post(LINK_URL, cases[i].body);
        assert_int_equal(answer->status, 200);
        const gate_json *json = read_json(&w, answer);
        expect_member(json, "link", cases[i].link);
        assert_false(gate_json_has_member(json, "expiry")); /* it has none */
    }
    assert_int_equal(count_seen(&w.p, ""), 0); /* Scalekit's link is made at the click */
}

static void test_link__that_would_lead_astray(void **state) {
    (void)state;
    static const char *const urls[] = {
        "https://evil.example/cb",
        "//evil.example",
        "/\\\\evil.example",
        "javascript:alert(1)",
        "https://a@evil.example/x",
        "/connectors/../admin",
        "/a%2f..",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const char *body = gate_arena_printf(
            arena_of(&w), "{\"connector\":\"gmail\",\"user_verify_url\":\"%s\"}", urls[i]);
        const gate_json *json = expect_problem(&w, post(LINK_URL, body), 400, "invalid-request");
        assert_non_null(strstr(gate_json_member_text(json, "detail"), "user_verify_url"));
    }
}

static void test_link__refusals(void **state) {
    (void)state;
    (void)expect_problem(&w, post(LINK_URL, "{}"), 400, "invalid-request");
    (void)expect_problem(&w, post(LINK_URL, "{\"connector\":\"gmail\",\"x\":1}"), 400,
                         "invalid-request");
    (void)expect_problem(&w, post(LINK_URL, "{\"connector\":\"notion\"}"), 404, "not-found");
    (void)expect_problem(&w, post(LINK_URL, "{\"connector\":\"no-such\"}"), 404, "not-found");
    (void)expect_problem(&w, post(LINK_URL, "{\"id\":\"ca_carl_gmail\"}"), 404, "not-found");
    (void)expect_problem(&w, post(LINK_URL, "{\"connector\":\"gmail\",\"id\":\"ca_ann_slack\"}"),
                         404, "not-found");
    use_token(GATE_SCOPE_READ, "slack");
    const gate_json *json =
        expect_problem(&w, post(LINK_URL, "{\"connector\":\"gmail\"}"), 403, "forbidden");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "rule: connections"));
}

/* ---- ending ---- */

static void test_disconnect__an_own_account(void **state) {
    (void)state;
    use_token(GATE_SCOPE_ACCOUNTS, "*");
    const struct answer *answer = post(DISCONNECT_URL, "{}");
    assert_int_equal(answer->status, 200);
    expect_member(gate_json_member(read_json(&w, answer), "connected_account"), "status",
                  "DISCONNECTED");
    expect_status("gmail", "DISCONNECTED");
    const char *by_body = ACCOUNTS_URL "/-:disconnect";
    assert_int_equal(post(by_body, "{\"id\":\"ca_ann_gmail\"}")->status, 200);
    assert_int_equal(post(DISCONNECT_URL, "{\"id\":\"ca_ann_gmail\"}")->status, 200);
    assert_int_equal(count_seen(&w.p, "POST " DISCONNECT_URL), 3);
}

static void test_disconnect__refusals(void **state) {
    (void)state;
    (void)expect_problem(&w, post(DISCONNECT_URL, "{}"), 403, "forbidden"); /* not asked for */
    use_token(GATE_SCOPE_ACCOUNTS, "slack");
    (void)expect_problem(&w, post(DISCONNECT_URL, "{}"), 403, "forbidden");
    use_token(GATE_SCOPE_ACCOUNTS, "*");
    static const struct {
        const char *target;
        const char *body;
        int status;
    } cases[] = {
        {DISCONNECT_URL, "{\"id\":\"ca_ann_slack\"}", 400},
        {DISCONNECT_URL, "{\"connector\":\"gmail\"}", 400},
        {DISCONNECT_URL, "[]", 400},
        {DISCONNECT_URL, "", 400},
        {ACCOUNTS_URL "/-:disconnect", "{}", 400},
        {ACCOUNTS_URL "/-:disconnect", "{\"id\":\"-\"}", 404},
        {ACCOUNTS_URL "/-:disconnect", "{\"id\":\"ca:ann/gmail%\"}", 404},
        {ACCOUNTS_URL "/ca_carl_gmail:disconnect", "{}", 404},
        {ACCOUNTS_URL "/ca%3Aann:disconnect", "{}", 404},
        {ACCOUNTS_URL "/ca%2Fann:disconnect", "{}", 400},
        {ACCOUNTS_URL "/%25:disconnect", "{}", 404},
        {ACCOUNTS_URL "/..:disconnect", "{}", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer = post(cases[i].target, cases[i].body);
        (void)expect_problem(&w, answer, cases[i].status,
                             cases[i].status == 400 ? "invalid-request" : "not-found");
    }
    assert_int_equal(count_seen(&w.p, "POST "), 0);
    expect_status("gmail", "ACTIVE");
}

static void test_delete__an_own_account(void **state) {
    (void)state;
    use_token(GATE_SCOPE_ACCOUNTS, "*");
    const struct answer *answer = post(DELETE_URL, "{\"connector\":\"gmail\"}");
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->body, "{}");
    expect_status("gmail", NULL);
    assert_string_equal(find_seen_body(&w.p, DELETE),
                        "{\"connector\":\"gmail\",\"identifier\":\"ann\"}");
    (void)expect_problem(&w, post(DELETE_URL, "{\"connector\":\"gmail\"}"), 404, "not-found");
    /* Named by its id, still by whose it is at Scalekit. */
    assert_int_equal(post(DELETE_URL, "{\"id\":\"ca_ann_slack\"}")->status, 200);
    assert_string_equal(find_seen_body(&w.p, DELETE),
                        "{\"connector\":\"slack\",\"identifier\":\"ann\"}");
}

static void test_delete__refusals(void **state) {
    (void)state;
    const gate_json *json =
        expect_problem(&w, post(DELETE_URL, "{\"connector\":\"gmail\"}"), 403, "forbidden");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "rule: scope accounts:write"));
    use_token(GATE_SCOPE_ACCOUNTS, "*");
    (void)expect_problem(&w, post(DELETE_URL, "{}"), 400, "invalid-request");
    (void)expect_problem(&w, post(DELETE_URL, "{\"id\":\"ca_carl_gmail\"}"), 404, "not-found");
    (void)expect_problem(&w, post(DELETE_URL, "{\"connector\":\"slack\",\"id\":\"ca_ann_gmail\"}"),
                         404, "not-found");
    (void)expect_problem(&w, post(DELETE_URL, "{\"connector\":\"gmail\",\"identifier\":\"carl\"}"),
                         403, "forbidden");
    assert_int_equal(count_seen(&w.p, DELETE), 0);
    expect_status("gmail", "ACTIVE");
}

/* A page of another site sends what it likes with Ann's cookie; without our proof it ends nothing.
 */
static void test_ending__by_a_browser(void **state) {
    (void)state;
    (void)expect_problem(&w, post_json(&w, BROWSER, DELETE_URL, "{\"connector\":\"gmail\"}"), 403,
                         "forbidden");
    (void)expect_problem(&w, post_json(&w, BROWSER, DISCONNECT_URL, "{}"), 403, "forbidden");
    expect_status("gmail", "ACTIVE");
    assert_int_equal(post_json(&w, BROWSER_CSRF, DISCONNECT_URL, "{}")->status, 200);
    expect_status("gmail", "DISCONNECTED");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_list__in_scalekits_shape),
        CASE(test_list__in_pages),
        CASE(test_list__filters),
        CASE(test_list__queries_that_are_wrong),
        CASE(test_list__of_the_user_that_is_named),
        CASE(test_app_connections__what_is_offered),
        CASE(test_details__by_connector_or_id),
        CASE(test_details__somebody_elses_looks_like_nobodys),
        CASE(test_details__made_up_connections_cost_scalekit_nothing),
        CASE(test_details__credentials_are_not_for_asking),
        CASE(test_create__without_credentials),
        CASE(test_create__with_credentials),
        CASE(test_create__where_there_is_one),
        CASE(test_create__bodies_that_are_wrong),
        CASE(test_create__when_scalekit_fails),
        CASE(test_link__is_the_portals_own),
        CASE(test_link__that_would_lead_astray),
        CASE(test_link__refusals),
        CASE(test_disconnect__an_own_account),
        CASE(test_disconnect__refusals),
        CASE(test_delete__an_own_account),
        CASE(test_delete__refusals),
        CASE(test_ending__by_a_browser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
