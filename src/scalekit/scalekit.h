/* The Scalekit client: token, app connections, connected accounts, tools.
 *
 * Owner: gate_scalekit_new's caller; the net, clock, runqueue, and the texts in the options must
 * outlive it. Shut down in this order: gate_net_free, run what is left in the runqueue,
 * gate_scalekit_free. Threads: locked inside (the shared token); every operation may be started
 * from any thread. Waiting: every operation ends by calling `then` once (core/context.h). Inputs
 * must stay until then; results live in ctx's arena. Time: GATE_CONTROL_TIMEOUT_MS, for tool calls
 * GATE_TOOL_TIMEOUT_MS, and ctx's deadline, also while the shared token is being fetched. Each kind
 * of work has a circuit breaker (scalekit/breaker.h): while Scalekit does not answer it, it is not
 * begun, and fails at once with GATE_ERR_UNAVAILABLE. Logs: a failed token fetch, and when a
 * breaker opens or closes.
 *
 * Errors, for all operations (message in ctx's error, with Scalekit's own words where it gave any):
 *   GATE_ERR_INPUT 400, GATE_ERR_FORBIDDEN 403, GATE_ERR_NOT_FOUND 404, GATE_ERR_CONFLICT 409: as
 * Scalekit said; GATE_ERR_PROVIDER       TOOL_ERROR: the app behind the tool refused, whatever the
 * HTTP status; never retried; GATE_ERR_RATE_LIMITED   Scalekit's limit; GATE_ERR_UNAVAILABLE    not
 * reachable or 5xx. Reads were tried GATE_UPSTREAM_ATTEMPTS_MAX times; a write was certainly not
 * carried out; GATE_ERR_TIMEOUT        the time was up; a write was not sent;
 *   GATE_ERR_OUTCOME_UNKNOWN a write left and no answer that makes sense came back;
 *   GATE_ERR_UPSTREAM       an answer that makes no sense, or Scalekit refuses our own credentials;
 *   GATE_ERR_BUSY           our own limit of calls in flight;
 *   GATE_ERR_TOO_LARGE      the request would be beyond its limit; not sent.
 */
#ifndef GATE_SCALEKIT_SCALEKIT_H
#define GATE_SCALEKIT_SCALEKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/account_status.h"
#include "core/buffer.h"
#include "core/context.h"
#include "core/secret.h"
#include "net/net.h"
#include "scalekit/breaker.h"

typedef struct gate_scalekit gate_scalekit;

/* Kinds of upstream work, which fail and recover by themselves. */
enum gate_scalekit_work {
    GATE_SCALEKIT_WORK_READ,    /* the catalogue, accounts, lists of tools */
    GATE_SCALEKIT_WORK_CONNECT, /* links, verifying, disconnecting, removing */
    GATE_SCALEKIT_WORK_TOOL,    /* running tools, proxied requests */
    GATE_SCALEKIT_WORK_TOKEN,   /* our own token */
    GATE_SCALEKIT_WORK_COUNT_,
};

struct gate_scalekit_options {
    const char *url; /* the environment, https://…; a slash at the end is ignored */
    const char *client_id;
    const gate_secret *client_secret;
    gate_net *net;
    gate_net *stream_net; /* for proxied calls, which may last, and are many at a time */
    const struct gate_clock *clock;
    gate_runqueue *runqueue;
};

/* One configured connector. Texts are never NULL. */
struct gate_scalekit_connection {
    const char *id;
    const char *name; /* key_id on the wire; what every call takes as "connector" */
    const char *provider;
    const char *type;
    const char *status;
    bool enabled;
    int64_t created_at_ms; /* 0: not said */
};

/* One user's authorization on one connection. Texts are never NULL. */
struct gate_scalekit_account {
    const char *id;
    const char *identifier;
    const char *connection_name; /* connector on the wire */
    const char *connection_id;
    const char *provider;
    const char *authorization_type;
    enum gate_account_status status;
    int64_t token_expires_at_ms; /* 0: not said; also the next two */
    int64_t updated_at_ms;
    int64_t last_used_at_ms;
};

/* What Scalekit said when it refused. All zero when it did not answer with an error; texts may be
 * NULL. */
struct gate_scalekit_failure {
    int status;          /* HTTP; 0: no error answer */
    const char *message; /* developer text, not for users */
    const char *error_code;
    const char *execution_id;
    const char *tool_error_code;
    const char *tool_error_message;
    int64_t retry_after_s; /* 0: not said */
};

struct gate_scalekit_reply {
    int status; /* HTTP; 0: no answer */
    const char
        *body; /* as it came, checked to be one JSON object; NULL without an answer that is one */
    size_t body_length;
    const char *data; /* the exact bytes of the member "data", inside body; NULL when absent */
    size_t data_length;
    const char *execution_id; /* NULL when absent; also filled from an error answer */
    struct gate_scalekit_failure failure;
};

struct gate_scalekit_tools_query {
    const char *identifier;
    bool available; /* tools that could be made available; otherwise those the user may call now */
    bool workspace; /* with `available`: all of the workspace's, for nobody in particular */
    /* NULL-terminated, or NULL for all. Scalekit has them for scoped tools only, and the last for
     * the workspace's. */
    const char *const *connection_names;
    const char *const *providers;
    const char *const *tool_names;
    const char *provider;   /* NULL: all; as the next, for the workspace's tools only */
    const char *text;       /* to look for; NULL: none */
    int page_size;          /* 0: Scalekit's default */
    const char *page_token; /* NULL: the first page */
};

