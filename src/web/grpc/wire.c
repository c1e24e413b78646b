#include "web/grpc/wire.h"

#define FIELD_NUMBER_MAX ((UINT32_C(1) << 29) - 1)

struct gate_wire_reader gate_wire_reader_make(const void *bytes, size_t length) {
    const unsigned char *at = length == 0 ? (const unsigned char *)"" : bytes; /* may be NULL */
    return (struct gate_wire_reader){at, at + length};
}

bool gate_wire_at_end(const struct gate_wire_reader *reader) {
    return reader->at == reader->end;
}

static size_t left(const struct gate_wire_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

/* At most ten bytes, of which the last one holds a single bit. */
static bool read_varint(struct gate_wire_reader *reader, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool read_fixed(struct gate_wire_reader *reader, unsigned count, uint64_t *ret_value) {
    if (left(reader) < count) {
        return false;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value |= (uint64_t)*reader->at++ << (8 * i);
    }
    *ret_value = value;
    return true;
}

static bool read_bytes(struct gate_wire_reader *reader, struct gate_wire_field *field) {
    uint64_t length;
    if (!read_varint(reader, &length) || length > left(reader)) {
        return false;
    }
    field->bytes = reader->at;
    field->length = (size_t)length;
    reader->at += length;
    return true;
}

bool gate_wire_read_field(struct gate_wire_reader *reader, struct gate_wire_field *ret_field) {
    uint64_t key;
    if (!read_varint(reader, &key) || key >> 3 == 0 || key >> 3 > FIELD_NUMBER_MAX) {
        return false;
    }
    struct gate_wire_field field = {.number = (uint32_t)(key >> 3)};
    bool ok;
    switch (key & 7) {
    case GATE_WIRE_VARINT:
        field.type = GATE_WIRE_VARINT;
        ok = read_varint(reader, &field.value);
        break;
    case GATE_WIRE_FIXED64:
        field.type = GATE_WIRE_FIXED64;
        ok = read_fixed(reader, 8, &field.value);
        break;
    case GATE_WIRE_BYTES:
        field.type = GATE_WIRE_BYTES;
        ok = read_bytes(reader, &field);
        break;
    case GATE_WIRE_FIXED32:
        field.type = GATE_WIRE_FIXED32;
        ok = read_fixed(reader, 4, &field.value);
        break;
    default:
        ok = false;
    }
    if (ok) {
        *ret_field = field;
    }
    return ok;
}

void gate_wire_write_varint(struct gate_buffer *buffer, uint64_t value) {
    unsigned char bytes[10];
    size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[count++] = (unsigned char)value;
    gate_buffer_append(buffer, bytes, count);
}

void gate_wire_write_key(struct gate_buffer *buffer, uint32_t number, enum gate_wire_type type) {
    gate_wire_write_varint(buffer, (uint64_t)number << 3 | type);
}

size_t gate_wire_varint_bytes(uint64_t value) {
    size_t count = 1;
    while (value >= 0x80) {
        value >>= 7;
        count++;
    }
    return count;
}
