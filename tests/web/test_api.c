/* The JSON endpoints: what they take, what they say, and how they refuse. */
#include "web/exchange.h"

#define EXECUTE_URL "/api/v1/execute_tool"
#define EXECUTE "POST /api/v1/execute_tool"
#define DETAILS "GET /api/v1/connected_accounts/details"
#define SCOPED "GET /api/v1/tools/scoped"

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

/* Let the personal token be this one from now on. */
static void use_token(const char *scopes, const char *connections, const char *tools) {
    w.personal = add_token(&w.p, &(struct gate_token_wish){
                                     .kind = GATE_TOKEN_PERSONAL,
                                     .owner_user_id = w.ann.id,
                                     .label = "narrow",
                                     .scopes = scopes,
                                     .connections = connections,
                                     .tools = tools,
                                 });
}

static size_t count_rows(void) {
    struct gate_tool_call *calls;
    return list_calls(&w.p, w.ann.id, &calls);
}

/* ---- GET /api/v1/me ---- */

static void test_me__browser(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, BROWSER, "/api/v1/me"));
    expect_member(gate_json_member(json, "user"), "identifier", "ann");
    expect_member(gate_json_member(json, "user"), "email", "ann@example.com");
    expect_member(json, "csrf_token", csrf_of(&w, w.cookie));
    assert_false(gate_json_has_member(json, "token"));
}

static void test_me__tokens(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, PERSONAL, "/api/v1/me"));
    const gate_json *token = gate_json_member(json, "token");
    expect_member(token, "kind", "personal");
    expect_member(token, "label", "laptop");
    expect_member(token, "scopes", "tools:read tools:execute");
    assert_null(strstr(get(&w, PERSONAL, "/api/v1/me")->body, w.personal));
    json = read_json(&w, get(&w, SERVICE_ANN, "/api/v1/me"));
    expect_member(gate_json_member(json, "token"), "kind", "service");
    expect_member(gate_json_member(json, "user"), "identifier", "ann");
}

/* ---- GET /api/v1/connections ---- */

static const gate_json *find_connection(const gate_json *json, const char *name) {
    const gate_json *list = gate_json_member(json, "connections");
    for (size_t i = 0; i < gate_json_length(list); i++) {
        const gate_json *one = gate_json_element(list, i);
        if (gate_text_equal(gate_json_member_text(one, "connection_name"), name)) {
            return one;
        }
    }
    return NULL;
}

static void test_connections__with_status_and_link(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections"));
    const gate_json *gmail = find_connection(json, "gmail");
    expect_member(gmail, "status", "ACTIVE");
    expect_member(gmail, "display_name", "Gmail");
    expect_member(gmail, "connected_account_id", "ca_ann_gmail");
    expect_member(gmail, "connect_url", HTTPS_URL "/connect/gmail");
    assert_true(gate_json_member_bool(gmail, "offered"));
    expect_member(find_connection(json, "slack"), "status", "EXPIRED");
    assert_null(find_connection(json, "notion")); /* switched off, and not hers */
}

static void test_connections__what_the_rules_leave(void **state) {
    (void)state;
    use_token(GATE_SCOPE_READ, "slack", NULL);
    const gate_json *json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections"));
    assert_int_equal(gate_json_length(gate_json_member(json, "connections")), 1);
    assert_non_null(find_connection(json, "slack"));
    use_token(GATE_SCOPE_EXECUTE, "*", "*");
    (void)expect_problem(&w, get(&w, PERSONAL, "/api/v1/connections"), 403, "forbidden");
}

static void test_connections__of_another_user_are_not_hers(void **state) {
    (void)state;
    const struct sending sending = {
        .who = SERVICE,
        .target = "/api/v1/connections?identifier=carl",
    };
    const gate_json *json = read_json(&w, send_request(&w, &sending));
    assert_true(gate_json_is_null(gate_json_member(find_connection(json, "gmail"), "status")));
}

/* ---- GET /api/v1/connections/{connection} ---- */

