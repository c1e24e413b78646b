/* Failures around one connector, as pages with words and a next step.
 *
 * Threads: confined with the request. Errors: none; the request is finished.
 */
#ifndef GATE_WEB_PAGES_CONNECTOR_PROBLEM_H
#define GATE_WEB_PAGES_CONNECTOR_PROBLEM_H

#include "web/request.h"

/* Finish with the page for `err`. `retry_url` is where trying again goes; NULL: back to the
 * connectors. */
void gate_connector_page_fail(struct gate_request *request, enum gate_err err,
                              const char *retry_url);

#endif
