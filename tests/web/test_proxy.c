#include "exchange.h"

#include "support/scripted_portal.h"

#define APP "/proxy/v1/things"
#define ON_GMAIL "HTTP_CONNECTION_NAME=gmail"
#define JSON "Content-Type: application/json\r\n"

enum { LARGE_BYTES = 600000 };

static struct portal_web w;
static char pattern[LARGE_BYTES + 1];

static int set_up(void **state) {
    (void)state;
    for (size_t i = 0; i < LARGE_BYTES; i++) {
        pattern[i] = (char)('a' + (i * 31 + i / 251) % 26);
    }
    portal_web_open(&w, HTTPS_URL);
    static const char scopes[] = GATE_SCOPE_PROXY_READ " " GATE_SCOPE_PROXY_WRITE;
    w.personal = add_token(&w.p, &(struct gate_token_wish){
                                     .kind = GATE_TOKEN_PERSONAL,
                                     .owner_user_id = w.ann.id,
                                     .label = "proxy",
                                     .scopes = scopes,
                                     .connections = "*",
                                     .tools = "*",
                                 });
    w.service = add_token(&w.p, &(struct gate_token_wish){
                                    .kind = GATE_TOKEN_SERVICE,
                                    .label = "proxy",
                                    .scopes = scopes,
                                    .connections = "*",
                                    .tools = "*",
                                    .identifiers = "ann carl",
                                });
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static const struct answer *call(const char *method, const char *target) {
    return send_request(&w, &(struct sending){
                                .who = PERSONAL,
                                .method = method,
                                .target = target,
                                .headers = {ON_GMAIL},
                            });
}

/* Ann's trail holds so many rows; the newest says so. */
static void expect_trail(size_t count, const char *tool_name, const char *outcome) {
    struct gate_tool_call *calls = NULL;
    settle_writes(&w.p);
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), count);
    if (count > 0) {
        assert_string_equal(calls[0].tool_name, tool_name);
        assert_string_equal(calls[0].outcome, outcome);
    }
}

/* ---- answers ---- */

static void test_proxy__answer_of_the_app(void **state) {
    (void)state;
    script_answer(&w.p, "POST /proxy/v1/things",
                  (struct gate_test_http_answer){
                      .status = 201,
                      .headers = JSON "X-Thing: a, b\r\nSet-Cookie: a=b\r\nX-Accel-Redirect: /x\r\n"
                                      "Location: https://app.example.com/1\r\nX-Hop: 1\r\n"
                                      "X-Late-Hop: 1\r\nConnection: keep-alive, x-hop\r\n"
                                      "Connection: X-Late-Hop\r\nServer: app\r\n",
                      .body = "{\"n\": 1.00}",
                  });
    const struct answer *answer =
        send_request(&w, &(struct sending){
                             .who = PERSONAL,
                             .method = "POST",
                             .target = APP "?identifier=carl&a=%2F..%2F",
                             .body = "{\"x\":\"y\"}",
                             .content_type = "application/json",
                             .headers = {ON_GMAIL, "CONTENT_LENGTH=9", "HTTP_X_APP=1",
                                         "HTTP_COOKIE=a=b", "HTTP_X_FORWARDED_FOR=10.0.0.1"},
                         });
    assert_int_equal(answer->status, 201);
    assert_string_equal(answer->body, "{\"n\": 1.00}");
    assert_string_equal(find_header(answer, "content-type"), "application/json");
    assert_string_equal(find_header(answer, "x-thing"), "a, b");
    assert_string_equal(find_header(answer, "location"), "https://app.example.com/1");
    assert_string_equal(find_header(answer, "Gatehouse-Source"), "provider");
    static const char *const absent[] = {"set-cookie", "x-accel-redirect", "x-hop",
                                         "x-late-hop", "server",           "connection"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (find_header(answer, absent[i]) != NULL) {
            fail_msg("returned: %s", absent[i]);
        }
    }
    const char *head = find_seen_head(&w.p, "POST /proxy/v1/things?identifier=carl&a=%2F..%2F");
    assert_non_null(head);
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer t\r\n"));
    assert_non_null(strstr(head, "\r\nidentifier: ann\r\n"));
    assert_non_null(strstr(head, "\r\nconnection_name: gmail\r\n"));
    assert_non_null(strstr(head, "\r\nx-app: 1\r\n"));
    assert_null(strstr(head, "ookie"));
    assert_null(strstr(head, "10.0.0.1"));
    assert_string_equal(find_seen_body(&w.p, "POST /proxy/v1/things"), "{\"x\":\"y\"}");
    expect_trail(1, "POST /v1/things", "ok");
}

