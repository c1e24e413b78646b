/* The wire format of protocol buffers (proto3 encoding): fields one after the other.
 *
 * Owner: the structs are the caller's and borrow the bytes. Threads: confined. Errors: false for
 * bytes that are no well-formed field, among them groups, which nobody sends any more.
 */
#ifndef GATE_WEB_GRPC_WIRE_H
#define GATE_WEB_GRPC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

enum gate_wire_type {
    GATE_WIRE_VARINT = 0,
    GATE_WIRE_FIXED64 = 1,
    GATE_WIRE_BYTES = 2, /* texts, bytes, messages */
    GATE_WIRE_FIXED32 = 5,
};

struct gate_wire_reader {
    const unsigned char *at;
    const unsigned char *end;
};

struct gate_wire_field {
    uint32_t number;
    enum gate_wire_type type;
    uint64_t value;             /* of a number */
    const unsigned char *bytes; /* of GATE_WIRE_BYTES */
    size_t length;
};

struct gate_wire_reader gate_wire_reader_make(const void *bytes, size_t length);

/* Nothing is left to read. */
bool gate_wire_at_end(const struct gate_wire_reader *reader);

/* Read the next field; not at the end. */
bool gate_wire_read_field(struct gate_wire_reader *reader, struct gate_wire_field *ret_field)
    __attribute__((warn_unused_result));

/* Write a varint; the key of a field with its type; and how many bytes a varint takes. */
void gate_wire_write_varint(struct gate_buffer *buffer, uint64_t value);
void gate_wire_write_key(struct gate_buffer *buffer, uint32_t number, enum gate_wire_type type);
size_t gate_wire_varint_bytes(uint64_t value);

#endif
