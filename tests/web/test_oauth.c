/* The token endpoint as clients meet it (RFC 6749, RFC 8693), and what its bearers are good for. */
#include "web/exchange.h"

#include "core/encoding.h"

#define TOKEN "/oauth/token"
#define FORM "application/x-www-form-urlencoded"
#define EXCHANGE "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define IDENTIFIER "urn:gatehouse:params:oauth:token-type:identifier"
#define FOR_ANN "subject_token=ann&subject_token_type=" IDENTIFIER
#define ORDER "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\",\"params\":{}}"

static struct portal_web w;
static const char *id; /* of w.service */

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    struct gate_caller caller;
    assert_int_equal(gate_portal_token_find(w.p.ctx, w.p.portal, w.service, &caller), GATE_OK);
    id = caller.token.public_id;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

static const struct answer *post_with(const char *body, const char *header) {
    return send_request(&w, &(struct sending){
                                .method = "POST",
                                .target = TOKEN,
                                .content_type = FORM,
                                .body = body,
                                .headers = {header},
                            });
}

/* With the client's own credentials behind. */
static const char *with_client(const char *body) {
    return gate_arena_printf(arena_of(&w), "%s&client_id=%s&client_secret=%s", body, id, w.service);
}

static const char *basic(const char *user, const char *password) {
    gate_arena *arena = arena_of(&w);
    const char *pair = gate_arena_printf(arena, "%s:%s", user, password);
    return gate_arena_printf(arena, "HTTP_AUTHORIZATION=Basic %s",
                             gate_base64_format(arena, pair, strlen(pair)));
}

static const char *expect_bearer(const struct answer *answer) {
    if (answer->status != 200) {
        fail_msg("%d %s", answer->status, answer->body);
    }
    assert_string_equal(find_header(answer, "Content-Type"), "application/json");
    assert_string_equal(find_header(answer, "Cache-Control"), "no-store");
    assert_string_equal(find_header(answer, "Pragma"), "no-cache");
    const gate_json *json = read_json(&w, answer);
    expect_member(json, "token_type", "Bearer");
    const char *bearer = gate_json_member_text(json, "access_token");
    assert_true(gate_text_starts_with(bearer, "gha_"));
    return bearer;
}

static const char *get_bearer(const char *body) {
    return expect_bearer(post_with(with_client(body), NULL));
}

/* RFC 6749 section 5.2, to the letter. */
static void expect_error(const struct answer *answer, int status, const char *error) {
    if (answer->status != status || strstr(answer->body, error) == NULL) {
        fail_msg("%d %s, not %d %s", answer->status, answer->body, status, error);
    }
    assert_string_equal(find_header(answer, "Content-Type"), "application/json");
    assert_string_equal(find_header(answer, "Cache-Control"), "no-store");
    const gate_json *json = read_json(&w, answer);
    expect_member(json, "error", error);
    const char *description = gate_json_member_text(json, "error_description");
    assert_non_null(description);
    for (; *description != '\0'; description++) {
        assert_in_range(*description, 0x20, 0x7e);
        assert_true(*description != '"' && *description != '\\');
    }
    assert_int_equal(count_headers(answer, "WWW-Authenticate"), status == 401 ? 1 : 0);
    if (status == 401) {
        assert_true(gate_text_starts_with(find_header(answer, "WWW-Authenticate"), "Basic realm="));
    }
}

static const struct answer *call_with(const char *bearer, const char *method, const char *target,
                                      const char *body, const char *header) {
    const char *shown = gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=Bearer %s", bearer);
    return send_request(&w, &(struct sending){
                                .method = method,
                                .target = target,
                                .content_type = body == NULL ? NULL : "application/json",
                                .body = body,
                                .headers = {shown, header},
                            });
}

/* ---- who asks ---- */

