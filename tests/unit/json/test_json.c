#include "support/cases.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static int start(void **state) {
    *state = gate_ctx_new(&gate_clock_system, NULL, "test");
    return 0;
}

static int stop(void **state) {
    gate_ctx_free(*state);
    return 0;
}

/* Parse from memory of exactly that size, so that a sanitizer sees a read beyond it. */
static enum gate_err parse_bytes(struct gate_ctx *ctx, const char *text, size_t length,
                                 const gate_json **ret_json) {
    char *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, text, length);
    gate_error_clear(&ctx->error);
    enum gate_err err = gate_json_parse(ctx, exact, length, ret_json);
    free(exact);
    return err;
}

static const gate_json *parsed(struct gate_ctx *ctx, const char *text) {
    const gate_json *json = NULL;
    assert_int_equal(parse_bytes(ctx, text, strlen(text), &json), GATE_OK);
    return json;
}

static void assert_refused(struct gate_ctx *ctx, const char *text, const char *sentence) {
    const gate_json *json = NULL;
    assert_int_equal(parse_bytes(ctx, text, strlen(text), &json), GATE_ERR_INPUT);
    assert_null(json);
    if (sentence != NULL) {
        assert_string_equal(ctx->error.message, sentence);
    }
}

static void test_parse__kinds(void **state) {
    const gate_json *json = parsed(
        *state, " { \"o\":{}, \"a\":[ ], \"t\":\"x\",\r\n\t\"n\":-1.5e2, \"b\":true, \"z\":null} ");
    assert_true(gate_json_is_object(json));
    assert_true(gate_json_is_object(gate_json_member(json, "o")));
    assert_true(gate_json_is_array(gate_json_member(json, "a")));
    assert_true(gate_json_is_text(gate_json_member(json, "t")));
    assert_true(gate_json_is_number(gate_json_member(json, "n")));
    assert_true(gate_json_member_bool(json, "b"));
    assert_true(gate_json_is_null(gate_json_member(json, "z")));
    assert_true(gate_json_has_member(json, "z"));
    assert_false(gate_json_has_member(json, "y"));
    assert_true(gate_json_is_null(gate_json_member(json, "y")));
}

static void test_parse__top_level_of_any_kind(void **state) {
    assert_true(gate_json_is_text(parsed(*state, "\"x\"")));
    assert_true(gate_json_is_number(parsed(*state, "0")));
    assert_true(gate_json_is_null(parsed(*state, "null")));
    assert_int_equal(gate_json_length(parsed(*state, "[1,[],{}]")), 3);
}

static void test_parse__no_json(void **state) {
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "[1 2]",
        "nul",
        "nulll",
        "True",
        "tru",
        "NaN",
        "Infinity",
        "-",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x10",
        "1 1",
        "{} {}",
        "{}x",
        "\"a",
        "\"\\\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\",
        "\"\\u",
        "\"a\nb\"",
        "\"\t\"",
        "/* c */1",
        "1//c",
        "[1]]",
        "\xEF\xBB\xBF{}",
        "\"\\'\"",
        "1_000",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(*state, bad[i], NULL);
    }
    const gate_json *json;
    assert_int_equal(parse_bytes(*state, "{}\0", 3, &json), GATE_ERR_INPUT);
    assert_int_equal(parse_bytes(*state, "\"a\0b\"", 5, &json), GATE_ERR_INPUT);
}

static void test_parse__says_where(void **state) {
    assert_refused(*state, "{\n \"a\": 1,\n \"b\" 2}", "line 3: a colon was expected");
    assert_refused(*state, "{\"a\":1}\n\nx", "line 3: something follows the value");
    assert_refused(*state, "[1,\n2,\n\"open]", "line 3: a text has no closing quote");
}

static void test_parse__bad_utf8(void **state) {
    assert_refused(*state, "\"\xFF\"", "line 1: a text is not UTF-8");
    assert_refused(*state, "\"\xED\xA0\x80\"", NULL);
    assert_refused(*state, "\"\xC0\xAF\"", NULL);
    assert_refused(*state, "{\"\xC3\":1}", NULL);
    assert_refused(*state, "\xC3\xA9", NULL);
    assert_string_equal(gate_json_text(parsed(*state, "\"\xC3\xA9\"")), "\xC3\xA9");
}

static void test_parse__repeated_names(void **state) {
    assert_refused(*state, "{\"a\":1,\n\"a\":1}", "line 2: a member name is repeated");
    assert_refused(*state, "{\"a\":1,\"\\u0061\":2}", NULL);
    assert_refused(*state, "{\"a\":null,\"a\":2}", NULL);
    assert_refused(*state, "[{\"x\":{\"a\":{},\"b\":1,\"a\":2}}]", NULL);
    assert_non_null(parsed(*state, "{\"a\":{\"a\":1},\"b\":{\"a\":1}}"));
    assert_non_null(parsed(*state, "{\"\":1,\"A\":1,\"a\":1}"));
}

