/* How a call in somebody's name failed, as a problem: whose failure it is, in whose words, and what
 * the user can do about it. Threads: confined with the request. Errors: none. */
#ifndef GATE_WEB_TOOL_PROBLEM_H
#define GATE_WEB_TOOL_PROBLEM_H

#include "portal/tool_call.h"
#include "web/problem.h"

/* What a call was about; texts may be NULL. */
struct gate_called {
    const char *connection_name;
    const char *account_status;
    const char *return_to; /* where the user comes out who has to connect first; checked */
};

/* Make it in the request's arena. */
struct gate_problem gate_call_problem_make(const struct gate_request *request, enum gate_err err,
                                           const struct gate_scalekit_failure *failure,
                                           const struct gate_called *called);

/* The same for a tool call. `return_to` is where the user comes out who has to connect first;
 * checked, or NULL. */
struct gate_problem gate_tool_problem_make(const struct gate_request *request, enum gate_err err,
                                           const struct gate_tool_call_result *result,
                                           const char *return_to);

/* Kinds in which Scalekit's words are about what the caller sent. */
bool gate_tool_problem_is_refused_order(enum gate_err err);

#endif