static void test_connection__one(void **state) {
    (void)state;
    const gate_json *json = read_json(&w, get(&w, PERSONAL, "/api/v1/connections/slack"));
    expect_member(json, "connection_name", "slack");
    expect_member(json, "status", "EXPIRED");
    expect_member(json, "connect_url", HTTPS_URL "/connect/slack");
    assert_true(gate_json_has_member(json, "stale_since"));
}

static void test_connection__waits_only_while_the_status_is_the_one_given(void **state) {
    (void)state;
    static const char *const targets[] = {
        "/api/v1/connections/slack?wait=55&status=PENDING_AUTH",
        "/api/v1/connections/slack?wait=55&status=",
        "/api/v1/connections/slack?wait=0&status=EXPIRED",
        "/api/v1/connections/slack?status=EXPIRED",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        expect_member(read_json(&w, get(&w, PERSONAL, targets[i])), "status", "EXPIRED");
    }
}

static void test_connection__queries_that_are_wrong(void **state) {
    (void)state;
    static const char *const queries[] = {
        "wait=56", "wait=-1", "wait=x", "wait=", "status=active", "status=ACTIVE2", "other=1",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        const char *target =
            gate_arena_printf(arena_of(&w), "/api/v1/connections/gmail?%s", queries[i]);
        (void)expect_problem(&w, get(&w, PERSONAL, target), 400, "invalid-request");
    }
}

static void test_connection__not_there_or_not_allowed(void **state) {
    (void)state;
    (void)expect_problem(&w, get(&w, PERSONAL, "/api/v1/connections/none"), 404, "not-found");
    use_token(GATE_SCOPE_READ, "slack", NULL);
    (void)expect_problem(&w, get(&w, PERSONAL, "/api/v1/connections/gmail?wait=9"), 404,
                         "not-found");
    use_token(GATE_SCOPE_EXECUTE, "*", "*");
    (void)expect_problem(&w, get(&w, PERSONAL, "/api/v1/connections/gmail"), 403, "forbidden");
}

/* ---- GET /api/v1/tools/scoped ---- */

static void test_tools__byte_for_byte(void **state) {
    (void)state;
    const struct answer *answer = get(&w, PERSONAL, "/api/v1/tools/scoped");
    assert_int_equal(answer->status, 200);
    assert_string_equal(
        answer->body,
        "{\"tools\":[" SCOPED_TEXT("gmail_send_email", "ca_ann_gmail") "," SCOPED_TEXT(
            "gmail_search", "ca_ann_gmail") "],"
                                            "\"next_page_token\":"
                                            "\"\",\"total_size\":2}");
}

static void test_tools__filters_are_passed_on(void **state) {
    (void)state;
    const char *target = "/api/v1/tools/scoped?identifier=ann&filter.tool_names=a&"
                         "filter.tool_names=b&filter.providers=GMAIL&page_size=100&page_token=p";
    assert_int_equal(get(&w, PERSONAL, target)->status, 200);
    assert_int_equal(count_seen(&w.p, SCOPED "?identifier=ann&filter.providers=GMAIL&"
                                             "filter.tool_names=a&filter.tool_names=b&"
                                             "page_size=100&page_token=p"),
                     1);
}

static void test_tools__queries_that_are_wrong(void **state) {
    (void)state;
    static const char *const queries[] = {
        "page_size=101", "page_size=x",    "page_size=1&page_size=1", "other=1",
        "identifier=",   "filter.names=x", "page_token=%0a",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), "/api/v1/tools/scoped?%s", queries[i]);
        (void)expect_problem(&w, get(&w, PERSONAL, target), 400, "invalid-request");
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_tools__narrowed_by_rules_have_no_total(void **state) {
    (void)state;
    use_token(GATE_SCOPE_READ, "*", "gmail_search");
    const struct answer *answer = get(&w, PERSONAL, "/api/v1/tools/scoped");
    assert_string_equal(
        answer->body,
        "{\"tools\":[" SCOPED_TEXT("gmail_search", "ca_ann_gmail") "]"
                                                                   ",\"next_page_token\":\"\"}");
}

/* ---- GET /api/v1/tools/available ---- */

#define AVAILABLE "GET /api/v1/tools/available"

