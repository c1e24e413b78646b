/* The tools a user could run now, or could come to have by connecting, reduced to what the caller
 * may use.
 * Scalekit's answers are kept for GATE_TOOL_CACHE_LIFE_MS, unless a status of the user's changes.
 *
 * Threads: confined with the context. Errors: GATE_ERR_FORBIDDEN without the scope, and those of
 * gate_scalekit_tools_fetch.
 */
#ifndef GATE_PORTAL_TOOLS_H
#define GATE_PORTAL_TOOLS_H

#include "portal/caller.h"
#include "portal/portal.h"

/* The exact bytes of one (scoped) tool as Scalekit sent them. */
struct gate_tool_text {
    const char *text;
    size_t length;
};

struct gate_tools_page {
    struct gate_tool_text *tools;
    size_t count;
    const char *next_page_token; /* NULL: this was the last page */
    int64_t total_size;          /* -1: not known, because something was taken out */
};

/* Read one page. The identifier in `query` is replaced by the caller's user's; for the workspace's
 * tools a caller needs no user. A tool that is only available is shown when the caller may use it
 * on one offered connection of its provider, which with `connection_names` must be one of those.
 * `query` must stay until `then`. */
void gate_portal_tools_list(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller,
                            const struct gate_scalekit_tools_query *query,
                            struct gate_tools_page *ret_page, gate_then_fn *then, void *state);

#endif
