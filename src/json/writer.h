/* Writing JSON into a buffer: commas and escaping are the writer's business.
 *
 * Owner: the writer struct is the caller's; the buffer outlives it. Threads: confined. Errors: the
 * buffer's `overflowed`. Text that is not UTF-8 is written with U+FFFD in place of the bad bytes.
 * A NULL name means "an array element"; gate_json_write_text with NULL text writes null.
 */
#ifndef GATE_JSON_WRITER_H
#define GATE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "json/json.h"

struct gate_json_writer {
    struct gate_buffer *buffer;
    bool needs_comma;
};

void gate_json_writer_init(struct gate_json_writer *writer, struct gate_buffer *buffer);

void gate_json_open_object(struct gate_json_writer *writer, const char *name);
void gate_json_close_object(struct gate_json_writer *writer);
void gate_json_open_array(struct gate_json_writer *writer, const char *name);
void gate_json_close_array(struct gate_json_writer *writer);

void gate_json_write_text(struct gate_json_writer *writer, const char *name, const char *text);
/* Text that may hold NUL. */
void gate_json_write_chars(struct gate_json_writer *writer, const char *name, const char *text,
                           size_t length);
/* A member's name alone; the value comes next, with NULL for its name. */
void gate_json_write_name(struct gate_json_writer *writer, const char *name, size_t length);
/* A finite number in as many digits as it takes to give it back, if more than 15; a whole one
 * without a fraction. */
void gate_json_write_number(struct gate_json_writer *writer, const char *name, double number);
void gate_json_write_integer(struct gate_json_writer *writer, const char *name, int64_t number);
void gate_json_write_bool(struct gate_json_writer *writer, const char *name, bool value);
void gate_json_write_null(struct gate_json_writer *writer, const char *name);
/* RFC 3339, or null for 0. */
void gate_json_write_time(struct gate_json_writer *writer, const char *name, int64_t wall_ms);
/* A value that was parsed before, with its digits as json-c keeps them. */
void gate_json_write_value(struct gate_json_writer *writer, const char *name,
                           const gate_json *value);
/* Bytes that are known to be one JSON value (from gate_json_raw_member). */
void gate_json_write_raw(struct gate_json_writer *writer, const char *name, const char *value,
                         size_t length);

#endif
