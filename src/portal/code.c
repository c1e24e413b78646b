#include "portal/code.h"

#include <string.h>

#include "core/buffer.h"
#include "core/encoding.h"
#include "core/text.h"
#include "portal/state.h"
#include "json/json.h"

#define ANSWER_TIMEOUT_MS 10000
#define ANSWER_MAX_BYTES ((size_t)256 * 1024)
#define FORM_MAX_BYTES ((size_t)16 * 1024)

struct redeeming {
    struct gate_net_request request;
    struct gate_net_header headers[3];
    struct gate_net_response response;
    struct gate_code_tokens *ret_tokens;
    gate_then_fn *then;
    void *state;
};

void gate_code_parameter_write(gate_arena *arena, struct gate_buffer *buffer, const char *name,
                               const char *value) {
    gate_buffer_printf(buffer, "%s%s=%s", buffer->length == 0 ? "" : "&", name,
                       gate_percent_format(arena, value));
}

static enum gate_err read_refusal(struct gate_ctx *ctx, const struct gate_net_response *response) {
    const gate_json *json = NULL;
    if (gate_json_parse(ctx, response->body, response->body_length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        json = NULL;
    }
    const char *error = gate_json_member_text(json, "error");
    if (gate_text_equal(error, "invalid_grant")) {
        return gate_fail(ctx, GATE_ERR_CONFLICT, "The provider takes the code no more.");
    }
    if (response->status == 401 || gate_text_equal(error, "invalid_client") ||
        gate_text_equal(error, "unauthorized_client")) {
        return gate_fail(ctx, GATE_ERR_CONFIG,
                         "The provider does not accept OIDC_CLIENT_ID with its secret.");
    }
    bool is_passing = response->status >= 500 || response->status == 429;
    return gate_fail(ctx, is_passing ? GATE_ERR_UNAVAILABLE : GATE_ERR_UPSTREAM,
                     "The token endpoint answered %d.", response->status);
}

/* An access token goes into a header again. */
static const char *get_header_text(const gate_json *json, const char *name) {
    const char *text = gate_json_member_text(json, name);
    return text != NULL && gate_text_is_one_line(text, strlen(text)) ? text : NULL;
}

static enum gate_err read_tokens(struct gate_ctx *ctx, struct redeeming *redeeming) {
    const struct gate_net_response *response = &redeeming->response;
    const gate_json *json;
    if (response->status != 200) {
        return read_refusal(ctx, response);
    }
    if (gate_json_parse(ctx, response->body, response->body_length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "The token endpoint's answer is no JSON.");
    }
    struct gate_code_tokens tokens = {
        .id_token = get_header_text(json, "id_token"),
        .access_token = get_header_text(json, "access_token"),
    };
    if (tokens.id_token == NULL) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "The token endpoint gave no ID token.");
    }
    *redeeming->ret_tokens = tokens;
    return GATE_OK;
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct redeeming *redeeming = state;
    if (err == GATE_OK) {
        err = read_tokens(ctx, redeeming);
    }
    redeeming->then(ctx, err, redeeming->state);
}

/* RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
static const char *make_basic(gate_arena *arena, const struct gate_config *config) {
    const char *pair = gate_arena_printf(
        arena, "%s:%s", gate_percent_format(arena, config->oidc_client_id),
        gate_percent_format(arena, gate_secret_reveal(config->oidc_client_secret)));
    return gate_arena_printf(arena, "Basic %s", gate_base64_format(arena, pair, strlen(pair)));
}

static void add_header(struct redeeming *redeeming, const char *name, const char *value) {
    redeeming->headers[redeeming->request.header_count++] = (struct gate_net_header){name, value};
}

static void write_form(gate_arena *arena, const struct gate_config *config,
                       enum gate_provider_auth auth, const struct gate_code *code,
                       struct gate_buffer *form) {
    gate_code_parameter_write(arena, form, "grant_type", "authorization_code");
    gate_code_parameter_write(arena, form, "code", code->code);
    gate_code_parameter_write(arena, form, "redirect_uri", code->redirect_uri);
    gate_code_parameter_write(arena, form, "code_verifier", code->verifier);
    if (auth != GATE_PROVIDER_AUTH_BASIC) {
        gate_code_parameter_write(arena, form, "client_id", config->oidc_client_id);
    }
    if (auth == GATE_PROVIDER_AUTH_POST) {
        gate_code_parameter_write(arena, form, "client_secret",
                                  gate_secret_reveal(config->oidc_client_secret));
    }
}

void gate_code_redeem(struct gate_ctx *ctx, gate_portal *portal,
                      const struct gate_provider_metadata *metadata, const struct gate_code *code,
                      struct gate_code_tokens *ret_tokens, gate_then_fn *then, void *state) {
    const struct gate_config *config = portal->parts.config;
    struct redeeming *redeeming = gate_arena_make(ctx->arena, struct redeeming);
    redeeming->ret_tokens = ret_tokens;
    redeeming->then = then;
    redeeming->state = state;
    struct gate_buffer form;
    gate_buffer_init(&form, FORM_MAX_BYTES);
    write_form(ctx->arena, config, metadata->auth, code, &form);
    redeeming->request = (struct gate_net_request){
        .method = "POST",
        .url = metadata->token_endpoint,
        .headers = redeeming->headers,
        .body = gate_arena_strdup(ctx->arena, gate_buffer_text(&form)),
        .body_length = form.length,
        .timeout_ms = ANSWER_TIMEOUT_MS,
        .max_response_bytes = ANSWER_MAX_BYTES,
    };
    gate_buffer_done(&form);
    add_header(redeeming, "accept", "application/json");
    add_header(redeeming, "content-type", "application/x-www-form-urlencoded");
    if (metadata->auth == GATE_PROVIDER_AUTH_BASIC) {
        add_header(redeeming, "authorization", make_basic(ctx->arena, config));
    }
    gate_net_fetch(ctx, portal->parts.net, &redeeming->request, &redeeming->response, take_answer,
                   redeeming);
}
