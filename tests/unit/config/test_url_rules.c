#include "support/cases.h"

#include <string.h>

#include "config/url_rules.h"

static void test_url__accepted(void **state) {
    (void)state;
    static const char *const good[] = {
        "https://example.com",
        "https://example.com/",
        "https://EXAMPLE.com:8443/realms/main",
        "https://a-b.c1.example",
        "https://xn--bcher-kva.example",
        "https://intranet",
        "https://192.0.2.7",
        "https://[2001:db8::1]:8443",
        "http://localhost",
        "http://localhost:8080/x",
        "http://127.0.0.1:9000",
        "http://127.255.255.254",
        "http://[::1]:9000",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(gate_config_url_problem(good[i]));
    }
}

static void test_url__refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "HTTPS://example.com",
        "https:/example.com",
        "https://",
        "https:///path",
        "https://:443",
        "http://example.com",
        "http://127.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://192.0.2.7",
        "http://[2001:db8::1]",
        "http://127.1",
        "https://127.1",
        "https://1234",
        "https://user@example.com",
        "https://user:pw@example.com",
        "https://localhost@example.com",
        "http://localhost:80@example.com",
        "https://example.com?x",
        "https://example.com/?x=1",
        "https://example.com/#f",
        "https://example.com#f",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com\\@evil.example",
        "https://exa\xC3\xA9mple.com",
        "https://example..com",
        "https://.example.com",
        "https://example.com.",
        "https://-example.com",
        "https://example-.com",
        "https://example.com-",
        "https://exam_ple.com",
        "https://example.com:",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:8a",
        "https://example.com:080080",
        "https://[::1",
        "https://::1",
        "https://[]",
        "https://[::1]x",
        "https://[fe80::1%25eth0]",
        "https://[127.0.0.1]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (gate_config_url_problem(bad[i]) == NULL) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_url__very_long_host(void **state) {
    (void)state;
    char url[600] = "https://";
    memset(url + 8, 'a', 500);
    assert_non_null(gate_config_url_problem(url));
    char labels[400] = "https://";
    for (int i = 0; i < 30; i++) {
        strcat(labels, "abcdefgh.");
    }
    strcat(labels, "com");
    assert_non_null(gate_config_url_problem(labels));
}

static void test_origin__nothing_behind_the_port(void **state) {
    (void)state;
    assert_null(gate_config_origin_problem("https://example.com"));
    assert_null(gate_config_origin_problem("https://example.com:8443/"));
    assert_non_null(gate_config_origin_problem("https://example.com/app"));
    assert_non_null(gate_config_origin_problem("https://example.com//"));
    assert_non_null(gate_config_origin_problem("https://example.com/?"));
    assert_non_null(gate_config_origin_problem("*"));
    assert_non_null(gate_config_origin_problem("null"));
}

static void test_make__one_spelling(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    assert_string_equal(gate_config_url_make(arena, "https://example.com/A/"),
                        "https://example.com/A");
    assert_string_equal(gate_config_url_make(arena, "https://example.com"), "https://example.com");
    assert_string_equal(gate_config_origin_make(arena, "https://EXAMPLE.com:443/"),
                        "https://example.com");
    assert_string_equal(gate_config_origin_make(arena, "https://example.com:1443"),
                        "https://example.com:1443");
    assert_string_equal(gate_config_origin_make(arena, "http://localhost:80"), "http://localhost");
    assert_string_equal(gate_config_origin_make(arena, "http://localhost:443"),
                        "http://localhost:443");
    gate_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__accepted),
        cmocka_unit_test(test_url__refused),
        cmocka_unit_test(test_url__very_long_host),
        cmocka_unit_test(test_origin__nothing_behind_the_port),
        cmocka_unit_test(test_make__one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
