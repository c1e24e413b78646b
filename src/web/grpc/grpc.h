/* The official SDKs' calls: unary gRPC, of which nginx ends HTTP/2 and turns the X-Grpc- headers of
 * an answer into its trailers (deploy/nginx/grpc_call.conf).
 *
 * The routes are those with GATE_ROUTE_GRPC. Threads: confined with the request. Each handler leads
 * to exactly one finished response.
 */
#ifndef GATE_WEB_GRPC_GRPC_H
#define GATE_WEB_GRPC_GRPC_H

#include "web/problem.h"
#include "web/request.h"

/* For checks.c: take the one message out of the body and apply grpc-timeout. GATE_ERR_MEDIA_TYPE,
 * GATE_ERR_INPUT. */
enum gate_err gate_grpc_take_input(struct gate_request *request) GATE_MUST_CHECK;

/* For checks.c and quota.c: a text of the message by its name; NULL when it was not sent, or there
 * is no message. */
const char *gate_grpc_text_get(const struct gate_request *request, const char *name);

/* For web.c: the account that the message is about, by Scalekit's id; NULL when it names none, or
 * needs no user. GATE_ERR_INPUT. */
enum gate_err gate_grpc_account_id_get(struct gate_request *request,
                                       const char **ret_account_id) GATE_MUST_CHECK;

/* For problem.c: answer a failure as a gRPC status, with scalekit.v1.errdetails.ErrorInfo in its
 * details, and finish the request. */
void gate_grpc_problem_finish(struct gate_request *request, const struct gate_problem *problem);

/* ToolService */
void gate_grpc_list_tools_handle(struct gate_request *request);
void gate_grpc_list_scoped_tools_handle(struct gate_request *request);
void gate_grpc_list_available_tools_handle(struct gate_request *request);
void gate_grpc_execute_tool_handle(struct gate_request *request);

/* ConnectedAccountService */
void gate_grpc_list_accounts_handle(struct gate_request *request);
void gate_grpc_account_details_handle(struct gate_request *request);
void gate_grpc_create_account_handle(struct gate_request *request);
void gate_grpc_magic_link_handle(struct gate_request *request);
void gate_grpc_disconnect_account_handle(struct gate_request *request);
void gate_grpc_delete_account_handle(struct gate_request *request);

/* ConnectionService */
void gate_grpc_list_connections_handle(struct gate_request *request);

#endif
