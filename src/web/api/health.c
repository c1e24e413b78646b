#include "portal/health.h"
#include "web/api/api.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

/* `paused`: upstream work that Scalekit does not answer, which is no reason not to serve. */
static void say_ok(struct gate_request *request, const char *const *paused) {
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "status", "ok");
    if (*paused != NULL) {
        gate_json_open_array(&writer, "paused");
        for (; *paused != NULL; paused++) {
            gate_json_write_text(&writer, NULL, *paused);
        }
        gate_json_close_array(&writer);
    }
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

/* Why not is for the operator, who alone sees this address. */
static void say_unready(struct gate_request *request, enum gate_err err) {
    const struct gate_problem problem = {.kind = err, .detail = request->ctx->error.message};
    gate_problem_finish(request, &problem);
}

void gate_api_health_handle(struct gate_request *request) {
    static const char *const nothing[] = {NULL};
    say_ok(request, nothing);
}

void gate_api_ready_handle(struct gate_request *request) {
    enum gate_err err = gate_portal_ready_check(request->ctx, request->web->options.portal);
    if (err != GATE_OK) {
        say_unready(request, err);
        return;
    }
    say_ok(request, gate_portal_paused_list(request->ctx->arena, request->web->options.portal));
}
