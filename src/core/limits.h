/* Every size that somebody outside the process can make grow, in one place.
 *
 * Threads: immutable. The units are in the names. Operators can lower or raise some of these
 * through settings (config/settings.c); what stands here is then the default.
 */
#ifndef GATE_CORE_LIMITS_H
#define GATE_CORE_LIMITS_H

#define GATE_ERROR_MESSAGE_MAX_BYTES 256
#define GATE_REQUEST_ID_MAX_BYTES 64
#define GATE_LOG_LINE_MAX_BYTES 2048
#define GATE_ARENA_BLOCK_BYTES 1792

/* Requests from strangers. */
#define GATE_REQUEST_URI_MAX_BYTES 8192
#define GATE_REQUEST_PARAMS_MAX 128
#define GATE_REQUEST_HEADER_VALUE_MAX_BYTES 8192
#define GATE_REQUEST_FIELDS_MAX 64
#define GATE_REQUEST_COOKIES_MAX 64
#define GATE_TRACESTATE_MEMBERS_MAX 32
#define GATE_TRACESTATE_MAX_BYTES 512
#define GATE_FORM_BODY_MAX_BYTES (16 * 1024)
#define GATE_JSON_BODY_MAX_BYTES (1024 * 1024)
#define GATE_ACCOUNT_BODY_MAX_BYTES (16 * 1024) /* of requests about connected accounts */
/* A body beyond its route's limit is read and dropped up to here; beyond, the connection closes. */
#define GATE_DRAIN_MAX_BYTES (8L * 1024 * 1024)
#define GATE_JSON_DEPTH_MAX 32
/* A tool has run by the time its answer is read, so that is taken as far as it can be. */
#define GATE_UPSTREAM_JSON_DEPTH_MAX 256

/* gRPC: the message without the five bytes in front of it is as long as a JSON body may be. */
#define GATE_GRPC_PREFIX_BYTES 5
#define GATE_GRPC_CALL_MAX_BYTES (GATE_GRPC_PREFIX_BYTES + GATE_JSON_BODY_MAX_BYTES)
#define GATE_GRPC_CONTROL_MAX_BYTES (GATE_GRPC_PREFIX_BYTES + GATE_FORM_BODY_MAX_BYTES)
#define GATE_GRPC_STRUCT_DEPTH_MAX (GATE_JSON_DEPTH_MAX - 1) /* it is a member of a JSON body */
#define GATE_GRPC_FIELDS_MAX                                                                       \
    256 /* in one message and those inside it, values of a Struct apart                            \
         */
/* What grpc-message and grpc-status-details-bin may take of a client's limit for headers, which is
 * 8 KiB in many. */
#define GATE_GRPC_MESSAGE_MAX_BYTES 600
#define GATE_GRPC_TOOL_MESSAGE_MAX_BYTES 2048
#define GATE_GRPC_CODE_MAX_BYTES 256 /* of a failure, or what a tool call is called */

/* Answers of ours. */
#define GATE_RESPONSE_HEADERS_MAX 96 /* an app's, and ours */
#define GATE_RESPONSE_BODY_MAX_BYTES (32L * 1024 * 1024)

/* Answers from Scalekit and the sign-in provider. */
#define GATE_UPSTREAM_CONTROL_MAX_BYTES (4L * 1024 * 1024)
#define GATE_UPSTREAM_TOOL_MAX_BYTES (16L * 1024 * 1024)
#define GATE_UPSTREAM_HEADERS_MAX 64
#define GATE_UPSTREAM_HEADERS_MAX_BYTES (32 * 1024)
#define GATE_STREAM_PIECE_MAX_BYTES (64 * 1024) /* of a body that passes through */
#define GATE_UPSTREAM_PAGES_MAX 100
#define GATE_UPSTREAM_ATTEMPTS_MAX 3
#define GATE_UPSTREAM_ATTEMPT_TIMEOUT_MS 7000 /* of what may be repeated */
#define GATE_CONTROL_TIMEOUT_MS 20000
#define GATE_CONNECT_TIMEOUT_MS 10000 /* a person waits for it in front of a browser */
#define GATE_TOKEN_TIMEOUT_MS 5000    /* everything else may be waiting for it */
#define GATE_TOKEN_ATTEMPT_TIMEOUT_MS 2400
#define GATE_TOOL_TIMEOUT_MS 60000

/* Proxied REST calls. nginx has a body whole before we see any of it. */
#define GATE_PROXY_BODY_MAX_BYTES (128L * 1024 * 1024)
#define GATE_PROXY_TARGET_MAX_BYTES 8000
#define GATE_PROXY_SILENCE_MAX_MS 60000 /* without a byte either way */
#define GATE_PROXY_LIFE_MAX_MS (60L * 60 * 1000)
#define GATE_PROXY_REFUSAL_MAX_BYTES (16 * 1024) /* Scalekit's own are far shorter */
#define GATE_PROXY_KEYED_ANSWER_MAX_BYTES (4L * 1024 * 1024)
#define GATE_PROXY_TRAIL_PATH_MAX_BYTES 200