static void test_proxy__large_answer_comes_in_parts(void **state) {
    (void)state;
    script_answer(
        &w.p, "GET /proxy/v1/things",
        (struct gate_test_http_answer){.status = 200, .body = pattern, .body_length = LARGE_BYTES});
    const struct answer *answer = call("GET", APP);
    assert_int_equal(answer->status, 200);
    assert_true(answer->is_in_parts);
    assert_false(answer->is_cut);
    assert_true(answer->parts > 2);
    assert_string_equal(find_header(answer, "Content-Length"), "600000");
    assert_int_equal(answer->body_length, LARGE_BYTES);
    assert_memory_equal(answer->body, pattern, LARGE_BYTES);
    expect_trail(1, "GET /v1/things", "ok");
}

static void test_proxy__answers_without_a_body(void **state) {
    (void)state;
    script_answer(
        &w.p, "HEAD /proxy/a",
        (struct gate_test_http_answer){
            .raw = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"});
    script_answer(
        &w.p, "DELETE /proxy/a",
        (struct gate_test_http_answer){.raw = "HTTP/1.1 204 No Content\r\nConnection: close\r\n"
                                              "Content-Length: 0\r\n\r\n"});
    script_answer(
        &w.p, "GET /proxy/a",
        (struct gate_test_http_answer){.raw = "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"});
    const struct answer *answer = send_request(
        &w, &(struct sending){
                .who = PERSONAL, .method = "HEAD", .target = "/proxy/a", .headers = {ON_GMAIL}});
    assert_int_equal(answer->status, 200);
    assert_string_equal(find_header(answer, "Content-Length"), "1000");
    assert_int_equal(answer->body_length, 0);
    gate_test_server_wait_closed(w.p.server, 1); /* else the write may meet a closing connection */
    answer = call("DELETE", "/proxy/a");
    assert_int_equal(answer->status, 204);
    assert_null(find_header(answer, "Content-Length"));
    answer = call("GET", "/proxy/a");
    assert_int_equal(answer->status, 304);
    assert_string_equal(find_header(answer, "etag"), "\"x\"");
    assert_int_equal(answer->body_length, 0);
}

/* RFC 9112 section 6.3: what is chunked has no other length. */
static void test_proxy__length_that_does_not_hold_is_not_passed_on(void **state) {
    (void)state;
    static char raw[LARGE_BYTES + 1000];
    static const char *const heads[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        snprintf(raw, sizeof raw, "HTTP/1.1 200 OK\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", heads[i],
                 LARGE_BYTES, pattern);
        script_answer(&w.p, "GET /proxy/a", (struct gate_test_http_answer){.raw = raw});
        const struct answer *answer = call("GET", "/proxy/a");
        assert_int_equal(answer->status, 200);
        assert_true(answer->is_in_parts);
        assert_int_equal(answer->body_length, LARGE_BYTES);
        assert_null(find_header(answer, "Content-Length"));
        gate_test_server_wait_closed(w.p.server, (int)i + 1);
    }
}

static void test_proxy__reader_that_leaves(void **state) {
    (void)state;
    script_answer(
        &w.p, "GET /proxy/a",
        (struct gate_test_http_answer){.status = 200, .body = pattern, .body_length = LARGE_BYTES});
    for (int parts = 1; parts < 4; parts++) {
        const struct answer *answer = send_request(&w, &(struct sending){
                                                           .who = PERSONAL,
                                                           .target = "/proxy/a",
                                                           .headers = {ON_GMAIL},
                                                           .reads_parts = parts,
                                                       });
        assert_true(answer->is_in_parts);
        assert_true(answer->is_cut);
        assert_true(answer->body_length < LARGE_BYTES);
        assert_int_equal(gate_net_in_flight(w.p.net), 0);
    }
    expect_trail(3, "GET /a", "ok");
}

static void test_proxy__app_that_breaks_off_in_the_middle(void **state) {
    (void)state;
    script_answer(&w.p, "GET /proxy/a",
                  (struct gate_test_http_answer){
                      .status = 200, .body = pattern, .body_length = LARGE_BYTES, .cut_bytes = 1});
    const struct answer *answer = call("GET", "/proxy/a");
    assert_int_equal(answer->status, 200);
    assert_true(answer->is_in_parts);
    assert_true(answer->is_cut);
    assert_int_equal(gate_net_in_flight(w.p.net), 0);
}

static void test_proxy__app_that_does_not_answer(void **state) {
    (void)state;
    script_answer(&w.p, "GET /proxy/a", (struct gate_test_http_answer){.is_silent = true});
    script_answer(&w.p, "POST /proxy/a", (struct gate_test_http_answer){.is_silent = true});
    (void)expect_problem(&w, call("GET", "/proxy/a"), 503, "upstream-unavailable");
    expect_trail(1, "GET /a", "unavailable");
    (void)expect_problem(&w, call("POST", "/proxy/a"), 502, "outcome-unknown");
    expect_trail(2, "POST /a", "outcome_unknown");
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
}

static void test_proxy__scalekits_refusal_is_a_problem(void **state) {
    (void)state;
    script_answer(&w.p, "GET /proxy/a",
                  (struct gate_test_http_answer){
                      .status = 403,
                      .headers = JSON,
                      .body = "{\"code\":7,\"message\":\"not yours\",\"details\":[{\"@type\":"
                              "\"type.googleapis.com/scalekit.v1.errdetails.ErrorInfo\","
                              "\"error_code\":\"NO\"}]}",
                  });
    script_answer(&w.p, "GET /api/v1/connected_accounts/details",
                  (struct gate_test_http_answer){.status = 200,
                                                 .body = ACCOUNT_ANSWER("ann", "gmail", "ACTIVE")});
    const struct answer *answer = call("GET", "/proxy/a");
    const gate_json *problem = expect_problem(&w, answer, 403, "forbidden");
    expect_member(problem, "source", "scalekit");
    expect_member(problem, "detail", "not yours");
    assert_null(find_header(answer, "Gatehouse-Source"));
}

/* ---- bodies ---- */

static void test_proxy__body_in_pieces(void **state) {
    (void)state;
    script_answer(&w.p, "PUT /proxy/a",
                  (struct gate_test_http_answer){.status = 200, .body = "ok"});
    pattern[1000] = '\0';
    static const size_t sizes[] = {1, 7, 999, 1000, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct answer *answer =
            send_request(&w, &(struct sending){.who = PERSONAL,
                                               .method = "PUT",
                                               .target = "/proxy/a",
                                               .body = pattern,
                                               .piece_bytes = sizes[i],
                                               .headers = {ON_GMAIL, "CONTENT_LENGTH=1000"}});
        assert_int_equal(answer->status, 200);
        assert_string_equal(find_seen_body(&w.p, "PUT /proxy/a"), pattern);
    }
    assert_int_equal(count_seen(&w.p, "PUT /proxy/a"), 5);
}

static void test_proxy__body_that_cannot_be_taken(void **state) {
    (void)state;
    static const struct {
        const char *method;
        const char *length;
        int status;
        const char *slug;
    } cases[] = {
        {"POST", "CONTENT_LENGTH=x", 400, "invalid-request"},
        {"POST", "CONTENT_LENGTH=-1", 400, "invalid-request"},
        {"POST", "CONTENT_LENGTH=134217729", 413, "too-large"},
        {"POST", "CONTENT_LENGTH=6", 400, "invalid-request"}, /* there are five */
        {"HEAD", "CONTENT_LENGTH=5", 400, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer =
            send_request(&w, &(struct sending){.who = PERSONAL,
                                               .method = cases[i].method,
                                               .target = "/proxy/a",
                                               .body = "hello",
                                               .headers = {ON_GMAIL, cases[i].length}});
        assert_int_equal(answer->status, cases[i].status);
        if (cases[i].slug != NULL) {
            (void)expect_problem(&w, answer, cases[i].status, cases[i].slug);
        }
    }
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 0);
    assert_int_equal(count_seen(&w.p, "HEAD /proxy/a"), 0);
}

/* ---- who, for whom, where ---- */

static void test_proxy__is_for_tokens_with_the_right(void **state) {
    (void)state;
    static const enum who refused[] = {NOBODY, BROWSER, BROWSER_CSRF};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct answer *answer = send_request(
            &w, &(struct sending){.who = refused[i], .target = "/proxy/a", .headers = {ON_GMAIL}});
        assert_int_equal(answer->status, i == 0 ? 401 : 403);
    }
    w.personal = add_token(&w.p, &(struct gate_token_wish){
                                     .kind = GATE_TOKEN_PERSONAL,
                                     .owner_user_id = w.ann.id,
                                     .label = "reader",
                                     .scopes = GATE_SCOPE_PROXY_READ,
                                     .connections = "*",
                                     .tools = "*",
                                 });
    script(&w.p, "GET /proxy/a", 200, "ok");
    assert_int_equal(call("GET", "/proxy/a")->status, 200);
    const gate_json *problem = expect_problem(&w, call("POST", "/proxy/a?q=s"), 403, "forbidden");
    assert_non_null(strstr(gate_json_member_text(problem, "detail"), "rule: scope proxy:write"));
    expect_trail(2, "POST /a", "denied");
    assert_int_equal(count_seen(&w.p, "POST /proxy/"), 0);
}

static const struct answer *name_user(enum who who, const char *first, const char *second) {
    return send_request(&w, &(struct sending){
                                .who = who,
                                .target = "/proxy/a",
                                .headers = {ON_GMAIL, first, second},
                            });
}

static void test_proxy__user_by_either_header(void **state) {
    (void)state;
    script(&w.p, "GET /proxy/a", 200, "ok");
    assert_int_equal(name_user(SERVICE, "HTTP_IDENTIFIER=ann", NULL)->status, 200);
    assert_int_equal(name_user(SERVICE, "HTTP_GATEHOUSE_USER=ann", NULL)->status, 200);
    assert_int_equal(name_user(SERVICE, "HTTP_IDENTIFIER=ann", "HTTP_GATEHOUSE_USER=ann")->status,
                     200);
    assert_int_equal(name_user(PERSONAL, "HTTP_IDENTIFIER=ann", NULL)->status, 200);
    assert_int_equal(count_seen(&w.p, "GET /proxy/a"), 4);
    static const struct {
        enum who who;
        const char *first;
        const char *second;
        int status;
    } cases[] = {
        {SERVICE, "HTTP_IDENTIFIER=ann", "HTTP_GATEHOUSE_USER=carl", 400},
        {SERVICE, "HTTP_IDENTIFIER=carl", "HTTP_GATEHOUSE_USER=ann", 400},
        {SERVICE, "HTTP_IDENTIFIER=ann", "HTTP_IDENTIFIER=ann", 400},
        {SERVICE, "HTTP_IDENTIFIER=ann, carl", NULL, 400},
        {SERVICE, "HTTP_IDENTIFIER=mallory", NULL, 403},
        {PERSONAL, "HTTP_IDENTIFIER=carl", NULL, 403},
        {SERVICE, NULL, NULL, 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer = name_user(cases[i].who, cases[i].first, cases[i].second);
        if (answer->status != cases[i].status) {
            fail_msg("%s %s: %d", cases[i].first, cases[i].second, answer->status);
        }
    }
    assert_int_equal(count_seen(&w.p, "GET /proxy/a"), 4);
}

static void test_proxy__connection_by_one_name(void **state) {
    (void)state;
    char longer[GATE_CONNECTION_NAME_MAX_BYTES + 40] = "HTTP_CONNECTION_NAME=";
    memset(longer + strlen(longer), 'a', GATE_CONNECTION_NAME_MAX_BYTES + 1);
    const struct {
        const char *first;
        const char *second;
        int status;
        const char *slug;
    } cases[] = {
        {NULL, NULL, 400, "invalid-request"},
        {"HTTP_CONNECTION_NAME=", NULL, 400, "invalid-request"},
        {ON_GMAIL, ON_GMAIL, 400, "invalid-request"},
        {ON_GMAIL, "HTTP_CONNECTION_NAME=slack", 400, "invalid-request"},
        {"HTTP_CONNECTION_NAME=gmail, slack", NULL, 400, "invalid-request"},
        {"HTTP_CONNECTION_NAME=\xff", NULL, 400, "invalid-request"},
        {longer, NULL, 400, "invalid-request"},
        {"HTTP_CONNECTION_NAME=nowhere", NULL, 404, "not-found"},
        {"HTTP_CONNECTION_NAME=notion", NULL, 404, "not-found"}, /* switched off */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer *answer =
            send_request(&w, &(struct sending){.who = PERSONAL,
                                               .target = "/proxy/a",
                                               .headers = {cases[i].first, cases[i].second}});
        (void)expect_problem(&w, answer, cases[i].status, cases[i].slug);
    }
    assert_int_equal(count_seen(&w.p, "GET /proxy/"), 0);
}

static void test_proxy__account_that_is_not_active(void **state) {
    (void)state;
    script(&w.p, "GET /api/v1/connected_accounts/details", 200,
           ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    const struct answer *answer = send_request(
        &w, &(struct sending){
                .who = PERSONAL, .target = "/proxy/a", .headers = {"HTTP_CONNECTION_NAME=slack"}});
    const gate_json *problem = expect_problem(&w, answer, 409, "authorization-required");
    expect_member(problem, "connection", "slack");
    assert_non_null(gate_json_member_text(problem, "authorization_url"));
    assert_int_equal(count_seen(&w.p, "GET /proxy/"), 0);
    expect_trail(1, "GET /a", "needs_authorization");
}

static void test_proxy__what_cannot_be_passed_on(void **state) {
    (void)state;
    static const char *const headers[] = {"HTTP_X_APP=a\x01", "HTTP_X_APP=a\tb"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct answer *answer = send_request(
            &w, &(struct sending){
                    .who = PERSONAL, .target = "/proxy/a", .headers = {ON_GMAIL, headers[i]}});
        (void)expect_problem(&w, answer, 400, "invalid-request");
        assert_null(strstr(answer->body, "127.0.0.1"));
    }
    static const char *const targets[] = {"/proxy/a%252fb", "/proxy/..;/a", "/proxy/a?q=\xc3\xa4"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        (void)expect_problem(&w, call("GET", targets[i]), 400, "invalid-request");
    }
    assert_int_equal(count_seen(&w.p, ""), 0);
}

/* ---- limits ---- */

static void test_quota__call_beyond_it_reaches_nobody(void **state) {
    (void)state;
    w.p.config.user_calls_per_minute = 1;
    script(&w.p, "POST /proxy/a", 200, "ok");
    const struct answer *answer = call("POST", "/proxy/a");
    assert_int_equal(answer->status, 200);
    assert_string_equal(find_header(answer, "RateLimit-Remaining"), "0");
    answer = call("POST", "/proxy/a?q=secret");
    const gate_json *problem = expect_problem(&w, answer, 429, "too-many-calls");
    expect_member(problem, "source", "gatehouse");
    assert_null(find_header(answer, "Gatehouse-Source"));
    assert_non_null(find_header(answer, "Retry-After"));
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
}

/* However a call ends, it does not count as one that goes on. */
static void test_quota__place_in_flight_is_given_back(void **state) {
    (void)state;
    w.p.config.user_in_flight_max = 1;
    script_answer(
        &w.p, "GET /proxy/whole",
        (struct gate_test_http_answer){.status = 200, .body = pattern, .body_length = LARGE_BYTES});
    script_answer(&w.p, "GET /proxy/cut",
                  (struct gate_test_http_answer){
                      .status = 200, .body = pattern, .body_length = LARGE_BYTES, .cut_bytes = 1});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call("GET", "/proxy/whole")->status, 200);
        assert_int_equal(call("GET", "/proxy/cut")->status, 200);
        const struct answer *answer = send_request(&w, &(struct sending){
                                                           .who = PERSONAL,
                                                           .target = "/proxy/whole",
                                                           .headers = {ON_GMAIL},
                                                           .reads_parts = 1,
                                                       });
        assert_true(answer->is_cut);
    }
}

/* ---- under a key ---- */

static const struct answer *call_keyed(const char *body, const char *type, const char *connection) {
    const char *length =
        gate_arena_printf(arena_of(&w), "CONTENT_LENGTH=%zu", body == NULL ? 0 : strlen(body));
    return send_request(&w, &(struct sending){
                                .who = PERSONAL,
                                .method = "POST",
                                .target = "/proxy/a",
                                .body = body,
                                .content_type = type,
                                .headers = {connection, length, "HTTP_IDEMPOTENCY_KEY=key-1"},
                            });
}

static void test_keyed__is_kept_and_given_again(void **state) {
    (void)state;
    script_answer(
        &w.p, "POST /proxy/a",
        (struct gate_test_http_answer){.status = 201, .headers = JSON, .body = "{\"id\": 1.0}"});
    for (int i = 0; i < 3; i++) {
        const struct answer *answer = call_keyed("{}", "application/json", ON_GMAIL);
        assert_int_equal(answer->status, 201);
        assert_string_equal(answer->body, "{\"id\": 1.0}");
        assert_int_equal(count_headers(answer, "Idempotent-Replayed"), i > 0);
    }
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
    static const struct {
        const char *body;
        const char *type;
        const char *connection;
    } others[] = {
        {"{ }", "application/json", ON_GMAIL},
        {"{}", "text/plain", ON_GMAIL},
        {"{}", NULL, ON_GMAIL},
        {"{}", "application/json", "HTTP_CONNECTION_NAME=slack"},
        {NULL, "application/json", ON_GMAIL},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct answer *answer =
            call_keyed(others[i].body, others[i].type, others[i].connection);
        (void)expect_problem(&w, answer, 422, "idempotency-key-reused");
    }
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
}

static void test_keyed__app_that_puts_it_off_leaves_the_key_free(void **state) {
    (void)state;
    script(&w.p, "POST /proxy/a", 429, "slow down");
    const struct answer *answer = call_keyed("{}", NULL, ON_GMAIL);
    assert_int_equal(answer->status, 429);
    assert_string_equal(find_header(answer, "Gatehouse-Source"), "provider");
    script(&w.p, "POST /proxy/a", 200, "done");
    assert_string_equal(call_keyed("{}", NULL, ON_GMAIL)->body, "done");
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 2);
}

