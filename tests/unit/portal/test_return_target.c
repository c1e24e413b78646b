#include "support/cases.h"

#include <string.h>

#include "portal/return_target.h"

static const char *const origins[] = {"https://app.example.com", "http://127.0.0.1:3000",
                                      "https://other.example.com:8443", NULL};
static const struct gate_config config = {
    .public_url = "https://portal.example.com",
    .return_origins = origins,
};

static const char *check(gate_arena *arena, const char *text) {
    const char *target = NULL;
    enum gate_err err = gate_portal_return_target_check(arena, &config, text, &target);
    assert_true(err == GATE_OK || err == GATE_ERR_INPUT);
    assert_int_equal(err == GATE_OK, target != NULL);
    return target;
}

struct pass {
    const char *text;
    const char *target;
};

static void test_check__paths_of_ours_pass(void **state) {
    (void)state;
    static const struct pass passes[] = {
        {"/", "/"},
        {"/connectors/gmail", "/connectors/gmail"},
        {"/connect/my%20mail?return_to=https%3A%2F%2Fapp.example.com%2Fx",
         "/connect/my%20mail?return_to=https%3A%2F%2Fapp.example.com%2Fx"},
        {"/?q=a+b&status=connected#top", "/?q=a+b&status=connected#top"},
        {"/search?next=//evil.example", "/search?next=//evil.example"},
        {"/caf%C3%A9", "/caf%C3%A9"},
        {"/a/...", "/a/..."},
        {"/.well-known", "/.well-known"},
        {"/x@y:z", "/x@y:z"},
        {"/?", "/?"},
    };
    gate_arena *arena = gate_arena_new();
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        const char *target = check(arena, passes[i].text);
        if (target == NULL) {
            fail_msg("refused: %s", passes[i].text);
        }
        assert_string_equal(target, passes[i].target);
    }
    gate_arena_free(arena);
}

static void test_check__urls_of_known_origins_pass(void **state) {
    (void)state;
    static const struct pass passes[] = {
        {"https://portal.example.com", "/"},
        {"https://portal.example.com/", "/"},
        {"https://portal.example.com?x=1", "/?x=1"},
        {"https://portal.example.com:443/connectors/a", "/connectors/a"},
        {"HTTPS://Portal.Example.COM/a", "/a"},
        {"https://app.example.com", "https://app.example.com/"},
        {"https://app.example.com/done?ok=1#/settings",
         "https://app.example.com/done?ok=1#/settings"},
        {"https://app.example.com?x", "https://app.example.com/?x"},
        {"https://app.example.com#x", "https://app.example.com/#x"},
        {"https://APP.example.com:443/a//b", "https://app.example.com/a//b"},
        {"https://other.example.com:8443/", "https://other.example.com:8443/"},
        {"http://127.0.0.1:3000/cb", "http://127.0.0.1:3000/cb"},
        {"http://2130706433:3000/cb",
         "http://127.0.0.1:3000/cb"}, /* as we read it, not as it came */
        {"https://app.example.com/@evil.example", "https://app.example.com/@evil.example"},
        {"https://app.example.com/?u=https://evil.example",
         "https://app.example.com/?u=https://evil.example"},
    };
    gate_arena *arena = gate_arena_new();
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        const char *target = check(arena, passes[i].text);
        if (target == NULL) {
            fail_msg("refused: %s", passes[i].text);
        }
        assert_string_equal(target, passes[i].target);
    }
    gate_arena_free(arena);
}

static void check_all_refused(const char *const *texts, size_t count) {
    gate_arena *arena = gate_arena_new();
    for (size_t i = 0; i < count; i++) {
        const char *target = check(arena, texts[i]);
        if (target != NULL) {
            fail_msg("passed: %s as %s", texts[i], target);
        }
    }
    gate_arena_free(arena);
}

#define REFUSED(texts) check_all_refused((texts), sizeof(texts) / sizeof((texts)[0]))

static void test_check__other_hosts_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "https://evil.example",
        "https://evil.example/https://portal.example.com",
        "http://portal.example.com/",
        "https://portal.example.com:8443/",
        "https://portal.example.com.evil.example/",
        "https://portal.example.comevil.example/",
        "https://evilportal.example.com/",
        "https://evil.example/?portal.example.com",
        "https://evil.example#portal.example.com",
        "https://evil.example#@portal.example.com",
        "https://sub.app.example.com/",
        "https://example.com/",
        "https://app.example.com:8443/",
        "http://app.example.com/",
        "https://other.example.com/",
        "http://127.0.0.1/",
        "http://127.0.0.1:3001/",
        "http://localhost:3000/",
        "https://portal.example.com./",
        "https://[::1]/",
    };
    REFUSED(texts);
}

static void test_check__hosts_in_disguise_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "//portal.example.com/",
        "//evil.example/%2f..",
        "//evil%E3%80%82example",
        "/\\evil.example",
        "/\\/evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "//\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        " https://portal.example.com/",
        "https://portal.example.com\\@evil.example/",
        "https://portal.example.com\\.evil.example/",
        "https:\\\\evil.example",
        "https:/\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https:////evil.example",
        "https://portal.example.com@evil.example/",
        "https://portal.example.com:pass@evil.example/",
        "https://user@portal.example.com/",
        "https://user:pass@app.example.com/",
        "https://@app.example.com/",
        "https://evil.example\\@app.example.com/",
        "https://evil.example%5c@app.example.com/",
        "https://evil.example%2f@app.example.com/",
        "https://evil.example%23@app.example.com/",
        "https://evil.example%00.app.example.com/",
        "https://app%2eexample.com/",
        "https://app.example.com%2eevil.example/",
        "https://app.example.com%2f.evil.example/",
        "https://app.example.com%09/",
        "https://app.example.com;evil.example/",
        "https://app.example.com,evil.example/",
        "https://app.example.com&evil.example/",
        "https://\xef\xbd\x81pp.example.com/",
        "https://app\xe3\x80\x82.example.com/",
        "https://app.example.com:/\\evil.example",
        "https://app.example.com:99999/",
        "https://app.example.com:443x/",
        "https://app.example.com:-1/",
        "https://",
        "https:///",
        "https://?",
        "://evil.example",
        ":/evil.example",
        "?https://evil.example",
        "#https://evil.example",
        "evil.example",
        "portal.example.com/",
        "connectors",
        "./connectors",
        "../connectors",
        "@evil.example",
        ".evil.example",
    };
    REFUSED(texts);
}

