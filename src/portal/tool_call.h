/* Running a tool in somebody's name: rules, the account behind it, the call, and the trail.
 *
 * Threads: confined with the context; the trail is written before `then` runs. Errors:
 * GATE_ERR_FORBIDDEN (a rule of the token; the sentence names it), GATE_ERR_NOT_FOUND (no such
 * connection or account of this user's, or none that has the tool), GATE_ERR_INPUT (more than one
 * has it: `offers` is set), GATE_ERR_NEEDS_AUTHORIZATION (`connection_name` and `account_status`
 * are set), and those of gate_scalekit_tool_execute. Every outcome leaves a row in tool_call,
 * but for orders that ask for an explanation: those go the same way up to the call itself, reading
 * what has to be read, and end with GATE_OK where it would have been made.
 */
#ifndef GATE_PORTAL_TOOL_CALL_H
#define GATE_PORTAL_TOOL_CALL_H

#include "portal/caller.h"
#include "portal/portal.h"

struct gate_tool_call_order {
    const char *tool_name;
    /* These say which account. With neither, Scalekit is asked whose active accounts have the tool,
     * and it must be on one connection alone. */
    const char *connection_name;
    const char *connected_account_id;
    const char *agent_run_id; /* NULL: none */
    const char *params_json;  /* one JSON object, passed on byte for byte */
    size_t params_length;
    int64_t deadline_ms; /* monotonic; 0, or later than GATE_TOOL_TIMEOUT_MS from now: that */
    bool explains; /* say what would happen: nothing is run, and nothing is written to the trail */
};

struct gate_tool_call_result {
    struct gate_scalekit_reply reply;
    const char *connection_name;
    const char *account_status; /* as on the wire; NULL: never connected */
    /* NULL-terminated: the connections of which the caller must name one; else NULL. */
    const char *const *offers;
    const char *connected_account_id; /* NULL: none that is known */
    const char *rule; /* what decided whether the caller may: "session", "scope", "connections",
                         "tools"; NULL: nothing was decided yet */
    bool has_left;    /* the call itself went to Scalekit, which may have carried it out */
};

/* Hold a call against the rules, as far as that needs asking nobody; leaves no row.
 * GATE_ERR_FORBIDDEN, GATE_ERR_STORE. */
enum gate_err gate_portal_tool_call_check(struct gate_ctx *ctx, gate_portal *portal,
                                          const struct gate_caller *caller,
                                          const struct gate_tool_call_order *order) GATE_MUST_CHECK;

/* Put on record what _check has refused; `then` gets GATE_ERR_FORBIDDEN. */
void gate_portal_tool_call_refuse(struct gate_ctx *ctx, gate_portal *portal,
                                  const struct gate_caller *caller,
                                  const struct gate_tool_call_order *order,
                                  struct gate_tool_call_result *ret_result, gate_then_fn *then,
                                  void *state);

/* Run a tool as the caller's user. A caller without one, because the token may not act for whom it
 * named, is refused by rule and on record like any other. `order`'s texts must stay until `then`.
 * `ret_result` is set in every case. */
void gate_portal_tool_call_run(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_caller *caller,
                               const struct gate_tool_call_order *order,
                               struct gate_tool_call_result *ret_result, gate_then_fn *then,
                               void *state);

#endif