static void test_keyed__outcome_that_nobody_knows_is_never_tried_again(void **state) {
    (void)state;
    static const struct gate_test_http_answer answers[] = {
        {.is_silent = true},
        {.status = 200, .body = pattern, .body_length = LARGE_BYTES, .cut_bytes = 1},
    };
    for (size_t i = 0; i < 2; i++) {
        const char *key = i == 0 ? "HTTP_IDEMPOTENCY_KEY=a" : "HTTP_IDEMPOTENCY_KEY=b";
        script_answer(&w.p, "DELETE /proxy/a", answers[i]);
        for (int j = 0; j < 3; j++) {
            const struct answer *answer =
                send_request(&w, &(struct sending){.who = PERSONAL,
                                                   .method = "DELETE",
                                                   .target = "/proxy/a",
                                                   .headers = {ON_GMAIL, key}});
            (void)expect_problem(&w, answer, j == 0 ? 502 : 409, "outcome-unknown");
        }
        assert_int_equal(count_seen(&w.p, "DELETE /proxy/a"), i + 1);
    }
}

static void test_keyed__answer_larger_than_can_be_kept(void **state) {
    (void)state;
    static char
        large[GATE_PROXY_KEYED_ANSWER_MAX_BYTES + 1]; /* may still be on its way at the end */
    memset(large, 'x', sizeof large);
    script_answer(
        &w.p, "POST /proxy/a",
        (struct gate_test_http_answer){.status = 200, .body = large, .body_length = sizeof large});
    (void)expect_problem(&w, call_keyed("{}", NULL, ON_GMAIL), 409, "answer-not-kept");
    const struct answer *again = call_keyed("{}", NULL, ON_GMAIL);
    assert_int_equal(again->status, 409);
    assert_non_null(strstr(again->body, "answer-not-kept"));
    assert_string_equal(find_header(again, "Idempotent-Replayed"), "true");
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
    assert_int_equal(gate_net_in_flight(w.p.net), 0);
}

