/* Connecting a connector: from the click to the moment Scalekit says that it is connected.
 *
 * The link at Scalekit is made at the click, for the person who clicked, and bound to their
 * browser; what comes back counts only for the same person in the same browser, once (against
 * consent captured into somebody else's account). Results live in the context's arena. Threads:
 * confined with the context. Never logs a state, a link or an auth_request_id.
 */
#ifndef GATE_PORTAL_CONNECTING_H
#define GATE_PORTAL_CONNECTING_H

#include "portal/caller.h"
#include "portal/portal.h"

struct gate_connecting_start {
    const char
        *link; /* where to send the browser; NULL: it is connected already, nothing to allow */
    const char *browser_cookie_value; /* to be set in any case: the one handed in if it can be one
                                         of ours */
    const char *display_name;
    const char *return_to; /* checked; NULL: none asked for */
};

/* Begin: record the attempt, then make the link. `browser_cookie_value` may be NULL, `return_to`
 * NULL or "". GATE_ERR_NOT_FOUND no such connection, or not offered; GATE_ERR_INPUT a return_to
 * that is refused; GATE_ERR_STORE; GATE_ERR_UPSTREAM when Scalekit refuses; otherwise those of
 * gate_scalekit_magic_link_make. Inputs must stay until `then`. */
void gate_portal_connecting_begin(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller, const char *connection_name,
                                  const char *return_to, const char *browser_cookie_value,
                                  struct gate_connecting_start *ret_start, gate_then_fn *then,
                                  void *state);

/* What the browser brought back; any of it may be NULL. */
struct gate_connecting_answer {
    const char *state;
    const char *auth_request_id;
    const char *error;
    const char *browser_cookie_value;
};

enum gate_connecting_outcome {
    GATE_CONNECTING_CONNECTED,     /* Scalekit says ACTIVE */
    GATE_CONNECTING_WAITING,       /* Scalekit says anything else: not finished */
    GATE_CONNECTING_REFUSED,       /* the person, or the app, said no */
    GATE_CONNECTING_UNKNOWN,       /* never begun here, or so long ago that it is forgotten */
    GATE_CONNECTING_EXPIRED,       /* begun too long ago */
    GATE_CONNECTING_REPLAYED,      /* this answer was used before */
    GATE_CONNECTING_OTHER_BROWSER, /* begun in another browser */
    GATE_CONNECTING_OTHER_USER,    /* begun by another person */
    GATE_CONNECTING_MISMATCH,      /* Scalekit: somebody else gave the consent */
    GATE_CONNECTING_GONE,          /* Scalekit: this consent is unknown or was used before */
    GATE_CONNECTING_UNREACHABLE,   /* nothing was confirmed; starting again helps */
    GATE_CONNECTING_UNCONFIRMED,   /* perhaps confirmed; looking again later will tell */
    GATE_CONNECTING_OUTCOME_COUNT_,
};

struct gate_connecting_result {
    enum gate_connecting_outcome outcome;
    const char *connection_name; /* NULL for UNKNOWN and OTHER_USER */
    const char *display_name;    /* the same */
    const char *return_to;       /* NULL: none asked for; the same */
};

/* Finish: hold the answer against the attempt, confirm it at Scalekit, and record what Scalekit
 * then says. The attempt is spent, however this ends. `then` gets GATE_OK with an outcome, or
 * GATE_ERR_STORE. `answer` and what it points to must stay until then. */
void gate_portal_connecting_finish(struct gate_ctx *ctx, gate_portal *portal,
                                   const struct gate_caller *caller,
                                   const struct gate_connecting_answer *answer,
                                   struct gate_connecting_result *ret_result, gate_then_fn *then,
                                   void *state);

#endif
