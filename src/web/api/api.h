/* The JSON endpoint: one handler per operation.
 *
 * Threads: confined with the request. Each handler leads to exactly one finished response.
 */
#ifndef GATE_WEB_API_API_H
#define GATE_WEB_API_API_H

#include "web/request.h"

/* GET /api/v1/me: who the caller is and acts for. */
void gate_api_me_handle(struct gate_request *request);

/* GET /api/v1/connections: the connectors this caller may use, each with the user's status and a
 * connect link. */
void gate_api_connections_handle(struct gate_request *request);

/* GET /api/v1/connections/{connection}: one of them; with `wait`, once its status is another one or
 * so many seconds are over. */
void gate_api_connection_handle(struct gate_request *request);

/* GET /api/v1/connections/app: Scalekit's ListAppConnections, reduced to what is offered and the
 * caller may use. */
void gate_api_app_connections_handle(struct gate_request *request);

/* GET, POST /api/v1/connected_accounts and below: Scalekit's operations on connected accounts, for
 * the acting user alone and without credentials. The link is the portal's own. */
void gate_api_accounts_handle(struct gate_request *request);
void gate_api_account_details_handle(struct gate_request *request);
void gate_api_account_create_handle(struct gate_request *request);
void gate_api_magic_link_handle(struct gate_request *request);
void gate_api_account_disconnect_handle(struct gate_request *request);
void gate_api_account_delete_handle(struct gate_request *request);

/* GET /api/v1/tools/scoped: Scalekit's ListScopedTools for the acting user, reduced to what the
 * caller may use. */
void gate_api_tools_scoped_handle(struct gate_request *request);

/* GET /api/v1/tools/available: Scalekit's ListAvailableTools for the acting user, connected or not,
 * reduced to what the caller may use. */
void gate_api_tools_available_handle(struct gate_request *request);

/* POST /api/v1/execute_tool: Scalekit's ExecuteTool as the acting user; with `explain=1`, what it
 * would do. */
void gate_api_execute_tool_handle(struct gate_request *request);

/* POST /signin/backchannel-logout: the sign-in provider ends sessions. */
void gate_api_backchannel_logout_handle(struct gate_request *request);
/* POST /webhooks/scalekit: one signed event of Scalekit's; answered once it is durable. */
void gate_api_webhook_scalekit_handle(struct gate_request *request);

/* Any method on /proxy/{path...}: a REST call to a connected app as the acting user. */
void gate_api_proxy_handle(struct gate_request *request);

/* POST /oauth/token: a short-lived bearer for a service token (RFC 6749 section 4.4), or for one
 * user of it (RFC 8693). */
void gate_api_oauth_token_handle(struct gate_request *request);

/* GET /.well-known/oauth-authorization-server: where that is and what it takes (RFC 8414). */
void gate_api_oauth_metadata_handle(struct gate_request *request);

/* GET /known-token: nginx asks before it takes a long body for /proxy; the checks have answered. */
void gate_api_known_token_handle(struct gate_request *request);

/* GET /healthz: the process answers. GET /readyz: it can serve (the store reads and writes). */
void gate_api_health_handle(struct gate_request *request);
void gate_api_ready_handle(struct gate_request *request);

/* GET /metrics: counts and latencies in Prometheus' text format. */
void gate_api_metrics_handle(struct gate_request *request);

#endif
