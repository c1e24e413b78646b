/* Short-lived bearers (gha_…): what a service token is exchanged for (portal/grant.h).
 *
 * A bearer is a sealed note that says which service token it stands for, until when, and how far it
 * is narrowed. Nothing is recorded when one is made, so no number of them takes room; and nothing
 * but the seal is believed when one is shown: the token is looked up again, and with it whether it
 * still works and what it may do. Callers cannot read or change one. A bearer holds as long as
 * GATEHOUSE_SECRET stays what it is.
 *
 * Owner: results live in the arena given. Threads: immutable. Never logged.
 */
#ifndef GATE_PORTAL_BEARER_H
#define GATE_PORTAL_BEARER_H

#include "portal/caller.h"
#include "portal/portal.h"

#define GATE_BEARER_PREFIX "gha_"
#define GATE_BEARER_LIFE_MS (60 * 60 * 1000L)

struct gate_bearer {
    const char *token_public_id; /* of the service token behind it; never another's again */
    const char *identifier;      /* the only user it acts for; NULL: any the token may act for */
    const char *scopes;          /* the words it is narrowed to; NULL: all the token has */
    int64_t expires_at;          /* wall ms */
};

/* The only user that the caller may act for; NULL: any that its rules allow. */
const char *gate_caller_bound_identifier(const struct gate_caller *caller);

/* Are these scopes plain words with single spaces between, none of which could be taken for a rule
 * with a '*' or a '!' in it? */
bool gate_bearer_scopes_are_plain(const char *scopes);

/* Make a bearer's text. The scopes must be plain, and the identifier one line of at most
 * GATE_IDENTIFIER_MAX_BYTES. */
char *gate_bearer_make(gate_arena *arena, const gate_portal *portal,
                       const struct gate_bearer *bearer);

/* Open one that gate_bearer_make made and that holds at `now_ms`. GATE_ERR_INPUT for everything
 * else, GATE_ERR_EXPIRED; nothing recorded. */
enum gate_err gate_bearer_open(gate_arena *arena, const gate_portal *portal, const char *text,
                               int64_t now_ms, struct gate_bearer *ret_bearer) GATE_MUST_CHECK;

#endif
