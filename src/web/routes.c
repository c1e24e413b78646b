#include "web/api/api.h"
#include "web/grpc/grpc.h"
#include "web/pages/pages.h"
#include "web/route.h"

#define BROWSER GATE_ROUTE_BROWSER
#define FORM (GATE_ROUTE_BROWSER | GATE_ROUTE_CSRF)
#define API (GATE_ROUTE_BROWSER | GATE_ROUTE_TOKEN | GATE_ROUTE_CSRF | GATE_ROUTE_JSON)
#define GRPC (GATE_ROUTE_TOKEN | GATE_ROUTE_GRPC)

#define END                                                                                        \
    { NULL, GATE_FIELD_TEXT, 0, false }

#define OTHERS                                                                                     \
    { "", GATE_FIELD_OTHERS, 0, false }

static const struct gate_field_spec return_to_fields[] = {
    {"return_to", GATE_FIELD_TEXT, GATE_RETURN_TO_MAX_BYTES, false},
    END,
};

static const struct gate_field_spec signin_fields[] = {
    {"return_to", GATE_FIELD_TEXT, GATE_RETURN_TO_MAX_BYTES, false},
    {"go", GATE_FIELD_NUMBER, 1, false},
    END,
};

/* RFC 6749 section 4.1.2 ("must ignore unrecognized response parameters") and RFC 9207. */
static const struct gate_field_spec signin_callback_fields[] = {
    {"state", GATE_FIELD_TEXT, 256, false},
    {"code", GATE_FIELD_TEXT, 4096, false},
    {"iss", GATE_FIELD_TEXT, 2048, false},
    {"error", GATE_FIELD_TEXT, 256, false},
    {"error_description", GATE_FIELD_TEXT, 4096, false},
    {"error_uri", GATE_FIELD_TEXT, 2048, false},
    OTHERS,
    END,
};

static const struct gate_field_spec connect_callback_fields[] = {
    {"state", GATE_FIELD_TEXT, 256, false},
    {"auth_request_id", GATE_FIELD_TEXT, 512, false},
    {"error", GATE_FIELD_TEXT, 256, false},
    {"error_description", GATE_FIELD_TEXT, 4096, false},
    OTHERS,
    END,
};

/* OpenID Connect Back-Channel Logout 1.0, section 2.5: other parameters may come along. */
static const struct gate_field_spec backchannel_logout_fields[] = {
    {"logout_token", GATE_FIELD_TEXT, GATE_FORM_BODY_MAX_BYTES, true},
    OTHERS,
    END,
};

static const struct gate_field_spec ask_disconnect_fields[] = {
    {"action", GATE_FIELD_TEXT, 16, false},
    END,
};

static const struct gate_field_spec disconnect_fields[] = {
    {"action", GATE_FIELD_TEXT, 16, true},
    END,
};

static const struct gate_field_spec token_fields[] = {
    {"label", GATE_FIELD_TEXT, 1024, false}, /* a long one is answered on the form */
    {"may", GATE_FIELD_TEXT, 8, false},
    {"reach", GATE_FIELD_TEXT, 8, false},
    {"connection", GATE_FIELD_LIST, GATE_CONNECTION_NAME_MAX_BYTES, false},
    {"tools", GATE_FIELD_TEXT, GATE_TOKEN_TOOLS_FIELD_MAX_BYTES, false},
    {"direct", GATE_FIELD_TEXT, 8, false},
    {"days", GATE_FIELD_TEXT, 8, false},
    END,
};

static const struct gate_field_spec identifier_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    END,
};

static const struct gate_field_spec connection_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"wait", GATE_FIELD_NUMBER, GATE_WAIT_MAX_S, false},
    {"status", GATE_FIELD_TEXT, 64, false},
    END,
};

/* Scalekit's names, as in the next three. */
static const struct gate_field_spec app_connections_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"provider", GATE_FIELD_TEXT, 128, false},
    {"query", GATE_FIELD_TEXT, 100, false},
    {"page_size", GATE_FIELD_NUMBER, 100, false},
    {"page_token", GATE_FIELD_TEXT, 1024, false},
    END,
};

static const struct gate_field_spec accounts_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"connector", GATE_FIELD_TEXT, GATE_CONNECTION_NAME_MAX_BYTES, false},
    {"connection_names", GATE_FIELD_LIST, GATE_CONNECTION_NAME_MAX_BYTES, false},
    {"provider", GATE_FIELD_TEXT, 128, false},
    {"query", GATE_FIELD_TEXT, 100, false},
    {"page_size", GATE_FIELD_NUMBER, 100, false},
    {"page_token", GATE_FIELD_TEXT, 1024, false},
    END,
};

static const struct gate_field_spec account_details_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"connector", GATE_FIELD_TEXT, GATE_CONNECTION_NAME_MAX_BYTES, false},
    {"id", GATE_FIELD_TEXT, GATE_ACCOUNT_ID_MAX_BYTES, false},
    END,
};

