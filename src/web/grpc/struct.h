/* google.protobuf.Struct and JSON, from one to the other without a tree in between.
 *
 * A number is a double in a Struct: whole ones beyond 2^53 lose digits there, by its nature. What
 * is said in JSON with the digits of such a double is the same double again. Threads: confined.
 */
#ifndef GATE_WEB_GRPC_STRUCT_H
#define GATE_WEB_GRPC_STRUCT_H

#include "core/buffer.h"
#include "core/context.h"

/* Write a Struct as one JSON object. GATE_ERR_INPUT with a sentence: bytes that are no Struct, text
 * that is not UTF-8, a value of no kind or of two, a name that is repeated, a number that JSON does
 * not have, or more than GATE_GRPC_STRUCT_DEPTH_MAX values inside each other; GATE_ERR_TOO_LARGE
 * beyond the buffer's limit. */
enum gate_err gate_struct_format_json(struct gate_ctx *ctx, const void *bytes, size_t length,
                                      struct gate_buffer *buffer) GATE_MUST_CHECK;

/* Write a JSON object, in text that was accepted before, as a Struct. GATE_ERR_UPSTREAM when it is
 * no object; GATE_ERR_TOO_LARGE beyond the buffer's limit. A number that no double can hold becomes
 * an infinite one. */
enum gate_err gate_struct_parse_json(struct gate_ctx *ctx, const char *text, size_t length,
                                     struct gate_buffer *buffer) GATE_MUST_CHECK;

#endif
