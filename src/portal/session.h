/* Signed-in browsers: who the cookie says, and the proof that a form came from our own page.
 *
 * Threads: locked inside the store. Errors: GATE_ERR_UNAUTHENTICATED for a cookie that is unknown,
 * malformed or expired, without a recorded sentence; GATE_ERR_STORE.
 */
#ifndef GATE_PORTAL_SESSION_H
#define GATE_PORTAL_SESSION_H

#include "portal/caller.h"
#include "portal/portal.h"

/* Establish the caller behind a session cookie's value. Notes in the background that it was seen
 * (at most once a minute). */
enum gate_err gate_portal_session_find(struct gate_ctx *ctx, gate_portal *portal,
                                       const char *cookie_value,
                                       struct gate_caller *ret_caller) GATE_MUST_CHECK;

/* The token that our forms carry for this session: an HMAC over the session, so it dies with it. */
const char *gate_portal_csrf_make(gate_arena *arena, const gate_portal *portal,
                                  const struct gate_caller *caller);

/* Check a token from a form or header in constant time. NULL never holds. */
bool gate_portal_csrf_check(const gate_portal *portal, const struct gate_caller *caller,
                            const char *token);

/* End the caller's session. `ret_logout_url` gets the provider's page that ends its session too and
 * comes back to /signed-out, or NULL when there is none or the provider cannot be asked now; it is
 * set whenever the session is gone (GATE_OK). */
void gate_portal_session_end(struct gate_ctx *ctx, gate_portal *portal,
                             const struct gate_caller *caller, const char **ret_logout_url,
                             gate_then_fn *then, void *state);

#endif
