/* What the token endpoint gives (RFC 6749 section 4.4, RFC 8693): short-lived bearers for service
 * tokens.
 *
 * The client is the service token: its public id is the client_id, its text the client_secret. In a
 * token exchange the service is the actor, and the subject is the user it wants to act for, named
 * by identifier; the bearer then acts for that user alone.
 *
 * Owner: results live in the context's arena. Threads: locked inside the store and the admissions.
 * Never waits. Errors: as gate_portal_grant says; no sentence repeats what was sent.
 */
#ifndef GATE_PORTAL_GRANT_H
#define GATE_PORTAL_GRANT_H

#include "portal/admission.h"
#include "portal/caller.h"
#include "portal/portal.h"

enum gate_grant_kind {
    GATE_GRANT_CLIENT_CREDENTIALS,
    GATE_GRANT_TOKEN_EXCHANGE,
};

/* What a subject_token or actor_token is. */
enum gate_grant_proof {
    GATE_PROOF_NONE,         /* not sent */
    GATE_PROOF_ACCESS_TOKEN, /* a service token, or a bearer of one */
    GATE_PROOF_IDENTIFIER,   /* a user's identifier */
    GATE_PROOF_OTHER,
};

/* What was asked for; NULL for what was not sent. */
struct gate_grant_wish {
    enum gate_grant_kind kind;
    const char *client_id;
    const char *client_secret;
    const char *scope;
    const char *address; /* where it came from, for counting what fails there */
    /* a token exchange's */
    const char *subject_token;
    enum gate_grant_proof subject_kind;
    const char *actor_token;
    enum gate_grant_proof actor_kind;
};

/* Why a grant was refused, where the kind of the error does not tell (RFC 6749 section 5.2). */
enum gate_grant_refusal {
    GATE_REFUSED_OTHERWISE,
    GATE_REFUSED_CLIENT_KIND, /* a client that gets none: unauthorized_client */
    GATE_REFUSED_SCOPE,       /* more than the token has, or no scope at all: invalid_scope */
};

struct gate_grant {
    struct gate_caller caller; /* given: the client, as the bearer has it */
    const char *bearer;
    int64_t expires_in_s;
    enum gate_grant_refusal refusal; /* refused: why */
};

/* Give a bearer. It counts as a call of the token's. `grant` says what was given, or why nothing
 * was; `quota` when to come again. GATE_ERR_UNAUTHENTICATED: no client, one that is not known, or
 * the wrong secret, all the same. GATE_ERR_OVER_QUOTA: the token's own limit, or too much that
 * failed where this came from. GATE_ERR_INPUT and GATE_ERR_FORBIDDEN: something asked for, such as
 * a user outside the token's rules. */
enum gate_err gate_portal_grant(struct gate_ctx *ctx, gate_portal *portal,
                                const struct gate_grant_wish *wish, struct gate_quota *quota,
                                struct gate_grant *grant) GATE_MUST_CHECK;

#endif
