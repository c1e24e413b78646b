/* The connections that there are, for programs that know Scalekit: its own list, reduced to what
 * the caller may use, whoever the user is.
 *
 * Threads: confined with the context. Results live in its arena. Errors: GATE_ERR_FORBIDDEN without
 * the scope, GATE_ERR_INPUT for a token that was not given here, and those of
 * gate_scalekit_connections_fetch. The caller needs no user.
 */
#ifndef GATE_PORTAL_CONNECTION_LIST_H
#define GATE_PORTAL_CONNECTION_LIST_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "scalekit/scalekit.h"

#define GATE_CONNECTION_PAGE_MAX 30 /* Scalekit's limit as well */
#define GATE_CONNECTION_PAGE_DEFAULT 10

struct gate_connection_query {
    const char *provider;   /* in any case; NULL: all */
    const char *text;       /* in name or provider, in any case of ASCII; NULL: all */
    int page_size;          /* 0: GATE_CONNECTION_PAGE_DEFAULT */
    const char *page_token; /* of an answer; NULL: from the beginning */
};

struct gate_connection_page {
    struct gate_scalekit_connection *items; /* by name; the enabled ones */
    size_t count;
    size_t total;                /* on all pages */
    const char *next_page_token; /* NULL: this is the last page */
};

/* `query` and its texts must stay until `then`. */
void gate_portal_connections_list(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller,
                                  const struct gate_connection_query *query,
                                  struct gate_connection_page *ret_page, gate_then_fn *then,
                                  void *state);

#endif
