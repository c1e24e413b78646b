#include "bare_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"
#include "web/path.h"
#include "web/proxy_pass.h"

static int set_up(void **state) {
    static struct bare_request bare;
    bare_request_make(&bare);
    *state = &bare;
    return 0;
}

static int tear_down(void **state) {
    bare_request_done(*state);
    return 0;
}

/* ---- the target ---- */

/* As dispatch and the handler do it: NULL when one of them refuses. */
static const char *read_target(struct gate_ctx *ctx, const char *uri) {
    const char *path;
    const char *query;
    const char *target = NULL;
    gate_error_clear(&ctx->error);
    enum gate_err err = gate_path_parse(ctx, uri, &path, &query);
    if (err == GATE_OK) {
        err = gate_proxy_target_read(ctx, uri, &target);
    }
    assert_true(err == GATE_OK || err == GATE_ERR_INPUT);
    assert_true((err == GATE_OK) == (target != NULL));
    assert_true(err == GATE_OK || strlen(ctx->error.message) > 0);
    return target;
}

static void test_target__is_what_was_sent(void **state) {
    struct bare_request *bare = *state;
    static const char *const targets[] = {
        "/",
        "/v1/things",
        "/v1/things/",
        "/v1/things?",
        "/v1/things?a=1&a=2&b",
        "/v1/things?next=https://example.com/%2F..%2F",
        "/v1/things?path=../../x;..",
        "/v1/things?q=%E4%00%0d",
        "/a%20b/%C3%A9",
        "/a%2520b",
        "/100%25",
        "/%25",
        "/...",
        "/.../....;x",
        "/..a/a../a..b/.well-known/x",
        "/a;b=c/d;..",
        "/v1/messages:batchGet",
        "/v1/a:/b",
        "/users/me@example.com",
        "/me@example.com",
        "/a:b@c",
        "/a,b'c(d)!e*f~g_h-i=j+k&l$m",
        "/{id}/[x]/\"y\"/<z>/|/^/`",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char uri[256];
        snprintf(uri, sizeof uri, "/proxy%s", targets[i]);
        const char *target = read_target(bare->request.ctx, uri);
        if (target == NULL) {
            fail_msg("refused: %s", uri);
        }
        assert_string_equal(target, targets[i]);
    }
}

static void test_target__never_leads_elsewhere(void **state) {
    struct bare_request *bare = *state;
    static const char *const uris[] = {
        /* not ours as it stands */
        "/proxy",
        "/proxy?x",
        "/proxyx",
        "/prox%79/a",
        "/%70roxy/a",
        "/Proxy/a",
        "http://127.0.0.1/proxy/a",
        "*",
        "",
        /* dot segments */
        "/proxy/..",
        "/proxy/../x",
        "/proxy/a/../../x",
        "/proxy/.",
        "/proxy/a/./b",
        "/proxy/%2e%2e/x",
        "/proxy/%2E./x",
        "/proxy/.%2e",
        "/proxy/a/%2e",
        "/proxy/..?x",
        /* and what some take for them */
        "/proxy/..;/x",
        "/proxy/..;a=b/x",
        "/proxy/.;x",
        "/proxy/%2e%2e;/x",
        "/proxy/.%2E;x",
        "/proxy/a/..%3b/x",
        "/proxy/a/..%3Bx",
        "/proxy/%252e%252e/x",
        "/proxy/%252E./x",
        "/proxy/a/%25%32%65/x",
        "/proxy/%25252e/x",
        "/proxy/%c0%ae%c0%ae/x",
        "/proxy/%C0%AE./x",
        "/proxy/%e0%80%ae%e0%80%ae/x",
        "/proxy/%f0%80%80%ae./x",
        /* slashes by other means */
        "/proxy/a%2fb",
        "/proxy/a%2Fb",
        "/proxy/..%2f..%2fx",
        "/proxy/a%5cb",
        "/proxy/a%5Cb",
        "/proxy/a\\b",
        "/proxy/..\\..\\x",
        "/proxy/a%252fb",
        "/proxy/a%255cb",
        "/proxy/a%c0%afb",
        "/proxy/a%c1%9cb",
        /* schemes and hosts */
        "/proxy//evil.example",
        "/proxy///evil.example/x",
        "/proxy/a//b",
        "/proxy/https://evil.example/x",
        "/proxy/https:/evil.example/x",
        "/proxy/https:",
        "/proxy/https%3a/evil.example/x",
        "/proxy/https%3A",
        "/proxy/@evil.example/x",
        "/proxy/%40evil.example/x",
        /* what ends a line, a text or a path */
        "/proxy/a b",
        "/proxy/a?b c",
        "/proxy/a#b",
        "/proxy/a?b#c",
        "/proxy/a\tb",
        "/proxy/a?b\tc",
        "/proxy/a\r\nX: y",
        "/proxy/a\x7f",
        "/proxy/a%00",
        "/proxy/a%0d%0aX:%20y",
        "/proxy/a%09",
        /* what has to be encoded */
        "/proxy/caf\xc3\xa9",
        "/proxy/a?q=\xff",
        "/proxy/a?q=\\",
        "/proxy/a%",
        "/proxy/a%2",
        "/proxy/a%zz",
        "/proxy/%e9",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        if (read_target(bare->request.ctx, uris[i]) != NULL) {
            fail_msg("taken: %s", uris[i]);
        }
    }
}