static void test_parse__nul_in_names(void **state) {
    assert_refused(*state, "{\"a\\u0000b\":1}", "line 1: a member name holds a NUL character");
}

static void test_parse__depth(void **state) {
    char text[2 * (GATE_JSON_DEPTH_MAX + 1) + 1];
    memset(text, '[', GATE_JSON_DEPTH_MAX);
    memset(text + GATE_JSON_DEPTH_MAX, ']', GATE_JSON_DEPTH_MAX);
    text[2 * GATE_JSON_DEPTH_MAX] = '\0';
    assert_non_null(parsed(*state, text));
    memset(text, '[', GATE_JSON_DEPTH_MAX + 1);
    memset(text + GATE_JSON_DEPTH_MAX + 1, ']', GATE_JSON_DEPTH_MAX + 1);
    text[2 * (GATE_JSON_DEPTH_MAX + 1)] = '\0';
    assert_refused(*state, text, "line 1: arrays and objects are nested too deeply");
}

static void test_parse__millions_of_brackets(void **state) {
    size_t length = 1000000;
    char *text = malloc(length);
    memset(text, '[', length);
    const gate_json *json;
    assert_int_equal(gate_json_parse(*state, text, length, &json), GATE_ERR_INPUT);
    free(text);
}

static void test_parse__every_cut_of_a_document(void **state) {
    const char *text = "{\"a\":[1,-2.5e+3,\"\\ud83d\\ude00\\n\",true,false,null],\"b\":{\"c\":{}}}";
    const gate_json *json;
    for (size_t length = 0; length < strlen(text); length++) {
        assert_int_equal(parse_bytes(*state, text, length, &json), GATE_ERR_INPUT);
    }
    assert_int_equal(parse_bytes(*state, text, strlen(text), &json), GATE_OK);
}

static enum gate_err parse_envelope(struct gate_ctx *ctx, const char *text, int depth_max,
                                    const gate_json **ret_json) {
    gate_error_clear(&ctx->error);
    return gate_json_parse_envelope(ctx, text, strlen(text), depth_max, ret_json);
}

static void test_envelope__keeps_what_is_inside_empty(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_json *json = NULL;
    const char *text = "{\"a\":\"x\",\"o\":{\"b\":[1,{\"c\":2}]},\"l\":[1,2,3],\"n\":null}";
    assert_int_equal(parse_envelope(ctx, text, 32, &json), GATE_OK);
    assert_string_equal(gate_json_member_text(json, "a"), "x");
    assert_true(gate_json_is_object(gate_json_member(json, "o")));
    assert_null(gate_json_member(gate_json_member(json, "o"), "b"));
    assert_true(gate_json_is_array(gate_json_member(json, "l")));
    assert_int_equal(gate_json_length(gate_json_member(json, "l")), 0);
}

static void test_envelope__is_as_strict_inside(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_json *json = NULL;
    static const char *const bad[] = {
        "{\"o\":{\"a\":1,\"a\":2}}", "{\"o\":[{\"b\":{\"a\":1,\"a\":2}}]}",
        "{\"o\":{\"a\":01}}",        "{\"o\":{\"a\":\"\xff\"}}",
        "{\"o\":{\"a\\u0000\":1}}",  "{\"o\":[1,]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse_envelope(ctx, bad[i], 32, &json), GATE_ERR_INPUT);
    }
    assert_int_equal(parse_envelope(ctx, "{\"o\":[[[]]]}", 4, &json), GATE_OK);
    assert_int_equal(parse_envelope(ctx, "{\"o\":[[[]]]}", 3, &json), GATE_ERR_INPUT);
}

static void test_text__escapes(void **state) {
    assert_string_equal(gate_json_text(parsed(*state, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")),
                        "\"\\/\b\f\n\r\t");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\u0041\\u00e9\\u20AC\"")),
                        "A\xC3\xA9\xE2\x82\xAC");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ud83d\\uDE00!\"")), "\xF0\x9F\x98\x80!");
    assert_string_equal(gate_json_text(parsed(*state, "\"\"")), "");
}

static void test_text__half_a_surrogate_pair(void **state) {
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ud83d\"")), "\xEF\xBF\xBD");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ude00x\"")), "\xEF\xBF\xBDx");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ud83d\\u0041\"")), "\xEF\xBF\xBD"
                                                                              "A");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ud83d\\n\"")), "\xEF\xBF\xBD\n");
    assert_string_equal(gate_json_text(parsed(*state, "\"\\ud83d\\ud83d\\ude00\"")),
                        "\xEF\xBF\xBD\xF0\x9F\x98\x80");
}

