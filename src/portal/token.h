/* Access tokens of people's own scripts (ghp_…) and of backend services (ghs_…), and what they may
 * do. A service's short-lived bearer (gha_…, portal/bearer.h) counts as its token everywhere.
 *
 * Threads: locked inside the store. Errors: GATE_ERR_UNAUTHENTICATED for any token that does not
 * hold (unknown, revoked, expired, malformed: the same answer), GATE_ERR_FORBIDDEN for a user the
 * token may not act for, GATE_ERR_STORE.
 */
#ifndef GATE_PORTAL_TOKEN_H
#define GATE_PORTAL_TOKEN_H

#include "portal/admission.h"
#include "portal/caller.h"
#include "portal/portal.h"

/* Establish the caller behind a token, or behind a short-lived bearer. A service token's caller has
 * no user yet. */
enum gate_err gate_portal_token_find(struct gate_ctx *ctx, gate_portal *portal, const char *bearer,
                                     struct gate_caller *ret_caller) GATE_MUST_CHECK;

/* May a service token's caller act for the user with this identifier? GATE_ERR_FORBIDDEN with a
 * sentence that names the rule; also for anybody but the user that a bearer is bound to. */
enum gate_err gate_portal_user_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                     const char *identifier) GATE_MUST_CHECK;

/* Let a service token's caller act for the user with this identifier, if gate_portal_user_check
 * says so; the user is recorded if never seen, unless the token has named too many such users
 * (GATE_ERR_OVER_QUOTA, and `quota` says how long). Then `caller->user` is set. */
void gate_portal_token_act_for(struct gate_ctx *ctx, gate_portal *portal,
                               struct gate_caller *caller, const char *identifier,
                               struct gate_quota *quota, gate_then_fn *then, void *state);

/* A token's lists of rules are space-separated patterns in which '*' stands for anything, so that
 * "*@example.com" is everybody of a domain. One that begins with '!' denies, and wins over those
 * that allow, wherever it stands; it ignores the case of ASCII letters. A list that allows nothing,
 * or none (NULL), means nothing is allowed. */
#define GATE_RULE_DENY '!'

/* What to make; the lists as above. */
struct gate_token_wish {
    enum gate_token_kind kind;
    int64_t owner_user_id; /* personal: whose; service: 0 */
    const char *label;
    const char *scopes; /* "tools:read tools:execute" … */
    const char *connections;
    const char *tools;
    const char *identifiers;  /* service: which users */
    int64_t expires_at;       /* wall ms; 0 never */
    int64_t calls_per_minute; /* 0: no limit of its own */
};

/* Make a token and record it. `ret_text` is the only time its text exists outside its owner's
 * hands. */
void gate_portal_token_make(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_token_wish *wish, const char **ret_text,
                            const char **ret_public_id, gate_then_fn *then, void *state);

/* What a token may do at all; scopes are its list. */
#define GATE_SCOPE_READ "tools:read"       /* connections, accounts, tools */
#define GATE_SCOPE_EXECUTE "tools:execute" /* run tools */
/* REST calls to connected apps; no rule for tools limits them, so never given unless asked for. */
#define GATE_SCOPE_PROXY_READ "proxy:read"   /* GET, HEAD, OPTIONS */
#define GATE_SCOPE_PROXY_WRITE "proxy:write" /* every other method */
#define GATE_SCOPE_ACCOUNTS "accounts:write" /* end connections; never given unless asked for */

/* May a call of this token's that was let through go on? Not once the token is revoked, over or
 * gone, or the user suspended or gone. Reads the record, at no cost to the context's arena; what
 * cannot be read is no reason to end. */
bool gate_portal_caller_holds(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller);

/* May this service token's caller act for the user with this identifier? */
bool gate_portal_may_act_for(const struct gate_caller *caller, const char *identifier);

/* May this caller use a connection, and a tool on it? Browsers may; tokens by their rules. */
bool gate_portal_may_use_connection(const struct gate_caller *caller, const char *connection_name);
bool gate_portal_may_use_tool(const struct gate_caller *caller, const char *connection_name,
                              const char *tool_name);

/* The same as outcomes: GATE_ERR_FORBIDDEN with a sentence that names the rule. */
enum gate_err gate_portal_connection_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                           const char *connection_name) GATE_MUST_CHECK;
enum gate_err gate_portal_tool_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                     const char *connection_name,
                                     const char *tool_name) GATE_MUST_CHECK;

bool gate_portal_has_scope(const struct gate_caller *caller, const char *scope);

/* The same as an outcome; `what` goes on "This token may not". */
enum gate_err gate_portal_scope_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                      const char *scope, const char *what) GATE_MUST_CHECK;

#endif
