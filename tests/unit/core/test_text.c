#include "support/cases.h"

#include <string.h>

#include "core/text.h"

static void test_equal__null_equals_nothing(void **state) {
    (void)state;
    assert_true(gate_text_equal("a", "a"));
    assert_false(gate_text_equal("a", "A"));
    assert_false(gate_text_equal(NULL, NULL));
    assert_false(gate_text_equal("a", NULL));
    assert_true(gate_text_equal_ignoring_case("Host", "hOST"));
    assert_false(gate_text_equal_ignoring_case("host", "hosts"));
    assert_false(gate_text_equal_ignoring_case(NULL, NULL));
}

static void test_starts_and_ends(void **state) {
    (void)state;
    assert_true(gate_text_starts_with("connection", "conn"));
    assert_true(gate_text_starts_with("c", ""));
    assert_false(gate_text_starts_with("c", "connection"));
    assert_true(gate_text_ends_with("secret_FILE", "_FILE"));
    assert_false(gate_text_ends_with("LE", "_FILE"));
    assert_true(gate_text_is_empty(NULL));
    assert_true(gate_text_is_empty(""));
    assert_false(gate_text_is_empty(" "));
}

static void test_contains(void **state) {
    (void)state;
    assert_true(gate_text_contains_ignoring_case("Google Calendar", "cal"));
    assert_true(gate_text_contains_ignoring_case("gmail", "GMAIL"));
    assert_true(gate_text_contains_ignoring_case("gmail", ""));
    assert_false(gate_text_contains_ignoring_case("gmail", "gmails"));
    assert_false(gate_text_contains_ignoring_case("", ""));
    assert_false(gate_text_contains_ignoring_case(NULL, "a"));
}

static bool is_utf8(const char *text) {
    return gate_text_is_utf8(text, strlen(text));
}

static void test_is_utf8__well_formed(void **state) {
    (void)state;
    assert_true(is_utf8(""));
    assert_true(is_utf8("plain"));
    assert_true(is_utf8("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
    assert_true(is_utf8("\xF4\x8F\xBF\xBF")); /* U+10FFFF */
    assert_true(is_utf8("\xED\x9F\xBF\xEE\x80\x80"));
}

static void test_is_utf8__ill_formed(void **state) {
    (void)state;
    assert_false(is_utf8("\x80"));
    assert_false(is_utf8("\xC0\x80"));
    assert_false(is_utf8("\xC1\xBF"));
    assert_false(is_utf8("\xE0\x9F\xBF"));
    assert_false(is_utf8("\xED\xA0\x80")); /* surrogate */
    assert_false(is_utf8("\xF0\x8F\xBF\xBF"));
    assert_false(is_utf8("\xF4\x90\x80\x80"));
    assert_false(is_utf8("\xF5\x80\x80\x80"));
    assert_false(is_utf8("\xE2\x82"));
    assert_false(is_utf8("\xC3("));
    assert_false(is_utf8("\xFF"));
    assert_false(gate_text_is_utf8("a\0b", 3));
    /* A sequence cut by the length, with its rest lying just behind. */
    assert_false(gate_text_is_utf8("\xC3\xA9", 1));
}

static void test_utf8_step__lengths(void **state) {
    (void)state;
    assert_int_equal(gate_text_utf8_step("a", 1), 1);
    assert_int_equal(gate_text_utf8_step("\xC3\xA9", 2), 2);
    assert_int_equal(gate_text_utf8_step("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(gate_text_utf8_step("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(gate_text_utf8_step("\0", 1), 0);
}

static void test_is_one_line(void **state) {
    (void)state;
    assert_true(gate_text_is_one_line("a b \xC3\xA9", 6));
    assert_true(gate_text_is_one_line("", 0));
    assert_false(gate_text_is_one_line("a\r\nb", 4));
    assert_false(gate_text_is_one_line("a\tb", 3));
    assert_false(gate_text_is_one_line("\x7F", 1));
    assert_false(gate_text_is_one_line("\0", 1));
}

static void test_matches(void **state) {
    (void)state;
    assert_true(gate_text_matches("*", ""));
    assert_true(gate_text_matches("gmail_*", "gmail_send_email"));
    assert_true(gate_text_matches("*_send_*", "gmail_send_email"));
    assert_true(gate_text_matches("a*b*c", "aXbbYcc"));
    assert_true(gate_text_matches("**", "x"));
    assert_true(gate_text_matches("", ""));
    assert_false(gate_text_matches("", "x"));
    assert_false(gate_text_matches("gmail_*", "xgmail_send"));
    assert_false(gate_text_matches("a*b", "ab_"));
    assert_false(gate_text_matches("abc", "ab"));
    assert_false(gate_text_matches("GMAIL_*", "gmail_send"));
}

static void test_matches__hostile_pattern_ends_soon(void **state) {
    (void)state;
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    assert_false(gate_text_matches("a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal__null_equals_nothing),
        cmocka_unit_test(test_starts_and_ends),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_is_utf8__well_formed),
        cmocka_unit_test(test_is_utf8__ill_formed),
        cmocka_unit_test(test_utf8_step__lengths),
        cmocka_unit_test(test_is_one_line),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_matches__hostile_pattern_ends_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