struct gate_scalekit_tool_call {
    const char *tool_name;
    const char *identifier;
    const char *connection_name;      /* NULL when connected_account_id says it */
    const char *connected_account_id; /* may be NULL */
    const char *agent_run_id;         /* may be NULL */
    const char *params_json;          /* one JSON object, sent byte for byte; NULL: {} */
    size_t params_length;
};

/* Make a client; contacts nobody yet. */
gate_scalekit *gate_scalekit_new(const struct gate_scalekit_options *options);

/* "read", "connect", "tool", "token". Static. */
const char *gate_scalekit_work_name(enum gate_scalekit_work work);

/* How the breaker of a kind of work stands. Any thread. */
enum gate_breaker_state gate_scalekit_work_state_get(gate_scalekit *scalekit,
                                                     enum gate_scalekit_work work);

/* Append the counts of upstream work (core/metrics.h). */
void gate_scalekit_metrics_write(gate_scalekit *scalekit, struct gate_buffer *buffer);

/* Wipe the token and free. No operation may be in flight. NULL is fine. */
void gate_scalekit_free(gate_scalekit *scalekit);

/* Read the whole catalogue of app connections, page by page. */
void gate_scalekit_connections_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                     struct gate_scalekit_connection **ret_connections,
                                     size_t *ret_count, gate_then_fn *then, void *state);

/* Read all connected accounts of one user, page by page. */
void gate_scalekit_accounts_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *identifier,
                                  struct gate_scalekit_account **ret_accounts, size_t *ret_count,
                                  gate_then_fn *then, void *state);

/* Which accounts a page is of, whoever the users are. NULL and 0: all, and Scalekit's default. */
struct gate_scalekit_accounts_query {
    const char *connection_name;
    const char *const *connection_names; /* NULL-terminated */
    const char *provider;
    const char *text;
    int page_size;
    const char *page_token;
};

struct gate_scalekit_accounts_page {
    struct gate_scalekit_account *items;
    size_t count;
    const char *next_page_token; /* NULL: this is the last page */
};

/* Read one page of everybody's accounts, of which the caller must let nothing out that is not for
 * whom it answers. */
void gate_scalekit_accounts_page_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       const struct gate_scalekit_accounts_query *query,
                                       struct gate_scalekit_accounts_page *ret_page,
                                       gate_then_fn *then, void *state);

/* Read one account by Scalekit's id, whosever it is: the same. */
void gate_scalekit_account_by_id_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                       const char *account_id,
                                       struct gate_scalekit_account *ret_account,
                                       gate_then_fn *then, void *state);

/* Read one account, without credentials; GATE_ERR_NOT_FOUND when the user never tried to connect.
 */
void gate_scalekit_account_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                 const char *connection_name, const char *identifier,
                                 struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                 void *state);

/* Make an account that its user has yet to authorize; without credentials, which are nothing of
 * ours. GATE_ERR_CONFLICT when there is one already. */
void gate_scalekit_account_create(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *connection_name, const char *identifier,
                                  struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                  void *state);

/* Mint the short-lived link to Scalekit's hosted page. The link is https (http on loopback only). A
 * link that was minted and lost harms nobody, so this is retried like a read. */
void gate_scalekit_magic_link_make(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                   const char *connection_name, const char *identifier,
                                   const char *user_verify_url, const char *state_text,
                                   const char **ret_link, gate_then_fn *then, void *state);

/* Confirm that `identifier` is who gave consent. GATE_ERR_FORBIDDEN: somebody else did;
 * GATE_ERR_NOT_FOUND: unknown or already consumed. */
void gate_scalekit_user_verify(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               const char *auth_request_id, const char *identifier,
                               gate_then_fn *then, void *state);

/* Disconnect; the record stays. Answers with the account as it is afterwards. */
void gate_scalekit_account_disconnect(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                      const char *account_id,
                                      struct gate_scalekit_account *ret_account, gate_then_fn *then,
                                      void *state);

/* Remove an account and its credentials for good. */
void gate_scalekit_account_delete(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                  const char *connection_name, const char *identifier,
                                  gate_then_fn *then, void *state);

/* Read one page of tools. *ret_reply is set in every case (then also: its failure). */
void gate_scalekit_tools_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                               const struct gate_scalekit_tools_query *query,
                               struct gate_scalekit_reply *ret_reply, gate_then_fn *then,
                               void *state);

/* Read the workspace's tools of one name, whether or not anybody could run them. *ret_reply is set
 * in every case (then also: its failure). */
void gate_scalekit_tools_named_fetch(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                     const char *tool_name, struct gate_scalekit_reply *ret_reply,
                                     gate_then_fn *then, void *state);

/* Run a tool as a user. *ret_reply is set in every case (then also: its failure). */
void gate_scalekit_tool_execute(struct gate_ctx *ctx, gate_scalekit *scalekit,
                                const struct gate_scalekit_tool_call *wanted,
                                struct gate_scalekit_reply *ret_reply, gate_then_fn *then,
                                void *state);

#endif
