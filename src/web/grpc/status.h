/* The status of a gRPC call, as far as it can be made without a request. For the files of web/grpc/
 * and their tests.
 *
 * Owner: results live in the arena. Threads: immutable. Errors: none.
 */
#ifndef GATE_WEB_GRPC_STATUS_H
#define GATE_WEB_GRPC_STATUS_H

#include "core/arena.h"

/* google.rpc.Code */
enum gate_grpc_code {
    GATE_GRPC_OK = 0,
    GATE_GRPC_UNKNOWN = 2,
    GATE_GRPC_INVALID_ARGUMENT = 3,
    GATE_GRPC_DEADLINE_EXCEEDED = 4,
    GATE_GRPC_NOT_FOUND = 5,
    GATE_GRPC_ALREADY_EXISTS = 6,
    GATE_GRPC_PERMISSION_DENIED = 7,
    GATE_GRPC_RESOURCE_EXHAUSTED = 8,
    GATE_GRPC_FAILED_PRECONDITION = 9,
    GATE_GRPC_ABORTED = 10,
    GATE_GRPC_UNIMPLEMENTED = 12,
    GATE_GRPC_INTERNAL = 13,
    GATE_GRPC_UNAVAILABLE = 14,
    GATE_GRPC_UNAUTHENTICATED = 16,
};

/* What a kind of failure is called. */
enum gate_grpc_code gate_grpc_code_get(enum gate_err kind);

/* What an app's failure is called, by the HTTP status that Scalekit gave it; the SDKs choose their
 * exception by it. */
enum gate_grpc_code gate_grpc_code_of_tool(int http_status);

/* A message as the value of grpc-message: printable ASCII but '%' stands for itself, all other
 * bytes are %XX; cut, at a character's end, to GATE_GRPC_MESSAGE_MAX_BYTES before that. */
char *gate_grpc_message_format(gate_arena *arena, const char *message);

/* The first `max_bytes` of a text or less, as well-formed UTF-8. */
char *gate_grpc_text_cut(gate_arena *arena, const char *text, size_t max_bytes);

/* "authorization-required" as "GATEHOUSE_AUTHORIZATION_REQUIRED", which none of Scalekit's is. */
char *gate_grpc_error_code_format(gate_arena *arena, const char *slug);

#endif
