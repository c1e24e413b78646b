/* Who gets where: every row of the route table for every kind of caller. */
#include "web/exchange.h"

#include "web/route.h"

#define FORM "application/x-www-form-urlencoded"
#define GRPC "application/grpc"
#define TOOLS "/scalekit.v1.tools.ToolService/"
#define CONNECTIONS "/scalekit.v1.connections.ConnectionService/"
#define ACCOUNTS "/scalekit.v1.connected_accounts.ConnectedAccountService/"
#define EMPTY_MESSAGE "\0\0\0\0\0"
#define GMAIL_MESSAGE "\0\0\0\0\7\x1A\5gmail"
#define ID_MESSAGE "\0\0\0\0\16\x0A\14ca_ann_gmail"
#define ORDER_MESSAGE "\0\0\0\0\x19\x0A\x10gmail_send_email\x2A\5gmail"
#define JSON "application/json"
#define GMAIL "{\"connector\":\"gmail\"}"
#define ORDER "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\",\"params\":{}}"

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

struct row {
    const char *method;
    const char *target;
    const char *content_type;
    const char *body;
    int statuses[WHO_COUNT_]; /* as enum who: nobody, browser, with CSRF, personal, service, service
                                 for Ann; of a gRPC call, its own */
};

static const struct row rows[] = {
    {"GET", "/", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"GET", "/connectors/gmail", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"POST", "/connectors/slack/connect", FORM, "return_to=/", {303, 403, 303, 303, 303, 303}},
    {"GET", "/connectors/gmail/disconnect", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"POST",
     "/connectors/gmail/disconnect",
     FORM,
     "action=disconnect",
     {303, 403, 303, 303, 303, 303}},
    {"GET", "/connect/callback?state=x", NULL, NULL, {303, 404, 404, 303, 303, 303}},
    {"GET", "/connect/gmail", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"GET", "/tokens", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"POST", "/tokens", FORM, "label=x&may=see&reach=all&days=30", {303, 403, 200, 303, 303, 303}},
    {"GET", "/tokens/new", NULL, NULL, {303, 200, 200, 303, 303, 303}},
    {"GET", "/tokens/tok_none/revoke", NULL, NULL, {303, 404, 404, 303, 303, 303}},
    {"POST", "/tokens/tok_none/revoke", FORM, "", {303, 403, 404, 303, 303, 303}},
    {"GET", "/signin", NULL, NULL, {200, 303, 303, 200, 200, 200}},
    {"GET", "/signin/callback?state=x&code=y", NULL, NULL, {409, 409, 409, 409, 409, 409}},
    {"POST", "/signin/backchannel-logout", FORM, "logout_token=x", {400, 400, 400, 400, 400, 400}},
    {"POST", "/signout", FORM, "", {303, 403, 303, 303, 303, 303}},
    {"GET", "/signed-out", NULL, NULL, {200, 200, 200, 200, 200, 200}},
    {"POST", "/oauth/token", FORM, "grant_type=client_credentials", {401, 401, 401, 401, 401, 401}},
    {"GET", "/.well-known/oauth-authorization-server", NULL, NULL, {200, 200, 200, 200, 200, 200}},
    {"GET", "/api/v1/me", NULL, NULL, {401, 200, 200, 200, 200, 200}},
    {"GET", "/api/v1/connections", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"GET", "/api/v1/connections/app", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"GET", "/api/v1/connections/gmail", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"GET", "/api/v1/connected_accounts", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"POST", "/api/v1/connected_accounts", JSON, GMAIL, {401, 403, 201, 201, 400, 201}},
    {"POST", "/api/v1/connected_accounts:delete", JSON, GMAIL, {401, 403, 200, 403, 400, 403}},
    {"GET",
     "/api/v1/connected_accounts/details?connector=gmail",
     NULL,
     NULL,
     {401, 200, 200, 200, 400, 200}},
    {"POST", "/api/v1/connected_accounts/magic_link", JSON, GMAIL, {401, 403, 200, 200, 400, 200}},
    {"POST",
     "/api/v1/connected_accounts/ca_ann_gmail:disconnect",
     JSON,
     "{}",
     {401, 403, 200, 403, 400, 403}},
    {"GET", "/api/v1/tools/scoped", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"GET", "/api/v1/tools/available", NULL, NULL, {401, 200, 200, 200, 400, 200}},
    {"POST", "/api/v1/execute_tool", JSON, ORDER, {401, 403, 200, 200, 400, 200}},
    {"POST", TOOLS "ListScopedTools", GRPC, EMPTY_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", TOOLS "ListAvailableTools", GRPC, EMPTY_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", TOOLS "ListTools", GRPC, EMPTY_MESSAGE, {16, 7, 7, 0, 0, 0}},
    {"POST", TOOLS "ExecuteTool", GRPC, ORDER_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", CONNECTIONS "ListAppConnections", GRPC, EMPTY_MESSAGE, {16, 7, 7, 0, 0, 0}},
    {"POST", ACCOUNTS "ListConnectedAccounts", GRPC, EMPTY_MESSAGE, {16, 7, 7, 0, 0, 0}},
    {"POST", ACCOUNTS "GetConnectedAccountDetails", GRPC, GMAIL_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", ACCOUNTS "GetConnectedAccountAuth", GRPC, GMAIL_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", ACCOUNTS "CreateConnectedAccount", GRPC, GMAIL_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", ACCOUNTS "GetMagicLinkForConnectedAccount", GRPC, GMAIL_MESSAGE, {16, 7, 7, 0, 3, 0}},
    {"POST", ACCOUNTS "DisconnectConnectedAccount", GRPC, ID_MESSAGE, {16, 7, 7, 7, 5, 7}},
    {"POST", ACCOUNTS "DeleteConnectedAccount", GRPC, GMAIL_MESSAGE, {16, 7, 7, 7, 3, 7}},
    {"POST", "/webhooks/scalekit", JSON, "{}", {401, 401, 401, 401, 401, 401}},
    {"GET", "/proxy/v1/things", NULL, NULL, {401, 403, 403, 403, 400, 403}},
    {"GET", "/known-token", NULL, NULL, {404, 404, 404, 404, 404, 404}},
    {"GET", "/healthz", NULL, NULL, {200, 200, 200, 200, 200, 200}},
    {"GET", "/readyz", NULL, NULL, {200, 200, 200, 200, 200, 200}},
    {"GET", "/metrics", NULL, NULL, {404, 404, 404, 404, 404, 404}},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct gate_route *route_of(const struct row *row) {
    char allow[64];
    const char *value;
    const char *path = gate_arena_strndup(arena_of(&w), row->target, strcspn(row->target, "?"));
    return gate_route_find(arena_of(&w), row->method, path, &value, allow);
}

static const struct answer *send_row(const struct row *row, enum who who,
                                     enum gate_body_state body_state) {
    bool is_grpc = row->content_type != NULL && strcmp(row->content_type, GRPC) == 0;
    return send_request(&w, &(struct sending){
                                .who = who,
                                .method = row->method,
                                .target = row->target,
                                .content_type = row->content_type,
                                .body = row->body,
                                .body_length = is_grpc ? 5 + (size_t)row->body[4] : 0,
                                .body_state = body_state,
                            });
}

/* Every call of gRPC is answered with 200; how it ended stands beside. */
static int status_of(const struct row *row, const struct answer *answer) {
    if ((route_of(row)->flags & GATE_ROUTE_GRPC) == 0) {
        return answer->status;
    }
    assert_int_equal(answer->status, 200);
    assert_string_equal(find_header(answer, "Content-Type"), GRPC);
    const char *status = find_header(answer, "X-Grpc-Status");
    assert_non_null(status);
    assert_int_equal(answer->body_length > 0, strcmp(status, "0") == 0);
    return atoi(status);
}

/* As it was before the last row: signed in, Gmail connected. */
static void restore(void) {
    gate_test_clock_advance(&w.p.clock, 1);
    begin_session(&w);
    record_accounts(&w.p, &w.ann);
}

static void test_matrix__has_every_route(void **state) {
    (void)state;
    assert_int_equal(ROW_COUNT, gate_route_count);
    for (size_t i = 0; i < gate_route_count; i++) {
        assert_ptr_equal(route_of(&rows[i]), &gate_routes[i]);
    }
}

static void test_matrix__route_by_caller(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (int who = 0; who < WHO_COUNT_; who++) {
            restore();
            const struct answer *answer = send_row(&rows[i], (enum who)who, GATE_BODY_WHOLE);
            int status = status_of(&rows[i], answer);
            if (status != rows[i].statuses[who]) {
                fail_msg("%s %s by %d: %d, not %d", rows[i].method, rows[i].target, who, status,
                         rows[i].statuses[who]);
            }
        }
    }
}

/* A refused caller gets the right kind of refusal, and nothing happened on its account. */
static void test_matrix__how_strangers_are_refused(void **state) {
    (void)state;
    static const enum who strangers[] = {NOBODY, PERSONAL, SERVICE, SERVICE_ANN};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        unsigned flags = route_of(&rows[i])->flags;
        bool is_page = (flags & GATE_ROUTE_BROWSER) != 0 && (flags & GATE_ROUTE_JSON) == 0;
        for (size_t j = 0; is_page && j < sizeof strangers / sizeof strangers[0]; j++) {
            expect_redirect(send_row(&rows[i], strangers[j], GATE_BODY_WHOLE), "/signin");
        }
        const unsigned others = GATE_ROUTE_GRPC | GATE_ROUTE_NGINX;
        if ((flags & GATE_ROUTE_TOKEN) != 0 && (flags & others) == 0) {
            const struct answer *answer = send_row(&rows[i], NOBODY, GATE_BODY_WHOLE);
            (void)expect_problem(&w, answer, 401, "unauthenticated");
            assert_non_null(find_header(answer, "WWW-Authenticate"));
        }
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
    assert_int_equal(get(&w, BROWSER, "/")->status, 200); /* still signed in */
}

/* A body that passes through has not arrived yet, and every method is served. */
static bool passes_through(const struct row *row) {
    return (route_of(row)->flags & GATE_ROUTE_STREAM) != 0;
}

static void test_matrix__bodies_that_did_not_arrive(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (passes_through(&rows[i])) {
            continue;
        }
        for (int who = 0; who < WHO_COUNT_; who++) {
            const struct answer *answer = send_row(&rows[i], (enum who)who, GATE_BODY_TOO_LARGE);
            bool is_grpc = (route_of(&rows[i])->flags & GATE_ROUTE_GRPC) != 0;
            assert_int_equal(status_of(&rows[i], answer), is_grpc ? 8 : 413);
            assert_int_equal(answer->max_body_bytes, route_of(&rows[i])->max_body_bytes);
            answer = send_row(&rows[i], (enum who)who, GATE_BODY_TRUNCATED);
            assert_int_equal(status_of(&rows[i], answer), is_grpc ? 3 : 400);
        }
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_matrix__head_is_get_without_a_body(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct row head = rows[i];
        head.method = "HEAD";
        if ((route_of(&rows[i])->flags & GATE_ROUTE_NO_HEAD) != 0) {
            assert_in_range(send_row(&head, BROWSER, GATE_BODY_WHOLE)->status, 400, 499);
        } else if (strcmp(rows[i].method, "GET") == 0) {
            assert_int_equal(send_row(&head, BROWSER, GATE_BODY_WHOLE)->status,
                             rows[i].statuses[BROWSER]);
        }
    }
    const struct answer *answer =
        send_request(&w, &(struct sending){.method = "HEAD", .target = "/signout"});
    assert_int_equal(answer->status, 405);
    assert_string_equal(find_header(answer, "Allow"), "POST");
}

static void test_matrix__other_methods(void **state) {
    (void)state;
    static const char *const methods[] = {"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "X"};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t j = 0; !passes_through(&rows[i]) && j < sizeof methods / sizeof methods[0];
             j++) {
            struct row other = rows[i];
            other.method = methods[j];
            const struct answer *answer = send_row(&other, BROWSER_CSRF, GATE_BODY_WHOLE);
            assert_int_equal(answer->status, 405);
            assert_int_equal(answer->max_body_bytes, 0);
            assert_non_null(strstr(find_header(answer, "Allow"), rows[i].method));
        }
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* ---- sessions ---- */

static void test_session__one_that_has_ended(void **state) {
    (void)state;
    assert_int_equal(get(&w, BROWSER, "/")->status, 200);
    gate_test_clock_advance(&w.p.clock, HOUR_MS);
    expect_redirect(get(&w, BROWSER, "/"), "/signin");
    (void)expect_problem(&w, get(&w, BROWSER, "/api/v1/me"), 401, "unauthenticated");
}

static void test_session__only_the_cookie_of_that_name_counts(void **state) {
    (void)state;
    static const char *const names[] = {"gatehouse-session", "session", "__host-session",
                                        "__Host-Session"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *param =
            gate_arena_printf(arena_of(&w), "HTTP_COOKIE=%s=%s", names[i], w.cookie);
        const struct sending sending = {.target = "/api/v1/me", .headers = {param}};
        assert_int_equal(send_request(&w, &sending)->status, 401);
    }
}

/* ---- where it came from ---- */

static int disconnect_with(enum who who, const char *body, const char *header) {
    restore();
    return send_request(&w,
                        &(struct sending){
                            .who = who,
                            .method = "POST",
                            .target = "/connectors/gmail/disconnect",
                            .content_type = FORM,
                            .body = body,
                            .headers = {header},
                        })
        ->status;
}

static const char *form_with(const char *csrf) {
    return gate_arena_printf(arena_of(&w), "action=disconnect&csrf=%s", csrf);
}

static void test_csrf__in_the_form(void **state) {
    (void)state;
    begin_session(&w);
    const struct sending sending = {
        .who = BROWSER,
        .method = "POST",
        .target = "/connectors/gmail/disconnect",
        .content_type = FORM,
        .body = form_with(csrf_of(&w, w.cookie)),
    };
    expect_redirect(send_request(&w, &sending), "/");
}

static void test_csrf__that_does_not_hold(void **state) {
    (void)state;
    const char *old = csrf_of(&w, w.cookie); /* of a session before */
    assert_int_equal(disconnect_with(BROWSER, form_with(old), NULL), 403);
    assert_int_equal(disconnect_with(BROWSER, form_with(""), NULL), 403);
    assert_int_equal(disconnect_with(BROWSER, form_with("x"), NULL), 403);
    assert_int_equal(disconnect_with(BROWSER, form_with(w.cookie), NULL), 403);
    assert_int_equal(disconnect_with(BROWSER, "action=disconnect", "HTTP_GATEHOUSE_CSRF=x"), 403);
    /* The form's word counts before the header's. */
    assert_int_equal(disconnect_with(BROWSER_CSRF, form_with("x"), NULL), 403);
    assert_int_equal(count_seen(&w.p, ""), 0);
}

static void test_csrf__not_in_the_query(void **state) {
    (void)state;
    const char *target = gate_arena_printf(arena_of(&w), "/connectors/gmail/disconnect?csrf=%s",
                                           csrf_of(&w, w.cookie));
    assert_int_equal(post_form(&w, BROWSER, target, "action=disconnect")->status, 403);
}

static void test_origin__of_the_request(void **state) {
    (void)state;
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"HTTP_ORIGIN=" HTTPS_URL, 303},
        {"HTTP_SEC_FETCH_SITE=same-origin", 303},
        {"HTTP_SEC_FETCH_SITE=none", 303},
        {"HTTP_ORIGIN=null", 403},
        {"HTTP_ORIGIN=", 403},
        {"HTTP_ORIGIN=https://evil.example", 403},
        {"HTTP_ORIGIN=https://portal.example.com.evil.example", 403},
        {"HTTP_ORIGIN=https://portal.example.com:8443", 403},
        {"HTTP_ORIGIN=http://portal.example.com", 403},
        {"HTTP_SEC_FETCH_SITE=cross-site", 403},
        {"HTTP_SEC_FETCH_SITE=same-site", 403},
        {"HTTP_SEC_FETCH_SITE=Same-Origin", 403},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = disconnect_with(BROWSER_CSRF, "action=disconnect", cases[i].header);
        if (status != cases[i].status) {
            fail_msg("%s: %d", cases[i].header, status);
        }
    }
}

static void test_origin__is_of_no_matter_to_tokens(void **state) {
    (void)state;
    const struct sending sending = {
        .who = PERSONAL,
        .method = "POST",
        .target = "/api/v1/execute_tool",
        .content_type = "application/json",
        .body = ORDER,
        .headers = {"HTTP_ORIGIN=https://tool.example", "HTTP_SEC_FETCH_SITE=cross-site"},
    };
    assert_int_equal(send_request(&w, &sending)->status, 200);
}

/* ---- tokens ---- */

static const struct answer *get_me_with(enum who who, const char *authorization) {
    const char *header = gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=%s", authorization);
    return send_request(&w,
                        &(struct sending){.who = who, .target = "/api/v1/me", .headers = {header}});
}

static void test_token__that_is_none(void **state) {
    (void)state;
    const char *const values[] = {
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YW5uOng=",
        w.personal,
        gate_arena_printf(arena_of(&w), "Bearer  %s", w.personal),
        gate_arena_printf(arena_of(&w), "Bearer %s ", w.personal),
        gate_arena_printf(arena_of(&w), "Bearer %s, Bearer x", w.personal),
        gate_arena_printf(arena_of(&w), "Token %s", w.personal),
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)expect_problem(&w, get_me_with(NOBODY, values[i]), 401, "unauthenticated");
        /* A cookie does not make up for it. */
        (void)expect_problem(&w, get_me_with(BROWSER_CSRF, values[i]), 401, "unauthenticated");
    }
}