/* Words people and Scalekit give us. */
#define GATE_IDENTIFIER_MAX_BYTES 100 /* Scalekit takes no longer one */
#define GATE_ACCOUNT_ID_MAX_BYTES 128 /* Scalekit's ca_… */
#define GATE_CONNECTION_NAME_MAX_BYTES 128
#define GATE_TOOL_NAME_MAX_BYTES 128
#define GATE_AGENT_RUN_ID_MAX_BYTES 128
#define GATE_LABEL_MAX_BYTES 100
#define GATE_RETURN_TO_MAX_BYTES 2048
#define GATE_USER_AGENT_MAX_BYTES 256

/* How much may pile up. */
#define GATE_CONNECTIONS_MAX 2000
#define GATE_SIGNINS_PENDING_MAX 8 /* sign-ins one browser may have open at a time */
#define GATE_SESSIONS_PER_USER_MAX 50
#define GATE_AUTHORIZATION_REQUESTS_PER_USER_MAX 50
#define GATE_TOKENS_PER_USER_MAX 50
#define GATE_TOKEN_RULES_MAX 64
#define GATE_TOKEN_TEXT_MAX_BYTES 100
#define GATE_BEARER_TEXT_MAX_BYTES 1024 /* holds a user's identifier and GATE_SCOPES_MAX_BYTES */
#define GATE_SCOPES_MAX_BYTES 256
#define GATE_CALLS_PER_MINUTE_MAX 1000000 /* what a rate may be set to */
/* Of one token's or user's calls beyond its limits, one goes on the trail in so long a time. */
#define GATE_OVER_QUOTA_TRAIL_EVERY_MS 60000
#define GATE_ADMISSION_SEATS_MAX 65535 /* tokens and users whose calls are counted at a time */
/* Failed proofs at the token endpoint. Addresses share a bucket as chance has it. */
#define GATE_FAILURES_PER_MINUTE 60
#define GATE_FAILURE_BUCKETS 1024
#define GATE_TOKEN_CHOICES_MAX 50 /* connections ticked in the form, beside its other fields */
#define GATE_TOKEN_TOOLS_FIELD_MAX_BYTES 2000
#define GATE_REFRESHES_MAX 64           /* persons whose accounts are being read at a time */
#define GATE_TOOL_CACHE_ENTRIES_MAX 256 /* answers about tools that are kept for a few seconds */
#define GATE_TOOL_CACHE_ENTRY_MAX_BYTES (512 * 1024)
#define GATE_TOOL_CACHE_MAX_BYTES (8 * 1024 * 1024)
#define GATE_WAITS_MAX 256 /* callers that wait for a change of status */
#define GATE_WAITS_PER_USER_MAX 8
#define GATE_WAIT_MAX_S 55
#define GATE_STORE_WRITE_QUEUE_MAX 8192
/* Beyond it nothing is written until whoever reads for so long is done. */
#define GATE_STORE_LOG_MAX_BYTES (1024L * 1024 * 1024)
/* Up to here a database is looked through at start: a tenth of a second. */
#define GATE_STORE_CHECKED_MAX_BYTES (32L * 1024 * 1024)

/* Calls with an Idempotency-Key. "Caller" is a token, whomever it acts for, or a browser's user. */
#define GATE_IDEMPOTENCY_KEY_MAX_BYTES 255
#define GATE_IDEMPOTENCY_LIFE_MS (24L * 60 * 60 * 1000)
/* A call that has not ended by then never will: its process or its record has failed. */
#define GATE_IDEMPOTENCY_RUN_MAX_MS (2 * GATE_TOOL_TIMEOUT_MS)
#define GATE_IDEMPOTENCY_ANSWER_MAX_BYTES (1024 * 1024)
#define GATE_IDEMPOTENCY_KEYS_PER_CALLER_MAX 100000
#define GATE_IDEMPOTENCY_KEYS_MAX 1000000
#define GATE_IDEMPOTENCY_BYTES_PER_CALLER_MAX (32L * 1024 * 1024) /* of answers, sealed */
#define GATE_IDEMPOTENCY_BYTES_MAX (1024L * 1024 * 1024)
#define GATE_IDEMPOTENCY_SWEEP_MAX 32 /* expired keys dropped along with each new one */

/* Webhooks in. A delivery is about 1 KB; its id is Scalekit's. */
#define GATE_WEBHOOK_SECRETS_MAX 8
#define GATE_WEBHOOK_BODY_MAX_BYTES (64 * 1024)
#define GATE_WEBHOOK_ID_MAX_BYTES 128
#define GATE_WEBHOOK_SIGNATURES_MAX_BYTES 4096
#define GATE_WEBHOOKS_UNDER_WAY_MAX 64 /* beyond it 503: pages write through the same thread */
#define GATE_WEBHOOK_DELIVERIES_MAX 100000

/* Webhooks out. 100,000 notices wait for each target at most: see sql/schema/. */
#define GATE_NOTICE_TARGETS_MAX 16

#define GATE_JWKS_KEYS_MAX 32
#define GATE_JWS_MAX_BYTES (16 * 1024)
#define GATE_SETTINGS_FILE_MAX_BYTES (256 * 1024)

#define GATE_SETTING_VALUE_MAX_BYTES 4096

#endif
