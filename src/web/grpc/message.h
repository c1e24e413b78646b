/* Protobuf messages in and out of bytes.
 *
 * Owner: parsed messages live in the arena. Threads: confined. Errors: GATE_ERR_INPUT with a
 * sentence.
 */
#ifndef GATE_WEB_GRPC_MESSAGE_H
#define GATE_WEB_GRPC_MESSAGE_H

#include "core/buffer.h"
#include "core/context.h"
#include "web/grpc/messages.h"

/* Parse a message. Refused before anything is made of it: bytes that are not well-formed, more than
 * GATE_GRPC_FIELDS_MAX fields, fields of another type, texts that are not UTF-8 or hold NUL. Fields
 * that are not known are passed over. */
enum gate_err gate_message_parse(struct gate_ctx *ctx, const ProtobufCMessageDescriptor *descriptor,
                                 const void *bytes, size_t length,
                                 const ProtobufCMessage **ret_message) GATE_MUST_CHECK;

/* Append a message's bytes. */
void gate_message_write(struct gate_buffer *buffer, const ProtobufCMessage *message);

/* The text of a field by its name, looked for in the message itself and then in its field "filter";
 * NULL when there is no such field, or it was not sent. */
const char *gate_message_find_text(const ProtobufCMessage *message, const char *name);

/* The number of an enum's value by its name; 0, which stands for "not known" in each of them, for
 * NULL and any other. */
int gate_message_find_enum(const ProtobufCEnumDescriptor *descriptor, const char *name);

/* A text for a message that is only read: NULL becomes "". */
char *gate_message_text(const char *text);

/* In the arena; NULL for 0. */
pb_timestamp *gate_message_make_time(gate_arena *arena, int64_t wall_ms);

/* NULL for a text that was not sent. */
const char *gate_message_sent(const char *text);

#endif
