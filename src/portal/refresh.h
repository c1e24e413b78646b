/* Keeping the record true: reading the catalogue and one user's accounts from Scalekit.
 *
 * Threads: locked inside (one mutex in the refresher). At most one refresh per user, and one of the
 * catalogue, is under way; later askers wait for it or go on with what is recorded. Errors: those
 * of scalekit/; the record stays as it was.
 */
#ifndef GATE_PORTAL_REFRESH_H
#define GATE_PORTAL_REFRESH_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "store/account.h"

/* Make sure there is a recorded catalogue: read it now if there is none, in the background if it is
 * older than catalogue_max_age. `then` gets GATE_OK when there is one, however old. */
void gate_portal_catalogue_need(struct gate_ctx *ctx, gate_portal *portal, gate_then_fn *then,
                                void *state);

/* Start a refresh of the user's accounts in the background if the record is older than
 * account_max_age; returns at once. When the user was never read, `then` waits for it (GATE_ERR_…
 * if that fails), else it gets GATE_OK at once. */
void gate_portal_accounts_need(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_user *user, gate_then_fn *then, void *state);

/* Read the user's accounts from Scalekit now, however young the record is, and wait for it; a
 * reading that is under way counts. */
void gate_portal_accounts_read(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_user *user, gate_then_fn *then, void *state);

/* Start a refresh of the user's accounts in the background unless one is under way or the record is
 * younger than `max_age_ms`; whether it could be started shows in the record alone. */
void gate_portal_accounts_freshen(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user, int64_t max_age_ms);

/* Start reading the user's accounts because a webhook left open how they are. What comes too early
 * or fails is made up for by gate_portal_tick. */
void gate_portal_accounts_recheck(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_user *user);

/* The same, because nobody looked at them for long: counted apart, so that _sweeps_may_start can
 * hold further ones back while Scalekit fails. GATE_ERR_BUSY and the last failure: not started. */
enum gate_err gate_portal_accounts_sweep(struct gate_ctx *ctx, gate_portal *portal,
                                         const struct gate_user *user) GATE_MUST_CHECK;

/* How many sweeps may be started now; 0 for a while after one has failed. */
int gate_portal_sweeps_may_start(gate_portal *portal);

/* Start reading the catalogue unless that is under way, or failed a moment ago. */
void gate_portal_catalogue_freshen(struct gate_ctx *ctx, gate_portal *portal);

/* Has reading the user's accounts (or, with 0, the catalogue) failed in the last half minute, or is
 * it taking long? Then pages say that what they show may be old. */
bool gate_portal_refresh_is_failing(gate_portal *portal, int64_t user_id);

/* Ask Scalekit about one account now and record the answer; GATE_ERR_NOT_FOUND when Scalekit has
 * none. */
void gate_portal_account_ask(struct gate_ctx *ctx, gate_portal *portal,
                             const struct gate_user *user, const char *connection_name,
                             enum gate_account_source source, struct gate_account *ret_account,
                             gate_then_fn *then, void *state);

#endif
