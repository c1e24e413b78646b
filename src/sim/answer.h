/* Making answers: JSON, google.rpc.Status errors, redirects, plain text.
 *
 * Owner: the exchange. Threads: confined. Errors: none; each function replaces what was answered
 * before. Header values with control characters are dropped.
 */
#ifndef GATE_SIM_ANSWER_H
#define GATE_SIM_ANSWER_H

#include "sim/exchange.h"
#include "json/writer.h"

void gate_sim_answer_start(struct gate_sim_exchange *exchange, int status,
                           const char *content_type);
void gate_sim_answer_header(struct gate_sim_exchange *exchange, const char *name,
                            const char *value);

/* Start a JSON answer and open its root object; the caller closes it. */
struct gate_json_writer gate_sim_answer_json(struct gate_sim_exchange *exchange, int status);

/* `{}` */
void gate_sim_answer_empty_object(struct gate_sim_exchange *exchange);

/* A google.rpc.Status with scalekit.v1.errdetails.ErrorInfo; the gRPC code follows from `status`.
 */
void gate_sim_answer_error(struct gate_sim_exchange *exchange, int status, const char *error_code,
                           const char *format, ...) GATE_PRINTF(4, 5);

/* The same for a rule that one field breaks: 400 with validation_error_info. */
void gate_sim_answer_violation(struct gate_sim_exchange *exchange, const char *field,
                               const char *constraint, const char *format, ...) GATE_PRINTF(4, 5);

/* The same for a provider's refusal: TOOL_ERROR with tool_error_info. */
void gate_sim_answer_tool_error(struct gate_sim_exchange *exchange, int status,
                                const char *execution_id, const char *tool_error_code,
                                const char *message);

/* An OAuth error (RFC 6749 section 5.2). */
void gate_sim_answer_oauth_error(struct gate_sim_exchange *exchange, int status, const char *error,
                                 const char *description);

void gate_sim_answer_redirect(struct gate_sim_exchange *exchange, const char *url);

/* `url` with one more query field; unchanged when `value` is NULL. */
const char *gate_sim_url_add(gate_arena *arena, const char *url, const char *name,
                             const char *value);

#endif
