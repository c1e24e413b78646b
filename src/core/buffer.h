/* A growing run of bytes with a maximum.
 *
 * Owner: whoever declared the struct; release with gate_buffer_done. Threads: confined.
 * Errors: appending beyond max_bytes sets `overflowed`, appends nothing, and stays so; check once
 * at the end. The bytes are always followed by a NUL that does not count.
 */
#ifndef GATE_CORE_BUFFER_H
#define GATE_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct gate_buffer {
    char *data; /* NULL while empty */
    size_t length;
    size_t capacity;
    size_t max_bytes;
    bool overflowed;
};

/* Start an empty buffer that never holds more than `max_bytes`. Allocates nothing. */
void gate_buffer_init(struct gate_buffer *buffer, size_t max_bytes);

/* Free the bytes and leave an empty buffer with the same maximum. */
void gate_buffer_done(struct gate_buffer *buffer);

void gate_buffer_append(struct gate_buffer *buffer, const void *bytes, size_t length);
void gate_buffer_append_text(struct gate_buffer *buffer, const char *text);
void gate_buffer_printf(struct gate_buffer *buffer, const char *format, ...) GATE_PRINTF(2, 3);

/* The bytes as text; "" while empty. Borrowed until the next change. */
const char *gate_buffer_text(const struct gate_buffer *buffer);

#endif