static void test_token__counts_before_a_cookie(void **state) {
    (void)state;
    const char *value = gate_arena_printf(arena_of(&w), "BEARER %s", w.service);
    const gate_json *json = read_json(&w, get_me_with(BROWSER_CSRF, value));
    assert_true(gate_json_has_member(json, "token"));
    assert_false(gate_json_has_member(json, "csrf_token"));
    assert_true(gate_json_is_null(gate_json_member(json, "user")));
}

static void test_token__an_empty_header_is_none(void **state) {
    (void)state;
    assert_int_equal(get_me_with(BROWSER, "")->status, 200);
    assert_int_equal(get_me_with(NOBODY, "")->status, 401);
}

static int get_as(enum who who, const char *target, const char *header) {
    return send_request(&w, &(struct sending){.who = who, .target = target, .headers = {header}})
        ->status;
}

static void test_user__of_a_service_token(void **state) {
    (void)state;
    const char *url = "/api/v1/connections";
    assert_int_equal(get_as(SERVICE, "/api/v1/connections?identifier=ann", NULL), 200);
    assert_int_equal(get_as(SERVICE, url, "HTTP_GATEHOUSE_USER=ann"), 200);
    assert_int_equal(get_as(SERVICE, url, "HTTP_GATEHOUSE_USER=carl"), 200); /* never seen before */
    assert_int_equal(get_as(SERVICE, url, "HTTP_GATEHOUSE_USER=bob"), 403);
    assert_int_equal(get_as(SERVICE, url, "HTTP_GATEHOUSE_USER="), 400);
    assert_int_equal(
        get_as(SERVICE, "/api/v1/connections?identifier=carl", "HTTP_GATEHOUSE_USER=ann"), 400);
    assert_int_equal(get_as(SERVICE, "/api/v1/connections?identifier=ann&identifier=ann", NULL),
                     400);
    assert_int_equal(get_as(SERVICE, "/api/v1/me?identifier=bob", NULL), 403);
}

