/* What of a proxied call passes, and what never does: the target, and the headers either way.
 *
 * Threads: immutable. Errors: GATE_ERR_INPUT with a sentence. Results live in the arena. Names of
 * headers come from FastCGI parameters, in which case and the difference between "-" and "_" are
 * lost: they are sent on in lower case, with "-".
 */
#ifndef GATE_WEB_PROXY_PASS_H
#define GATE_WEB_PROXY_PASS_H

#include "web/request.h"

/* What follows "/proxy" in REQUEST_URI, as it was sent, for a path that gate_path_parse has taken.
 * Refused beyond what that refuses: anything that a reader further on could take for a slash, a dot
 * segment, a scheme or a host. */
enum gate_err gate_proxy_target_read(struct gate_ctx *ctx, const char *request_uri,
                                     const char **ret_target) GATE_MUST_CHECK;

/* The caller's headers for the app: not those between two hops (RFC 9110 section 7.6.1), not
 * cookies and credentials, not what is addressed to the portal or says who is asking from where,
 * and nothing that lets one method pass for another. GATE_ERR_INPUT: one of them cannot be sent. */
enum gate_err gate_proxy_headers_collect(const struct gate_request *request,
                                         const struct gate_net_header **ret_headers,
                                         size_t *ret_count) GATE_MUST_CHECK;

/* Whether a header of the app's answer (name in lower case) goes to the caller: not those between
 * two hops, not cookies, nothing that tells a browser what to do with this host or nginx what to do
 * with the answer, and none that the portal sets itself. `connection` is the answer's header of
 * that name, or NULL. */
bool gate_proxy_header_returns(const char *name, const char *value, const char *connection);

#endif
