/* Requests in numbers, by route and status. For the files of web/ only.
 *
 * Owner: gate_web. Threads: atomic inside. Errors: none.
 */
#ifndef GATE_WEB_METRICS_H
#define GATE_WEB_METRICS_H

#include "web/request.h"

struct gate_web_metrics;

struct gate_web_metrics *gate_web_metrics_new(void);
void gate_web_metrics_free(struct gate_web_metrics *metrics);

/* A request has come, or ended after `duration_ms`. */
void gate_web_metrics_begin(struct gate_web_metrics *metrics);
void gate_web_metrics_end(struct gate_web_metrics *metrics, const struct gate_request *request,
                          int64_t duration_ms);

/* Append the counts (core/metrics.h). */
void gate_web_metrics_write(struct gate_web_metrics *metrics, struct gate_buffer *buffer);

#endif
