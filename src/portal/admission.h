/* How much one caller may ask for: calls per minute and calls at a time, for a token and for a
 * user, so that nobody takes the portal from the others.
 *
 * Each token and user has a token bucket that holds a minute's calls: a burst of that many is let
 * through, and then one at a time as it fills. Kept in memory, for the most recent
 * GATE_ADMISSION_SEATS_MAX of them; a restart forgets. Threads: locked (one mutex in the
 * admissions). Errors: GATE_ERR_OVER_QUOTA with a sentence that names the limit; GATE_ERR_BUSY when
 * there is no room to count. Time comes from the context's clock.
 */
#ifndef GATE_PORTAL_ADMISSION_H
#define GATE_PORTAL_ADMISSION_H

#include "portal/caller.h"
#include "portal/portal.h"

/* The tightest of the limits a request has met; all zero while there was none. */
struct gate_quota {
    int64_t limit; /* calls per minute; 0: none applies */
    int64_t remaining;
    int64_t full_in_s;     /* until `limit` calls are there again */
    int32_t in_flight_max; /* calls at a time; 0: none applies */
    int32_t in_flight;     /* this one included */
    /* Set by a refusal. */
    int64_t retry_after_s;
    const char *limit_name; /* "token_rate", "token_in_flight", "user_rate", "user_in_flight",
                               "token_new_users" */
    bool is_users;          /* the limit is the user's, not the token's */
};

/* Count a call against the caller's token and, for a service token, as one of those that it has
 * under way (as below); nothing for other callers. `quota` keeps the tighter of what it holds and
 * this. */
enum gate_err gate_portal_admit_token(struct gate_ctx *ctx, gate_portal *portal,
                                      const struct gate_caller *caller,
                                      struct gate_quota *quota) GATE_MUST_CHECK;

/* Count a call against the caller's user, and as one of the calls the user has under way until the
 * context is freed, which must be before the portal is. Nothing without a user. */
enum gate_err gate_portal_admit_user(struct gate_ctx *ctx, gate_portal *portal,
                                     const struct gate_caller *caller,
                                     struct gate_quota *quota) GATE_MUST_CHECK;

/* Count a proxied call, which has a place among GATEHOUSE_PROXY_IN_FLIGHT_MAX for as long as an
 * hour, as one of those that the caller's service token, or for a personal one its owner, has under
 * way (as above): they may have half of the places. After gate_portal_admit_user. */
enum gate_err gate_portal_admit_proxied(struct gate_ctx *ctx, gate_portal *portal,
                                        const struct gate_caller *caller,
                                        struct gate_quota *quota) GATE_MUST_CHECK;

/* Count a user whom the caller's token names and who is not on record against the token. `quota`
 * changes only when there have been too many; GATE_ERR_OVER_QUOTA then. */
enum gate_err gate_portal_admit_new_user(struct gate_ctx *ctx, gate_portal *portal,
                                         const struct gate_caller *caller,
                                         struct gate_quota *quota) GATE_MUST_CHECK;

/* What a refused call would have been about; NULL for what is not known. */
struct gate_refused_call {
    const char *tool_name; /* or "GET /path" */
    const char *connection_name;
    const char *agent_run_id;
};

/* Put a call that was refused by a limit on the trail, but for each token or user only one in
 * GATE_OVER_QUOTA_TRAIL_EVERY_MS: that one stands for the others. `then` gets GATE_OK in any case.
 * The call's texts must stay until then. */
void gate_portal_refusal_record(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_caller *caller, const struct gate_quota *quota,
                                const struct gate_refused_call *call, gate_then_fn *then,
                                void *state);

/* Count a failed proof of who is calling against the network it came from (an address as text:
 * IPv4, or the first 64 bits of IPv6; NULL or anything else is one place). For after the failure:
 * what was right is never held up by what failed. */
enum gate_err gate_portal_admit_failure(struct gate_ctx *ctx, gate_portal *portal,
                                        const char *address,
                                        struct gate_quota *quota) GATE_MUST_CHECK;

#endif
