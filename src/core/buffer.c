#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gate_buffer_init(struct gate_buffer *buffer, size_t max_bytes) {
    *buffer = (struct gate_buffer){.max_bytes = max_bytes};
}

void gate_buffer_done(struct gate_buffer *buffer) {
    free(buffer->data);
    gate_buffer_init(buffer, buffer->max_bytes);
}

static bool make_room(struct gate_buffer *buffer, size_t length) {
    if (buffer->overflowed || length > buffer->max_bytes - buffer->length) {
        buffer->overflowed = true;
        return false;
    }
    size_t needed = buffer->length + length + 1;
    if (needed <= buffer->capacity) {
        return true;
    }
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity * 2;
    if (capacity < needed) {
        capacity = needed;
    }
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        abort();
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void gate_buffer_append(struct gate_buffer *buffer, const void *bytes, size_t length) {
    if (!make_room(buffer, length)) {
        return;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->length, bytes, length);
    }
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void gate_buffer_append_text(struct gate_buffer *buffer, const char *text) {
    gate_buffer_append(buffer, text, strlen(text));
}

void gate_buffer_printf(struct gate_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    if (!make_room(buffer, (size_t)length)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

const char *gate_buffer_text(const struct gate_buffer *buffer) {
    return buffer->data == NULL ? "" : buffer->data;
}
