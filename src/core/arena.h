/* Memory that lives as long as one request.
 *
 * Owner: whoever called gate_arena_new; everything allocated here is freed by gate_arena_free.
 * Threads: confined; handed over together with the request it belongs to.
 * Errors: none. Out of memory aborts, so every size a stranger controls is capped first
 * (core/limits.h). Under sanitizers every allocation is its own malloc, so overruns are seen.
 */
#ifndef GATE_CORE_ARENA_H
#define GATE_CORE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "core/error.h"

typedef struct gate_arena gate_arena;

/* Make an empty arena. Free with gate_arena_free. */
gate_arena *gate_arena_new(void);

/* Run the deferred functions, newest first, then free everything. NULL is fine. */
void gate_arena_free(gate_arena *arena);

/* Allocate zeroed bytes, aligned for any type. Zero bytes give a unique non-NULL pointer. */
void *gate_arena_alloc(gate_arena *arena, size_t bytes) __attribute__((returns_nonnull));

/* Allocate `count` zeroed elements of `bytes` each; aborts when the product overflows. */
void *gate_arena_alloc_array(gate_arena *arena, size_t count, size_t bytes)
    __attribute__((returns_nonnull));

/* Copy a string; NULL stays NULL. */
char *gate_arena_strdup(gate_arena *arena, const char *text);

/* Copy `length` bytes and add a NUL. */
char *gate_arena_strndup(gate_arena *arena, const char *text, size_t length);

/* Format into the arena. */
char *gate_arena_printf(gate_arena *arena, const char *format, ...) GATE_PRINTF(2, 3);

/* Call `release(object)` when the arena is freed: the way to own json objects, statements,
 * dictionaries. */
void gate_arena_defer(gate_arena *arena, void (*release)(void *object), void *object);

/* Allocate one zeroed object of a type. */
#define gate_arena_make(arena, type) ((type *)gate_arena_alloc((arena), sizeof(type)))

#endif