static void test_user__of_everybody_else_is_themselves(void **state) {
    (void)state;
    static const enum who callers[] = {BROWSER, PERSONAL};
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        assert_int_equal(get_as(callers[i], "/api/v1/me?identifier=ann", NULL), 200);
        assert_int_equal(get_as(callers[i], "/api/v1/me", "HTTP_GATEHOUSE_USER=ann"), 200);
        assert_int_equal(get_as(callers[i], "/api/v1/me?identifier=carl", NULL), 403);
        assert_int_equal(get_as(callers[i], "/api/v1/me", "HTTP_GATEHOUSE_USER=carl"), 403);
        assert_int_equal(get_as(callers[i], "/api/v1/me", "HTTP_GATEHOUSE_USER=Ann"), 403);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_matrix__has_every_route),
        CASE(test_matrix__route_by_caller),
        CASE(test_matrix__how_strangers_are_refused),
        CASE(test_matrix__bodies_that_did_not_arrive),
        CASE(test_matrix__head_is_get_without_a_body),
        CASE(test_matrix__other_methods),
        CASE(test_session__one_that_has_ended),
        CASE(test_session__only_the_cookie_of_that_name_counts),
        CASE(test_csrf__in_the_form),
        CASE(test_csrf__that_does_not_hold),
        CASE(test_csrf__not_in_the_query),
        CASE(test_origin__of_the_request),
        CASE(test_origin__is_of_no_matter_to_tokens),
        CASE(test_token__that_is_none),
        CASE(test_token__counts_before_a_cookie),
        CASE(test_token__an_empty_header_is_none),
        CASE(test_user__of_a_service_token),
        CASE(test_user__of_everybody_else_is_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
