#include "support/cases.h"

#include <stdlib.h>
#include <string.h>

#include "portal/tool_cache.h"

static struct gate_tool_cache *cache;
static gate_arena *arena;

static int set_up(void **state) {
    (void)state;
    cache = gate_tool_cache_new();
    arena = gate_arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_tool_cache_free(cache);
    gate_arena_free(arena);
    return 0;
}

static struct gate_digest key_of(size_t number) {
    return gate_digest_make(&number, sizeof number);
}

static const char *find(size_t number, int64_t now_ms) {
    const struct gate_digest key = key_of(number);
    const char *body = NULL;
    size_t length = 0;
    if (!gate_tool_cache_find(cache, arena, &key, now_ms, &body, &length)) {
        return NULL;
    }
    assert_int_equal(length, strlen(body));
    return body;
}

static void save(size_t number, const char *body, int64_t now_ms) {
    const struct gate_digest key = key_of(number);
    gate_tool_cache_save(cache, &key, body, strlen(body), now_ms);
}

static void test_find__what_was_saved(void **state) {
    (void)state;
    assert_null(find(1, 0));
    save(1, "one", 0);
    save(2, "two", 0);
    assert_string_equal(find(1, 0), "one");
    assert_string_equal(find(2, 0), "two");
    save(1, "one again", 1);
    assert_string_equal(find(1, 1), "one again");
}

static void test_find__no_longer_than_it_lives(void **state) {
    (void)state;
    save(1, "one", 5);
    assert_non_null(find(1, 5 + GATE_TOOL_CACHE_LIFE_MS - 1));
    assert_null(find(1, 5 + GATE_TOOL_CACHE_LIFE_MS));
}

static void test_save__only_so_many(void **state) {
    (void)state;
    for (size_t i = 0; i <= GATE_TOOL_CACHE_ENTRIES_MAX; i++) {
        save(i, "x", (int64_t)i);
    }
    assert_null(find(0, GATE_TOOL_CACHE_ENTRIES_MAX)); /* the oldest made room */
    assert_non_null(find(1, GATE_TOOL_CACHE_ENTRIES_MAX));
    assert_non_null(find(GATE_TOOL_CACHE_ENTRIES_MAX, GATE_TOOL_CACHE_ENTRIES_MAX));
}

static void test_save__only_so_many_bytes(void **state) {
    (void)state;
    char *large = calloc(1, GATE_TOOL_CACHE_ENTRY_MAX_BYTES + 2);
    assert_non_null(large);
    memset(large, 'x', GATE_TOOL_CACHE_ENTRY_MAX_BYTES + 1);
    save(1000, large, 0);
    assert_null(find(1000, 0));
    large[GATE_TOOL_CACHE_ENTRY_MAX_BYTES] = '\0';
    const size_t room = GATE_TOOL_CACHE_MAX_BYTES / GATE_TOOL_CACHE_ENTRY_MAX_BYTES;
    for (size_t i = 0; i <= room; i++) {
        save(i, large, 0);
    }
    assert_non_null(find(room - 1, 0));
    assert_null(find(room, 0)); /* no room */
    save(room, large, GATE_TOOL_CACHE_LIFE_MS);
    assert_non_null(find(room, GATE_TOOL_CACHE_LIFE_MS)); /* what is old goes first */
    free(large);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_find__what_was_saved),
        CASE(test_find__no_longer_than_it_lives),
        CASE(test_save__only_so_many),
        CASE(test_save__only_so_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
