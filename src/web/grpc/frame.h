/* The length-prefixed message of gRPC over HTTP/2: one byte that says whether it is compressed,
 * four with its length, the most significant first, and the message.
 *
 * Threads: confined. Errors: GATE_ERR_INPUT for anything but exactly one message,
 * GATE_ERR_MEDIA_TYPE for a compressed one; each with a sentence.
 */
#ifndef GATE_WEB_GRPC_FRAME_H
#define GATE_WEB_GRPC_FRAME_H

#include "core/buffer.h"
#include "core/context.h"

/* Find the one message in a body. Borrowed from it. */
enum gate_err gate_frame_parse(struct gate_ctx *ctx, const char *body, size_t body_length,
                               const void **ret_message, size_t *ret_length) GATE_MUST_CHECK;

/* Write the prefix of a message. */
void gate_frame_write_prefix(struct gate_buffer *buffer, size_t message_length);

#endif
