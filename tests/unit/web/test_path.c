#include "support/cases.h"

#include <string.h>

#include "web/path.h"

static int set_up(void **state) {
    *state = gate_ctx_new(&gate_clock_system, NULL, "test");
    return 0;
}

static int tear_down(void **state) {
    gate_ctx_free(*state);
    return 0;
}

static void expect_path(struct gate_ctx *ctx, const char *uri, const char *path,
                        const char *query) {
    const char *found_path = NULL;
    const char *found_query = NULL;
    if (gate_path_parse(ctx, uri, &found_path, &found_query) != GATE_OK) {
        fail_msg("refused: %s", uri);
    }
    assert_string_equal(found_path, path);
    assert_string_equal(found_query, query);
}

static void expect_refusal(struct gate_ctx *ctx, const char *uri) {
    const char *path = "untouched";
    const char *query = "untouched";
    gate_error_clear(&ctx->error);
    if (gate_path_parse(ctx, uri, &path, &query) != GATE_ERR_INPUT) {
        fail_msg("taken: %s", uri);
    }
    assert_int_equal(ctx->error.kind, GATE_ERR_INPUT);
    assert_true(strlen(ctx->error.message) > 0);
    assert_string_equal(path, "untouched");
    assert_string_equal(query, "untouched");
}

static void test_parse__plain_paths(void **state) {
    expect_path(*state, "/", "/", "");
    expect_path(*state, "/signin", "/signin", "");
    expect_path(*state, "/connectors/gmail/connect", "/connectors/gmail/connect", "");
    expect_path(*state, "/connectors/", "/connectors/", "");
    expect_path(*state, "/a.b/..c/d..", "/a.b/..c/d..", "");
    expect_path(*state, "/.../...", "/.../...", "");
    expect_path(*state, "/a:b@c;d=e,f", "/a:b@c;d=e,f", "");
}

static void test_parse__decodes_once(void **state) {
    expect_path(*state, "/connectors/my%20mail", "/connectors/my mail", "");
    expect_path(*state, "/%41%7a", "/Az", "");
    expect_path(*state, "/a+b", "/a+b", "");
    expect_path(*state, "/%252e%252e/x", "/%2e%2e/x", "");
    expect_path(*state, "/%25", "/%", "");
    expect_path(*state, "/caf%C3%A9", "/caf\xc3\xa9", "");
    expect_path(*state, "/caf\xc3\xa9", "/caf\xc3\xa9", "");
    expect_path(*state, "/%3f", "/?", "");
}

static void test_parse__splits_at_the_first_question_mark(void **state) {
    expect_path(*state, "/?", "/", "");
    expect_path(*state, "/a?b=c", "/a", "b=c");
    expect_path(*state, "/a?b?c", "/a", "b?c");
    expect_path(*state, "/a%3Fb?c", "/a?b", "c");
    /* What is forbidden in a path may stand in a query, which is taken apart elsewhere. */
    expect_path(*state, "/a?return_to=/x/../y%2f\\", "/a", "return_to=/x/../y%2f\\");
    expect_path(*state, "/a?%", "/a", "%");
}

static void test_parse__not_origin_form(void **state) {
    static const char *const uris[] = {
        "", "*", "?a=b", "signin", "http://portal.example.com/", "//evil.example/", ":443", "%2f",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        expect_refusal(*state, uris[i]);
    }
}

static void test_parse__dot_segments(void **state) {
    static const char *const uris[] = {
        "/.",      "/..",     "/./",         "/../",           "/a/..",
        "/a/../b", "/a/./b",  "/a/.",        "/%2e",           "/%2e%2e",
        "/.%2E/x", "/%2e./x", "/a/%2E%2e/b", "/connectors/..", "/../etc/passwd",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        expect_refusal(*state, uris[i]);
    }
}

static void test_parse__empty_segments(void **state) {
    expect_refusal(*state, "//");
    expect_refusal(*state, "/a//b");
    expect_refusal(*state, "/a//");
    expect_refusal(*state, "///");
}

static void test_parse__slashes_in_disguise(void **state) {
    static const char *const uris[] = {
        "/a%2fb", "/a%2Fb", "/%2f", "/a%2f",    "/a\\b",    "/\\evil.example",
        "/a%5cb", "/%5C",   "/a\\", "/%2f%2fx", "/a/%5c..",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        expect_refusal(*state, uris[i]);
    }
}

static void test_parse__control_characters(void **state) {
    static const char *const uris[] = {
        "/a\r\nb",   "/a\nb", "/a\tb", "/a\x7f", "/a\x01", "/a%0d%0a",  "/%00",
        "/a%00.png", "/a%09", "/%1f",  "/%7f",   "/a%0A",  "/a?b\r\nc", "/a?b\x7f=c",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        expect_refusal(*state, uris[i]);
    }
}

static void test_parse__broken_encoding(void **state) {
    static const char *const uris[] = {
        "/%",   "/%4",   "/a%",        "/%zz",
        "/%4g", "/% 41", "/%c0%ae",    "/%c0%ae%c0%ae/",
        "/%ff", "/\xff", "/%ed%a0%80", "/%f5%80%80%80",
        "/%c3", "/\xc3", "/%e2%82",    "/%u0041",
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        expect_refusal(*state, uris[i]);
    }
}

static void test_parse__length(void **state) {
    struct gate_ctx *ctx = *state;
    char *uri = gate_arena_alloc(ctx->arena, GATE_REQUEST_URI_MAX_BYTES + 2);
    memset(uri, 'a', GATE_REQUEST_URI_MAX_BYTES);
    uri[0] = '/';
    expect_path(ctx, uri, uri, "");
    uri[GATE_REQUEST_URI_MAX_BYTES] = 'a';
    expect_refusal(ctx, uri);
    uri[1] = '?'; /* a long query counts as well */
    expect_refusal(ctx, uri);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_parse__plain_paths),
        CASE(test_parse__decodes_once),
        CASE(test_parse__splits_at_the_first_question_mark),
        CASE(test_parse__not_origin_form),
        CASE(test_parse__dot_segments),
        CASE(test_parse__empty_segments),
        CASE(test_parse__slashes_in_disguise),
        CASE(test_parse__control_characters),
        CASE(test_parse__broken_encoding),
        CASE(test_parse__length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