static void test_check__encoded_tricks_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "/%2f/evil.example",
        "/%2Fevil.example",
        "/%2f%2fevil.example",
        "%2f%2fevil.example",
        "/%5cevil.example",
        "/%5C%5Cevil.example",
        "/%252fevil.example",
        "/%25252fevil.example",
        "/%2525252525252fevil.example",
        "/%255cevil.example",
        "/%09/evil.example",
        "/%0a/evil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/x%0d%0aSet-Cookie:%20a=b",
        "/x?y=%0d%0aSet-Cookie:%20a=b",
        "/x?y=%00",
        "/x?y=%1f",
        "/x?y=%7f",
        "/%250a",
        "/%00",
        "/x%00.html",
        "/%",
        "/%2",
        "/%zz",
        "/x?y=%",
        "/x?y=%g0",
        "/%u2215evil.example",
        "/%c0%afevil.example",
        "/%c0%ae%c0%ae/",
        "/%ff",
        "/..//evil.example",
        "/.//evil.example",
        "/a/..//evil.example",
        "/a/../b",
        "/./a",
        "/..",
        "/.",
        "/a/..",
        "/%2e%2e//evil.example",
        "/%2e%2e/evil.example",
        "/.%2e/x",
        "/%2e",
        "/%252e%252e/x",
        "/..;/x",
        "/a//b",
        "/a%2f%2fb",
        "/a%2f..%2fb",
        "https://portal.example.com//evil.example",
        "https://portal.example.com/%2f%2fevil.example",
        "https://portal.example.com/../x",
        "https://portal.example.com/%5cevil.example",
        "https%3a%2f%2fapp.example.com/",
        "https%3A//app.example.com/",
        "https://app.example.com/%0d%0aX:y",
        "https://app.example.com/%",
    };
    REFUSED(texts);
}

static void test_check__other_schemes_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript://portal.example.com/%0aalert(1)",
        "javascript://app.example.com/",
        "data:text/html,x",
        "data://app.example.com/",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://app.example.com/",
        "ws://app.example.com/",
        "blob:https://app.example.com/x",
        "view-source:https://app.example.com/",
        "filesystem:https://app.example.com/x",
        "about:blank",
        "mailto:a@b.example",
        "intent://app.example.com/",
        "httpss://app.example.com/",
        "xhttps://app.example.com/",
    };
    REFUSED(texts);
}

static void test_check__odd_bytes_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "/a b",
        "/a\x7f",
        "/a\x1f",
        "/a\x01z",
        "/caf\xc3\xa9",
        "/\xe2\x80\xae",
        "/a\"b",
        "/<b>",
        "/a|b",
        "/{a}",
        "/a^b",
        "/a`b",
        "/\xff",
        "/a\\b",
        "/a?b\\c",
        "/a#b\\c",
        "/a\xc2\xa0",
        "/a\xe2\x80\xa8",
        "https://app.example.com/a b",
        "https://app.example.com/\\b",
    };
    REFUSED(texts);
}

static void test_check__nothing_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {NULL, ""};
    REFUSED(texts);
}

static void test_check__too_long_is_refused(void **state) {
    (void)state;
    static char text[GATE_RETURN_TO_MAX_BYTES + 2];
    memset(text, 'a', sizeof text - 1);
    text[0] = '/';
    gate_arena *arena = gate_arena_new();
    assert_null(check(arena, text));
    text[GATE_RETURN_TO_MAX_BYTES] = '\0';
    assert_non_null(check(arena, text));
    gate_arena_free(arena);
}

static void test_check__no_listed_origins(void **state) {
    (void)state;
    const struct gate_config bare = {.public_url = "http://127.0.0.1:8080"};
    gate_arena *arena = gate_arena_new();
    const char *target;
    assert_int_equal(
        gate_portal_return_target_check(arena, &bare, "https://app.example.com/", &target),
        GATE_ERR_INPUT);
    assert_int_equal(
        gate_portal_return_target_check(arena, &bare, "http://127.0.0.1:8080/x", &target), GATE_OK);
    assert_string_equal(target, "/x");
    gate_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__paths_of_ours_pass),
        cmocka_unit_test(test_check__urls_of_known_origins_pass),
        cmocka_unit_test(test_check__other_hosts_are_refused),
        cmocka_unit_test(test_check__hosts_in_disguise_are_refused),
        cmocka_unit_test(test_check__encoded_tricks_are_refused),
        cmocka_unit_test(test_check__other_schemes_are_refused),
        cmocka_unit_test(test_check__odd_bytes_are_refused),
        cmocka_unit_test(test_check__nothing_is_refused),
        cmocka_unit_test(test_check__too_long_is_refused),
        cmocka_unit_test(test_check__no_listed_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
