#include "portal/health.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

static void say_ok(struct gate_request *request) {
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "status", "ok");
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

void gate_api_health_handle(struct gate_request *request) {
    say_ok(request);
}

void gate_api_ready_handle(struct gate_request *request) {
    enum gate_err err = gate_portal_ready_check(request->ctx, request->web->options.portal);
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    say_ok(request);
}
