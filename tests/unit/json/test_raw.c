#include "support/cases.h"

#include <string.h>

#include "json/json.h"

static void assert_member(const char *text, const char *name, const char *expected) {
    const char *value = NULL;
    size_t length = 0;
    assert_int_equal(gate_json_raw_member(text, strlen(text), name, &value, &length), GATE_OK);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(value, expected, length);
    assert_true(value >= text && value + length <= text + strlen(text));
}

static void assert_absent(const char *text, const char *name) {
    const char *value = NULL;
    size_t length = 42;
    assert_int_equal(gate_json_raw_member(text, strlen(text), name, &value, &length),
                     GATE_ERR_NOT_FOUND);
    assert_null(value);
    assert_int_equal(length, 42);
}

static void test_member__exact_bytes(void **state) {
    (void)state;
    const char *text = " {\"a\" : 1.0000000000000000001e+02 ,\"params\":{ \"x\" : [1, 2] ,\n"
                       "\"a\":\"\\u00e9\" }, \"s\":\"}\\\"]\",\"n\":null , \"e\":[]\n}";
    assert_member(text, "a", "1.0000000000000000001e+02");
    assert_member(text, "params", "{ \"x\" : [1, 2] ,\n\"a\":\"\\u00e9\" }");
    assert_member(text, "s", "\"}\\\"]\"");
    assert_member(text, "n", "null");
    assert_member(text, "e", "[]");
}

static void test_member__only_top_level(void **state) {
    (void)state;
    assert_absent("{\"a\":{\"b\":1}}", "b");
    assert_absent("{\"a\":\"b\"}", "b");
    assert_absent("{}", "a");
    assert_absent("[{\"a\":1}]", "a");
    assert_absent("\"a\"", "a");
}

static void test_member__escaped_name(void **state) {
    (void)state;
    assert_member("{\"p\\u0061rams\":7}", "params", "7");
    assert_absent("{\"a\\u0000\":7}", "a");
}

static void test_member__text_that_is_no_json(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"b\"",
                                      "{\"b\":",
                                      "{\"b\":1",
                                      "{\"b\":1,",
                                      "{\"b\" 1,\"a\":1}",
                                      "{b:1,\"a\":1}",
                                      "{,\"a\":1}",
                                      "{\"b\":01,\"a\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_absent(bad[i], "a");
    }
}

static void test_member__as_deep_as_a_document_may_be(void **state) {
    (void)state;
    char text[256] = "{\"a\":";
    char value[2 * GATE_JSON_DEPTH_MAX + 1];
    size_t depth = GATE_JSON_DEPTH_MAX - 1;
    memset(value, '[', depth);
    memset(value + depth, ']', depth);
    value[2 * depth] = '\0';
    strcat(text, value);
    strcat(text, "}");
    assert_member(text, "a", value);
}

struct walk {
    char joined[128];
    int left;
};

static bool note_element(const char *value, size_t length, void *state) {
    struct walk *walk = state;
    strncat(walk->joined, value, length);
    strcat(walk->joined, "|");
    return --walk->left > 0;
}

static void assert_elements(const char *array, int most, const char *expected) {
    struct walk walk = {.left = most};
    gate_json_raw_elements(array, strlen(array), note_element, &walk);
    assert_string_equal(walk.joined, expected);
}

static void test_elements(void **state) {
    (void)state;
    assert_elements("[]", 9, "");
    assert_elements("[ ]", 9, "");
    assert_elements("[ 1.50 , {\"a\": [ 2 ]},\"x,]\" ]", 9, "1.50|{\"a\": [ 2 ]}|\"x,]\"|");
    assert_elements("[1,2,3]", 2, "1|2|");
    assert_elements("{\"a\":[1]}", 9, "");
    assert_elements("", 9, "");
    assert_elements("[1,", 9, "1|");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member__exact_bytes),
        cmocka_unit_test(test_member__only_top_level),
        cmocka_unit_test(test_member__escaped_name),
        cmocka_unit_test(test_member__text_that_is_no_json),
        cmocka_unit_test(test_member__as_deep_as_a_document_may_be),
        cmocka_unit_test(test_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
