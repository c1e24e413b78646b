#include "web/grpc/call.h"

#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "web/grpc/frame.h"
#include "web/grpc/grpc.h"
#include "web/route.h"

/* "/package.Service/Method" is the descriptor of its input, or NULL. */
static const ProtobufCMessageDescriptor *find_input_descriptor(const char *path) {
    static const ProtobufCServiceDescriptor *const services[] = {
        &scalekit__v1__tools__tool_service__descriptor,
        &scalekit__v1__connections__connection_service__descriptor,
        &scalekit__v1__connected_accounts__connected_account_service__descriptor,
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        size_t length = strlen(services[i]->name);
        if (strncmp(path + 1, services[i]->name, length) == 0 && path[1 + length] == '/') {
            const ProtobufCMethodDescriptor *method =
                protobuf_c_service_descriptor_get_method_by_name(services[i], path + length + 2);
            return method == NULL ? NULL : method->input;
        }
    }
    return NULL;
}

/* "application/grpc", also with "+proto" or parameters, but not "+json". */
static bool is_grpc_type(const char *type) {
    static const char grpc[] = "application/grpc";
    if (type == NULL || strncasecmp(type, grpc, sizeof grpc - 1) != 0) {
        return false;
    }
    const char *rest = type + sizeof grpc - 1;
    static const char proto[] = "+proto";
    if (strncasecmp(rest, proto, sizeof proto - 1) == 0) {
        rest += sizeof proto - 1;
    }
    return *rest == '\0' || *rest == ';' || *rest == ' ';
}

/* "Timeout" of the gRPC protocol: at most eight digits and a unit. Rounded up, so that a short one
 * is not none. */
static enum gate_err parse_timeout(const char *text, int64_t *ret_timeout_ms) {
    static const struct {
        char unit;
        int64_t ns;
    } units[] = {
        {'H', INT64_C(3600000000000)},
        {'M', INT64_C(60000000000)},
        {'S', 1000000000},
        {'m', 1000000},
        {'u', 1000},
        {'n', 1},
    };
    size_t length = strlen(text);
    if (length < 2 || length > 9 || strspn(text, "0123456789") != length - 1) {
        return GATE_ERR_INPUT;
    }
    int64_t number = 0;
    for (size_t i = 0; i < length - 1; i++) {
        number = number * 10 + (text[i] - '0');
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == text[length - 1]) {
            /* Below 1e8 hours, so that the product fits. */
            int64_t ms = units[i].ns >= 1000000 ? number * (units[i].ns / 1000000)
                                                : (number * units[i].ns + 999999) / 1000000;
            *ret_timeout_ms = ms;
            return GATE_OK;
        }
    }
    return GATE_ERR_INPUT;
}

static enum gate_err take_timeout(struct gate_request *request, struct gate_grpc_call *call) {
    const char *header = gate_request_header(request, "HTTP_GRPC_TIMEOUT");
    if (header == NULL) {
        return GATE_OK;
    }
    struct gate_ctx *ctx = request->ctx;
    int64_t timeout_ms;
    if (parse_timeout(header, &timeout_ms) != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "grpc-timeout must be up to eight digits and a unit.");
    }
    call->deadline_ms = request->started_ms + timeout_ms;
    if (call->deadline_ms < ctx->deadline_ms) {
        ctx->deadline_ms = call->deadline_ms;
    }
    return GATE_OK;
}

