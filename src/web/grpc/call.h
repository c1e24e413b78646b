/* One call: its message in, its message out. For the files of web/grpc/ only.
 *
 * Owner: the request's arena. Threads: confined with the request. Errors: GATE_ERR_INPUT with a
 * sentence.
 */
#ifndef GATE_WEB_GRPC_CALL_H
#define GATE_WEB_GRPC_CALL_H

#include "web/grpc/message.h"
#include "web/request.h"

struct gate_grpc_call {
    const ProtobufCMessage *input; /* of the method's type */
    int64_t deadline_ms;           /* the caller's, monotonic; 0: it gave none */
};

/* Answer a message and finish the request. */
void gate_grpc_finish(struct gate_request *request, const ProtobufCMessage *output);

/* Whom a call is for is said by `identifier` alone: GATE_ERR_INPUT when it names an organization or
 * a user of Scalekit's besides. */
enum gate_err gate_grpc_check_scope(struct gate_request *request, const char *organization_id,
                                    const char *user_id) GATE_MUST_CHECK;

/* Hold a text of the message to one line of at most `max_bytes`; NULL when it was not sent. */
enum gate_err gate_grpc_read_text(struct gate_request *request, const char *name, const char *text,
                                  size_t max_bytes, const char **ret_text) GATE_MUST_CHECK;

/* All of a repeated text, NULL-terminated; NULL when there are none. */
enum gate_err gate_grpc_read_texts(struct gate_request *request, const char *name,
                                   char *const *texts, size_t count, size_t max_bytes,
                                   const char *const **ret_texts) GATE_MUST_CHECK;

/* Hold a page's size to at most `max`; 0: not sent. */
enum gate_err gate_grpc_read_page_size(struct gate_request *request, uint32_t page_size, int max,
                                       int *ret_page_size) GATE_MUST_CHECK;

#endif
