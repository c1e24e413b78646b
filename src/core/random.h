/* Unpredictable bytes from the kernel (getrandom(2)).
 *
 * Threads: immutable. Errors: none; a kernel without randomness aborts the process.
 */
#ifndef GATE_CORE_RANDOM_H
#define GATE_CORE_RANDOM_H

#include <stdint.h>

#include "core/arena.h"

void gate_random_fill(void *bytes, size_t length);

/* Make a token of `length` random bytes in base64url. 32 bytes are the norm for anything guessed
 * against. */
char *gate_random_token_make(gate_arena *arena, size_t length);

/* A number below `bound` (> 0), for jitter; not exactly uniform. */
uint32_t gate_random_below(uint32_t bound);

#endif
