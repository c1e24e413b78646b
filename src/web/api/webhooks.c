#include "portal/webhook.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_request *request = state;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    struct gate_json_writer writer;
    gate_response_begin(&request->response, ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

void gate_api_webhook_scalekit_handle(struct gate_request *request) {
    struct gate_webhook *webhook = gate_arena_make(request->ctx->arena, struct gate_webhook);
    *webhook = (struct gate_webhook){
        .id = gate_request_header(request, "HTTP_WEBHOOK_ID"),
        .timestamp = gate_request_header(request, "HTTP_WEBHOOK_TIMESTAMP"),
        .signatures = gate_request_header(request, "HTTP_WEBHOOK_SIGNATURE"),
        .body = request->body,
        .body_length = request->body_length,
    };
    gate_portal_webhook_take(request->ctx, request->web->options.portal, webhook, finish, request);
}
