/* Listing a user's connected accounts in pages, reduced to what the caller may use.
 *
 * Answers come from the record as those for people do (portal/connectors.h). Threads: confined with
 * the context. Results live in its arena. Errors: GATE_ERR_FORBIDDEN without the scope,
 * GATE_ERR_INPUT for a query that makes no sense, and those of gate_portal_connectors_list. The
 * caller must have a user.
 */
#ifndef GATE_PORTAL_ACCOUNT_LIST_H
#define GATE_PORTAL_ACCOUNT_LIST_H

#include "portal/connectors.h"

#define GATE_ACCOUNT_PAGE_MAX 100
#define GATE_ACCOUNT_PAGE_DEFAULT 10
#define GATE_ACCOUNT_FILTER_NAMES_MAX 20 /* Scalekit's limit as well */

struct gate_account_query {
    const char *connection_name;         /* NULL or "": all; not together with the next */
    const char *const *connection_names; /* NULL-terminated; NULL: all */
    const char *provider;                /* in any case; NULL or "": all */
    const char *text;       /* in one of the names, in any case of ASCII; NULL or "": all */
    int page_size;          /* 0: GATE_ACCOUNT_PAGE_DEFAULT */
    const char *page_token; /* of an answer; NULL or "": from the beginning */
};

struct gate_account_page {
    struct gate_connector *items; /* by the connection's name; of accounts: each has one */
    size_t count;
    size_t total;                /* on all pages */
    const char *next_page_token; /* opaque; NULL: this is the last page */
};

/* `query` and its texts must stay until `then`. */
void gate_portal_accounts_list(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_caller *caller,
                               const struct gate_account_query *query,
                               struct gate_account_page *ret_page, gate_then_fn *then, void *state);

/* List in the same way what is offered for connecting, each with the user's account if there is
 * one. */
void gate_portal_offered_list(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_account_query *query,
                              struct gate_account_page *ret_page, gate_then_fn *then, void *state);

#endif
