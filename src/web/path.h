/* The path of a request, decoded once and without tricks (RFC 3986 section 3.3).
 *
 * Owner: arena. Threads: confined. Errors: GATE_ERR_INPUT with a sentence.
 */
#ifndef GATE_WEB_PATH_H
#define GATE_WEB_PATH_H

#include "core/context.h"

/* Split REQUEST_URI at its first '?' and decode the path. Refused: anything but origin-form,
 * control characters, backslashes, encoded slashes, empty, "." and ".." segments, text that is not
 * UTF-8, over-long. */
enum gate_err gate_path_parse(struct gate_ctx *ctx, const char *request_uri, const char **ret_path,
                              const char **ret_query) GATE_MUST_CHECK;

#endif
