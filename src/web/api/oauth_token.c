#include <string.h>
#include <strings.h>

#include "core/encoding.h"
#include "core/text.h"
#include "portal/grant.h"
#include "web/api/api.h"
#include "web/oauth_error.h"
#include "web/route.h"
#include "web/state.h"
#include "json/writer.h"

#define GRANT_CLIENT_CREDENTIALS "client_credentials"
#define GRANT_TOKEN_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
/* Ours: RFC 8693 section 3 has none for a bare name, which the client's own proof stands for. */
#define TYPE_IDENTIFIER "urn:gatehouse:params:oauth:token-type:identifier"

#define BASIC "Basic "
#define BEARER "Bearer "

/* RFC 6749 section 3.2: a parameter without a value counts as left out. */
static const char *find_parameter(const struct gate_request *request, const char *name) {
    const char *value = gate_request_form(request, name);
    return gate_text_is_empty(value) ? NULL : value;
}

static bool has_scheme(const char *header, const char *scheme) {
    return header != NULL && strncasecmp(header, scheme, strlen(scheme)) == 0;
}

/* RFC 6749 section 2.3.1: base64 of the id and the secret, both form-encoded, with a colon between.
 */
static enum gate_err parse_basic(gate_arena *arena, const char *text, char **ret_id,
                                 char **ret_secret) {
    unsigned char *bytes;
    size_t length;
    if (gate_base64_parse(arena, text, strlen(text), &bytes, &length) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    const char *pair = (const char *)bytes;
    const char *colon = memchr(pair, ':', length);
    if (colon == NULL) {
        return GATE_ERR_INPUT;
    }
    size_t id_length = (size_t)(colon - pair);
    enum gate_err err = gate_percent_parse(arena, pair, id_length, 1, ret_id);
    return err != GATE_OK
               ? err
               : gate_percent_parse(arena, colon + 1, length - id_length - 1, 1, ret_secret);
}

static enum gate_err take_basic(struct gate_request *request, const char *header,
                                struct gate_grant_wish *wish) {
    char *id = NULL;
    char *secret = NULL;
    if (wish->client_secret != NULL) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "Show the secret once: as client_secret, or by Basic.");
    }
    if (parse_basic(request->ctx->arena, header + strlen(BASIC), &id, &secret) != GATE_OK) {
        return gate_fail(request->ctx, GATE_ERR_UNAUTHENTICATED,
                         "What follows Basic is no client_id and client_secret.");
    }
    if (wish->client_id != NULL && strcmp(wish->client_id, id) != 0) {
        return gate_fail(request->ctx, GATE_ERR_INPUT, "client_id is another than Basic has.");
    }
    wish->client_id = id;
    wish->client_secret = secret;
    return GATE_OK;
}

/* By Basic or in the form, never both. A bearer is no proof of a client's and is passed over: some
 * HTTP clients send the one they hold, though it has expired, along with every request. */
static enum gate_err take_client(struct gate_request *request, struct gate_grant_wish *wish) {
    const char *header = gate_request_header(request, "HTTP_AUTHORIZATION");
    wish->client_id = find_parameter(request, "client_id");
    wish->client_secret = find_parameter(request, "client_secret");
    if (has_scheme(header, BASIC)) {
        return take_basic(request, header, wish);
    }
    if (!gate_text_is_empty(header) && !has_scheme(header, BEARER)) {
        return gate_fail(request->ctx, GATE_ERR_UNAUTHENTICATED,
                         "Of the schemes of Authorization only Basic is taken here.");
    }
    return GATE_OK;
}

static enum gate_grant_proof read_proof(const struct gate_request *request, const char *name) {
    const char *type = find_parameter(request, name);
    if (type == NULL) {
        return GATE_PROOF_NONE;
    }
    if (strcmp(type, TYPE_ACCESS_TOKEN) == 0) {
        return GATE_PROOF_ACCESS_TOKEN;
    }
    return strcmp(type, TYPE_IDENTIFIER) == 0 ? GATE_PROOF_IDENTIFIER : GATE_PROOF_OTHER;
}

/* RFC 8693 section 2.1: a bearer is good for this portal and nothing else. */
static bool is_for_us(const struct gate_request *request) {
    const char *us = request->web->options.config->public_url;
    size_t length = strlen(us);
    for (size_t i = 0; i < request->form.count; i++) {
        const struct gate_field *field = &request->form.items[i];
        bool is_target =
            strcmp(field->name, "resource") == 0 || strcmp(field->name, "audience") == 0;
        bool is_ours = gate_text_starts_with(field->value, us) &&
                       (field->value[length] == '\0' || strcmp(field->value + length, "/") == 0);
        if (is_target && *field->value != '\0' && !is_ours) {
            return false;
        }
    }
    return true;
}

