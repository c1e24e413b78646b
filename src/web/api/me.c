#include "portal/session.h"
#include "web/api/api.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

static void write_user(struct gate_json_writer *writer, const struct gate_user *user) {
    gate_json_open_object(writer, "user");
    gate_json_write_text(writer, "identifier", user->identifier);
    gate_json_write_text(writer, "name", user->name);
    gate_json_write_text(writer, "email", user->email);
    gate_json_write_text(writer, "organization", user->organization);
    gate_json_close_object(writer);
}

static void write_token(struct gate_json_writer *writer, const struct gate_token *token) {
    gate_json_open_object(writer, "token");
    gate_json_write_text(writer, "id", token->public_id);
    gate_json_write_text(writer, "kind",
                         token->kind == GATE_TOKEN_PERSONAL ? "personal" : "service");
    gate_json_write_text(writer, "label", token->label);
    gate_json_write_text(writer, "scopes", token->scopes);
    gate_json_write_text(writer, "connections", token->connections);
    gate_json_write_text(writer, "tools", token->tools);
    gate_json_write_time(writer, "expires_at", token->expires_at);
    gate_json_close_object(writer);
}

void gate_api_known_token_handle(struct gate_request *request) {
    request->response.status = 204;
    gate_request_finish(request);
}

void gate_api_me_handle(struct gate_request *request) {
    const struct gate_caller *caller = &request->caller;
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    if (caller->has_user) {
        write_user(&writer, &caller->user);
    } else {
        gate_json_write_null(&writer, "user");
    }
    if (caller->kind == GATE_CALLER_BROWSER) {
        /* What the page's own script sends back as the header Gatehouse-CSRF. Another origin cannot
         * read it. */
        gate_json_write_text(
            &writer, "csrf_token",
            gate_portal_csrf_make(request->ctx->arena, request->web->options.portal, caller));
    } else {
        write_token(&writer, &caller->token);
    }
    gate_json_close_object(&writer);
    gate_request_finish(request);
}
