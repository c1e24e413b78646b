#include "support/cases.h"

/* Read by the store's and the network's threads while a test moves it on. */
static int64_t read_wall_ms(const struct gate_clock *clock) {
    return __atomic_load_n(&((const struct gate_test_clock *)clock)->wall_ms, __ATOMIC_RELAXED);
}

static int64_t read_monotonic_ms(const struct gate_clock *clock) {
    return __atomic_load_n(&((const struct gate_test_clock *)clock)->monotonic_ms,
                           __ATOMIC_RELAXED);
}

void gate_test_clock_init(struct gate_test_clock *clock) {
    clock->clock.wall_ms = read_wall_ms;
    clock->clock.monotonic_ms = read_monotonic_ms;
    clock->wall_ms = 1772366400000;
    clock->monotonic_ms = 1000000;
}

void gate_test_clock_advance(struct gate_test_clock *clock, int64_t ms) {
    __atomic_fetch_add(&clock->wall_ms, ms, __ATOMIC_RELAXED);
    __atomic_fetch_add(&clock->monotonic_ms, ms, __ATOMIC_RELAXED);
}

void gate_test_clock_set_back(struct gate_test_clock *clock, int64_t ms) {
    __atomic_sub_fetch(&clock->wall_ms, ms, __ATOMIC_RELAXED);
}
