#include "core/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(const struct gate_clock *clock) {
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(const struct gate_clock *clock) {
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

const struct gate_clock gate_clock_system = {
    .wall_ms = system_wall_ms,
    .monotonic_ms = system_monotonic_ms,
};

int64_t gate_clock_wall_ms(const struct gate_clock *clock) {
    return clock->wall_ms(clock);
}

int64_t gate_clock_monotonic_ms(const struct gate_clock *clock) {
    return clock->monotonic_ms(clock);
}
