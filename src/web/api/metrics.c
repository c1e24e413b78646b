#include "web/metrics.h"
#include "core/metrics.h"
#include "portal/health.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"

static void write_program(const struct gate_web *web, struct gate_buffer *buffer) {
    const struct gate_metric_label version = {"version", GATE_VERSION};
    struct gate_metric_family family = gate_metric_family_write(
        buffer, "gatehouse_build_info", GATE_METRIC_GAUGE, "1, with the program's version.");
    gate_metric_value_write(&family, &version, 1, 1);
    family = gate_metric_family_write(buffer, "gatehouse_start_time_seconds", GATE_METRIC_GAUGE,
                                      "When the program started, since 1970 UTC.");
    gate_metric_value_write(&family, NULL, 0, web->started_at / 1000);
}

void gate_api_metrics_handle(struct gate_request *request) {
    struct gate_web *web = request->web;
    struct gate_buffer *buffer = &request->response.body;
    gate_response_begin(&request->response, request->ctx->arena, 200,
                        "text/plain; version=0.0.4; charset=utf-8");
    write_program(web, buffer);
    gate_web_metrics_write(web->metrics, buffer);
    gate_portal_metrics_write(request->ctx, web->options.portal, buffer);
    gate_request_finish(request);
}