static void test_client__in_the_form_or_by_basic(void **state) {
    (void)state;
    const gate_json *json =
        read_json(&w, post_with(with_client("grant_type=client_credentials"), NULL));
    int64_t expires_in = 0;
    assert_true(gate_json_member_integer(json, "expires_in", &expires_in));
    assert_int_equal(expires_in, 3600);
    expect_member(json, "scope", GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE);
    assert_false(gate_json_has_member(json, "issued_token_type"));
    static const char body[] = "grant_type=client_credentials";
    (void)expect_bearer(post_with(body, basic(id, w.service)));
    /* Both halves are form-encoded. */
    const char *encoded = gate_arena_printf(arena_of(&w), "%%74%s", id + 1);
    (void)expect_bearer(post_with(body, basic(encoded, w.service)));
    /* The id may come twice if it is the same. */
    const char *again = gate_arena_printf(arena_of(&w), "%s&client_id=%s", body, id);
    (void)expect_bearer(post_with(again, basic(id, w.service)));
    expect_error(post_with("grant_type=client_credentials&client_id=tok_x", basic(id, w.service)),
                 400, "invalid_request");
}

/* Some clients send the bearer they hold with every request, also with the one for the next. */
static void test_client__a_bearer_is_none(void **state) {
    (void)state;
    static const char body[] = "grant_type=client_credentials";
    const char *const bearers[] = {"gha_old", w.service};
    for (size_t i = 0; i < 2; i++) {
        const char *header =
            gate_arena_printf(arena_of(&w), "HTTP_AUTHORIZATION=Bearer %s", bearers[i]);
        (void)expect_bearer(post_with(with_client(body), header));
        expect_error(post_with(body, header), 401, "invalid_client");
    }
}

static void test_client__never_both_ways(void **state) {
    (void)state;
    const char *body = with_client("grant_type=client_credentials");
    expect_error(post_with(body, basic(id, w.service)), 400, "invalid_request");
    expect_error(post_with(body, "HTTP_AUTHORIZATION=Basic !"), 400, "invalid_request");
}

static void test_client__never_in_the_query(void **state) {
    (void)state;
    static const char body[] = "grant_type=client_credentials";
    const char *target =
        gate_arena_printf(arena_of(&w), TOKEN "?client_id=%s&client_secret=%s", id, w.service);
    expect_error(post_form(&w, NOBODY, target, body), 400, "invalid_request");
    expect_error(post_form(&w, NOBODY, TOKEN "?x=1", with_client(body)), 400, "invalid_request");
}

/* Whoever it is that is not known, and whatever of it is wrong: the same answer. */
static void test_client__that_is_none(void **state) {
    (void)state;
    static const char body[] = "grant_type=client_credentials";
    gate_arena *arena = arena_of(&w);
    const char *const headers[] = {
        NULL,
        basic(id, "ghs_wrong"),
        basic("tok_none", w.service),
        basic("tok_none", "ghs_wrong"),
        basic(id, ""),
        basic("", ""),
    };
    const char *first = NULL;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct answer *answer = post_with(body, headers[i]);
        expect_error(answer, 401, "invalid_client");
        assert_string_equal(answer->body, first == NULL ? answer->body : first);
        first = answer->body;
    }
    const char *forms[] = {
        gate_arena_printf(arena, "%s&client_id=%s&client_secret=ghs_wrong", body, id),
        gate_arena_printf(arena, "%s&client_id=none&client_secret=%s", body, w.service),
        gate_arena_printf(arena, "%s&client_id=%s", body, id),
        gate_arena_printf(arena, "%s&client_id=%s&client_secret=", body, id),
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct answer *answer = post_with(forms[i], NULL);
        expect_error(answer, 401, "invalid_client");
        assert_string_equal(answer->body, first);
    }
    static const char *const schemes[] = {
        "Basic", "Basic ", "Basic !!", "Basic dG9rX3g=", "Basic AAA6", "Digest x", "gibberish"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const char *header = gate_arena_printf(arena, "HTTP_AUTHORIZATION=%s", schemes[i]);
        expect_error(post_with(body, header), 401, "invalid_client");
    }
}

static void test_client__a_cookie_is_none(void **state) {
    (void)state;
    const struct sending sending = {
        .who = BROWSER_CSRF,
        .method = "POST",
        .target = TOKEN,
        .content_type = FORM,
        .body = "grant_type=client_credentials",
        .headers = {"HTTP_GATEHOUSE_USER=carl"},
    };
    expect_error(send_request(&w, &sending), 401, "invalid_client");
}