static void test_target__at_and_beyond_its_limit(void **state) {
    struct bare_request *bare = *state;
    for (int beyond = 0; beyond < 2; beyond++) {
        char uri[sizeof "/proxy" + GATE_PROXY_TARGET_MAX_BYTES + 1] = "/proxy/";
        const size_t length = strlen("/proxy") + GATE_PROXY_TARGET_MAX_BYTES + (size_t)beyond;
        memset(uri + strlen(uri), 'a', length - strlen(uri));
        uri[length] = '\0';
        assert_true((read_target(bare->request.ctx, uri) == NULL) == (beyond == 1));
    }
}

/* ---- the caller's headers ---- */

struct collected {
    enum gate_err err;
    const struct gate_net_header *headers;
    size_t count;
};

static struct collected collect(struct bare_request *bare, const char *const *params) {
    struct gate_request *request = &bare->request;
    size_t count = 0;
    while (params[count] != NULL) {
        count++;
    }
    request->params = gate_arena_alloc_array(request->ctx->arena, count + 1, sizeof(char *));
    for (size_t i = 0; i <= count; i++) {
        request->params[i] = i < count ? gate_arena_strdup(request->ctx->arena, params[i]) : NULL;
    }
    struct collected got = {0};
    got.err = gate_proxy_headers_collect(request, &got.headers, &got.count);
    return got;
}

static const char *value_of(const struct collected *got, const char *name) {
    for (size_t i = 0; i < got->count; i++) {
        if (strcmp(got->headers[i].name, name) == 0) {
            return got->headers[i].value;
        }
    }
    return NULL;
}

static void test_collect__passes_what_is_for_the_app(void **state) {
    struct bare_request *bare = *state;
    static const char *const params[] = {
        "REQUEST_METHOD=POST",
        "CONTENT_TYPE=application/json; charset=utf-8",
        "CONTENT_LENGTH=5",
        "HTTP_ACCEPT=a/b",
        "HTTP_ACCEPT_LANGUAGE=de",
        "HTTP_USER_AGENT=mine/1",
        "HTTP_IF_NONE_MATCH=\"x\"",
        "HTTP_RANGE=bytes=0-1",
        "HTTP_PREFER=return=minimal",
        "HTTP_X_GITHUB_API_VERSION=2022-11-28",
        "HTTP_NOTION_VERSION=a=b",
        "HTTP_IDEMPOTENCY_KEY=k",
        "HTTP_X_TWICE=1",
        "HTTP_X_TWICE=2",
        "HTTP_X_EMPTY=",
        "SERVER_NAME=portal.example.com",
        "HTTPS=on",
        "HTTP",
        NULL,
    };
    static const struct gate_net_header wanted[] = {
        {"content-type", "application/json; charset=utf-8"},
        {"accept", "a/b"},
        {"accept-language", "de"},
        {"user-agent", "mine/1"},
        {"if-none-match", "\"x\""},
        {"range", "bytes=0-1"},
        {"prefer", "return=minimal"},
        {"x-github-api-version", "2022-11-28"},
        {"notion-version", "a=b"},
        {"idempotency-key", "k"},
        {"x-twice", "1"},
        {"x-twice", "2"},
    };
    const struct collected got = collect(bare, params);
    assert_int_equal(got.err, GATE_OK);
    assert_int_equal(got.count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < got.count; i++) {
        assert_string_equal(got.headers[i].name, wanted[i].name);
        assert_string_equal(got.headers[i].value, wanted[i].value);
    }
}

