#include "web/grpc/frame.h"

enum gate_err gate_frame_parse(struct gate_ctx *ctx, const char *body, size_t body_length,
                               const void **ret_message, size_t *ret_length) {
    const unsigned char *prefix = (const unsigned char *)body;
    if (body_length < GATE_GRPC_PREFIX_BYTES) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The body holds no gRPC message.");
    }
    if (prefix[0] > 1) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The body does not begin like a gRPC message.");
    }
    if (prefix[0] == 1) {
        return gate_fail(ctx, GATE_ERR_MEDIA_TYPE,
                         "Compressed messages are not taken here; send it as it is (identity).");
    }
    size_t length = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
                    (size_t)prefix[4];
    size_t there = body_length - GATE_GRPC_PREFIX_BYTES;
    if (length > there) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The gRPC message ends before its length.");
    }
    if (length < there) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "Something follows the gRPC message; calls here take exactly one.");
    }
    *ret_message = body + GATE_GRPC_PREFIX_BYTES;
    *ret_length = length;
    return GATE_OK;
}

void gate_frame_write_prefix(struct gate_buffer *buffer, size_t message_length) {
    const unsigned char prefix[GATE_GRPC_PREFIX_BYTES] = {
        0,
        (unsigned char)(message_length >> 24),
        (unsigned char)(message_length >> 16),
        (unsigned char)(message_length >> 8),
        (unsigned char)message_length,
    };
    gate_buffer_append(buffer, prefix, sizeof prefix);
}
