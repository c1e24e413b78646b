#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/timestamp.h"
#include "json/node.h"

void gate_json_writer_init(struct gate_json_writer *writer, struct gate_buffer *buffer) {
    writer->buffer = buffer;
    writer->needs_comma = false;
}

static void append_escaped_byte(struct gate_buffer *buffer, char byte) {
    switch (byte) {
    case '"':
        gate_buffer_append(buffer, "\\\"", 2);
        break;
    case '\\':
        gate_buffer_append(buffer, "\\\\", 2);
        break;
    case '\n':
        gate_buffer_append(buffer, "\\n", 2);
        break;
    case '\r':
        gate_buffer_append(buffer, "\\r", 2);
        break;
    case '\t':
        gate_buffer_append(buffer, "\\t", 2);
        break;
    default:
        gate_buffer_printf(buffer, "\\u%04x", (unsigned)(unsigned char)byte);
    }
}

static bool needs_escape(char byte) {
    return (unsigned char)byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F;
}

static void append_chars(struct gate_buffer *buffer, const char *text, size_t left) {
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    const char *plain = text; /* where the run of bytes begins that need no change */
    gate_buffer_append(buffer, "\"", 1);
    while (left > 0) {
        size_t step = *text == '\0' ? 1 : gate_text_utf8_step(text, left);
        if (step != 0 && !needs_escape(*text)) {
            text += step;
            left -= step;
            continue;
        }
        gate_buffer_append(buffer, plain, (size_t)(text - plain));
        if (step == 0) {
            gate_buffer_append_text(buffer, replacement);
        } else {
            append_escaped_byte(buffer, *text);
        }
        plain = ++text;
        left--;
    }
    gate_buffer_append(buffer, plain, (size_t)(text - plain));
    gate_buffer_append(buffer, "\"", 1);
}

static void append_string(struct gate_buffer *buffer, const char *text) {
    append_chars(buffer, text, strlen(text));
}

/* The comma before, and the name unless it is an array's element. */
static void begin_value(struct gate_json_writer *writer, const char *name) {
    if (writer->needs_comma) {
        gate_buffer_append(writer->buffer, ",", 1);
    }
    if (name != NULL) {
        append_string(writer->buffer, name);
        gate_buffer_append(writer->buffer, ":", 1);
    }
    writer->needs_comma = true;
}

static void open_container(struct gate_json_writer *writer, const char *name, const char *bracket) {
    begin_value(writer, name);
    gate_buffer_append(writer->buffer, bracket, 1);
    writer->needs_comma = false;
}

static void close_container(struct gate_json_writer *writer, const char *bracket) {
    gate_buffer_append(writer->buffer, bracket, 1);
    writer->needs_comma = true;
}

void gate_json_open_object(struct gate_json_writer *writer, const char *name) {
    open_container(writer, name, "{");
}

void gate_json_close_object(struct gate_json_writer *writer) {
    close_container(writer, "}");
}

void gate_json_open_array(struct gate_json_writer *writer, const char *name) {
    open_container(writer, name, "[");
}

void gate_json_close_array(struct gate_json_writer *writer) {
    close_container(writer, "]");
}

void gate_json_write_text(struct gate_json_writer *writer, const char *name, const char *text) {
    if (text == NULL) {
        gate_json_write_null(writer, name);
        return;
    }
    begin_value(writer, name);
    append_string(writer->buffer, text);
}

void gate_json_write_chars(struct gate_json_writer *writer, const char *name, const char *text,
                           size_t length) {
    begin_value(writer, name);
    append_chars(writer->buffer, text, length);
}

void gate_json_write_name(struct gate_json_writer *writer, const char *name, size_t length) {
    begin_value(writer, NULL);
    append_chars(writer->buffer, name, length);
    gate_buffer_append(writer->buffer, ":", 1);
    writer->needs_comma = false;
}

void gate_json_write_number(struct gate_json_writer *writer, const char *name, double number) {
    char text[40];
    /* Fifteen digits always stand for themselves, and seventeen tell all doubles apart. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    begin_value(writer, name);
    gate_buffer_append_text(writer->buffer, text);
}

void gate_json_write_integer(struct gate_json_writer *writer, const char *name, int64_t number) {
    begin_value(writer, name);
    gate_buffer_printf(writer->buffer, "%lld", (long long)number);
}

void gate_json_write_bool(struct gate_json_writer *writer, const char *name, bool value) {
    begin_value(writer, name);
    gate_buffer_append_text(writer->buffer, value ? "true" : "false");
}

void gate_json_write_null(struct gate_json_writer *writer, const char *name) {
    begin_value(writer, name);
    gate_buffer_append_text(writer->buffer, "null");
}

void gate_json_write_time(struct gate_json_writer *writer, const char *name, int64_t wall_ms) {
    if (wall_ms == 0) {
        gate_json_write_null(writer, name);
        return;
    }
    char text[GATE_TIMESTAMP_MAX_BYTES];
    gate_timestamp_write(wall_ms, text);
    gate_json_write_text(writer, name, text);
}

void gate_json_write_value(struct gate_json_writer *writer, const char *name,
                           const gate_json *value) {
    const char *text = json_object_to_json_string_ext(
        gate_json_node(value), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    begin_value(writer, name);
    gate_buffer_append_text(writer->buffer, text);
}

void gate_json_write_raw(struct gate_json_writer *writer, const char *name, const char *value,
                         size_t length) {
    begin_value(writer, name);
    gate_buffer_append(writer->buffer, value, length);
}
