/* Which of a user's connections offer a tool, for calls that name the tool alone.
 *
 * Threads: confined with the context. Results live in its arena. Errors: GATE_ERR_FORBIDDEN when
 * the rules let the caller run the tool on no connection (said before Scalekit is
 * asked, so it tells nothing about what is connected there), and those of gate_scalekit_tools_fetch
 * and portal/refresh.h.
 */
#ifndef GATE_PORTAL_TOOL_OFFERS_H
#define GATE_PORTAL_TOOL_OFFERS_H

#include "portal/caller.h"
#include "portal/portal.h"

struct gate_tool_offers {
    const char **connection_names; /* each once, NULL-terminated */
    size_t count;
};

/* Ask Scalekit which active accounts of the caller's user have the tool, and keep those on which
 * the caller may run it. `tool_name` must stay until `then`. */
void gate_portal_tool_offers_find(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller, const char *tool_name,
                                  struct gate_tool_offers *ret_offers, gate_then_fn *then,
                                  void *state);

/* When nothing offers it: find the offered connections of the apps that have such a tool, on which
 * the caller may run it and the user has yet to connect (again); the one alone that the user has an
 * account on, if there is one. Asks Scalekit once. `tool_name` must stay until `then`. */
void gate_portal_tool_prospects_find(struct gate_ctx *ctx, gate_portal *portal,
                                     const struct gate_caller *caller, const char *tool_name,
                                     struct gate_tool_offers *ret_offers, gate_then_fn *then,
                                     void *state);

#endif
