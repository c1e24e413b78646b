#include "portal/backchannel_logout.h"
#include "web/api/api.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

/* Section 2.8 of the specification knows two answers: 200, and 400 for whatever went wrong. What
 * the provider could mend is said; the rest is in the log. */
static void finish(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct gate_request *request = state;
    if (err == GATE_OK) {
        struct gate_json_writer writer;
        gate_response_begin(&request->response, ctx->arena, 200, "application/json");
        gate_json_writer_init(&writer, &request->response.body);
        gate_json_open_object(&writer, NULL);
        gate_json_close_object(&writer);
        gate_request_finish(request);
        return;
    }
    bool is_refusal = err == GATE_ERR_UNAUTHENTICATED;
    gate_problem_finish(request,
                        &(struct gate_problem){
                            .kind = GATE_ERR_INPUT,
                            .detail = is_refusal ? ctx->error.message
                                                 : "The sessions could not be ended just now; "
                                                   "please send the token again.",
                        });
}

void gate_api_backchannel_logout_handle(struct gate_request *request) {
    gate_portal_backchannel_logout(request->ctx, request->web->options.portal,
                                   gate_request_form(request, "logout_token"), finish, request);
}