enum gate_err gate_grpc_take_input(struct gate_request *request) {
    struct gate_ctx *ctx = request->ctx;
    if (!is_grpc_type(gate_request_param(request, "CONTENT_TYPE"))) {
        return gate_fail(ctx, GATE_ERR_MEDIA_TYPE, "Send the message as application/grpc.");
    }
    const ProtobufCMessageDescriptor *descriptor = find_input_descriptor(request->path);
    if (descriptor == NULL) {
        return gate_fail(ctx, GATE_ERR_INTERNAL, "a gRPC route that no service has");
    }
    const void *message;
    size_t length;
    struct gate_grpc_call *call = gate_arena_make(ctx->arena, struct gate_grpc_call);
    enum gate_err err =
        gate_frame_parse(ctx, request->body, request->body_length, &message, &length);
    if (err == GATE_OK) {
        err = gate_message_parse(ctx, descriptor, message, length, &call->input);
    }
    if (err == GATE_OK) {
        err = take_timeout(request, call);
    }
    if (err == GATE_OK) {
        request->grpc = call;
    }
    return err;
}

const char *gate_grpc_text_get(const struct gate_request *request, const char *name) {
    return request->grpc == NULL ? NULL : gate_message_find_text(request->grpc->input, name);
}

enum gate_err gate_grpc_account_id_get(struct gate_request *request, const char **ret_account_id) {
    if (request->grpc == NULL || (request->route->flags & GATE_ROUTE_NO_USER) != 0) {
        return GATE_OK;
    }
    const ProtobufCMessage *input = request->grpc->input;
    const char *id = gate_message_find_text(input, "id");
    id = id != NULL ? id : gate_message_find_text(input, "connected_account_id");
    return id == NULL
               ? GATE_OK
               : gate_grpc_read_text(request, "id", id, GATE_ACCOUNT_ID_MAX_BYTES, ret_account_id);
}

void gate_grpc_finish(struct gate_request *request, const ProtobufCMessage *output) {
    struct gate_response *response = &request->response;
    gate_response_begin(response, request->ctx->arena, 200, "application/grpc");
    gate_frame_write_prefix(&response->body, protobuf_c_message_get_packed_size(output));
    gate_message_write(&response->body, output);
    if (response->body.overflowed) {
        gate_request_fail(request, gate_fail(request->ctx, GATE_ERR_TOO_LARGE,
                                             "The answer is longer than %ld bytes.",
                                             GATE_RESPONSE_BODY_MAX_BYTES));
        return;
    }
    gate_response_header_add(response, request->ctx->arena, "X-Grpc-Status", "0");
    gate_request_finish(request);
}

enum gate_err gate_grpc_check_scope(struct gate_request *request, const char *organization_id,
                                    const char *user_id) {
    if (gate_text_is_empty(organization_id) && gate_text_is_empty(user_id)) {
        return GATE_OK;
    }
    return gate_fail(request->ctx, GATE_ERR_INPUT,
                     "Say whom this is for with identifier; organization_id and user_id are not "
                     "taken here.");
}

enum gate_err gate_grpc_read_text(struct gate_request *request, const char *name, const char *text,
                                  size_t max_bytes, const char **ret_text) {
    size_t length = strlen(text);
    if (length > max_bytes || !gate_text_is_one_line(text, length)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "%s must be one line of text of at most %zu bytes.", name, max_bytes);
    }
    *ret_text = gate_message_sent(text);
    return GATE_OK;
}

enum gate_err gate_grpc_read_texts(struct gate_request *request, const char *name,
                                   char *const *texts, size_t count, size_t max_bytes,
                                   const char *const **ret_texts) {
    const char **values = gate_arena_alloc_array(request->ctx->arena, count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++) {
        enum gate_err err = gate_grpc_read_text(request, name, texts[i], max_bytes, &values[i]);
        if (err == GATE_OK && values[i] == NULL) {
            err = gate_fail(request->ctx, GATE_ERR_INPUT, "%s holds an empty text.", name);
        }
        if (err != GATE_OK) {
            return err;
        }
    }
    *ret_texts = count == 0 ? NULL : (const char *const *)values;
    return GATE_OK;
}

enum gate_err gate_grpc_read_page_size(struct gate_request *request, uint32_t page_size, int max,
                                       int *ret_page_size) {
    if (page_size > (uint32_t)max) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "page_size must be at most %d.", max);
    }
    *ret_page_size = (int)page_size;
    return GATE_OK;
}
