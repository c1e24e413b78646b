#include "support/cases.h"

#include <string.h>

#include "core/encoding.h"
#include "crypto/seal.h"

static struct gate_digest key;

static int start(void **state) {
    *state = gate_arena_new();
    key = gate_digest_make("key", 3);
    return 0;
}

static int stop(void **state) {
    gate_arena_free(*state);
    return 0;
}

static void assert_not_opened(gate_arena *arena, const struct gate_digest *with,
                              const char *bound_to, const char *sealed) {
    char *bytes = NULL;
    size_t length = 42;
    assert_int_equal(gate_seal_open(arena, with, bound_to, sealed, &bytes, &length),
                     GATE_ERR_INPUT);
    assert_null(bytes);
    assert_int_equal(length, 42);
}

static void test_seal__opens_again(void **state) {
    static const size_t lengths[] = {0, 1, 15, 16, 17, 5000};
    char text[5000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *bytes;
        size_t length;
        char *sealed = gate_seal_make(*state, &key, "signin", text, lengths[i]);
        assert_int_equal(gate_seal_open(*state, &key, "signin", sealed, &bytes, &length), GATE_OK);
        assert_int_equal(length, lengths[i]);
        assert_memory_equal(bytes, text, length);
        assert_int_equal(bytes[length], '\0');
    }
}

static void test_seal__nothing_bound_to(void **state) {
    char *bytes;
    size_t length;
    char *sealed = gate_seal_make(*state, &key, "", "v", 1);
    assert_int_equal(gate_seal_open(*state, &key, "", sealed, &bytes, &length), GATE_OK);
    assert_string_equal(bytes, "v");
    assert_not_opened(*state, &key, "x", sealed);
}

static void test_seal__never_the_same_twice(void **state) {
    char *first = gate_seal_make(*state, &key, "a", "value", 5);
    char *second = gate_seal_make(*state, &key, "a", "value", 5);
    assert_string_not_equal(first, second);
    assert_null(strstr(first, "value"));
}

static void test_open__other_key_or_binding(void **state) {
    struct gate_digest other = gate_digest_make("other", 5);
    char *sealed = gate_seal_make(*state, &key, "row:1", "value", 5);
    assert_not_opened(*state, &other, "row:1", sealed);
    assert_not_opened(*state, &key, "row:2", sealed);
    assert_not_opened(*state, &key, "", sealed);
}

static void test_open__every_flipped_bit(void **state) {
    unsigned char *bytes;
    size_t length;
    char *sealed = gate_seal_make(*state, &key, "a", "value", 5);
    assert_int_equal(gate_base64url_parse(*state, sealed, strlen(sealed), &bytes, &length),
                     GATE_OK);
    for (size_t bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_not_opened(*state, &key, "a", gate_base64url_format(*state, bytes, length));
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

static void test_open__cut_or_foreign(void **state) {
    char *sealed = gate_seal_make(*state, &key, "a", "value", 5);
    for (size_t length = 0; length < strlen(sealed); length++) {
        assert_not_opened(*state, &key, "a", gate_arena_strndup(*state, sealed, length));
    }
    assert_not_opened(*state, &key, "a", gate_arena_printf(*state, "%sA", sealed));
    assert_not_opened(*state, &key, "a", gate_arena_printf(*state, "%s=", sealed));
    assert_not_opened(*state, &key, "a", "not sealed at all, but long enough to be it, or is it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_seal__opens_again, start, stop),
        cmocka_unit_test_setup_teardown(test_seal__nothing_bound_to, start, stop),
        cmocka_unit_test_setup_teardown(test_seal__never_the_same_twice, start, stop),
        cmocka_unit_test_setup_teardown(test_open__other_key_or_binding, start, stop),
        cmocka_unit_test_setup_teardown(test_open__every_flipped_bit, start, stop),
        cmocka_unit_test_setup_teardown(test_open__cut_or_foreign, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
