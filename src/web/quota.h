/* Limits of callers, as requests meet them: counting, and saying how much is left.
 *
 * Only the JSON and gRPC routes count: a person must be able to open the page that revokes the key
 * which uses up everything. Threads: confined with the request. Errors: as portal/admission.h.
 */
#ifndef GATE_WEB_QUOTA_H
#define GATE_WEB_QUOTA_H

#include "web/request.h"

/* Before a service token's user is looked up, so that naming users is no way around it. */
enum gate_err gate_quota_check_token(struct gate_request *request) GATE_MUST_CHECK;

/* Once the user is known. Adds the RateLimit- headers. */
enum gate_err gate_quota_check_user(struct gate_request *request) GATE_MUST_CHECK;

/* Answer GATE_ERR_OVER_QUOTA: 429 with Retry-After. A call that would have gone on the trail does
 * so as refused, once for all those of its token or user in a while: a flood of them is one row,
 * with the time at which it began and the limit that it met; the log has every one. */
void gate_quota_refuse(struct gate_request *request);

#endif
