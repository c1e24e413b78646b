#include "support/cases.h"

#include <string.h>

#include "core/context.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static struct gate_trace join(gate_arena *arena, const char *parent, const char *state) {
    struct gate_trace trace = gate_trace_make("11111111111111111111111111111111");
    gate_trace_join(arena, parent, state, &trace);
    return trace;
}

static void test_make__takes_an_id_of_the_form(void **state) {
    (void)state;
    assert_string_equal(gate_trace_make(ID).id, ID);
    static const char *const others[] = {
        NULL,
        "",
        "store",
        "00000000000000000000000000000000",
        ID "0",
        "4BF92F3577B34DA6A3CE929D0E0E4736",
        "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct gate_trace one = gate_trace_make(others[i]);
        struct gate_trace two = gate_trace_make(others[i]);
        assert_int_equal(strlen(one.id), GATE_TRACE_ID_BYTES);
        assert_int_equal(strspn(one.id, "0123456789abcdef"), GATE_TRACE_ID_BYTES);
        assert_string_not_equal(one.id, two.id);
        assert_int_equal(one.flags, 0);
        assert_null(one.state);
    }
}

static void test_join__valid(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    static const struct {
        const char *parent;
        int flags;
    } cases[] = {
        {"00-" ID "-" PARENT "-00", 0},
        {"00-" ID "-" PARENT "-01", 1},
        {"00-" ID "-" PARENT "-03", 3},
        {"00-" ID "-" PARENT "-ff", 3}, /* what has no meaning yet is sent as zero */
        {"01-" ID "-" PARENT "-01", 1},
        {"cc-" ID "-" PARENT "-01-what-comes-later", 1},
        {"cc-" ID "-" PARENT "-01-", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_trace trace = join(arena, cases[i].parent, NULL);
        assert_string_equal(trace.id, ID);
        assert_int_equal(trace.flags, cases[i].flags);
        assert_null(trace.state);
    }
    gate_arena_free(arena);
}

static void test_join__invalid_changes_nothing(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    static const char *const parents[] = {
        NULL,
        "",
        "00",
        "00-" ID "-" PARENT,
        "00-" ID "-" PARENT "-",
        "00-" ID "-" PARENT "-0",
        "00-" ID "-" PARENT "-0g",
        "00-" ID "-" PARENT "-01-",
        "00-" ID "-" PARENT "-01-more",
        "00-" ID "-" PARENT "-01 ",
        " 00-" ID "-" PARENT "-01",
        "cc-" ID "-" PARENT "-01.later",
        "ff-" ID "-" PARENT "-01",
        "0F-" ID "-" PARENT "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
        "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" ID "-0000000000000000-01",
        "00-" ID "-" PARENT "-01, 00-" ID "-" PARENT "-01",
        "00-" ID "\r\nx:" PARENT "-01-0000000000",
        "00_" ID "_" PARENT "_01",
    };
    for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
        struct gate_trace trace = join(arena, parents[i], "a=1");
        assert_string_equal(trace.id, "11111111111111111111111111111111");
        assert_int_equal(trace.flags, 0);
        assert_null(trace.state);
    }
    gate_arena_free(arena);
}

static const char *join_state(gate_arena *arena, const char *text) {
    return join(arena, "00-" ID "-" PARENT "-01", text).state;
}

static void test_join__tracestate(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    assert_string_equal(join_state(arena, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
                        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    assert_string_equal(join_state(arena, " a=1 ,\t, b@c= x~ ,"), "a=1,b@c= x~");
    assert_string_equal(join_state(arena, "1-_*/a=b"), "1-_*/a=b");
    static const char *const refused[] = {
        "",        " , ",   "a",    "=1",     "a=",         "A=1",
        "a=1,B=2", "a=1=2", "a =1", "a=\x01", "a=\r\nb: c", "a=\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_null(join_state(arena, refused[i]));
    }
    gate_arena_free(arena);
}

static void test_join__tracestate_has_bounds(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    char key[258] = {0};
    memset(key, 'k', 257);
    assert_null(join_state(arena, gate_arena_printf(arena, "%s=1", key)));
    assert_null(join_state(arena, gate_arena_printf(arena, "k=%s", key)));
    key[256] = '\0';
    assert_non_null(join_state(arena, gate_arena_printf(arena, "%s=1", key)));
    assert_non_null(join_state(arena, gate_arena_printf(arena, "k=%s", key)));
    /* 258 + 1 + 253 bytes are as many as go on; the third member has no room, nor has the fourth,
     * however short it is. */
    const char *two = gate_arena_printf(arena, "a=%s,b=%.251s", key, key);
    assert_int_equal(strlen(two), GATE_TRACESTATE_MAX_BYTES);
    assert_string_equal(join_state(arena, gate_arena_printf(arena, "%s,c=1", two)), two);
    assert_string_equal(join_state(arena, gate_arena_printf(arena, "a=%s,b=%s,c=1", key, key)),
                        gate_arena_printf(arena, "a=%s", key));
    const char *many = "a=1";
    for (int i = 1; i < GATE_TRACESTATE_MEMBERS_MAX; i++) {
        many = gate_arena_printf(arena, "%s,a=1", many);
    }
    assert_string_equal(join_state(arena, many), many);
    assert_null(join_state(arena, gate_arena_printf(arena, "%s,a=1", many)));
    gate_arena_free(arena);
}

static void test_parent_make__a_new_parent_each(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    struct gate_trace trace = join(arena, "00-" ID "-" PARENT "-01", NULL);
    const char *one = gate_trace_parent_make(arena, &trace);
    const char *two = gate_trace_parent_make(arena, &trace);
    assert_string_not_equal(one, two);
    assert_null(strstr(one, PARENT));
    struct gate_trace again = join(arena, one, NULL);
    assert_string_equal(again.id, ID);
    assert_int_equal(again.flags, 1);
    gate_arena_free(arena);
}

static void test_ctx_trace_follow__outlives_the_asker(void **state) {
    (void)state;
    struct gate_test_clock clock;
    gate_test_clock_init(&clock);
    struct gate_ctx *asker = gate_ctx_new(&clock.clock, NULL, ID);
    assert_string_equal(asker->trace.id, ID);
    gate_trace_join(asker->arena, "00-0af7651916cd43dd8448eb211c80319c-" PARENT "-01", "a=1",
                    &asker->trace);
    struct gate_ctx *ctx = gate_ctx_new(&clock.clock, NULL, NULL);
    gate_ctx_trace_follow(ctx, asker);
    gate_ctx_free(asker);
    assert_string_equal(ctx->trace.id, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(ctx->trace.state, "a=1");
    gate_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make__takes_an_id_of_the_form),
        cmocka_unit_test(test_join__valid),
        cmocka_unit_test(test_join__invalid_changes_nothing),
        cmocka_unit_test(test_join__tracestate),
        cmocka_unit_test(test_join__tracestate_has_bounds),
        cmocka_unit_test(test_parent_make__a_new_parent_each),
        cmocka_unit_test(test_ctx_trace_follow__outlives_the_asker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
