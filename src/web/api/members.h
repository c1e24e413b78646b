/* Reading the members of a JSON body.
 *
 * Threads: confined with the request. Errors: GATE_ERR_INPUT with a sentence that names the member.
 */
#ifndef GATE_WEB_API_MEMBERS_H
#define GATE_WEB_API_MEMBERS_H

#include "web/request.h"

/* A text of one line that may be absent or null: then `ret_text` gets NULL. */
enum gate_err gate_members_read_text(struct gate_request *request, const char *name,
                                     size_t max_bytes, const char **ret_text) GATE_MUST_CHECK;

/* The same for messages of Scalekit's, in which an empty text is as good as none. */
enum gate_err gate_members_read_field(struct gate_request *request, const char *name,
                                      size_t max_bytes, const char **ret_text) GATE_MUST_CHECK;

/* Refuse a body with a member that is not in the NULL-terminated list. */
enum gate_err gate_members_check_known(struct gate_request *request,
                                       const char *const *known) GATE_MUST_CHECK;

#endif