static void test_available__for_a_browser_as_it_came(void **state) {
    (void)state;
    const struct answer *answer = get(&w, BROWSER, "/api/v1/tools/available");
    assert_int_equal(answer->status, 200);
    assert_string_equal(
        answer->body, "{\"tools\":[" AVAILABLE_TEXT("gmail_search", "GMAIL") "," AVAILABLE_TEXT(
                          "slack_post", "SLACK") "," AVAILABLE_TEXT("notion_search",
                                                                    "NOTION") "],\"next_page_"
                                                                              "token\":\"p2\","
                                                                              "\"total_size\":9}");
}

static void test_available__identifier_is_forced(void **state) {
    (void)state;
    const char *target = "/api/v1/tools/available?page_size=7&page_token=p&identifier=ann";
    assert_int_equal(get(&w, PERSONAL, target)->status, 200);
    assert_int_equal(count_seen(&w.p, AVAILABLE "?identifier=ann&page_size=7&page_token=p"), 1);
    target = "/api/v1/tools/available?identifier=carl";
    (void)expect_problem(&w, get(&w, PERSONAL, target), 403, "forbidden");
    target = "/api/v1/tools/available?filter.tool_names=x";
    (void)expect_problem(&w, get(&w, PERSONAL, target), 400, "invalid-request");
    assert_int_equal(count_seen(&w.p, AVAILABLE), 1);
}

/* ---- the same again ---- */

static const struct answer *get_unless(const char *target, const char *tags) {
    return send_request(
        &w, &(struct sending){
                .who = PERSONAL,
                .target = target,
                .headers = {gate_arena_printf(arena_of(&w), "HTTP_IF_NONE_MATCH=%s", tags)},
            });
}

static void test_tools__unchanged(void **state) {
    (void)state;
    static const char *const targets[] = {"/api/v1/tools/scoped", "/api/v1/tools/available"};
    for (size_t i = 0; i < 2; i++) {
        const char *tag = find_header(get(&w, PERSONAL, targets[i]), "ETag");
        assert_non_null(tag);
        const char *lists[] = {
            tag,
            gate_arena_printf(arena_of(&w), "W/%s", tag),
            gate_arena_printf(arena_of(&w), "\"a\", %s,\"b\"", tag),
            "*",
        };
        for (size_t j = 0; j < sizeof lists / sizeof lists[0]; j++) {
            const struct answer *answer = get_unless(targets[i], lists[j]);
            assert_int_equal(answer->status, 304);
            assert_string_equal(find_header(answer, "ETag"), tag);
            assert_int_equal(answer->body_length, 0);
        }
        assert_int_equal(get_unless(targets[i], "\"a\"")->status, 200);
        assert_int_equal(get_unless(targets[i], "")->status, 200);
        use_token(GATE_SCOPE_READ, "*", "other");
        assert_int_equal(get_unless(targets[i], tag)->status, 200); /* it sees something else */
        use_token(GATE_SCOPE_READ, "*", "*");
    }
}

static void test_tools__kept_for_a_moment(void **state) {
    (void)state;
    const char *target = "/api/v1/tools/scoped";
    (void)get(&w, PERSONAL, target);
    use_token(GATE_SCOPE_READ, "*", "gmail_search");
    assert_null(strstr(get(&w, PERSONAL, target)->body, "gmail_send_email")); /* rules come after */
    assert_int_equal(count_seen(&w.p, SCOPED), 1);
    (void)get(&w, PERSONAL, "/api/v1/tools/scoped?page_size=7");
    assert_int_equal(count_seen(&w.p, SCOPED), 2);
    gate_test_clock_advance(&w.p.clock, 10000);
    (void)get(&w, PERSONAL, target);
    assert_int_equal(count_seen(&w.p, SCOPED), 3);
}

static enum gate_err connect_slack(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)state;
    const struct gate_account account = {
        .user_id = w.ann.id,
        .connection_name = "slack",
        .scalekit_id = "ca_ann_slack",
        .status = GATE_ACCOUNT_ACTIVE,
    };
    return gate_store_account_save(ctx, tx, &account, GATE_ACCOUNT_SAVE_ALWAYS,
                                   gate_ctx_now_ms(ctx), NULL);
}

