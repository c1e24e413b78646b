/* What every cmocka file includes, in the order cmocka wants it. */
#ifndef GATE_TESTS_CASES_H
#define GATE_TESTS_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/context.h"

/* A clock that stands still until told; both readings move together. */
struct gate_test_clock {
    struct gate_clock clock; /* first, so that a pointer to it is a pointer to this */
    int64_t wall_ms;
    int64_t monotonic_ms;
};

/* Start at 2026-03-01T12:00:00Z. */
void gate_test_clock_init(struct gate_test_clock *clock);
void gate_test_clock_advance(struct gate_test_clock *clock, int64_t ms);
/* The wall clock alone, as who corrects it does. */
void gate_test_clock_set_back(struct gate_test_clock *clock, int64_t ms);

#endif
