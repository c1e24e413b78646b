#include "support/cases.h"

#include "net/timers.h"

#define COUNT 500

static void test_first__is_always_the_soonest(void **state) {
    (void)state;
    struct gate_net_timers timers = {0};
    struct gate_net_timer timer[COUNT] = {0};
    uint32_t number = 12345;
    for (int i = 0; i < COUNT; i++) {
        number = number * 1664525u + 1013904223u;
        timer[i].due_ms = number >> 22; /* many equal ones */
        gate_net_timers_set(&timers, &timer[i]);
    }
    for (int i = 0; i < COUNT; i += 3) { /* from the middle, too */
        gate_net_timers_clear(&timers, &timer[i]);
        gate_net_timers_clear(&timers, &timer[i]);
    }
    int64_t previous = 0;
    int taken = 0;
    struct gate_net_timer *first;
    while ((first = gate_net_timers_first(&timers)) != NULL) {
        assert_true(first->due_ms >= previous);
        previous = first->due_ms;
        gate_net_timers_clear(&timers, first);
        assert_int_equal(first->place, 0);
        taken++;
    }
    assert_int_equal(taken, COUNT - (COUNT + 2) / 3);
    gate_net_timers_done(&timers);
}

static void test_clear__of_a_timer_that_is_not_set(void **state) {
    (void)state;
    struct gate_net_timers timers = {0};
    struct gate_net_timer timer = {.due_ms = 1};
    gate_net_timers_clear(&timers, &timer);
    assert_null(gate_net_timers_first(&timers));
    gate_net_timers_done(&timers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first__is_always_the_soonest),
        cmocka_unit_test(test_clear__of_a_timer_that_is_not_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
