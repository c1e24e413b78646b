/* A person's own access tokens: looking at them and ending them. Making one is portal/token.h.
 *
 * Owner: results live in the context's arena. Threads: locked inside the store. Errors:
 * GATE_ERR_NOT_FOUND for a token that is not the caller's own, whether or not it exists;
 * GATE_ERR_STORE. The caller must have a user.
 */
#ifndef GATE_PORTAL_ACCESS_KEYS_H
#define GATE_PORTAL_ACCESS_KEYS_H

#include "portal/caller.h"
#include "portal/portal.h"

/* List the caller's tokens, newest first, ended ones included. */
enum gate_err gate_portal_access_keys_list(struct gate_ctx *ctx, gate_portal *portal,
                                           const struct gate_caller *caller,
                                           struct gate_token **ret_tokens,
                                           size_t *ret_count) GATE_MUST_CHECK;

enum gate_err gate_portal_access_key_find(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller, const char *public_id,
                                          struct gate_token *ret_token) GATE_MUST_CHECK;

/* Revoke one of the caller's tokens; it works for nobody from the moment `then` runs. Again is no
 * error. `public_id` must stay until `then`; `ret_label` gets the token's name when it is found. */
void gate_portal_access_key_revoke(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller, const char *public_id,
                                   const char **ret_label, gate_then_fn *then, void *state);

/* Does the token work at this wall time? */
bool gate_portal_access_key_works(const struct gate_token *token, int64_t now_ms);

#endif
