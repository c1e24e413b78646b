/* A REST call to a connected app in somebody's name, through Scalekit's tool proxy: rules, the
 * account behind it, the call with its bodies in pieces, and the trail.
 *
 * Threads: confined with the context; the trail is written before the answer's head is handed out.
 * Errors: GATE_ERR_FORBIDDEN (a rule of the token; the sentence names it), GATE_ERR_NOT_FOUND (no
 * such connection), GATE_ERR_NEEDS_AUTHORIZATION (`account_status` is set), and those of
 * scalekit/proxy.h. What the app answers is no error here, whatever its status.
 */
#ifndef GATE_PORTAL_PROXY_H
#define GATE_PORTAL_PROXY_H

#include "portal/caller.h"
#include "portal/portal.h"
#include "scalekit/proxy.h"

struct gate_proxy_order {
    const char *method;
    const char *target;          /* path and query for the app; begins with '/' */
    const char *connection_name; /* NULL: none was named, which is refused */
    const struct gate_net_header *headers;
    size_t header_count;
    int64_t body_length;
    gate_scalekit_body_fn *read_body;
    void *body_source;
    uint64_t cancel_id; /* for gate_portal_proxy_cancel; 0: cannot be cancelled */
};

struct gate_proxy_result {
    struct gate_scalekit_proxy_answer answer;
    const char *account_status; /* as on the wire; NULL: never connected */
};

typedef struct gate_proxying gate_proxying;

/* Whether a method only reads: what a token needs for it, and whether it may come with a key. */
bool gate_portal_proxy_reads(const char *method);

/* Hold a call against the rules; leaves no row. GATE_ERR_FORBIDDEN. */
enum gate_err gate_portal_proxy_check(struct gate_ctx *ctx, const struct gate_caller *caller,
                                      const struct gate_proxy_order *order) GATE_MUST_CHECK;

/* Put on record what was refused before it was opened; `then` gets `refusal`, whose sentence is
 * ctx's. */
void gate_portal_proxy_refuse(struct gate_ctx *ctx, gate_portal *portal,
                              const struct gate_caller *caller,
                              const struct gate_proxy_order *order, enum gate_err refusal,
                              gate_then_fn *then, void *state);

/* Make the call; `then` runs with the answer's head and first piece, or with a failure, after which
 * it is over. Everything passed must stay until it is over; `ret_proxying` is set before `then` can
 * run, `ret_result` in every case. */
void gate_portal_proxy_open(struct gate_ctx *ctx, gate_portal *portal,
                            const struct gate_caller *caller, const struct gate_proxy_order *order,
                            gate_proxying **ret_proxying, struct gate_proxy_result *ret_result,
                            gate_then_fn *then, void *state);

/* Wait for the next piece of the answer; a failure says that the rest of it is lost, and
 * GATE_ERR_FORBIDDEN that the caller's right has ended meanwhile. */
void gate_portal_proxy_next(struct gate_ctx *ctx, gate_proxying *proxying, gate_then_fn *then,
                            void *state);

/* Whoever waits for the answer to the call with this cancel_id has left: break it off, unless it is
 * a write of which nothing is known yet. Any thread. */
void gate_portal_proxy_cancel(gate_portal *portal, uint64_t cancel_id);

/* Break it off. */
void gate_portal_proxy_close(struct gate_ctx *ctx, gate_proxying *proxying, gate_then_fn *then,
                             void *state);

#endif