static void test_text__with_a_nul_is_none(void **state) {
    const gate_json *json = parsed(*state, "{\"a\":\"admin\\u0000x\"}");
    assert_true(gate_json_is_text(gate_json_member(json, "a")));
    assert_null(gate_json_member_text(json, "a"));
}

static void test_getters__null_and_other_types(void **state) {
    const gate_json *list = parsed(*state, "[1]");
    int64_t number = 42;
    assert_null(gate_json_member(NULL, "a"));
    assert_null(gate_json_member(list, "a"));
    assert_null(gate_json_text(NULL));
    assert_null(gate_json_text(list));
    assert_null(gate_json_member_text(list, "a"));
    assert_false(gate_json_member_bool(NULL, "a"));
    assert_false(gate_json_member_bool(parsed(*state, "{\"a\":\"true\",\"b\":1}"), "a"));
    assert_false(gate_json_member_integer(list, "a", &number));
    assert_int_equal(number, 42);
    assert_int_equal(gate_json_length(NULL), 0);
    assert_int_equal(gate_json_length(parsed(*state, "{}")), 0);
    assert_null(gate_json_element(list, 1));
    assert_null(gate_json_element(NULL, 0));
    gate_json_each(NULL, NULL, NULL);
    gate_json_each(list, NULL, NULL);
    assert_null(gate_json_unknown_member(list, (const char *const[]){NULL}));
}

static void assert_integer(struct gate_ctx *ctx, const char *text, bool is_integer,
                           int64_t expected) {
    int64_t number = 42;
    assert_int_equal(gate_json_member_integer(parsed(ctx, text), "n", &number), is_integer);
    assert_true(number == (is_integer ? expected : 42));
}

static void test_integer__number_or_text(void **state) {
    assert_integer(*state, "{\"n\":0}", true, 0);
    assert_integer(*state, "{\"n\":-12}", true, -12);
    assert_integer(*state, "{\"n\":\"3600\"}", true, 3600);
    assert_integer(*state, "{\"n\":9223372036854775807}", true, INT64_MAX);
    assert_integer(*state, "{\"n\":-9223372036854775808}", true, INT64_MIN);
    assert_integer(*state, "{\"n\":9223372036854775808}", false, 0);
    assert_integer(*state, "{\"n\":\"9223372036854775808\"}", false, 0);
    assert_integer(*state, "{\"n\":1.0}", false, 0);
    assert_integer(*state, "{\"n\":1e400}", false, 0);
    assert_integer(*state, "{\"n\":\"\"}", false, 0);
    assert_integer(*state, "{\"n\":\"1 \"}", false, 0);
    assert_integer(*state, "{\"n\":true}", false, 0);
    assert_integer(*state, "{\"n\":null}", false, 0);
}

struct walk {
    char names[64];
    int left;
};

static bool note_name(const char *name, const gate_json *value, void *state) {
    struct walk *walk = state;
    (void)value;
    strncat(walk->names, name, 8);
    return --walk->left > 0;
}

static void test_each__in_order_until_told(void **state) {
    const gate_json *json = parsed(*state, "{\"z\":1,\"a\":null,\"m\":[]}");
    struct walk all = {.left = 10};
    struct walk two = {.left = 2};
    gate_json_each(json, note_name, &all);
    gate_json_each(json, note_name, &two);
    assert_string_equal(all.names, "zam");
    assert_string_equal(two.names, "za");
}

static void test_unknown_member(void **state) {
    static const char *const known[] = {"connector", "identifier", NULL};
    assert_null(gate_json_unknown_member(parsed(*state, "{\"identifier\":1}"), known));
    assert_string_equal(
        gate_json_unknown_member(parsed(*state, "{\"identifier\":1,\"Connector\":2}"), known),
        "Connector");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parse__kinds, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__top_level_of_any_kind, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__no_json, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__says_where, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__bad_utf8, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__repeated_names, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__nul_in_names, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__depth, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__millions_of_brackets, start, stop),
        cmocka_unit_test_setup_teardown(test_parse__every_cut_of_a_document, start, stop),
        cmocka_unit_test_setup_teardown(test_envelope__keeps_what_is_inside_empty, start, stop),
        cmocka_unit_test_setup_teardown(test_envelope__is_as_strict_inside, start, stop),
        cmocka_unit_test_setup_teardown(test_text__escapes, start, stop),
        cmocka_unit_test_setup_teardown(test_text__half_a_surrogate_pair, start, stop),
        cmocka_unit_test_setup_teardown(test_text__with_a_nul_is_none, start, stop),
        cmocka_unit_test_setup_teardown(test_getters__null_and_other_types, start, stop),
        cmocka_unit_test_setup_teardown(test_integer__number_or_text, start, stop),
        cmocka_unit_test_setup_teardown(test_each__in_order_until_told, start, stop),
        cmocka_unit_test_setup_teardown(test_unknown_member, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
