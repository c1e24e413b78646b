/* What libFuzzer calls. Threads: one. */
#ifndef GATE_TESTS_FUZZ_TARGET_H
#define GATE_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Try one input; abort when something that must hold does not. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
