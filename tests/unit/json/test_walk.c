#include "support/cases.h"

#include <string.h>

#include "core/buffer.h"
#include "json/json.h"
#include "json/walk.h"

static struct gate_ctx *ctx;

static int set_up(void **state) {
    (void)state;
    ctx = gate_ctx_new(&gate_clock_system, NULL, "walk");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_ctx_free(ctx);
    return 0;
}

struct notes {
    struct gate_buffer text;
    int stop_after; /* < 0: never */
};

static bool note(const struct gate_json_step *step, void *state) {
    static const char *const kinds[] = {"{", "[", "end", "text", "number", "true", "false", "null"};
    struct notes *notes = state;
    if (step->name != NULL) {
        gate_buffer_printf(&notes->text, "%.*s=", (int)step->name_length, step->name);
    }
    gate_buffer_append_text(&notes->text, kinds[step->kind]);
    if (step->kind == GATE_JSON_STEP_TEXT || step->kind == GATE_JSON_STEP_NUMBER) {
        gate_buffer_printf(&notes->text, ":%.*s", (int)step->length, step->text);
    }
    gate_buffer_append_text(&notes->text, " ");
    return notes->stop_after-- != 0;
}

static const char *walk(const char *text, int stop_after, bool *ret_ok) {
    struct notes notes = {.stop_after = stop_after};
    gate_buffer_init(&notes.text, 100000);
    *ret_ok = gate_json_walk(text, strlen(text), note, &notes);
    const char *noted = gate_arena_strdup(ctx->arena, gate_buffer_text(&notes.text));
    gate_buffer_done(&notes.text);
    return noted;
}

static void expect_steps(const char *text, const char *steps) {
    bool ok;
    assert_string_equal(walk(text, -1, &ok), steps);
    assert_true(ok);
}

static void test_walk__steps_in_order(void **state) {
    (void)state;
    expect_steps(" { \"a\" : [ 1 , -2.50e3, true,false , null ] , \"b\" : { } , \"\" : \"x\" } ",
                 "{ a=[ number:1 number:-2.50e3 true false null end b={ end =text:x end ");
    expect_steps("[]", "[ end ");
    expect_steps("\"root\"", "text:root ");
    expect_steps("7", "number:7 ");
}

static void test_walk__texts_are_unescaped(void **state) {
    (void)state;
    expect_steps("{\"\\u00e9\\n\":\"\\ud83d\\ude00 \\\"q\\\" \\\\\"}",
                 "{ \xC3\xA9\n=text:\xF0\x9F\x98\x80 \"q\" \\ end ");
    expect_steps("[\"plain\",\"\\\\\",\"a\\\"\"]", "[ text:plain text:\\ text:a\" end ");
}

static void test_walk__stops_when_told(void **state) {
    (void)state;
    bool ok;
    assert_string_equal(walk("{\"a\":[1,2],\"b\":3}", 2, &ok), "{ a=[ number:1 ");
    assert_false(ok);
    assert_string_equal(walk("{\"a\":\"x\",\"b\":3}", 1, &ok), "{ a=text:x ");
    assert_false(ok);
}

/* What nobody accepted before is not walked to its end, and never beyond it. */
static void test_walk__of_what_is_no_json(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",          " ",   "{",     "[",       "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1",
        "{\"a\":1,", "[1,", "[\"\\", "[\"\\\"", "tru", "-",    "{a:1}",  "{1:1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool ok;
        (void)walk(texts[i], -1, &ok);
        if (ok) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_walk__not_deeper_than_answers_may_be(void **state) {
    (void)state;
    char text[2 * GATE_UPSTREAM_JSON_DEPTH_MAX + 3];
    bool ok;
    for (int depth = GATE_UPSTREAM_JSON_DEPTH_MAX; depth <= GATE_UPSTREAM_JSON_DEPTH_MAX + 1;
         depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        (void)walk(text, -1, &ok);
        assert_int_equal(ok, depth == GATE_UPSTREAM_JSON_DEPTH_MAX);
    }
}

static void test_check__keeps_nothing_and_sees_everything(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{\"a\":{\"b\":1,\"b\":2}}", "{\"a\":1,\"\\u0061\":2}", "[1] 2", "[[[[]]]]",
        "{\"a\":\"\xC0\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gate_error_clear(&ctx->error);
        assert_int_equal(gate_json_check(ctx, bad[i], strlen(bad[i]), 3), GATE_ERR_INPUT);
    }
    const char *good = "[[[1]],{\"a\":{\"b\":[]}}]";
    gate_error_clear(&ctx->error);
    assert_int_equal(gate_json_check(ctx, good, strlen(good), 4), GATE_OK);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_walk__steps_in_order),
        CASE(test_walk__texts_are_unescaped),
        CASE(test_walk__stops_when_told),
        CASE(test_walk__of_what_is_no_json),
        CASE(test_walk__not_deeper_than_answers_may_be),
        CASE(test_check__keeps_nothing_and_sees_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
