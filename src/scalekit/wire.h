/* Scalekit's words on the wire, in one place: paths, fields, error codes.
 *
 * Threads: immutable.
 */
#ifndef GATE_SCALEKIT_WIRE_H
#define GATE_SCALEKIT_WIRE_H

#define WIRE_TOKEN_PATH "/oauth/token"
#define WIRE_CONNECTIONS_PATH "/api/v1/connections/app"
#define WIRE_ACCOUNTS_PATH "/api/v1/connected_accounts"
#define WIRE_ACCOUNT_DETAILS_PATH WIRE_ACCOUNTS_PATH "/details"
#define WIRE_MAGIC_LINK_PATH WIRE_ACCOUNTS_PATH "/magic_link"
#define WIRE_USER_VERIFY_PATH WIRE_ACCOUNTS_PATH "/user/verify"
#define WIRE_ACCOUNT_DELETE_PATH WIRE_ACCOUNTS_PATH ":delete"
#define WIRE_DISCONNECT_VERB ":disconnect"
#define WIRE_TOOLS_PATH "/api/v1/tools"
#define WIRE_TOOLS_SCOPED_PATH "/api/v1/tools/scoped"
#define WIRE_TOOLS_AVAILABLE_PATH "/api/v1/tools/available"
#define WIRE_EXECUTE_TOOL_PATH "/api/v1/execute_tool"
#define WIRE_PROXY_PATH "/proxy"

#define WIRE_ACCESS_TOKEN "access_token"
#define WIRE_TOKEN_TYPE "token_type"
#define WIRE_EXPIRES_IN "expires_in"

#define WIRE_PAGE_SIZE "page_size"
#define WIRE_PAGE_TOKEN "page_token"
#define WIRE_NEXT_PAGE_TOKEN "next_page_token"

#define WIRE_CONNECTIONS "connections"
#define WIRE_KEY_ID "key_id"
#define WIRE_PROVIDER_KEY "provider_key"
#define WIRE_TYPE "type"
#define WIRE_ENABLED "enabled"
#define WIRE_CREATED_AT "created_at"

#define WIRE_ACCOUNTS "connected_accounts"
#define WIRE_ACCOUNT "connected_account"
#define WIRE_ID "id"
#define WIRE_IDENTIFIER "identifier"
#define WIRE_CONNECTOR "connector"
#define WIRE_CONNECTION_NAME "connection_name"
#define WIRE_CONNECTION_NAMES "connection_names"
#define WIRE_QUERY "query"
#define WIRE_CONNECTION_ID "connection_id"
#define WIRE_PROVIDER "provider"
#define WIRE_STATUS "status"
#define WIRE_AUTHORIZATION_TYPE "authorization_type"
#define WIRE_TOKEN_EXPIRES_AT "token_expires_at"
#define WIRE_UPDATED_AT "updated_at"
#define WIRE_LAST_USED_AT "last_used_at"

#define WIRE_USER_VERIFY_URL "user_verify_url"
#define WIRE_STATE "state"
#define WIRE_LINK "link"
#define WIRE_AUTH_REQUEST_ID "auth_request_id"

#define WIRE_FILTER_CONNECTION_NAMES "filter.connection_names"
#define WIRE_FILTER_PROVIDERS "filter.providers"
#define WIRE_FILTER_TOOL_NAMES "filter.tool_names"
#define WIRE_FILTER_TOOL_NAME "filter.tool_name"
#define WIRE_FILTER_PROVIDER "filter.provider"
#define WIRE_FILTER_QUERY "filter.query"
#define WIRE_TOOL_NAME "tool_name"
#define WIRE_PARAMS "params"
#define WIRE_CONNECTED_ACCOUNT_ID "connected_account_id"
#define WIRE_AGENT_RUN_ID "agent_run_id"
#define WIRE_DATA "data"
#define WIRE_EXECUTION_ID "execution_id"

/* google.rpc.Status and Scalekit's ErrorInfo in its details. */
#define WIRE_CODE "code"
#define WIRE_MESSAGE "message"
#define WIRE_DETAILS "details"
#define WIRE_TYPE_URL "@type"
#define WIRE_TYPE_ERROR_INFO "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"
#define WIRE_ERROR_CODE "error_code"
#define WIRE_TOOL_ERROR_INFO "tool_error_info"
#define WIRE_TOOL_ERROR_CODE "tool_error_code"
#define WIRE_TOOL_ERROR_MESSAGE "tool_error_message"
#define WIRE_CODE_TOOL_ERROR "TOOL_ERROR"
#define WIRE_CODE_RATE_LIMITED "RATE_LIMITED"

#endif
