#include "support/cases.h"

#include <string.h>

#include "core/buffer.h"

static void test_append__grows(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 100000);
    assert_string_equal(gate_buffer_text(&buffer), "");
    for (int i = 0; i < 10000; i++) {
        gate_buffer_append_text(&buffer, "0123456789");
    }
    assert_int_equal(buffer.length, 100000);
    assert_false(buffer.overflowed);
    assert_int_equal(strlen(gate_buffer_text(&buffer)), 100000);
    gate_buffer_done(&buffer);
}

static void test_append__beyond_the_maximum(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 4);
    gate_buffer_append(&buffer, "abcd", 4);
    assert_false(buffer.overflowed);
    gate_buffer_append(&buffer, "e", 1);
    assert_true(buffer.overflowed);
    assert_string_equal(gate_buffer_text(&buffer), "abcd");
    gate_buffer_append(&buffer, "", 0);
    gate_buffer_printf(&buffer, "%d", 1);
    assert_true(buffer.overflowed);
    assert_int_equal(buffer.length, 4);
    gate_buffer_done(&buffer);
}

static void test_append__overflowed_stays_so(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 4);
    gate_buffer_append_text(&buffer, "abcde");
    gate_buffer_append_text(&buffer, "a");
    assert_true(buffer.overflowed);
    assert_int_equal(buffer.length, 0);
    gate_buffer_done(&buffer);
}

static void test_append__bytes_with_nul(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 16);
    gate_buffer_append(&buffer, "a\0b", 3);
    gate_buffer_append(&buffer, NULL, 0);
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.data, "a\0b", 4);
    gate_buffer_done(&buffer);
}

static void test_printf__exact_fit(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 5);
    gate_buffer_printf(&buffer, "%05d", 42);
    assert_false(buffer.overflowed);
    assert_string_equal(gate_buffer_text(&buffer), "00042");
    gate_buffer_done(&buffer);
}

static void test_done__can_be_used_again(void **state) {
    (void)state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 3);
    gate_buffer_append_text(&buffer, "abcd");
    gate_buffer_done(&buffer);
    assert_false(buffer.overflowed);
    gate_buffer_append_text(&buffer, "abc");
    assert_string_equal(gate_buffer_text(&buffer), "abc");
    gate_buffer_done(&buffer);
    gate_buffer_done(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append__grows),
        cmocka_unit_test(test_append__beyond_the_maximum),
        cmocka_unit_test(test_append__overflowed_stays_so),
        cmocka_unit_test(test_append__bytes_with_nul),
        cmocka_unit_test(test_printf__exact_fit),
        cmocka_unit_test(test_done__can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
