#include "support/cases.h"

#include "web/page.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define NOW_MS (60 * 365 * DAY_MS)

static void test_relative_time__units(void **state) {
    (void)state;
    static const struct {
        int64_t ago_ms;
        const char *text;
    } cases[] = {
        {-DAY_MS, "just now"}, /* another machine's clock */
        {0, "just now"},
        {59 * SECOND_MS, "just now"},
        {MINUTE_MS, "1 minute ago"},
        {2 * MINUTE_MS - 1, "1 minute ago"},
        {2 * MINUTE_MS, "2 minutes ago"},
        {59 * MINUTE_MS + 59 * SECOND_MS, "59 minutes ago"},
        {HOUR_MS, "1 hour ago"},
        {23 * HOUR_MS, "23 hours ago"},
        {DAY_MS, "1 day ago"},
        {29 * DAY_MS, "29 days ago"},
        {30 * DAY_MS, "1 month ago"},
        {364 * DAY_MS, "12 months ago"},
        {365 * DAY_MS, "1 year ago"},
        {800 * DAY_MS, "2 years ago"},
    };
    gate_arena *arena = gate_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(gate_page_relative_time(arena, NOW_MS - cases[i].ago_ms, NOW_MS),
                            cases[i].text);
    }
    gate_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative_time__units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
