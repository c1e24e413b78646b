/* Failures of the token endpoint in the words of RFC 6749 section 5.2 and RFC 8693 section 2.2.2.
 *
 * Threads: confined with the request. Errors: none.
 */
#ifndef GATE_WEB_OAUTH_ERROR_H
#define GATE_WEB_OAUTH_ERROR_H

#include "web/request.h"

#define GATE_OAUTH_UNAUTHORIZED_CLIENT "unauthorized_client"
#define GATE_OAUTH_UNSUPPORTED_GRANT_TYPE "unsupported_grant_type"
#define GATE_OAUTH_INVALID_SCOPE "invalid_scope"
#define GATE_OAUTH_INVALID_TARGET "invalid_target"

/* Answer with `error` (NULL: what the kind says) and the recorded sentence, and finish the request.
 * A limit's Retry-After is taken from the request's quota. */
void gate_oauth_error_finish(struct gate_request *request, enum gate_err err, const char *error);

#endif