static void test_collect__keeps_back_what_is_not(void **state) {
    struct bare_request *bare = *state;
    static const char *const names[] = {
        /* between two hops */
        "CONNECTION",
        "KEEP_ALIVE",
        "PROXY_CONNECTION",
        "PROXY_AUTHORIZATION",
        "TE",
        "TRAILER",
        "TRANSFER_ENCODING",
        "UPGRADE",
        "HTTP2_SETTINGS",
        /* framed anew */
        "HOST",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "EXPECT",
        "ACCEPT_ENCODING",
        /* cookies and credentials */
        "AUTHORIZATION",
        "COOKIE",
        "COOKIE2",
        "DPOP",
        "X_API_KEY",
        "API_KEY",
        "APIKEY",
        "X_AUTH_TOKEN",
        "X_ACCESS_TOKEN",
        "X_AMZ_SECURITY_TOKEN",
        "X_CSRF_TOKEN",
        "X_XSRF_TOKEN",
        "X_AUTHORIZATION",
        "X_GOOG_API_KEY",
        "PRIVATE_TOKEN",
        /* the portal's */
        "CONNECTION_NAME",
        "IDENTIFIER",
        "GATEHOUSE_USER",
        "GATEHOUSE_CSRF",
        "TRACEPARENT",
        "TRACESTATE",
        "BAGGAGE",
        /* who asks from where */
        "FORWARDED",
        "X_FORWARDED",
        "X_FORWARDED_FOR",
        "X_FORWARDED_HOST",
        "X_FORWARDED_PROTO",
        "X_REAL_IP",
        "X_CLIENT_IP",
        "CLIENT_IP",
        "X_REMOTE_IP",
        "X_REMOTE_ADDR",
        "X_ORIGINATING_IP",
        "X_CLUSTER_CLIENT_IP",
        "TRUE_CLIENT_IP",
        "CF_CONNECTING_IP",
        "VIA",
        "X_HOST",
        "X_ORIGINAL_URL",
        "X_ORIGINAL_HOST",
        "X_REWRITE_URL",
        "ORIGIN",
        "REFERER",
        "SEC_FETCH_SITE",
        "X_ACCEL_REDIRECT",
        /* another method than the one that the rules were held against */
        "X_HTTP_METHOD",
        "X_HTTP_METHOD_OVERRIDE",
        "X_METHOD_OVERRIDE",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char param[100];
        snprintf(param, sizeof param, "HTTP_%s=x", names[i]);
        const struct collected got = collect(bare, (const char *const[]){param, NULL});
        assert_int_equal(got.err, GATE_OK);
        if (got.count != 0) {
            fail_msg("passed: %s", names[i]);
        }
    }
}

static void test_collect__drops_what_connection_names(void **state) {
    struct bare_request *bare = *state;
    static const char *const params[] = {
        "HTTP_CONNECTION=close, X-One ,x-two,,X_FOUR",
        "HTTP_CONNECTION=X-Three",
        "HTTP_X_ONE=1",
        "HTTP_X_TWO=2",
        "HTTP_X_THREE=3",
        "HTTP_X_FOUR=4",
        "HTTP_X_ON=5",
        "HTTP_X_ONES=6",
        NULL,
    };
    const struct collected got = collect(bare, params);
    assert_int_equal(got.err, GATE_OK);
    assert_null(value_of(&got, "x-one"));
    assert_null(value_of(&got, "x-two"));
    assert_null(value_of(&got, "x-three"));
    assert_string_equal(value_of(&got, "x-on"), "5");
    assert_string_equal(value_of(&got, "x-ones"), "6");
}

static void test_collect__refuses_what_cannot_be_sent(void **state) {
    struct bare_request *bare = *state;
    static const char *const params[] = {
        "HTTP_X_A=b\tc",        "HTTP_X_A=b\x01", "HTTP_X_A=b\r\nX-B: c", "HTTP_X_A=\x7f",
        "CONTENT_TYPE=a/b\x02", "HTTP_=x",        "HTTP_X A=b",           "HTTP_X:A=b",
    };
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        gate_error_clear(&bare->request.ctx->error);
        const struct collected got = collect(bare, (const char *const[]){params[i], NULL});
        if (got.err != GATE_ERR_INPUT) {
            fail_msg("taken: %s", params[i]);
        }
        assert_int_equal(bare->request.ctx->error.kind, GATE_ERR_INPUT);
    }
    const struct collected dropped =
        collect(bare, (const char *const[]){"HTTP_COOKIE=a\x01", "HTTP_X_REAL_IP=\t", NULL});
    assert_int_equal(dropped.err, GATE_OK); /* it does not leave anyway */
}

