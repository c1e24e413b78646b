/* A gRPC body as it comes from nginx: frame, message, Struct; and JSON as it comes from Scalekit.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/target.h"
#include "web/grpc/frame.h"
#include "web/grpc/message.h"
#include "web/grpc/struct.h"
#include "json/json.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void release(void *buffer) {
    gate_buffer_done(buffer);
}

static struct gate_buffer *make_buffer(struct gate_ctx *ctx) {
    struct gate_buffer *buffer = gate_arena_make(ctx->arena, struct gate_buffer);
    gate_buffer_init(buffer, 1 << 22);
    gate_arena_defer(ctx->arena, release, buffer);
    return buffer;
}

/* What was accepted is strict JSON, and becomes the same JSON once more. */
static void try_struct(struct gate_ctx *ctx, const void *bytes, size_t length) {
    struct gate_buffer *json = make_buffer(ctx);
    struct gate_buffer *again = make_buffer(ctx);
    struct gate_buffer *json_again = make_buffer(ctx);
    const gate_json *parsed;
    if (gate_struct_format_json(ctx, bytes, length, json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return;
    }
    require(gate_json_parse(ctx, json->data, json->length, &parsed) == GATE_OK);
    require(gate_json_is_object(parsed));
    require(gate_struct_parse_json(ctx, json->data, json->length, again) == GATE_OK);
    require(gate_struct_format_json(ctx, again->data, again->length, json_again) == GATE_OK);
    require(json->length == json_again->length);
    require(memcmp(json->data, json_again->data, json->length) == 0);
}

/* An object that was accepted can always be passed on, if no number in it is beyond a double. */
static void try_json(struct gate_ctx *ctx, const char *text, size_t length) {
    const gate_json *parsed;
    struct gate_buffer *bytes = make_buffer(ctx);
    if (gate_json_parse_envelope(ctx, text, length, GATE_UPSTREAM_JSON_DEPTH_MAX, &parsed) !=
        GATE_OK) {
        gate_error_clear(&ctx->error);
        return;
    }
    enum gate_err err = gate_struct_parse_json(ctx, text, length, bytes);
    require((err == GATE_OK) == gate_json_is_object(parsed));
    gate_error_clear(&ctx->error);
    if (err == GATE_OK) {
        try_struct(ctx, bytes->data, bytes->length);
    }
}

static void try_message(struct gate_ctx *ctx, const void *bytes, size_t length) {
    static const ProtobufCServiceDescriptor *const services[] = {
        &scalekit__v1__tools__tool_service__descriptor,
        &scalekit__v1__connections__connection_service__descriptor,
        &scalekit__v1__connected_accounts__connected_account_service__descriptor,
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        for (unsigned j = 0; j < services[i]->n_methods; j++) {
            const ProtobufCMessageDescriptor *input = services[i]->methods[j].input;
            const ProtobufCMessage *message;
            if (gate_message_parse(ctx, input, bytes, length, &message) != GATE_OK) {
                gate_error_clear(&ctx->error);
                continue;
            }
            (void)gate_message_find_text(message, "identifier");
            if (input == &scalekit__v1__tools__execute_tool_request__descriptor) {
                const ProtobufCBinaryData params =
                    ((const pb_execute_tool_request *)message)->params;
                try_struct(ctx, params.data, params.len);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const void *message;
    size_t message_length;
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, NULL, "fuzz");
    if (gate_frame_parse(ctx, (const char *)bytes, length, &message, &message_length) == GATE_OK) {
        try_message(ctx, message, message_length);
    }
    gate_error_clear(&ctx->error);
    try_message(ctx, bytes, length);
    try_struct(ctx, bytes, length);
    try_json(ctx, (const char *)bytes, length);
    gate_ctx_free(ctx);
    return 0;
}