/* Scalekit's names for the filters of ListScopedTools. */
static const struct gate_field_spec tools_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"filter.connection_names", GATE_FIELD_LIST, GATE_CONNECTION_NAME_MAX_BYTES, false},
    {"filter.providers", GATE_FIELD_LIST, 128, false},
    {"filter.tool_names", GATE_FIELD_LIST, GATE_TOOL_NAME_MAX_BYTES, false},
    {"page_size", GATE_FIELD_NUMBER, 100, false},
    {"page_token", GATE_FIELD_TEXT, 1024, false},
    END,
};

static const struct gate_field_spec available_tools_fields[] = {
    {"identifier", GATE_FIELD_TEXT, GATE_IDENTIFIER_MAX_BYTES, false},
    {"page_size", GATE_FIELD_NUMBER, 100, false},
    {"page_token", GATE_FIELD_TEXT, 1024, false},
    END,
};

static const struct gate_field_spec execute_tool_fields[] = {
    {"explain", GATE_FIELD_NUMBER, 1, false},
    END,
};

/* RFC 6749 section 3.2: what is not known is ignored. The grants' own rules are the handler's. */
static const struct gate_field_spec oauth_token_fields[] = {
    {"grant_type", GATE_FIELD_TEXT, 256, true},
    {"client_id", GATE_FIELD_TEXT, 256, false},
    {"client_secret", GATE_FIELD_TEXT, 1024, false},
    {"scope", GATE_FIELD_TEXT, 1024, false},
    {"subject_token", GATE_FIELD_TEXT, 4096, false},
    {"subject_token_type", GATE_FIELD_TEXT, 256, false},
    {"actor_token", GATE_FIELD_TEXT, 4096, false},
    {"actor_token_type", GATE_FIELD_TEXT, 256, false},
    {"requested_token_type", GATE_FIELD_TEXT, 256, false},
    {"resource", GATE_FIELD_LIST, 2048, false},
    {"audience", GATE_FIELD_LIST, 2048, false},
    OTHERS,
    END,
};

