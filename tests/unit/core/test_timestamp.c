#include "support/cases.h"

#include <string.h>

#include "core/timestamp.h"

static int64_t parsed(const char *text) {
    int64_t wall_ms = -1;
    assert_int_equal(gate_timestamp_parse(text, &wall_ms), GATE_OK);
    return wall_ms;
}

static void test_parse__accepted(void **state) {
    (void)state;
    assert_true(parsed("1970-01-01T00:00:00Z") == 0);
    assert_true(parsed("2026-03-01T12:00:00Z") == 1772366400000);
    assert_true(parsed("2026-03-01T12:00:00.123456789Z") == 1772366400123);
    assert_true(parsed("2026-03-01T12:00:00.5Z") == 1772366400500);
    assert_true(parsed("2026-03-01T12:00:00.009Z") == 1772366400009);
    assert_true(parsed("2026-03-01T14:30:00+02:30") == 1772366400000);
    assert_true(parsed("2026-03-01T07:00:00-05:00") == 1772366400000);
    assert_true(parsed("2026-03-01t12:00:00z") == 1772366400000);
    assert_true(parsed("2024-02-29T00:00:00Z") == 1709164800000);
    assert_true(parsed("9999-12-31T23:59:59Z") == 253402300799000);
}

static void test_parse__refused_and_untouched(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00:00ZZ",
        "2026-03-01T12:00:00Z ",
        " 2026-03-01T12:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00+24:00",
        "1969-12-31T23:59:59Z",
        "2026-1-01T00:00:00Z",
        "20260101T000000Z",
        "-026-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t wall_ms = 42;
        assert_int_equal(gate_timestamp_parse(bad[i], &wall_ms), GATE_ERR_INPUT);
        assert_int_equal(wall_ms, 42);
    }
}

static void assert_formatted(int64_t wall_ms, const char *expected) {
    gate_arena *arena = gate_arena_new();
    char text[GATE_TIMESTAMP_MAX_BYTES];
    assert_string_equal(gate_timestamp_format(arena, wall_ms), expected);
    gate_timestamp_write(wall_ms, text);
    assert_string_equal(text, expected);
    gate_arena_free(arena);
}

static void test_format(void **state) {
    (void)state;
    assert_formatted(0, "1970-01-01T00:00:00Z");
    assert_formatted(1772366400000, "2026-03-01T12:00:00Z");
    assert_formatted(1772366400007, "2026-03-01T12:00:00.007Z");
    assert_formatted(-1, "1969-12-31T23:59:59.999Z");
    assert_formatted(-1000, "1969-12-31T23:59:59Z");
}

static void test_write__far_beyond_any_record(void **state) {
    (void)state;
    char text[GATE_TIMESTAMP_MAX_BYTES];
    gate_timestamp_write(INT64_MAX, text);
    assert_true(strlen(text) < sizeof text);
    gate_timestamp_write(INT64_MIN + 1000, text);
    assert_true(strlen(text) < sizeof text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__accepted),
        cmocka_unit_test(test_parse__refused_and_untouched),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_write__far_beyond_any_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
