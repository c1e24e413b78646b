#include "support/cases.h"

#include <stdio.h>
#include <string.h>

#include "web/fields.h"

static int set_up(void **state) {
    *state = gate_ctx_new(&gate_clock_system, NULL, "test");
    return 0;
}

static int tear_down(void **state) {
    gate_ctx_free(*state);
    return 0;
}

static struct gate_fields parse(struct gate_ctx *ctx, const char *text) {
    struct gate_fields fields = {0};
    if (gate_fields_parse(ctx, text, strlen(text), &fields) != GATE_OK) {
        fail_msg("refused: %s", text);
    }
    return fields;
}

static void expect_field(const struct gate_fields *fields, size_t index, const char *name,
                         const char *value) {
    assert_true(index < fields->count);
    assert_string_equal(fields->items[index].name, name);
    assert_string_equal(fields->items[index].value, value);
}

static void expect_refusal(struct gate_ctx *ctx, const char *text, size_t length) {
    struct gate_fields fields = {.count = 77};
    gate_error_clear(&ctx->error);
    if (gate_fields_parse(ctx, text, length, &fields) != GATE_ERR_INPUT) {
        fail_msg("taken: %s", text);
    }
    assert_int_equal(ctx->error.kind, GATE_ERR_INPUT);
    assert_int_equal(fields.count, 77);
}

static void test_parse__pairs(void **state) {
    struct gate_fields fields = parse(*state, "a=1&b=two+words&c=%26%3D%2B&d&e=&=f&g=h=i");
    assert_int_equal(fields.count, 7);
    expect_field(&fields, 0, "a", "1");
    expect_field(&fields, 1, "b", "two words");
    expect_field(&fields, 2, "c", "&=+");
    expect_field(&fields, 3, "d", "");
    expect_field(&fields, 4, "e", "");
    expect_field(&fields, 5, "", "f");
    expect_field(&fields, 6, "g", "h=i");
}

static void test_parse__nothing_and_empty_pieces(void **state) {
    assert_int_equal(parse(*state, "").count, 0);
    assert_int_equal(parse(*state, "&").count, 0);
    assert_int_equal(parse(*state, "&&&&").count, 0);
    struct gate_fields fields = parse(*state, "&a=1&&b=2&");
    assert_int_equal(fields.count, 2);
    expect_field(&fields, 1, "b", "2");
}

static void test_parse__names_are_decoded_too(void **state) {
    struct gate_fields fields = parse(*state, "filter%2Etool_names=x&%61=y&caf%C3%A9=z");
    expect_field(&fields, 0, "filter.tool_names", "x");
    expect_field(&fields, 1, "a", "y");
    expect_field(&fields, 2, "caf\xc3\xa9", "z");
    assert_string_equal(gate_fields_find(&fields, "a"), "y");
    assert_null(gate_fields_find(&fields, "%61"));
    assert_null(gate_fields_find(&fields, "A"));
}

static void test_parse__only_so_many_bytes(void **state) {
    struct gate_fields fields = {0};
    assert_int_equal(gate_fields_parse(*state, "a=bc&d=e", 3, &fields), GATE_OK);
    assert_int_equal(fields.count, 1);
    expect_field(&fields, 0, "a", "b");
}

static void test_parse__semicolons_do_not_separate(void **state) {
    struct gate_fields fields = parse(*state, "a=1;b=2");
    assert_int_equal(fields.count, 1);
    expect_field(&fields, 0, "a", "1;b=2");
}

static void test_parse__broken_text(void **state) {
    static const char *const texts[] = {
        "a=%",   "a=%4",   "a=%zz",    "%=1",         "a=%00",        "a%00b=c",
        "a=%ff", "a=\xff", "a=%c0%af", "a=%ed%a0%80", "a=1&b=%f0%9f",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_refusal(*state, texts[i], strlen(texts[i]));
    }
    expect_refusal(*state, "a=b\0c", 5);
    expect_refusal(*state, "a=%41", 4); /* cut inside an escape */
}

static void test_parse__number_of_fields(void **state) {
    char text[4 * (GATE_REQUEST_FIELDS_MAX + 1) + 1] = "";
    for (int i = 0; i < GATE_REQUEST_FIELDS_MAX; i++) {
        strcat(text, i == 0 ? "a=1" : "&a=1");
    }
    assert_int_equal(parse(*state, text).count, GATE_REQUEST_FIELDS_MAX);
    strcat(text, "&a=1");
    expect_refusal(*state, text, strlen(text));
}

/* ---- cookies ---- */

static struct gate_fields parse_cookies(struct gate_ctx *ctx, const char *header) {
    struct gate_fields cookies = {.count = 77};
    gate_fields_parse_cookies(ctx->arena, header, &cookies);
    return cookies;
}

static void test_cookies__pairs(void **state) {
    struct gate_fields cookies = parse_cookies(*state, "a=1; __Host-session=x=y; b=;c=%41+\"q\"");
    assert_int_equal(cookies.count, 4);
    expect_field(&cookies, 0, "a", "1");
    expect_field(&cookies, 1, "__Host-session", "x=y");
    expect_field(&cookies, 2, "b", "");
    expect_field(&cookies, 3, "c", "%41+\"q\"");
}

static void test_cookies__what_makes_no_sense_is_passed_over(void **state) {
    assert_int_equal(parse_cookies(*state, NULL).count, 0);
    assert_int_equal(parse_cookies(*state, "").count, 0);
    assert_int_equal(parse_cookies(*state, " ; ;; =x; nothing ;\t").count, 0);
    struct gate_fields cookies = parse_cookies(*state, "nothing; \xff=\xfe;; a=1 ; =x");
    assert_string_equal(gate_fields_find(&cookies, "\xff"), "\xfe");
    assert_non_null(gate_fields_find(&cookies, "a"));
}