static void test_tools__forgotten_when_a_status_changes(void **state) {
    (void)state;
    const char *target = "/api/v1/tools/scoped?filter.providers=SLACK";
    (void)get(&w, PERSONAL, target);
    (void)get(&w, PERSONAL, "/api/v1/tools/available");
    assert_int_equal(gate_store_write_now(w.p.ctx, w.p.store, connect_slack, NULL), GATE_OK);
    (void)get(&w, PERSONAL, target);
    (void)get(&w, PERSONAL, "/api/v1/tools/available");
    assert_int_equal(count_seen(&w.p, SCOPED), 2);
    assert_int_equal(count_seen(&w.p, AVAILABLE), 2);
}

static void test_tools__of_somebody_else_are_not_mixed_up(void **state) {
    (void)state;
    (void)get(&w, PERSONAL, "/api/v1/tools/available");
    const char *target = "/api/v1/tools/available?identifier=carl";
    (void)send_request(&w, &(struct sending){.who = SERVICE, .target = target});
    assert_int_equal(count_seen(&w.p, AVAILABLE "?identifier=ann"), 1);
    assert_int_equal(count_seen(&w.p, AVAILABLE "?identifier=carl"), 1);
}

static void test_tools__when_scalekit_is_away(void **state) {
    (void)state;
    script(&w.p, SCOPED, 200, "nonsense");
    const gate_json *json =
        expect_problem(&w, get(&w, PERSONAL, "/api/v1/tools/scoped"), 502, "upstream-invalid");
    expect_member(json, "source", "scalekit");
    expect_member(json, "detail", NULL);
}

/* ---- POST /api/v1/execute_tool ---- */

static const struct answer *execute(const char *body) {
    return post_json(&w, PERSONAL, EXECUTE_URL, body);
}

static void test_execute__byte_for_byte(void **state) {
    (void)state;
    const struct answer *answer =
        execute("{\"tool_name\":\"gmail_send_email\", \"connector\":\"gmail\", \"identifier\":"
                "\"ann\", \"agent_run_id\":\"r1\", \"params\": {\"n\":1e400, \"b\":[ 1 ]} }");
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->body, TOOL_ANSWER);
    assert_string_equal(find_seen_body(&w.p, EXECUTE),
                        "{\"tool_name\":\"gmail_send_email\",\"params\":{\"n\":1e400, \"b\":[ 1 ]},"
                        "\"identifier\":\"ann\",\"connector\":\"gmail\",\"agent_run_id\":\"r1\"}");
    assert_int_equal(count_rows(), 1);
}

static void test_execute__other_names_for_the_same(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"tool_name\":\"t\",\"connection_name\":\"gmail\",\"tool_input\":{\"a\":1}}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"connection_name\":\"gmail\"}",
        "{\"tool_name\":\"t\",\"connected_account_id\":\"ca_ann_gmail\",\"params\":null}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"agent_run_id\":null,\"params\":{}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(execute(bodies[i])->status, 200);
    }
    assert_non_null(strstr(find_seen_body(&w.p, EXECUTE), "\"params\":{}"));
}

