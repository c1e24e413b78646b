#include "support/cases.h"

#include "core/number.h"

static void test_parse__whole_text(void **state) {
    (void)state;
    int64_t number = -1;
    assert_int_equal(gate_number_parse("0", 0, 10, &number), GATE_OK);
    assert_int_equal(number, 0);
    assert_int_equal(gate_number_parse("-7", -10, 10, &number), GATE_OK);
    assert_int_equal(number, -7);
    assert_int_equal(gate_number_parse("007", 0, 10, &number), GATE_OK);
    assert_int_equal(number, 7);
    assert_int_equal(gate_number_parse("9223372036854775807", INT64_MIN, INT64_MAX, &number),
                     GATE_OK);
    assert_true(number == INT64_MAX);
    assert_int_equal(gate_number_parse("-9223372036854775808", INT64_MIN, INT64_MAX, &number),
                     GATE_OK);
    assert_true(number == INT64_MIN);
}

static void test_parse__refused_and_untouched(void **state) {
    (void)state;
    static const char *const bad[] = {"",    "-",   "+1",  " 1",      "1 ",
                                      "1.0", "1e3", "0x1", "--1",     "9223372036854775808",
                                      "11",  "-1",  "1\n", "\xD9\xA1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t number = 42;
        assert_int_equal(gate_number_parse(bad[i], 0, 10, &number), GATE_ERR_INPUT);
        assert_int_equal(number, 42);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__whole_text),
        cmocka_unit_test(test_parse__refused_and_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
