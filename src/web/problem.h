/* Failures as answers: one table from kinds to HTTP, RFC 9457 for programs, plain pages for people.
 *
 * Threads: confined with the request. Errors: none; a page that cannot be rendered ends as plain
 * text.
 */
#ifndef GATE_WEB_PROBLEM_H
#define GATE_WEB_PROBLEM_H

#include "web/request.h"
#include "json/writer.h"

/* What a problem says beyond its kind; NULL and 0 members are left out. */
struct gate_problem {
    enum gate_err kind;
    const char *detail; /* NULL: the recorded error's sentence where callers may see it */
    const char *source; /* "gatehouse" (default), "scalekit" or "provider" */
    const char *error_code;
    const char *provider_error_code; /* the app's own code behind a tool's failure */
    const char *execution_id;
    const char *connection;
    const char *const *connections; /* NULL-terminated */
    const char *account_status;
    const char *authorization_url;
    int64_t retry_after_s;
    int upstream_status; /* the HTTP status that Scalekit gave the failure; 0: none */
};

/* How a problem is worded, by its kind or by itself. Static, or borrowed from the problem. */
struct gate_problem_words {
    const char *slug; /* last part of its type */
    const char *title;
    const char *detail; /* NULL: none for callers */
    const char *source;
    int64_t retry_after_s; /* 0: nothing to say */
};

struct gate_problem_words gate_problem_words_get(const struct gate_request *request,
                                                 const struct gate_problem *problem);

/* The HTTP status of a kind. */
int gate_problem_status(enum gate_err kind);

/* Write a problem as a member of another answer. */
void gate_problem_write(struct gate_request *request, struct gate_json_writer *writer,
                        const char *name, const struct gate_problem *problem);

/* Answer application/problem+json, or to a gRPC call its status, and finish the request. */
void gate_problem_finish(struct gate_request *request, const struct gate_problem *problem);

#endif
