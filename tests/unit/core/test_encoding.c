#include "support/cases.h"

#include <string.h>

#include "core/encoding.h"
#include "core/random.h"

struct pair {
    const char *plain;
    const char *encoded;
};

/* RFC 4648 section 10. */
static const struct pair vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static int start(void **state) {
    *state = gate_arena_new();
    return 0;
}

static int stop(void **state) {
    gate_arena_free(*state);
    return 0;
}

static void test_base64__vectors(void **state) {
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct pair *pair = &vectors[i];
        unsigned char *bytes;
        size_t length;
        assert_string_equal(gate_base64_format(*state, pair->plain, strlen(pair->plain)),
                            pair->encoded);
        assert_int_equal(
            gate_base64_parse(*state, pair->encoded, strlen(pair->encoded), &bytes, &length),
            GATE_OK);
        assert_int_equal(length, strlen(pair->plain));
        assert_memory_equal(bytes, pair->plain, length);
    }
}

static void test_base64__refused(void **state) {
    static const char *const bad[] = {"Zg",   "Zg=",      "Zg===",  "Zm9=", "Zh==",     "Z===",
                                      "====", "Zg==Zg==", "Zm9v\n", "Zm-v", "AAAA====", "AA=A"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsigned char *bytes;
        size_t length;
        assert_int_equal(gate_base64_parse(*state, bad[i], strlen(bad[i]), &bytes, &length),
                         GATE_ERR_INPUT);
    }
}

static void test_base64url__alphabet(void **state) {
    const unsigned char bytes[] = {0xFB, 0xFF, 0xFE};
    assert_string_equal(gate_base64url_format(*state, bytes, 3), "-__-");
    assert_string_equal(gate_base64_format(*state, bytes, 3), "+//+");
}

static void test_base64url__round_trip_of_all_lengths(void **state) {
    unsigned char bytes[67];
    gate_random_fill(bytes, sizeof bytes);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        char *text = gate_base64url_format(*state, bytes, length);
        unsigned char *parsed;
        size_t parsed_length;
        assert_int_equal(gate_base64url_parse(*state, text, strlen(text), &parsed, &parsed_length),
                         GATE_OK);
        assert_int_equal(parsed_length, length);
        assert_memory_equal(parsed, bytes, length);
    }
}

static void test_base64url__refused(void **state) {
    static const char *const bad[] = {"A", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9v ", "Zm9v\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsigned char *bytes;
        size_t length;
        assert_int_equal(gate_base64url_parse(*state, bad[i], strlen(bad[i]), &bytes, &length),
                         GATE_ERR_INPUT);
    }
    unsigned char *bytes;
    size_t length;
    assert_int_equal(gate_base64url_parse(*state, "Zm\0v", 4, &bytes, &length), GATE_ERR_INPUT);
}

static void test_hex__lower_case(void **state) {
    assert_string_equal(gate_hex_format(*state, "\x00\xAB\x7F", 3), "00ab7f");
    assert_string_equal(gate_hex_format(*state, "", 0), "");
}

static void test_percent_format__only_unreserved_stay(void **state) {
    assert_string_equal(gate_percent_format(*state, "Az09-._~"), "Az09-._~");
    assert_string_equal(gate_percent_format(*state, "a b/c?d&e=f+%"),
                        "a%20b%2Fc%3Fd%26e%3Df%2B%25");
    assert_string_equal(gate_percent_format(*state, "\xC3\xA9"), "%C3%A9");
    assert_string_equal(gate_percent_format(*state, ""), "");
}

static const char *percent_parsed(gate_arena *arena, const char *text, int plus_is_space) {
    char *parsed;
    return gate_percent_parse(arena, text, strlen(text), plus_is_space, &parsed) == GATE_OK ? parsed
                                                                                            : NULL;
}

static void test_percent_parse__accepted(void **state) {
    assert_string_equal(percent_parsed(*state, "a%20b%2fc%2F", 0), "a b/c/");
    assert_string_equal(percent_parsed(*state, "a+b", 0), "a+b");
    assert_string_equal(percent_parsed(*state, "a+b%2B", 1), "a b+");
    assert_string_equal(percent_parsed(*state, "%C3%A9", 1), "\xC3\xA9");
    assert_string_equal(percent_parsed(*state, "", 1), "");
}

static void test_percent_parse__refused(void **state) {
    static const char *const bad[] = {"%",     "%2",  "a%",  "%G0",       "%0G",    "%00",
                                      "a%00b", "%C3", "%FF", "%ED%A0%80", "%C0%AF", "% 1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(percent_parsed(*state, bad[i], 1));
    }
    /* The digits behind the length do not count. */
    char *parsed;
    assert_int_equal(gate_percent_parse(*state, "%41", 2, 0, &parsed), GATE_ERR_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base64__vectors, start, stop),
        cmocka_unit_test_setup_teardown(test_base64__refused, start, stop),
        cmocka_unit_test_setup_teardown(test_base64url__alphabet, start, stop),
        cmocka_unit_test_setup_teardown(test_base64url__round_trip_of_all_lengths, start, stop),
        cmocka_unit_test_setup_teardown(test_base64url__refused, start, stop),
        cmocka_unit_test_setup_teardown(test_hex__lower_case, start, stop),
        cmocka_unit_test_setup_teardown(test_percent_format__only_unreserved_stay, start, stop),
        cmocka_unit_test_setup_teardown(test_percent_parse__accepted, start, stop),
        cmocka_unit_test_setup_teardown(test_percent_parse__refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