static void test_execute__bodies_that_are_wrong(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\"} x",
        "{\"tool_name\":\"t\",\"tool_name\":\"t\",\"connector\":\"gmail\"}",
        "{\"connector\":\"gmail\"}",
        "{\"tool_name\":\"\",\"connector\":\"gmail\"}",
        "{\"tool_name\":7,\"connector\":\"gmail\"}",
        "{\"tool_name\":\"a\\nb\",\"connector\":\"gmail\"}",
        "{\"tool_name\":\"a\\u0000b\",\"connector\":\"gmail\"}",
        "{\"tool_name\":\"t\",\"connector\":\"\"}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"connection_name\":\"slack\"}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"params\":[]}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"params\":\"{}\"}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"params\":{},\"tool_input\":{}}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"params\":{\"a\":1,\"a\":2}}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"other\":1}",
        "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"identifier\":7}",
        "{\"tool_name\":\"\xff\",\"connector\":\"gmail\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)expect_problem(&w, execute(bodies[i]), 400, "invalid-request");
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_execute__only_json(void **state) {
    (void)state;
    static const char *const types[] = {NULL, "", "text/plain", "application/jsonp",
                                        "application/x-www-form-urlencoded"};
    struct sending sending = {
        .who = PERSONAL,
        .method = "POST",
        .target = EXECUTE_URL,
        .body = "{\"tool_name\":\"t\",\"connector\":\"gmail\"}",
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        sending.content_type = types[i];
        (void)expect_problem(&w, send_request(&w, &sending), 415, "unsupported-media-type");
    }
    sending.content_type = "Application/JSON; charset=utf-8";
    assert_int_equal(send_request(&w, &sending)->status, 200);
    sending.target = EXECUTE_URL "?identifier=ann";
    assert_int_equal(send_request(&w, &sending)->status, 400); /* it belongs into the body */
}

static void test_execute__for_somebody_else(void **state) {
    (void)state;
    const char *body = "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"identifier\":\"carl\"}";
    (void)expect_problem(&w, execute(body), 403, "forbidden");
    (void)expect_problem(&w, post_json(&w, SERVICE_ANN, EXECUTE_URL, body), 400, "invalid-request");
    (void)expect_problem(&w,
                         post_json(&w, SERVICE, EXECUTE_URL,
                                   "{\"tool_name\":\"t\",\"connector\":\"gmail\","
                                   "\"identifier\":\"bob\"}"),
                         403, "forbidden");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

#define ORDER(connector) "{\"tool_name\":\"gmail_send_email\",\"connector\":\"" connector "\"}"

#define BARE_ORDER "{\"tool_name\":\"gmail_send_email\"}"
#define BY_NAME SCOPED "?identifier=ann&filter.tool_names=gmail_send_email&page_size=100"

static void test_execute__the_tools_name_alone(void **state) {
    (void)state;
    assert_int_equal(execute(BARE_ORDER)->status, 200);
    assert_int_equal(count_seen(&w.p, BY_NAME), 1);
    assert_non_null(strstr(find_seen_body(&w.p, EXECUTE), "\"connector\":\"gmail\""));
    assert_int_equal(count_rows(), 1);
}

static void test_execute__more_than_one_connection_has_the_tool(void **state) {
    (void)state;
    script(&w.p, SCOPED, 200,
           "{\"tools\":[" SCOPED_TEXT("gmail_send_email", "ca_ann_gmail") "," SCOPED_TEXT(
               "gmail_send_email", "ca_ann_slack") "]}");
    const gate_json *json = expect_problem(&w, execute(BARE_ORDER), 400, "invalid-request");
    const gate_json *names = gate_json_member(json, "connections");
    assert_int_equal(gate_json_length(names), 2);
    assert_string_equal(gate_json_text(gate_json_element(names, 0)), "gmail");
    assert_string_equal(gate_json_text(gate_json_element(names, 1)), "slack");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "gmail, slack"));
    expect_member(json, "source", "gatehouse");
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
    assert_int_equal(count_rows(), 1);
}

static void test_execute__nobody_has_the_tool(void **state) {
    (void)state;
    script(&w.p, SCOPED, 200, "{\"tools\":[]}");
    (void)expect_problem(&w, execute(BARE_ORDER), 404, "not-found");
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
}

#define NAMED "GET /api/v1/tools?filter.tool_name="

static void test_execute__nobody_has_the_tool_yet(void **state) {
    (void)state;
    script(&w.p, SCOPED, 200, "{\"tools\":[]}");
    script(&w.p, NAMED, 200, "{\"tools\":[" AVAILABLE_TEXT("slack_post", "SLACK") "]}");
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    const gate_json *json =
        expect_problem(&w, execute("{\"tool_name\":\"slack_post\",\"return_to\":\"/x\"}"), 409,
                       "authorization-required");
    expect_member(json, "connection", "slack");
    expect_member(json, "account_status", "EXPIRED");
    expect_member(json, "authorization_url", HTTPS_URL "/connect/slack?return_to=%2Fx");
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
    assert_int_equal(count_rows(), 1);
}

