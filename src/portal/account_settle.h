/* Whether a user's account on a connection can be used, for calls that are about to use it.
 *
 * Threads: locked inside the store. Errors: GATE_ERR_NEEDS_AUTHORIZATION with a sentence (the user
 * has to act; the account is set if there is one), GATE_ERR_NOT_FOUND (no such connection, or it is
 * not offered), GATE_ERR_STORE, and those of asking Scalekit.
 */
#ifndef GATE_PORTAL_ACCOUNT_SETTLE_H
#define GATE_PORTAL_ACCOUNT_SETTLE_H

#include "portal/portal.h"
#include "store/account.h"
#include "store/user.h"

struct gate_settled {
    struct gate_account account;
    bool is_there;  /* there is an account, of whatever status */
    bool was_asked; /* Scalekit was asked, rather than the record */
};

/* Look at the record; before anybody is told that the account is not active, ask Scalekit. The
 * catalogue must have been read. `ret_settled` is set in every case. */
void gate_portal_account_settle(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_user *user, const char *connection_name,
                                struct gate_settled *ret_settled, gate_then_fn *then, void *state);

/* After Scalekit refused a call with `refusal`, whose sentence is ctx's: see whether the account
 * has ended since the record was made, unless it was asked about already or the refusal cannot mean
 * that. `then` gets GATE_ERR_NEEDS_AUTHORIZATION if so, else the refusal with its sentence. */
void gate_portal_account_resettle(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user, const char *connection_name,
                                  enum gate_err refusal, struct gate_settled *settled,
                                  gate_then_fn *then, void *state);

#endif
