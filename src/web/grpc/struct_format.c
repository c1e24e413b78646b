/* A Struct as JSON. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "web/grpc/struct.h"
#include "web/grpc/struct_fields.h"
#include "web/grpc/wire.h"
#include "json/json.h"
#include "json/writer.h"

struct formatting {
    struct gate_json_writer writer;
    const char *problem; /* static sentence; NULL: none */
};

struct piece {
    const unsigned char *bytes; /* NULL: none */
    size_t length;
};

static bool refuse(struct formatting *formatting, const char *problem) {
    if (formatting->problem == NULL) {
        formatting->problem = problem;
    }
    return false;
}

static bool refuse_bytes(struct formatting *formatting) {
    return refuse(formatting, "The Struct is not well-formed.");
}

/* UTF-8 that may hold NUL, as JSON may. */
static bool is_text(const unsigned char *bytes, size_t length) {
    const char *at = (const char *)bytes;
    const char *end = at + length;
    while (at < end) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        const char *stop = nul == NULL ? end : nul;
        if (!gate_text_is_utf8(at, (size_t)(stop - at))) {
            return false;
        }
        at = nul == NULL ? end : nul + 1;
    }
    return true;
}

static bool format_value(struct formatting *formatting, struct piece value, int depth);

static bool format_entry(struct formatting *formatting, struct piece entry, int depth) {
    struct gate_wire_reader reader = gate_wire_reader_make(entry.bytes, entry.length);
    struct piece key = {(const unsigned char *)"", 0};
    struct piece value = {NULL, 0};
    while (!gate_wire_at_end(&reader)) {
        struct gate_wire_field field;
        if (!gate_wire_read_field(&reader, &field)) {
            return refuse_bytes(formatting);
        }
        bool is_known = field.number == ENTRY_KEY || field.number == ENTRY_VALUE;
        if (is_known && field.type != GATE_WIRE_BYTES) {
            return refuse_bytes(formatting);
        }
        if (is_known) {
            *(field.number == ENTRY_KEY ? &key : &value) =
                (struct piece){field.bytes, field.length};
        }
    }
    if (!is_text(key.bytes, key.length)) {
        return refuse(formatting, "A name in the Struct is not UTF-8.");
    }
    gate_json_write_name(&formatting->writer, (const char *)key.bytes, key.length);
    return value.bytes == NULL ? refuse(formatting, "A name in the Struct has no value.")
                               : format_value(formatting, value, depth);
}

/* The one repeated field that a Struct and a ListValue have. */
static bool format_items(struct formatting *formatting, struct piece list, int depth,
                         bool (*format_item)(struct formatting *, struct piece, int)) {
    struct gate_wire_reader reader = gate_wire_reader_make(list.bytes, list.length);
    while (!gate_wire_at_end(&reader)) {
        struct gate_wire_field field;
        if (!gate_wire_read_field(&reader, &field) ||
            (field.number == STRUCT_FIELDS && field.type != GATE_WIRE_BYTES)) {
            return refuse_bytes(formatting);
        }
        if (field.number == STRUCT_FIELDS &&
            !format_item(formatting, (struct piece){field.bytes, field.length}, depth)) {
            return false;
        }
    }
    return true;
}

/* `depth` is how many lists and structs are open around it. */
static bool format_container(struct formatting *formatting, struct piece container, bool is_struct,
                             int depth) {
    if (depth >= GATE_GRPC_STRUCT_DEPTH_MAX) {
        return refuse(formatting, "Values in the Struct are nested too deeply.");
    }
    if (is_struct) {
        gate_json_open_object(&formatting->writer, NULL);
        if (!format_items(formatting, container, depth + 1, format_entry)) {
            return false;
        }
        gate_json_close_object(&formatting->writer);
    } else {
        gate_json_open_array(&formatting->writer, NULL);
        if (!format_items(formatting, container, depth + 1, format_value)) {
            return false;
        }
        gate_json_close_array(&formatting->writer);
    }
    return true;
}

static bool format_number(struct formatting *formatting, uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number)) {
        return refuse(formatting, "A number in the Struct is infinite or none.");
    }
    gate_json_write_number(&formatting->writer, NULL, number);
    return true;
}

static bool format_text(struct formatting *formatting, const struct gate_wire_field *field) {
    if (!is_text(field->bytes, field->length)) {
        return refuse(formatting, "A text in the Struct is not UTF-8.");
    }
    gate_json_write_chars(&formatting->writer, NULL, (const char *)field->bytes, field->length);
    return true;
}

static bool format_kind(struct formatting *formatting, const struct gate_wire_field *field,
                        int depth) {
    static const enum gate_wire_type types[] = {
        [VALUE_NULL] = GATE_WIRE_VARINT,  [VALUE_NUMBER] = GATE_WIRE_FIXED64,
        [VALUE_TEXT] = GATE_WIRE_BYTES,   [VALUE_BOOL] = GATE_WIRE_VARINT,
        [VALUE_STRUCT] = GATE_WIRE_BYTES, [VALUE_LIST] = GATE_WIRE_BYTES,
    };
    if (field->type != types[field->number]) {
        return refuse_bytes(formatting);
    }
    switch (field->number) {
    case VALUE_NULL:
        gate_json_write_null(&formatting->writer, NULL);
        return true;
    case VALUE_NUMBER:
        return format_number(formatting, field->value);
    case VALUE_TEXT:
        return format_text(formatting, field);
    case VALUE_BOOL:
        gate_json_write_bool(&formatting->writer, NULL, field->value != 0);
        return true;
    default:
        return format_container(formatting, (struct piece){field->bytes, field->length},
                                field->number == VALUE_STRUCT, depth);
    }
}

/* Of two kinds a reader would take the last one, or merge them: nobody means to send that. */
static bool format_value(struct formatting *formatting, struct piece value, int depth) {
    struct gate_wire_reader reader = gate_wire_reader_make(value.bytes, value.length);
    struct gate_wire_field kind = {0};
    while (!gate_wire_at_end(&reader)) {
        struct gate_wire_field field;
        if (!gate_wire_read_field(&reader, &field)) {
            return refuse_bytes(formatting);
        }
        if (field.number > VALUE_LIST) {
            continue;
        }
        if (kind.number != 0) {
            return refuse(formatting, "A value in the Struct is of two kinds.");
        }
        kind = field;
    }
    return kind.number == 0 ? refuse(formatting, "A value in the Struct is of no kind.")
                            : format_kind(formatting, &kind, depth);
}

enum gate_err gate_struct_format_json(struct gate_ctx *ctx, const void *bytes, size_t length,
                                      struct gate_buffer *buffer) {
    struct formatting formatting = {.problem = NULL};
    size_t from = buffer->length;
    gate_json_writer_init(&formatting.writer, buffer);
    bool ok = format_container(&formatting, (struct piece){bytes, length}, true, 0);
    if (buffer->overflowed) {
        return gate_fail(ctx, GATE_ERR_TOO_LARGE, "The Struct is longer than %zu bytes as JSON.",
                         buffer->max_bytes);
    }
    if (!ok) {
        return gate_fail(ctx, GATE_ERR_INPUT, "%s", formatting.problem);
    }
    /* The one thing that was not looked at yet are repeated names. */
    if (gate_json_check(ctx, gate_buffer_text(buffer) + from, buffer->length - from,
                        GATE_GRPC_STRUCT_DEPTH_MAX) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_INPUT, "A name in the Struct is repeated, or holds NUL.");
    }
    return GATE_OK;
}
