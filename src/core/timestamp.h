/* RFC 3339 timestamps as protojson writes them ("2026-03-01T12:00:00.123456789Z").
 *
 * Threads: immutable. Errors: GATE_ERR_INPUT, nothing recorded. Milliseconds since 1970 UTC.
 */
#ifndef GATE_CORE_TIMESTAMP_H
#define GATE_CORE_TIMESTAMP_H

#include <stdint.h>

#include "core/arena.h"

/* Parse with 'Z' or a numeric offset, any number of fraction digits up to nine, years 1970-9999. */
enum gate_err gate_timestamp_parse(const char *text, int64_t *ret_wall_ms) GATE_MUST_CHECK;

#define GATE_TIMESTAMP_MAX_BYTES 40

/* Write in UTC, with milliseconds only when there are any. */
void gate_timestamp_write(int64_t wall_ms, char ret_text[GATE_TIMESTAMP_MAX_BYTES]);

/* The same in the arena. */
char *gate_timestamp_format(gate_arena *arena, int64_t wall_ms);

#endif
