#include "support/cases.h"

#include <string.h>

#include "core/secret.h"

static void test_new__copies_with_a_nul_behind(void **state) {
    (void)state;
    char source[] = "s3cret!";
    gate_secret *secret = gate_secret_new(source, 6);
    source[0] = 'X';
    assert_int_equal(gate_secret_length(secret), 6);
    assert_string_equal(gate_secret_reveal(secret), "s3cret");
    gate_secret_free(secret);
}

static void test_new__empty(void **state) {
    (void)state;
    gate_secret *secret = gate_secret_new(NULL, 0);
    assert_int_equal(gate_secret_length(secret), 0);
    assert_string_equal(gate_secret_reveal(secret), "");
    gate_secret_free(secret);
    gate_secret_free(NULL);
}

static void test_equal(void **state) {
    (void)state;
    gate_secret *a = gate_secret_new("abc\0d", 5);
    gate_secret *same = gate_secret_new("abc\0d", 5);
    gate_secret *other = gate_secret_new("abc\0e", 5);
    gate_secret *shorter = gate_secret_new("abc", 3);
    assert_true(gate_secret_equal(a, same));
    assert_false(gate_secret_equal(a, other));
    assert_false(gate_secret_equal(a, shorter));
    assert_false(gate_secret_equal(a, NULL));
    assert_false(gate_secret_equal(NULL, NULL));
    gate_secret_free(a);
    gate_secret_free(same);
    gate_secret_free(other);
    gate_secret_free(shorter);
}

static void test_wipe(void **state) {
    (void)state;
    char bytes[] = "token";
    gate_secret_wipe(bytes, sizeof bytes);
    assert_memory_equal(bytes, "\0\0\0\0\0", sizeof bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__copies_with_a_nul_behind),
        cmocka_unit_test(test_new__empty),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