static void test_keyed__body_larger_than_can_be_held(void **state) {
    (void)state;
    const size_t length = GATE_JSON_BODY_MAX_BYTES + 1;
    char *large = test_malloc(length + 1);
    memset(large, 'x', length);
    large[length] = '\0';
    (void)expect_problem(&w, call_keyed(large, NULL, ON_GMAIL), 413, "too-large");
    large[length - 1] = '\0';
    script(&w.p, "POST /proxy/a", 200, "done");
    assert_int_equal(call_keyed(large, NULL, ON_GMAIL)->status, 200);
    assert_int_equal(count_seen(&w.p, "POST /proxy/a"), 1);
    test_free(large);
}

static void test_keyed__read_is_made_each_time(void **state) {
    (void)state;
    script(&w.p, "GET /proxy/a", 200, "ok");
    for (int i = 0; i < 2; i++) {
        const struct answer *answer =
            send_request(&w, &(struct sending){.who = PERSONAL,
                                               .target = "/proxy/a",
                                               .headers = {ON_GMAIL, "HTTP_IDEMPOTENCY_KEY=k"}});
        assert_int_equal(answer->status, 200);
        assert_null(find_header(answer, "Idempotent-Replayed"));
    }
    assert_int_equal(count_seen(&w.p, "GET /proxy/a"), 2);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_proxy__answer_of_the_app),
        CASE(test_proxy__large_answer_comes_in_parts),
        CASE(test_proxy__answers_without_a_body),
        CASE(test_proxy__length_that_does_not_hold_is_not_passed_on),
        CASE(test_proxy__reader_that_leaves),
        CASE(test_proxy__app_that_breaks_off_in_the_middle),
        CASE(test_proxy__app_that_does_not_answer),
        CASE(test_proxy__scalekits_refusal_is_a_problem),
        CASE(test_proxy__body_in_pieces),
        CASE(test_proxy__body_that_cannot_be_taken),
        CASE(test_proxy__is_for_tokens_with_the_right),
        CASE(test_proxy__user_by_either_header),
        CASE(test_proxy__connection_by_one_name),
        CASE(test_proxy__account_that_is_not_active),
        CASE(test_proxy__what_cannot_be_passed_on),
        CASE(test_quota__call_beyond_it_reaches_nobody),
        CASE(test_quota__place_in_flight_is_given_back),
        CASE(test_keyed__is_kept_and_given_again),
        CASE(test_keyed__app_that_puts_it_off_leaves_the_key_free),
        CASE(test_keyed__outcome_that_nobody_knows_is_never_tried_again),
        CASE(test_keyed__answer_larger_than_can_be_kept),
        CASE(test_keyed__body_larger_than_can_be_held),
        CASE(test_keyed__read_is_made_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
