/* The front line: what is checked before a handler sees a request.
 *
 * Threads: confined with the request. Errors: the kind says how the request is refused; the
 * sentence in ctx->error is written for the caller.
 */
#ifndef GATE_WEB_CHECKS_H
#define GATE_WEB_CHECKS_H

#include "web/request.h"
#include "web/route.h"

/* Take apart query, cookies and body, and hold them against the route's declaration. */
enum gate_err gate_checks_take_input(struct gate_request *request) GATE_MUST_CHECK;

/* Establish who is calling from the Authorization header or, only without one, the session cookie.
 * A credential that does not hold is GATE_ERR_UNAUTHENTICATED on a route that needs one. */
enum gate_err gate_checks_find_caller(struct gate_request *request) GATE_MUST_CHECK;

/* May this kind of caller use the route? */
enum gate_err gate_checks_allow_caller(struct gate_request *request) GATE_MUST_CHECK;

/* Did a browser's changing request come from our own page? Fetch metadata, Origin, and the CSRF
 * token. */
enum gate_err gate_checks_same_site(struct gate_request *request) GATE_MUST_CHECK;

/* The user that the request names (Gatehouse-User header, `identifier` in query, JSON body or gRPC
 * message), or NULL. Different names in different places are refused. */
enum gate_err gate_checks_named_user(struct gate_request *request,
                                     const char **ret_identifier) GATE_MUST_CHECK;

#endif