static void test_execute__needs_authorization(void **state) {
    (void)state;
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    const gate_json *json =
        expect_problem(&w, execute(ORDER("slack")), 409, "authorization-required");
    expect_member(json, "source", "gatehouse");
    expect_member(json, "connection", "slack");
    expect_member(json, "account_status", "EXPIRED");
    expect_member(json, "authorization_url", HTTPS_URL "/connect/slack");
    assert_int_equal(count_rows(), 1);
}

#define RETURN_ORDER(connector, return_to)                                                         \
    "{\"tool_name\":\"t\",\"connector\":\"" connector "\",\"return_to\":" return_to "}"

static void test_execute__link_that_leads_back(void **state) {
    (void)state;
    static const char *const origins[] = {"https://agent.example.com", NULL};
    w.p.config.return_origins = origins;
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    const struct {
        const char *body;
        const char *query;
    } cases[] = {
        {RETURN_ORDER("slack", "\"/connectors/slack?a=1&b=2\""),
         "?return_to=%2Fconnectors%2Fslack%3Fa%3D1%26b%3D2"},
        {RETURN_ORDER("slack", "\"" HTTPS_URL "/x\""), "?return_to=%2Fx"},
        {RETURN_ORDER("slack", "\"https://agent.example.com/done#s\""),
         "?return_to=https%3A%2F%2Fagent.example.com%2Fdone%23s"},
        {RETURN_ORDER("slack", "null"), ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const gate_json *json =
            expect_problem(&w, execute(cases[i].body), 409, "authorization-required");
        expect_member(
            json, "authorization_url",
            gate_arena_printf(arena_of(&w), HTTPS_URL "/connect/slack%s", cases[i].query));
    }
    assert_int_equal(execute(RETURN_ORDER("gmail", "\"/x\""))->status, 200);
    assert_null(strstr(find_seen_body(&w.p, EXECUTE), "return_to"));
}

static void test_execute__link_that_would_lead_astray(void **state) {
    (void)state;
    static const char *const bodies[] = {
        RETURN_ORDER("gmail", "\"https://evil.example\""),
        RETURN_ORDER("gmail", "\"//evil.example\""),
        RETURN_ORDER("gmail", "\"/\\\\evil.example\""),
        RETURN_ORDER("gmail", "\"javascript:alert(1)\""),
        RETURN_ORDER("gmail", "\"/a%2f..%2f..\""),
        RETURN_ORDER("gmail", "\"\""),
        RETURN_ORDER("gmail", "7"),
        RETURN_ORDER("gmail", "\"/a\\nb\""),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)expect_problem(&w, execute(bodies[i]), 400, "invalid-request");
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_execute__the_app_refused(void **state) {
    (void)state;
    script(&w.p, EXECUTE, 403,
           "{\"code\":7,\"message\":\"tool failed\",\"details\":[{\"error_code\":\"TOOL_ERROR\","
           "\"tool_error_info\":{\"execution_id\":\"ex_9\",\"tool_error_code\":\"quota\","
           "\"tool_error_message\":\"Quota <b>is</b> used up\"}}]}");
    const gate_json *json = expect_problem(&w, execute(ORDER("gmail")), 422, "provider-error");
    expect_member(json, "source", "provider");
    expect_member(json, "error_code", "TOOL_ERROR");
    expect_member(json, "provider_error_code", "quota");
    expect_member(json, "execution_id", "ex_9");
    expect_member(json, "detail", "Quota <b>is</b> used up");
    expect_member(json, "authorization_url", NULL);
}

static void test_execute__scalekits_own_words_about_the_request(void **state) {
    (void)state;
    script(&w.p, EXECUTE, 400, "{\"code\":3,\"message\":\"params.to is missing\"}");
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    const gate_json *json = expect_problem(&w, execute(ORDER("gmail")), 400, "invalid-request");
    expect_member(json, "source", "scalekit");
    expect_member(json, "detail", "params.to is missing");
}

static void test_execute__rate_limited(void **state) {
    (void)state;
    script_answer(&w.p, EXECUTE,
                  (struct gate_test_http_answer){.status = 429,
                                                 .headers = "Retry-After: 17\r\n",
                                                 .body = "{\"code\":8,\"message\":\"slow down\"}"});
    const struct answer *answer = execute(ORDER("gmail"));
    expect_member(expect_problem(&w, answer, 429, "rate-limited"), "source", "scalekit");
    assert_string_equal(find_header(answer, "Retry-After"), "17");
}

static void test_execute__outcome_unknown(void **state) {
    (void)state;
    script_answer(&w.p, EXECUTE, (struct gate_test_http_answer){.is_silent = true});
    const gate_json *json = expect_problem(&w, execute(ORDER("gmail")), 502, "outcome-unknown");
    expect_member(json, "source", "scalekit");
    expect_member(json, "detail", NULL);
}

static void test_execute__rules_of_the_token(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    const gate_json *json = expect_problem(&w, execute(ORDER("gmail")), 403, "forbidden");
    assert_non_null(strstr(gate_json_member_text(json, "detail"), "rule: connections"));
    use_token(GATE_SCOPE_READ, "*", "*");
    (void)expect_problem(&w, execute(ORDER("gmail")), 403, "forbidden");
    assert_int_equal(count_seen(&w.p, ""), 0);
    assert_int_equal(count_rows(), 2);
}

/* ---- POST /api/v1/execute_tool?explain=1 ---- */

static const gate_json *explain(const char *body) {
    const struct answer *answer = post_json(&w, PERSONAL, EXECUTE_URL "?explain=1", body);
    assert_int_equal(answer->status, 200);
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
    assert_int_equal(count_rows(), 0);
    return read_json(&w, answer);
}

static void test_explain__would_run(void **state) {
    (void)state;
    const gate_json *json = explain(ORDER("gmail"));
    assert_true(gate_json_member_bool(json, "would_run"));
    expect_member(json, "tool_name", "gmail_send_email");
    expect_member(json, "identifier", "ann");
    expect_member(json, "connection", "gmail");
    expect_member(json, "connected_account_id", "ca_ann_gmail");
    expect_member(json, "account_status", "ACTIVE");
    expect_member(json, "rule", "tools");
    int64_t number = 0;
    assert_true(gate_json_member_integer(gate_json_member(json, "limits"), "timeout_ms", &number));
    assert_int_equal(number, GATE_TOOL_TIMEOUT_MS);
    assert_true(gate_json_is_null(gate_json_member(json, "problem")));
}

static void test_explain__by_the_tools_name_alone(void **state) {
    (void)state;
    expect_member(explain(BARE_ORDER), "connection", "gmail");
    script(&w.p, SCOPED, 200, "{\"tools\":[]}");
    const gate_json *json = explain(BARE_ORDER);
    assert_false(gate_json_member_bool(json, "would_run"));
    expect_member(json, "connection", NULL);
    expect_member(gate_json_member(json, "problem"), "title", "Not found");
}

static void test_explain__needs_authorization(void **state) {
    (void)state;
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "slack", "PENDING_AUTH"));
    const gate_json *json = explain(RETURN_ORDER("slack", "\"/x\""));
    assert_false(gate_json_member_bool(json, "would_run"));
    expect_member(json, "account_status", "PENDING_AUTH");
    expect_member(gate_json_member(json, "problem"), "authorization_url",
                  HTTPS_URL "/connect/slack?return_to=%2Fx");
}

