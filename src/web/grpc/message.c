#include "web/grpc/message.h"

#include <stdint.h>

#include "core/text.h"
#include "web/grpc/wire.h"

static bool has_wire_type(const ProtobufCFieldDescriptor *known,
                          const struct gate_wire_field *field) {
    switch (known->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return field->type == GATE_WIRE_BYTES;
    default:
        return field->type == GATE_WIRE_VARINT; /* no message here has a number of another kind */
    }
}

/* No message here holds one of its own kind, so this ends within a few levels. */
static const char *find_problem(const ProtobufCMessageDescriptor *descriptor, const void *bytes,
                                size_t length, int *fields_left) {
    struct gate_wire_reader reader = gate_wire_reader_make(bytes, length);
    while (!gate_wire_at_end(&reader)) {
        struct gate_wire_field field;
        if (!gate_wire_read_field(&reader, &field)) {
            return "The message is not well-formed.";
        }
        if (--*fields_left < 0) {
            return "The message has too many fields.";
        }
        const ProtobufCFieldDescriptor *known =
            protobuf_c_message_descriptor_get_field(descriptor, field.number);
        if (known == NULL) {
            continue;
        }
        if (!has_wire_type(known, &field)) {
            return "A field of the message is of another type.";
        }
        if (known->type == PROTOBUF_C_TYPE_STRING &&
            !gate_text_is_utf8((const char *)field.bytes, field.length)) {
            return "A text in the message is not UTF-8, or holds NUL.";
        }
        const char *problem =
            known->type == PROTOBUF_C_TYPE_MESSAGE
                ? find_problem(known->descriptor, field.bytes, field.length, fields_left)
                : NULL;
        if (problem != NULL) {
            return problem;
        }
    }
    return NULL;
}

static void *allocate(void *arena, size_t bytes) {
    return gate_arena_alloc(arena, bytes);
}

static void leave_to_arena(void *arena, void *bytes) {
    (void)arena;
    (void)bytes;
}

enum gate_err gate_message_parse(struct gate_ctx *ctx, const ProtobufCMessageDescriptor *descriptor,
                                 const void *bytes, size_t length,
                                 const ProtobufCMessage **ret_message) {
    int fields_left = GATE_GRPC_FIELDS_MAX;
    const char *problem = find_problem(descriptor, bytes, length, &fields_left);
    if (problem != NULL) {
        return gate_fail(ctx, GATE_ERR_INPUT, "%s", problem);
    }
    ProtobufCAllocator allocator = {
        .alloc = allocate, .free = leave_to_arena, .allocator_data = ctx->arena};
    const ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, length, bytes);
    if (message == NULL) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The message cannot be read.");
    }
    *ret_message = message;
    return GATE_OK;
}

struct sink {
    ProtobufCBuffer base;
    struct gate_buffer *buffer;
};

static void append(ProtobufCBuffer *base, size_t length, const uint8_t *bytes) {
    gate_buffer_append(((struct sink *)base)->buffer, bytes, length);
}

void gate_message_write(struct gate_buffer *buffer, const ProtobufCMessage *message) {
    struct sink sink = {.base = {.append = append}, .buffer = buffer};
    (void)protobuf_c_message_pack_to_buffer(message, &sink.base);
}

static const void *find_member(const ProtobufCMessage *message, const char *name,
                               ProtobufCType type) {
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    if (field == NULL || field->type != type || field->label == PROTOBUF_C_LABEL_REPEATED) {
        return NULL;
    }
    return *(const void *const *)((const char *)message + field->offset);
}

const char *gate_message_find_text(const ProtobufCMessage *message, const char *name) {
    const char *text = gate_message_sent(find_member(message, name, PROTOBUF_C_TYPE_STRING));
    const ProtobufCMessage *filter = find_member(message, "filter", PROTOBUF_C_TYPE_MESSAGE);
    if (text != NULL || filter == NULL) {
        return text;
    }
    return gate_message_sent(find_member(filter, name, PROTOBUF_C_TYPE_STRING));
}

int gate_message_find_enum(const ProtobufCEnumDescriptor *descriptor, const char *name) {
    const ProtobufCEnumValue *value =
        name == NULL ? NULL : protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
    return value == NULL ? 0 : value->value;
}

char *gate_message_text(const char *text) {
    return (char *)(uintptr_t)(text == NULL ? "" : text); /* nothing writes to it */
}

pb_timestamp *gate_message_make_time(gate_arena *arena, int64_t wall_ms) {
    if (wall_ms == 0) {
        return NULL;
    }
    pb_timestamp *timestamp = gate_arena_make(arena, pb_timestamp);
    google__protobuf__timestamp__init(timestamp);
    timestamp->seconds = wall_ms / 1000;
    timestamp->nanos = (int32_t)(wall_ms % 1000) * 1000000;
    return timestamp;
}

const char *gate_message_sent(const char *text) {
    return gate_text_is_empty(text) ? NULL : text;
}
