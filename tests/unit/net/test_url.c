#include "support/cases.h"

#include <string.h>

#include "core/limits.h"
#include "net/url.h"

static int make_arena(void **state) {
    *state = gate_arena_new();
    return 0;
}

static int free_arena(void **state) {
    gate_arena_free(*state);
    return 0;
}

static void test_parse__all_parts(void **state) {
    struct gate_url url;
    assert_int_equal(gate_url_parse(*state, "HTTPS://Example.COM:8443/a/b?c=d%20e", &url), GATE_OK);
    assert_string_equal(url.scheme, "https");
    assert_string_equal(url.host, "example.com");
    assert_int_equal(url.port, 8443);
    assert_string_equal(url.path, "/a/b");
    assert_string_equal(url.query, "c=d%20e");
    assert_string_equal(url.origin, "https://example.com:8443");
}

static void test_parse__defaults(void **state) {
    struct gate_url url;
    assert_int_equal(gate_url_parse(*state, "https://example.com", &url), GATE_OK);
    assert_int_equal(url.port, 443);
    assert_string_equal(url.path, "/");
    assert_null(url.query);
    assert_string_equal(url.origin, "https://example.com");
    assert_int_equal(gate_url_parse(*state, "http://example.com:80/", &url), GATE_OK);
    assert_string_equal(url.origin, "http://example.com");
    assert_int_equal(gate_url_parse(*state, "http://[::1]:8080/x", &url), GATE_OK);
    assert_string_equal(url.host, "[::1]");
    assert_string_equal(url.origin, "http://[::1]:8080");
    assert_int_equal(gate_url_parse(*state, "https://example.com?q=1", &url), GATE_OK);
    assert_string_equal(url.path, "/");
    assert_string_equal(url.query, "q=1");
}

static void test_parse__what_is_refused(void **state) {
    static const char *const refused[] = {
        "",
        "example.com",
        "/path",
        "//example.com/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https:",
        "https:/example.com",
        "https:///example.com",
        "https://",
        "https://?",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://good.example@evil.example/",
        "https://example.com/#fragment",
        "https://example.com\\@evil.example/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://example.com/\x7f",
        "https://ex\xc3\xa4mple.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:port/",
        "https://exa%00mple.com/",
        "https://exa%2fmple.com/",
        "https://exa%40mple.com/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://exa<mple.com/",
    };
    struct gate_url url;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (gate_url_parse(*state, refused[i], &url) != GATE_ERR_INPUT) {
            fail_msg("accepted: %s", refused[i]);
        }
    }
    assert_int_equal(gate_url_parse(*state, NULL, &url), GATE_ERR_INPUT);
}

static void test_parse__when_too_long(void **state) {
    char *text = gate_arena_alloc(*state, GATE_REQUEST_URI_MAX_BYTES + 2);
    memset(text, 'a', GATE_REQUEST_URI_MAX_BYTES + 1);
    memcpy(text, "https://a/", 10);
    struct gate_url url;
    assert_int_equal(gate_url_parse(*state, text, &url), GATE_ERR_INPUT);
}

static void test_is_loopback(void **state) {
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = {
        {"http://localhost/", true},
        {"http://LOCALHOST:1/", true},
        {"http://127.0.0.1/", true},
        {"http://127.9.8.7/", true},
        {"http://[::1]/", true},
        {"http://[0:0:0:0:0:0:0:1]/", true},
        {"http://128.0.0.1/", false},
        {"http://0.0.0.0/", false},
        {"http://localhost.evil.tld/", false},
        {"http://127.0.0.1.evil.tld/", false},
        {"http://[::2]/", false},
        {"http://[::ffff:10.0.0.1]/", false},
        {"http://10.0.0.1/", false},
        {"http://169.254.169.254/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_url url;
        assert_int_equal(gate_url_parse(*state, cases[i].text, &url), GATE_OK);
        if (gate_url_is_loopback(&url) != cases[i].is_loopback) {
            fail_msg("wrong for %s", cases[i].text);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parse__all_parts, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_parse__defaults, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_parse__what_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_parse__when_too_long, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(test_is_loopback, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