const struct gate_route gate_routes[] = {
    {"GET", "/", gate_page_connectors_handle, BROWSER, 0, NULL},
    {"GET", "/connectors/{connection}", gate_page_connector_handle, BROWSER, 0, NULL},
    {"POST", "/connectors/{connection}/connect", gate_page_connect_handle, FORM,
     GATE_FORM_BODY_MAX_BYTES, return_to_fields},
    {"GET", "/connectors/{connection}/disconnect", gate_page_disconnect_ask_handle, BROWSER, 0,
     ask_disconnect_fields},
    {"POST", "/connectors/{connection}/disconnect", gate_page_disconnect_handle, FORM,
     GATE_FORM_BODY_MAX_BYTES, disconnect_fields},
    {"GET", "/connect/callback", gate_page_connect_callback_handle, BROWSER | GATE_ROUTE_NO_HEAD, 0,
     connect_callback_fields},
    {"GET", "/connect/{connection}", gate_page_connect_deep_link_handle, BROWSER, 0,
     return_to_fields},
    {"GET", "/tokens", gate_page_tokens_handle, BROWSER, 0, NULL},
    {"POST", "/tokens", gate_page_token_make_handle, FORM, GATE_FORM_BODY_MAX_BYTES, token_fields},
    {"GET", "/tokens/new", gate_page_token_new_handle, BROWSER, 0, NULL},
    {"GET", "/tokens/{token}/revoke", gate_page_token_revoke_ask_handle, BROWSER, 0, NULL},
    {"POST", "/tokens/{token}/revoke", gate_page_token_revoke_handle, FORM,
     GATE_FORM_BODY_MAX_BYTES, NULL},
    {"GET", "/signin", gate_page_signin_handle, 0, 0, signin_fields},
    {"GET", "/signin/callback", gate_page_signin_callback_handle, GATE_ROUTE_NO_HEAD, 0,
     signin_callback_fields},
    {"POST", "/signin/backchannel-logout", gate_api_backchannel_logout_handle,
     GATE_ROUTE_JSON | GATE_ROUTE_FORM, GATE_FORM_BODY_MAX_BYTES, backchannel_logout_fields},
    {"POST", "/signout", gate_page_signout_handle, FORM, GATE_FORM_BODY_MAX_BYTES, NULL},
    {"GET", "/signed-out", gate_page_signed_out_handle, 0, 0, NULL},
    {"POST", "/oauth/token", gate_api_oauth_token_handle, GATE_ROUTE_OAUTH,
     GATE_FORM_BODY_MAX_BYTES, oauth_token_fields},
    {"GET", "/.well-known/oauth-authorization-server", gate_api_oauth_metadata_handle,
     GATE_ROUTE_JSON, 0, NULL},

    {"GET", "/api/v1/me", gate_api_me_handle, API | GATE_ROUTE_NO_USER, 0, identifier_fields},
    {"GET", "/api/v1/connections", gate_api_connections_handle, API, 0, identifier_fields},
    {"GET", "/api/v1/connections/app", gate_api_app_connections_handle, API, 0,
     app_connections_fields},
    {"GET", "/api/v1/connections/{connection}", gate_api_connection_handle, API, 0,
     connection_fields},
    {"GET", "/api/v1/connected_accounts", gate_api_accounts_handle, API, 0, accounts_fields},
    {"POST", "/api/v1/connected_accounts", gate_api_account_create_handle, API,
     GATE_ACCOUNT_BODY_MAX_BYTES, NULL},
    {"POST", "/api/v1/connected_accounts:delete", gate_api_account_delete_handle, API,
     GATE_ACCOUNT_BODY_MAX_BYTES, NULL},
    {"GET", "/api/v1/connected_accounts/details", gate_api_account_details_handle, API, 0,
     account_details_fields},
    {"POST", "/api/v1/connected_accounts/magic_link", gate_api_magic_link_handle, API,
     GATE_ACCOUNT_BODY_MAX_BYTES, NULL},
    {"POST", "/api/v1/connected_accounts/{id}:disconnect", gate_api_account_disconnect_handle, API,
     GATE_ACCOUNT_BODY_MAX_BYTES, NULL},
    {"GET", "/api/v1/tools/scoped", gate_api_tools_scoped_handle, API, 0, tools_fields},
    {"GET", "/api/v1/tools/available", gate_api_tools_available_handle, API, 0,
     available_tools_fields},
    {"POST", "/api/v1/execute_tool", gate_api_execute_tool_handle, API | GATE_ROUTE_TRAIL,
     GATE_JSON_BODY_MAX_BYTES, execute_tool_fields},

    {"POST", "/scalekit.v1.tools.ToolService/ListScopedTools", gate_grpc_list_scoped_tools_handle,
     GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.tools.ToolService/ListAvailableTools",
     gate_grpc_list_available_tools_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.tools.ToolService/ListTools", gate_grpc_list_tools_handle,
     GRPC | GATE_ROUTE_NO_USER, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.tools.ToolService/ExecuteTool", gate_grpc_execute_tool_handle,
     GRPC | GATE_ROUTE_TRAIL, GATE_GRPC_CALL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.connections.ConnectionService/ListAppConnections",
     gate_grpc_list_connections_handle, GRPC | GATE_ROUTE_NO_USER, GATE_GRPC_CONTROL_MAX_BYTES,
     NULL},
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/ListConnectedAccounts",
     gate_grpc_list_accounts_handle, GRPC | GATE_ROUTE_NO_USER, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/GetConnectedAccountDetails",
     gate_grpc_account_details_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    /* Whoever asks for credentials gets the account without them. */
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/GetConnectedAccountAuth",
     gate_grpc_account_details_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/CreateConnectedAccount",
     gate_grpc_create_account_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST",
     "/scalekit.v1.connected_accounts.ConnectedAccountService/GetMagicLinkForConnectedAccount",
     gate_grpc_magic_link_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/DisconnectConnectedAccount",
     gate_grpc_disconnect_account_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/scalekit.v1.connected_accounts.ConnectedAccountService/DeleteConnectedAccount",
     gate_grpc_delete_account_handle, GRPC, GATE_GRPC_CONTROL_MAX_BYTES, NULL},
    {"POST", "/webhooks/scalekit", gate_api_webhook_scalekit_handle,
     GATE_ROUTE_JSON | GATE_ROUTE_SIGNED, GATE_WEBHOOK_BODY_MAX_BYTES, NULL},

    {GATE_METHOD_ANY, "/proxy/{path...}", gate_api_proxy_handle,
     GATE_ROUTE_TOKEN | GATE_ROUTE_JSON | GATE_ROUTE_TRAIL | GATE_ROUTE_STREAM,
     GATE_PROXY_BODY_MAX_BYTES, NULL},

    {"GET", "/known-token", gate_api_known_token_handle,
     GATE_ROUTE_TOKEN | GATE_ROUTE_NO_USER | GATE_ROUTE_JSON | GATE_ROUTE_NGINX, 0, NULL},
    {"GET", "/healthz", gate_api_health_handle, GATE_ROUTE_JSON, 0, NULL},
    {"GET", "/readyz", gate_api_ready_handle, GATE_ROUTE_JSON, 0, NULL},
    {"GET", "/metrics", gate_api_metrics_handle, GATE_ROUTE_JSON | GATE_ROUTE_OPERATOR, 0, NULL},
};
const size_t gate_route_count = sizeof gate_routes / sizeof gate_routes[0];