static void test_client__of_another_kind(void **state) {
    (void)state;
    struct gate_caller caller;
    assert_int_equal(gate_portal_token_find(w.p.ctx, w.p.portal, w.personal, &caller), GATE_OK);
    expect_error(
        post_with("grant_type=client_credentials", basic(caller.token.public_id, w.personal)), 400,
        "unauthorized_client");
}

/* ---- requests that make no sense ---- */

static void test_request__of_another_shape(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *error;
    } cases[] = {
        {"", 400, "invalid_request"},
        {"grant_type=", 400, "invalid_request"},
        {"grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"},
        {"grant_type=client_credentials&scope=tools:read&scope=tools:read", 400, "invalid_request"},
        {"grant_type=client_credentials&scope=%zz", 400, "invalid_request"},
        {"grant_type=client_credentials&scope=%00", 400, "invalid_request"},
        {"grant_type=client_credentials&scope=%0a", 400, "invalid_request"},
        {"grant_type=authorization_code&code=x", 400, "unsupported_grant_type"},
        {"grant_type=password&username=ann&password=x", 400, "unsupported_grant_type"},
        {"grant_type=refresh_token&refresh_token=x", 400, "unsupported_grant_type"},
        {"grant_type=CLIENT_CREDENTIALS", 400, "unsupported_grant_type"},
        {"grant_type=%22%5c%c3%a9", 400, "unsupported_grant_type"},
        {"grant_type=client_credentials&scope=tools:write", 400, "invalid_scope"},
        {"grant_type=client_credentials&scope=*", 400, "invalid_scope"},
        {"grant_type=client_credentials&scope=tools:read++tools:execute", 400, "invalid_scope"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(post_with(cases[i].body, basic(id, w.service)), cases[i].status,
                     cases[i].error);
    }
    /* RFC 6749 section 3.2: nothing stands for nothing, and what is not known is ignored. */
    (void)get_bearer("grant_type=client_credentials&scope=&audience=x&assertion=y&z");
}

static void test_request__of_another_type(void **state) {
    (void)state;
    static const char *const types[] = {"application/json", "text/plain", "multipart/form-data",
                                        NULL};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct sending sending = {
            .method = "POST",
            .target = TOKEN,
            .content_type = types[i],
            .body = with_client("grant_type=client_credentials"),
        };
        expect_error(send_request(&w, &sending), 400, "invalid_request");
    }
    const struct sending charset = {
        .method = "POST",
        .target = TOKEN,
        .content_type = FORM ";charset=UTF-8",
        .body = with_client("grant_type=client_credentials"),
    };
    (void)expect_bearer(send_request(&w, &charset));
}

static void test_request__that_did_not_arrive(void **state) {
    (void)state;
    struct sending sending = {.method = "POST", .target = TOKEN, .content_type = FORM};
    sending.body_state = GATE_BODY_TOO_LARGE;
    expect_error(send_request(&w, &sending), 413, "invalid_request");
    sending.body_state = GATE_BODY_TRUNCATED;
    expect_error(send_request(&w, &sending), 400, "invalid_request");
    sending.is_busy = true;
    const struct answer *answer = send_request(&w, &sending);
    assert_int_equal(answer->status, 503);
    expect_member(read_json(&w, answer), "error", "temporarily_unavailable");
    assert_string_equal(find_header(answer, "Retry-After"), "1");
}

static void test_request__by_another_method(void **state) {
    (void)state;
    const struct answer *answer =
        send_request(&w, &(struct sending){.target = TOKEN, .headers = {"HTTP_ACCEPT=text/html"}});
    (void)expect_problem(&w, answer, 405, "method-not-allowed");
    assert_string_equal(find_header(answer, "Allow"), "POST");
}

static void test_request__too_many_that_fail(void **state) {
    (void)state;
    static const char wrong[] = "grant_type=client_credentials&client_id=x&client_secret=y";
    for (int i = 0; i < GATE_FAILURES_PER_MINUTE; i++) {
        expect_error(post_with(wrong, "REMOTE_ADDR=192.0.2.1"), 401, "invalid_client");
    }
    const struct answer *answer = post_with(wrong, "REMOTE_ADDR=192.0.2.1");
    expect_error(answer, 429, "temporarily_unavailable");
    assert_string_equal(find_header(answer, "Retry-After"), "1");
    (void)expect_bearer(
        post_with(with_client("grant_type=client_credentials"), "REMOTE_ADDR=192.0.2.1"));
}

