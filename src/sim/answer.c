#include "sim/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"

#define ERROR_INFO_TYPE "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"

void gate_sim_answer_start(struct gate_sim_exchange *exchange, int status,
                           const char *content_type) {
    struct gate_sim_answer *answer = &exchange->answer;
    gate_buffer_done(&answer->body);
    answer->status = status;
    answer->header_count = 0;
    answer->stream = (struct gate_sim_stream){0};
    if (content_type != NULL) {
        gate_sim_answer_header(exchange, "Content-Type", content_type);
    }
}

void gate_sim_answer_header(struct gate_sim_exchange *exchange, const char *name,
                            const char *value) {
    struct gate_sim_answer *answer = &exchange->answer;
    if (answer->header_count == GATE_SIM_ANSWER_HEADERS_MAX ||
        !gate_text_is_one_line(value, strlen(value))) {
        return;
    }
    gate_arena *arena = exchange->ctx->arena;
    answer->headers[answer->header_count++] =
        (struct gate_sim_pair){gate_arena_strdup(arena, name), gate_arena_strdup(arena, value)};
}

struct gate_json_writer gate_sim_answer_json(struct gate_sim_exchange *exchange, int status) {
    gate_sim_answer_start(exchange, status, "application/json");
    struct gate_json_writer writer;
    gate_json_writer_init(&writer, &exchange->answer.body);
    gate_json_open_object(&writer, NULL);
    return writer;
}

void gate_sim_answer_empty_object(struct gate_sim_exchange *exchange) {
    struct gate_json_writer writer = gate_sim_answer_json(exchange, 200);
    gate_json_close_object(&writer);
}

/* google.rpc.Code, as grpc-gateway maps it. */
static int choose_grpc_code(int status) {
    switch (status) {
    case 400:
    case 413:
        return 3;
    case 401:
        return 16;
    case 403:
        return 7;
    case 404:
        return 5;
    case 405:
    case 501:
        return 12;
    case 409:
        return 6;
    case 412:
        return 9;
    case 429:
        return 8;
    case 500:
        return 13;
    case 503:
        return 14;
    case 504:
        return 4;
    default:
        return 2;
    }
}

/* A Status up to the inside of its one detail. */
static struct gate_json_writer open_status(struct gate_sim_exchange *exchange, int status,
                                           const char *error_code, const char *message) {
    bool precondition = gate_text_equal(error_code, "FAILED_PRECONDITION");
    struct gate_json_writer writer = gate_sim_answer_json(exchange, status);
    gate_json_write_integer(&writer, "code", precondition ? 9 : choose_grpc_code(status));
    gate_json_write_text(&writer, "message", message);
    gate_json_open_array(&writer, "details");
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "@type", ERROR_INFO_TYPE);
    gate_json_write_text(&writer, "error_code", error_code);
    return writer;
}

static void close_status(struct gate_json_writer *writer) {
    gate_json_close_object(writer);
    gate_json_close_array(writer);
    gate_json_close_object(writer);
}

void gate_sim_answer_error(struct gate_sim_exchange *exchange, int status, const char *error_code,
                           const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct gate_json_writer writer = open_status(exchange, status, error_code, message);
    close_status(&writer);
}

void gate_sim_answer_violation(struct gate_sim_exchange *exchange, const char *field,
                               const char *constraint, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct gate_json_writer writer = open_status(exchange, 400, "INVALID_ARGUMENT", message);
    gate_json_open_object(&writer, "validation_error_info");
    gate_json_open_array(&writer, "field_violations");
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "field", field);
    gate_json_write_text(&writer, "description", message);
    gate_json_write_text(&writer, "constraint", constraint);
    gate_json_close_object(&writer);
    gate_json_close_array(&writer);
    gate_json_close_object(&writer);
    close_status(&writer);
}

void gate_sim_answer_tool_error(struct gate_sim_exchange *exchange, int status,
                                const char *execution_id, const char *tool_error_code,
                                const char *message) {
    struct gate_json_writer writer = open_status(exchange, status, "TOOL_ERROR", message);
    gate_json_open_object(&writer, "tool_error_info");
    gate_json_write_text(&writer, "execution_id", execution_id);
    gate_json_write_text(&writer, "tool_error_code", tool_error_code);
    gate_json_write_text(&writer, "tool_error_message", message);
    gate_json_close_object(&writer);
    close_status(&writer);
}

void gate_sim_answer_oauth_error(struct gate_sim_exchange *exchange, int status, const char *error,
                                 const char *description) {
    struct gate_json_writer writer = gate_sim_answer_json(exchange, status);
    gate_json_write_text(&writer, "error", error);
    gate_json_write_text(&writer, "error_description", description);
    gate_json_close_object(&writer);
    gate_sim_answer_header(exchange, "Cache-Control", "no-store");
}

void gate_sim_answer_redirect(struct gate_sim_exchange *exchange, const char *url) {
    gate_sim_answer_start(exchange, 302, NULL);
    gate_sim_answer_header(exchange, "Location", url);
    gate_sim_answer_header(exchange, "Cache-Control", "no-store");
}

const char *gate_sim_url_add(gate_arena *arena, const char *url, const char *name,
                             const char *value) {
    if (value == NULL) {
        return url;
    }
    return gate_arena_printf(arena, "%s%s%s=%s", url, strchr(url, '?') == NULL ? "?" : "&", name,
                             gate_percent_format(arena, value));
}