static enum gate_err take_exchange(struct gate_request *request, struct gate_grant_wish *wish,
                                   const char **error) {
    const char *type = find_parameter(request, "requested_token_type");
    wish->subject_token = find_parameter(request, "subject_token");
    wish->subject_kind = read_proof(request, "subject_token_type");
    wish->actor_token = find_parameter(request, "actor_token");
    wish->actor_kind = read_proof(request, "actor_token_type");
    if (type != NULL && strcmp(type, TYPE_ACCESS_TOKEN) != 0) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "requested_token_type can only be an access token.");
    }
    if (!is_for_us(request)) {
        *error = GATE_OAUTH_INVALID_TARGET;
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "resource and audience can only be this portal's own address.");
    }
    return GATE_OK;
}

static enum gate_err take_wish(struct gate_request *request, struct gate_grant_wish *wish,
                               const char **error) {
    const char *grant_type = gate_request_form(request, "grant_type");
    bool is_exchange = strcmp(grant_type, GRANT_TOKEN_EXCHANGE) == 0;
    if (!is_exchange && strcmp(grant_type, GRANT_CLIENT_CREDENTIALS) != 0) {
        *error = GATE_OAUTH_UNSUPPORTED_GRANT_TYPE;
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "grant_type is neither client_credentials nor that of a token exchange.");
    }
    *wish = (struct gate_grant_wish){
        .kind = is_exchange ? GATE_GRANT_TOKEN_EXCHANGE : GATE_GRANT_CLIENT_CREDENTIALS,
        .scope = find_parameter(request, "scope"),
        .address = gate_request_param(request, "REMOTE_ADDR"),
    };
    enum gate_err err = take_client(request, wish);
    return err == GATE_OK && is_exchange ? take_exchange(request, wish, error) : err;
}

static void send_grant(struct gate_request *request, const struct gate_grant_wish *wish,
                       const struct gate_grant *grant) {
    struct gate_json_writer writer;
    gate_response_begin(&request->response, request->ctx->arena, 200, "application/json");
    gate_response_header_add(&request->response, request->ctx->arena, "Pragma", "no-cache");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "access_token", grant->bearer);
    if (wish->kind == GATE_GRANT_TOKEN_EXCHANGE) {
        gate_json_write_text(&writer, "issued_token_type", TYPE_ACCESS_TOKEN);
    }
    gate_json_write_text(&writer, "token_type", "Bearer");
    gate_json_write_integer(&writer, "expires_in", grant->expires_in_s);
    if (!gate_text_is_empty(grant->caller.token.scopes)) {
        gate_json_write_text(&writer, "scope", grant->caller.token.scopes);
    }
    gate_json_close_object(&writer);
    gate_request_finish(request);
}

static const char *name_refusal(enum gate_grant_refusal refusal) {
    switch (refusal) {
    case GATE_REFUSED_CLIENT_KIND:
        return GATE_OAUTH_UNAUTHORIZED_CLIENT;
    case GATE_REFUSED_SCOPE:
        return GATE_OAUTH_INVALID_SCOPE;
    default:
        return NULL; /* the kind says it */
    }
}

void gate_api_oauth_token_handle(struct gate_request *request) {
    struct gate_grant_wish wish;
    struct gate_grant grant = {0};
    const char *error = NULL;
    enum gate_err err = take_wish(request, &wish, &error);
    if (err == GATE_OK) {
        err = gate_portal_grant(request->ctx, request->web->options.portal, &wish, &request->quota,
                                &grant);
        error = err == GATE_OK ? NULL : name_refusal(grant.refusal);
    }
    if (err != GATE_OK) {
        gate_oauth_error_finish(request, err, error);
        return;
    }
    request->caller = grant.caller;
    send_grant(request, &wish, &grant);
}

static void write_list(struct gate_json_writer *writer, const char *name,
                       const char *const *texts) {
    gate_json_open_array(writer, name);
    for (; *texts != NULL; texts++) {
        gate_json_write_text(writer, NULL, *texts);
    }
    gate_json_close_array(writer);
}

void gate_api_oauth_metadata_handle(struct gate_request *request) {
    static const char *const grants[] = {GRANT_CLIENT_CREDENTIALS, GRANT_TOKEN_EXCHANGE, NULL};
    static const char *const methods[] = {"client_secret_basic", "client_secret_post", NULL};
    static const char *const nothing[] = {NULL}; /* required, though no grant here has any */
    gate_arena *arena = request->ctx->arena;
    const char *url = request->web->options.config->public_url;
    struct gate_json_writer writer;
    gate_response_begin(&request->response, arena, 200, "application/json");
    gate_json_writer_init(&writer, &request->response.body);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "issuer", url);
    gate_json_write_text(&writer, "token_endpoint",
                         gate_arena_printf(arena, "%s/oauth/token", url));
    write_list(&writer, "grant_types_supported", grants);
    write_list(&writer, "token_endpoint_auth_methods_supported", methods);
    write_list(&writer, "response_types_supported", nothing);
    gate_json_close_object(&writer);
    gate_request_finish(request);
}
