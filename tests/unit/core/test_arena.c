#include "support/cases.h"

#include <string.h>

#include "core/arena.h"

static void test_alloc__zeroed_and_aligned(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        unsigned char *memory = gate_arena_alloc(arena, bytes);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(memory[i], 0);
        }
        memset(memory, 0xAB, bytes);
    }
    gate_arena_free(arena);
}

static void test_alloc__zero_bytes_are_unique(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    void *first = gate_arena_alloc(arena, 0);
    void *second = gate_arena_alloc(arena, 0);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    gate_arena_free(arena);
}

static void test_alloc__large_block_leaves_the_current_usable(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    char *before = gate_arena_alloc(arena, 16);
    char *large = gate_arena_alloc(arena, 10 * GATE_ARENA_BLOCK_BYTES);
    char *after = gate_arena_alloc(arena, 16);
    memset(before, 'a', 16);
    memset(large, 'b', 10 * GATE_ARENA_BLOCK_BYTES);
    memset(after, 'c', 16);
    assert_int_equal(before[15], 'a');
    assert_int_equal(large[0], 'b');
    assert_int_equal(large[10 * GATE_ARENA_BLOCK_BYTES - 1], 'b');
    gate_arena_free(arena);
}

static void test_alloc_array__product(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    int64_t *numbers = gate_arena_alloc_array(arena, 1000, sizeof *numbers);
    numbers[999] = 7;
    assert_int_equal(numbers[0], 0);
    assert_non_null(gate_arena_alloc_array(arena, 0, 8));
    assert_non_null(gate_arena_alloc_array(arena, 8, 0));
    gate_arena_free(arena);
}

static void test_copies__own_their_bytes(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    char source[] = "portal";
    char *copy = gate_arena_strdup(arena, source);
    char *cut = gate_arena_strndup(arena, source, 4);
    source[0] = 'X';
    assert_string_equal(copy, "portal");
    assert_string_equal(cut, "port");
    assert_null(gate_arena_strdup(arena, NULL));
    assert_string_equal(gate_arena_strndup(arena, NULL, 0), "");
    gate_arena_free(arena);
}

static void test_printf__any_length(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    assert_string_equal(gate_arena_printf(arena, "%s-%d", "a", 42), "a-42");
    assert_string_equal(gate_arena_printf(arena, "%s", ""), "");
    assert_int_equal(strlen(gate_arena_printf(arena, "%9000d", 1)), 9000);
    gate_arena_free(arena);
}

static char order[8];

static void note_release(void *object) {
    strncat(order, object, 1);
}

struct late {
    gate_arena *arena;
    char letter[2];
};

static void defer_again(void *object) {
    struct late *late = object;
    gate_arena_defer(late->arena, note_release, late->letter);
}

static void test_defer__newest_first(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    char letters[3][2] = {"a", "b", "c"};
    order[0] = '\0';
    for (int i = 0; i < 3; i++) {
        gate_arena_defer(arena, note_release, letters[i]);
    }
    gate_arena_free(arena);
    assert_string_equal(order, "cba");
}

static void test_defer__while_releasing(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    struct late *late = gate_arena_make(arena, struct late);
    *late = (struct late){.arena = arena, .letter = "z"};
    order[0] = '\0';
    gate_arena_defer(arena, defer_again, late);
    gate_arena_free(arena);
    assert_string_equal(order, "z");
}

static void test_free__null(void **state) {
    (void)state;
    gate_arena_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__zeroed_and_aligned),
        cmocka_unit_test(test_alloc__zero_bytes_are_unique),
        cmocka_unit_test(test_alloc__large_block_leaves_the_current_usable),
        cmocka_unit_test(test_alloc_array__product),
        cmocka_unit_test(test_copies__own_their_bytes),
        cmocka_unit_test(test_printf__any_length),
        cmocka_unit_test(test_defer__newest_first),
        cmocka_unit_test(test_defer__while_releasing),
        cmocka_unit_test(test_free__null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
