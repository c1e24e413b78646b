/* Time as an input. Production uses gate_clock_system; tests hand in a clock that stands still.
 *
 * Threads: immutable (the system clock); a test's clock is the test's matter. Errors: none.
 * Wall time is milliseconds since 1970-01-01 UTC, monotonic time milliseconds since some start.
 */
#ifndef GATE_CORE_CLOCK_H
#define GATE_CORE_CLOCK_H

#include <stdint.h>

struct gate_clock {
    int64_t (*wall_ms)(const struct gate_clock *clock);
    int64_t (*monotonic_ms)(const struct gate_clock *clock);
};

extern const struct gate_clock gate_clock_system;

int64_t gate_clock_wall_ms(const struct gate_clock *clock);
int64_t gate_clock_monotonic_ms(const struct gate_clock *clock);

#endif