/* ---- token exchange ---- */

static void test_exchange__for_a_user(void **state) {
    (void)state;
    const struct answer *answer = post_with(with_client(EXCHANGE "&" FOR_ANN), NULL);
    const char *bearer = expect_bearer(answer);
    expect_member(read_json(&w, answer), "issued_token_type", ACCESS_TOKEN);
    /* It acts for her without naming her, and for nobody else. */
    const gate_json *me = read_json(&w, call_with(bearer, "GET", "/api/v1/me", NULL, NULL));
    expect_member(gate_json_member(me, "user"), "identifier", "ann");
    expect_member(gate_json_member(me, "token"), "id", id);
    assert_int_equal(call_with(bearer, "GET", "/api/v1/connections", NULL, NULL)->status, 200);
    assert_int_equal(
        call_with(bearer, "GET", "/api/v1/connections", NULL, "HTTP_GATEHOUSE_USER=ann")->status,
        200);
    const char *const others[] = {"HTTP_GATEHOUSE_USER=carl", "HTTP_GATEHOUSE_USER=bob"};
    for (size_t i = 0; i < 2; i++) {
        (void)expect_problem(&w, call_with(bearer, "GET", "/api/v1/me", NULL, others[i]), 403,
                             "forbidden");
    }
    (void)expect_problem(
        &w, call_with(bearer, "GET", "/api/v1/connections?identifier=carl", NULL, NULL), 403,
        "forbidden");
}