static void test_cookies__the_first_of_a_name_counts(void **state) {
    struct gate_fields cookies = parse_cookies(*state, "a=1; a=2; A=3");
    assert_string_equal(gate_fields_find(&cookies, "a"), "1");
    assert_string_equal(gate_fields_find(&cookies, "A"), "3");
}

static void test_cookies__those_beyond_the_limit_are_passed_over(void **state) {
    char header[16 * (GATE_REQUEST_COOKIES_MAX + 2)] = "";
    for (int i = 0; i <= GATE_REQUEST_COOKIES_MAX; i++) {
        snprintf(header + strlen(header), sizeof header - strlen(header), "c%d=v%d; ", i, i);
    }
    struct gate_fields cookies = parse_cookies(*state, header);
    assert_int_equal(cookies.count, GATE_REQUEST_COOKIES_MAX);
    assert_non_null(gate_fields_find(&cookies, "c0"));
    assert_null(gate_fields_find(&cookies, "c64"));
}

/* ---- declarations ---- */

static const struct gate_field_spec specs[] = {
    {"word", GATE_FIELD_TEXT, 8, false},
    {"number", GATE_FIELD_NUMBER, 100, false},
    {"many", GATE_FIELD_LIST, 4, false},
    {NULL, GATE_FIELD_TEXT, 0, false},
};

static const struct gate_field_spec required_specs[] = {
    {"action", GATE_FIELD_TEXT, 16, true},
    {NULL, GATE_FIELD_TEXT, 0, false},
};

static enum gate_err check(struct gate_ctx *ctx, const char *text,
                           const struct gate_field_spec *known) {
    struct gate_fields fields = parse(ctx, text);
    gate_error_clear(&ctx->error);
    enum gate_err err = gate_fields_check(ctx, &fields, known);
    assert_int_equal(err, ctx->error.kind);
    return err;
}

static void test_check__as_declared(void **state) {
    assert_int_equal(check(*state, "", specs), GATE_OK);
    assert_int_equal(check(*state, "word=12345678&number=100&many=abcd&many=b&many=b", specs),
                     GATE_OK);
    assert_int_equal(check(*state, "word=&number=0", specs), GATE_OK);
    assert_int_equal(check(*state, "csrf=abc", specs), GATE_OK);
    assert_int_equal(check(*state, "csrf=abc", NULL), GATE_OK);
}

static void test_check__unknown_fields(void **state) {
    struct gate_ctx *ctx = *state;
    assert_int_equal(check(ctx, "other=1", specs), GATE_ERR_INPUT);
    assert_string_equal(ctx->error.message, "Unknown field other.");
    assert_int_equal(check(ctx, "Word=1", specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "=1", specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "word=1", NULL), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "a%0d%0aSet-Cookie:+x=1", specs), GATE_ERR_INPUT);
    assert_null(strstr(ctx->error.message, "Set-Cookie"));
    assert_int_equal(check(ctx, "%3Cscript%3E=1", specs), GATE_ERR_INPUT);
    assert_null(strstr(ctx->error.message, "script"));
}

static void test_check__repeated_fields(void **state) {
    struct gate_ctx *ctx = *state;
    assert_int_equal(check(ctx, "word=a&word=a", specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "word=a&many=b&w%6Frd=a", specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "number=1&number=1", specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "csrf=a&csrf=b", specs), GATE_ERR_INPUT);
}

static void test_check__values(void **state) {
    static const char *const texts[] = {
        "word=123456789",
        "word=a%0ab",
        "word=a%7f",
        "word=%01",
        "number=101",
        "number=-1",
        "number=",
        "number=+1",
        "number=1.0",
        "number=1e1",
        "number=0x1",
        "number=%201",
        "number=1+",
        "number=one",
        "many=abcde",
        "many=a&many=%0d",
        "number=99999999999999999999",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (check(*state, texts[i], specs) != GATE_ERR_INPUT) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

static void test_check__the_csrf_field_has_a_length_as_well(void **state) {
    char text[5 + 129 + 1] = "csrf=";
    memset(text + 5, 'a', 129);
    text[5 + 129] = '\0';
    assert_int_equal(check(*state, text, NULL), GATE_ERR_INPUT);
    text[5 + 128] = '\0';
    assert_int_equal(check(*state, text, NULL), GATE_OK);
}

static void test_check__required_fields(void **state) {
    struct gate_ctx *ctx = *state;
    assert_int_equal(check(ctx, "action=remove", required_specs), GATE_OK);
    assert_int_equal(check(ctx, "", required_specs), GATE_ERR_INPUT);
    assert_string_equal(ctx->error.message, "action is missing.");
    assert_int_equal(check(ctx, "action=", required_specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "action", required_specs), GATE_ERR_INPUT);
    assert_int_equal(check(ctx, "csrf=x", required_specs), GATE_ERR_INPUT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_parse__pairs),
        CASE(test_parse__nothing_and_empty_pieces),
        CASE(test_parse__names_are_decoded_too),
        CASE(test_parse__only_so_many_bytes),
        CASE(test_parse__semicolons_do_not_separate),
        CASE(test_parse__broken_text),
        CASE(test_parse__number_of_fields),
        CASE(test_cookies__pairs),
        CASE(test_cookies__what_makes_no_sense_is_passed_over),
        CASE(test_cookies__the_first_of_a_name_counts),
        CASE(test_cookies__those_beyond_the_limit_are_passed_over),
        CASE(test_check__as_declared),
        CASE(test_check__unknown_fields),
        CASE(test_check__repeated_fields),
        CASE(test_check__values),
        CASE(test_check__the_csrf_field_has_a_length_as_well),
        CASE(test_check__required_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