static void test_explain__which_rule_forbids_it(void **state) {
    (void)state;
    use_token(GATE_SCOPE_EXECUTE, "slack", "*");
    const gate_json *json = explain(ORDER("gmail"));
    assert_false(gate_json_member_bool(json, "would_run"));
    expect_member(json, "rule", "connections");
    expect_member(gate_json_member(json, "problem"), "title", "Not allowed");
    use_token(GATE_SCOPE_EXECUTE, "*", "other");
    expect_member(explain(ORDER("gmail")), "rule", "tools");
    use_token(GATE_SCOPE_READ, "*", "*");
    expect_member(explain(ORDER("gmail")), "rule", "scope");
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_explain__however_it_is_said(void **state) {
    (void)state;
    assert_int_equal(post_json(&w, PERSONAL, EXECUTE_URL "?explain=01", ORDER("gmail"))->status,
                     200);
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
    static const char *const wrong[] = {"2", "-1", "true", "yes", "", "1&explain=0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *target = gate_arena_printf(arena_of(&w), EXECUTE_URL "?explain=%s", wrong[i]);
        (void)expect_problem(&w, post_json(&w, PERSONAL, target, ORDER("gmail")), 400,
                             "invalid-request");
    }
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
    assert_int_equal(post_json(&w, PERSONAL, EXECUTE_URL "?explain=0", ORDER("gmail"))->status,
                     200);
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_explain__what_could_not_be_found_out(void **state) {
    (void)state;
    script(&w.p, DETAILS, 503, "");
    (void)expect_problem(&w, post_json(&w, PERSONAL, EXECUTE_URL "?explain=1", ORDER("slack")), 503,
                         "upstream-unavailable");
    (void)expect_problem(&w, post_json(&w, PERSONAL, EXECUTE_URL "?explain=1", "{}"), 400,
                         "invalid-request");
    (void)expect_problem(&w, post_json(&w, BROWSER, EXECUTE_URL "?explain=1", ORDER("gmail")), 403,
                         "forbidden");
    assert_int_equal(count_rows(), 0);
    const char *bob = "{\"tool_name\":\"t\",\"connector\":\"gmail\",\"identifier\":\"bob\"}";
    (void)expect_problem(&w, post_json(&w, SERVICE, EXECUTE_URL "?explain=1", bob), 403,
                         "forbidden"); /* he is nobody of this token's */
}

static void test_execute__somebody_elses_account(void **state) {
    (void)state;
    struct gate_user carl = add_person(&w.p, "carl");
    record_accounts(&w.p, &carl);
    (void)expect_problem(
        &w, execute("{\"tool_name\":\"t\",\"connected_account_id\":\"ca_carl_gmail\"}"), 404,
        "not-found");
    assert_int_equal(count_seen(&w.p, "GET /api/v1/connected_accounts?identifier=ann&"), 1);
    assert_int_equal(count_seen(&w.p, ""), 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_me__browser),
        CASE(test_me__tokens),
        CASE(test_connections__with_status_and_link),
        CASE(test_connections__what_the_rules_leave),
        CASE(test_connections__of_another_user_are_not_hers),
        CASE(test_connection__one),
        CASE(test_connection__waits_only_while_the_status_is_the_one_given),
        CASE(test_connection__queries_that_are_wrong),
        CASE(test_connection__not_there_or_not_allowed),
        CASE(test_tools__byte_for_byte),
        CASE(test_tools__filters_are_passed_on),
        CASE(test_tools__queries_that_are_wrong),
        CASE(test_tools__narrowed_by_rules_have_no_total),
        CASE(test_tools__unchanged),
        CASE(test_tools__kept_for_a_moment),
        CASE(test_tools__forgotten_when_a_status_changes),
        CASE(test_tools__of_somebody_else_are_not_mixed_up),
        CASE(test_tools__when_scalekit_is_away),
        CASE(test_available__for_a_browser_as_it_came),
        CASE(test_available__identifier_is_forced),
        CASE(test_execute__byte_for_byte),
        CASE(test_execute__other_names_for_the_same),
        CASE(test_execute__bodies_that_are_wrong),
        CASE(test_execute__only_json),
        CASE(test_execute__for_somebody_else),
        CASE(test_execute__the_tools_name_alone),
        CASE(test_execute__more_than_one_connection_has_the_tool),
        CASE(test_execute__nobody_has_the_tool),
        CASE(test_execute__nobody_has_the_tool_yet),
        CASE(test_execute__needs_authorization),
        CASE(test_execute__link_that_leads_back),
        CASE(test_execute__link_that_would_lead_astray),
        CASE(test_execute__the_app_refused),
        CASE(test_execute__scalekits_own_words_about_the_request),
        CASE(test_execute__rate_limited),
        CASE(test_execute__outcome_unknown),
        CASE(test_execute__rules_of_the_token),
        CASE(test_execute__somebody_elses_account),
        CASE(test_explain__would_run),
        CASE(test_explain__by_the_tools_name_alone),
        CASE(test_explain__needs_authorization),
        CASE(test_explain__which_rule_forbids_it),
        CASE(test_explain__however_it_is_said),
        CASE(test_explain__what_could_not_be_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
