#include "support/cases.h"

static int64_t read_wall_ms(const struct gate_clock *clock) {
    return ((const struct gate_test_clock *)clock)->wall_ms;
}

static int64_t read_monotonic_ms(const struct gate_clock *clock) {
    return ((const struct gate_test_clock *)clock)->monotonic_ms;
}

void gate_test_clock_init(struct gate_test_clock *clock) {
    clock->clock.wall_ms = read_wall_ms;
    clock->clock.monotonic_ms = read_monotonic_ms;
    clock->wall_ms = 1772366400000;
    clock->monotonic_ms = 1000000;
}

void gate_test_clock_advance(struct gate_test_clock *clock, int64_t ms) {
    clock->wall_ms += ms;
    clock->monotonic_ms += ms;
}