static void test_exchange__of_every_shape(void **state) {
    (void)state;
    static const struct {
        const char *more;
        int status;
        const char *error; /* NULL: given */
    } cases[] = {
        {FOR_ANN "&requested_token_type=" ACCESS_TOKEN, 200, NULL},
        {FOR_ANN "&resource=" HTTPS_URL "&audience=" HTTPS_URL "/", 200, NULL},
        {FOR_ANN "&audience=&resource=", 200, NULL},
        {FOR_ANN "&requested_token_type=urn:ietf:params:oauth:token-type:jwt", 400,
         "invalid_request"},
        {FOR_ANN "&resource=https://elsewhere.example", 400, "invalid_target"},
        {FOR_ANN "&audience=" HTTPS_URL "&audience=elsewhere", 400, "invalid_target"},
        {FOR_ANN "&audience=" HTTPS_URL ".evil.example", 400, "invalid_target"},
        {"subject_token=ann", 400, "invalid_request"},
        {"subject_token_type=" IDENTIFIER, 400, "invalid_request"},
        {"subject_token=ann&subject_token_type=" ACCESS_TOKEN, 400, "invalid_request"},
        {"subject_token=ann&subject_token_type=urn:x", 400, "invalid_request"},
        {"subject_token=bob&subject_token_type=" IDENTIFIER, 400, "invalid_request"},
        {FOR_ANN "&subject_token=ann", 400, "invalid_request"},
        {FOR_ANN "&actor_token_type=" ACCESS_TOKEN, 400, "invalid_request"},
        {FOR_ANN "&actor_token=ghs_x", 400, "invalid_request"},
        {FOR_ANN "&actor_token=ghs_x&actor_token_type=" ACCESS_TOKEN, 400, "invalid_request"},
        {FOR_ANN "&scope=tools:write", 400, "invalid_scope"},
        {FOR_ANN "&scope=tools:read", 200, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *body = gate_arena_printf(arena_of(&w), EXCHANGE "&%s", cases[i].more);
        const struct answer *answer = post_with(body, basic(id, w.service));
        if (cases[i].error == NULL) {
            (void)expect_bearer(answer);
        } else {
            expect_error(answer, cases[i].status, cases[i].error);
        }
    }
    expect_error(post_with(EXCHANGE "&" FOR_ANN, NULL), 401, "invalid_client");
}

static void test_exchange__by_an_actor_token(void **state) {
    (void)state;
    const char *actors[] = {w.service, get_bearer("grant_type=client_credentials")};
    for (size_t i = 0; i < 2; i++) {
        const char *body = gate_arena_printf(
            arena_of(&w), EXCHANGE "&" FOR_ANN "&actor_token=%s&actor_token_type=" ACCESS_TOKEN,
            actors[i]);
        (void)expect_bearer(post_with(body, NULL));
    }
}

/* ---- bearers ---- */

static void test_bearer__is_its_token_everywhere(void **state) {
    (void)state;
    const char *bearer = get_bearer("grant_type=client_credentials");
    static const char ann[] = "HTTP_GATEHOUSE_USER=ann";
    assert_int_equal(call_with(bearer, "GET", "/api/v1/me", NULL, NULL)->status, 200);
    assert_int_equal(call_with(bearer, "GET", "/api/v1/connections", NULL, NULL)->status, 400);
    assert_int_equal(call_with(bearer, "GET", "/api/v1/connections", NULL, ann)->status, 200);
    assert_int_equal(call_with(bearer, "POST", "/api/v1/execute_tool", ORDER, ann)->status, 200);
    assert_int_equal(
        call_with(bearer, "GET", "/api/v1/me", NULL, "HTTP_GATEHOUSE_USER=bob")->status, 403);
    /* Pages are for people. */
    assert_int_equal(call_with(bearer, "GET", "/tokens", NULL, NULL)->status, 303);
    gate_test_clock_advance(&w.p.clock, HOUR_MS);
    (void)expect_problem(&w, call_with(bearer, "GET", "/api/v1/me", NULL, NULL), 401,
                         "unauthenticated");
}

static void test_bearer__narrowed_to_looking(void **state) {
    (void)state;
    const char *bearer = get_bearer(EXCHANGE "&" FOR_ANN "&scope=tools:read");
    assert_int_equal(call_with(bearer, "GET", "/api/v1/connections", NULL, NULL)->status, 200);
    (void)expect_problem(&w, call_with(bearer, "POST", "/api/v1/execute_tool", ORDER, NULL), 403,
                         "forbidden");
    assert_int_equal(count_seen(&w.p, "POST /api/v1/execute_tool"), 0);
}

/* A refused user is on the trail here as it is for the token itself, and Scalekit never hears. */
static void test_bearer__for_another_user_runs_nothing(void **state) {
    (void)state;
    const char *bearer = get_bearer(EXCHANGE "&" FOR_ANN);
    (void)expect_problem(
        &w, call_with(bearer, "POST", "/api/v1/execute_tool", ORDER, "HTTP_GATEHOUSE_USER=carl"),
        403, "forbidden");
    assert_int_equal(count_seen(&w.p, "POST /api/v1/execute_tool"), 0);
    assert_int_equal(call_with(bearer, "POST", "/api/v1/execute_tool", ORDER, NULL)->status, 200);
    struct gate_tool_call *calls = NULL;
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 1);
    struct gate_caller caller;
    assert_int_equal(gate_portal_token_find(w.p.ctx, w.p.portal, w.service, &caller), GATE_OK);
    assert_int_equal(calls[0].token_id, caller.token.id);
}

/* ---- metadata ---- */

static void test_metadata__says_where_and_how(void **state) {
    (void)state;
    const struct answer *answer = get(&w, NOBODY, "/.well-known/oauth-authorization-server");
    assert_int_equal(answer->status, 200);
    const gate_json *json = read_json(&w, answer);
    expect_member(json, "issuer", HTTPS_URL);
    expect_member(json, "token_endpoint", HTTPS_URL TOKEN);
    assert_non_null(strstr(answer->body, "\"client_secret_basic\",\"client_secret_post\""));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_client__in_the_form_or_by_basic),
        CASE(test_client__a_bearer_is_none),
        CASE(test_client__never_both_ways),
        CASE(test_client__never_in_the_query),
        CASE(test_client__that_is_none),
        CASE(test_client__a_cookie_is_none),
        CASE(test_client__of_another_kind),
        CASE(test_request__of_another_shape),
        CASE(test_request__of_another_type),
        CASE(test_request__that_did_not_arrive),
        CASE(test_request__by_another_method),
        CASE(test_request__too_many_that_fail),
        CASE(test_exchange__for_a_user),
        CASE(test_exchange__of_every_shape),
        CASE(test_exchange__by_an_actor_token),
        CASE(test_bearer__is_its_token_everywhere),
        CASE(test_bearer__narrowed_to_looking),
        CASE(test_bearer__for_another_user_runs_nothing),
        CASE(test_metadata__says_where_and_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