static void test_collect__as_many_as_a_request_may_have(void **state) {
    struct bare_request *bare = *state;
    const char *params[GATE_REQUEST_PARAMS_MAX + 1] = {"CONTENT_TYPE=a/b"};
    char texts[GATE_REQUEST_PARAMS_MAX][32];
    for (int i = 1; i < GATE_REQUEST_PARAMS_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "HTTP_X_%d=%d", i, i);
        params[i] = texts[i];
    }
    const struct collected got = collect(bare, params);
    assert_int_equal(got.err, GATE_OK);
    assert_int_equal(got.count, GATE_REQUEST_PARAMS_MAX);
}

/* ---- the app's headers ---- */

static void test_returns__what_is_the_apps_to_say(void **state) {
    (void)state;
    static const char *const names[] = {
        "content-type",
        "content-encoding",
        "content-language",
        "content-disposition",
        "content-range",
        "accept-ranges",
        "etag",
        "last-modified",
        "location",
        "link",
        "vary",
        "retry-after",
        "allow",
        "x-total-count",
        "x-ratelimit-remaining",
        "x-github-request-id",
        "deprecation",
        "sunset",
        "warning",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!gate_proxy_header_returns(names[i], "x", NULL)) {
            fail_msg("kept back: %s", names[i]);
        }
    }
}

static void test_returns__nothing_that_acts_on_browser_server_or_portal(void **state) {
    (void)state;
    static const char *const names[] = {
        "set-cookie",
        "set-cookie2",
        "www-authenticate",
        "proxy-authenticate",
        "authentication-info",
        "proxy-authentication-info",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
        "clear-site-data",
        "strict-transport-security",
        "content-security-policy",
        "content-security-policy-report-only",
        "x-frame-options",
        "x-content-type-options",
        "referrer-policy",
        "permissions-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "service-worker-allowed",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "nel",
        "alt-svc",
        "sourcemap",
        "status",
        "x-accel-redirect",
        "x-accel-buffering",
        "x-accel-expires",
        "x-accel-charset",
        "x-accel-limit-rate",
        "x-sendfile",
        "server",
        "date",
        "x-request-id",
        "server-timing",
        "ratelimit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "cache-control",
        "expires",
        "pragma",
        "age",
        "gatehouse-source",
        "gatehouse-anything",
        "idempotent-replayed",
        "content-length",
        /* no names at all */
        "",
        "a b",
        "a:b",
        "Upper",
        "caf\xc3\xa9",
        "a\r\nb",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (gate_proxy_header_returns(names[i], "x", NULL)) {
            fail_msg("returned: %s", names[i]);
        }
    }
}

static void test_returns__no_value_that_is_more_than_a_line(void **state) {
    (void)state;
    assert_true(gate_proxy_header_returns("x-a", "", NULL));
    assert_true(gate_proxy_header_returns("x-a", "caf\xc3\xa9", NULL));
    assert_false(gate_proxy_header_returns("x-a", "b\r\nSet-Cookie: c", NULL));
    assert_false(gate_proxy_header_returns("x-a", "b\nc", NULL));
    assert_false(gate_proxy_header_returns("x-a", "b\x01", NULL));
}

static void test_returns__nothing_that_connection_names(void **state) {
    (void)state;
    static const char connection[] = "close, X-One ,\tx-two,,";
    assert_false(gate_proxy_header_returns("x-one", "1", connection));
    assert_false(gate_proxy_header_returns("x-two", "2", connection));
    assert_true(gate_proxy_header_returns("x-on", "3", connection));
    assert_true(gate_proxy_header_returns("x-ones", "4", connection));
    assert_true(gate_proxy_header_returns("x-one", "1", ""));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_target__is_what_was_sent),
        CASE(test_target__never_leads_elsewhere),
        CASE(test_target__at_and_beyond_its_limit),
        CASE(test_collect__passes_what_is_for_the_app),
        CASE(test_collect__keeps_back_what_is_not),
        CASE(test_collect__drops_what_connection_names),
        CASE(test_collect__refuses_what_cannot_be_sent),
        CASE(test_collect__as_many_as_a_request_may_have),
        cmocka_unit_test(test_returns__what_is_the_apps_to_say),
        cmocka_unit_test(test_returns__nothing_that_acts_on_browser_server_or_portal),
        cmocka_unit_test(test_returns__no_value_that_is_more_than_a_line),
        cmocka_unit_test(test_returns__nothing_that_connection_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
