/* Connected accounts for service tokens that have named no user: whose an account is that they name
 * by Scalekit's id, and which accounts there are of the users they may act for.
 *
 * Threads: confined with the context. Results live in its arena. Errors: those of scalekit/, and
 * see the functions.
 */
#ifndef GATE_PORTAL_ACCOUNT_OWNER_H
#define GATE_PORTAL_ACCOUNT_OWNER_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "scalekit/scalekit.h"

/* Find the identifier of an account's user. GATE_ERR_NOT_FOUND in the same words whether there is
 * no such account or the caller may not act for its user. `account_id` must stay until `then`. */
void gate_portal_account_owner_find(struct gate_ctx *ctx, gate_portal *portal,
                                    const struct gate_caller *caller, const char *account_id,
                                    const char **ret_identifier, gate_then_fn *then, void *state);

/* Read one page of Scalekit's list, and leave out every account of a user, or on a connection, that
 * the rules keep from the caller; a page may be empty and not the last. The query's text is looked
 * for in that page, unless the caller may act for everybody. GATE_ERR_FORBIDDEN without the scope.
 * The texts of `query` must stay until `then`. */
void gate_portal_everybodys_accounts_list(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller,
                                          const struct gate_scalekit_accounts_query *query,
                                          struct gate_scalekit_accounts_page *ret_page,
                                          gate_then_fn *then, void *state);

#endif
