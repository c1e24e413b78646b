#include "portal/discovery.h"

#include <string.h>

#include "core/text.h"
#include "net/url.h"
#include "json/json.h"

bool gate_provider_endpoint_check(gate_arena *arena, const char *url) {
    struct gate_url parts;
    return url != NULL && gate_url_parse(arena, url, &parts) == GATE_OK &&
           (strcmp(parts.scheme, "https") == 0 ||
            (strcmp(parts.scheme, "http") == 0 && gate_url_is_loopback(&parts)));
}

/* An endpoint that is there must be usable; `required` ones must be there. */
static enum gate_err read_endpoint(struct gate_ctx *ctx, const gate_json *document,
                                   const char *name, bool required, const char **ret_url) {
    const gate_json *member = gate_json_member(document, name);
    if (member == NULL && !required) {
        *ret_url = NULL;
        return GATE_OK;
    }
    const char *url = gate_json_text(member);
    if (!gate_provider_endpoint_check(ctx->arena, url)) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM,
                         "The sign-in provider's %s is missing or neither https nor loopback.",
                         name);
    }
    *ret_url = url;
    return GATE_OK;
}

static bool lists(const gate_json *array, const char *wanted) {
    for (size_t i = 0; i < gate_json_length(array); i++) {
        if (gate_text_equal(gate_json_text(gate_json_element(array, i)), wanted)) {
            return true;
        }
    }
    return false;
}

static enum gate_err choose_auth(struct gate_ctx *ctx, const struct gate_config *config,
                                 const gate_json *document, enum gate_provider_auth *ret_auth) {
    const gate_json *methods = gate_json_member(document, "token_endpoint_auth_methods_supported");
    if (config->oidc_client_secret == NULL) {
        *ret_auth = GATE_PROVIDER_AUTH_NONE;
    } else if (methods == NULL || lists(methods, "client_secret_basic")) {
        *ret_auth = GATE_PROVIDER_AUTH_BASIC; /* the default of Discovery 1.0, section 3 */
    } else if (lists(methods, "client_secret_post")) {
        *ret_auth = GATE_PROVIDER_AUTH_POST;
    } else {
        return gate_fail(ctx, GATE_ERR_CONFIG,
                         "The sign-in provider takes neither client_secret_basic nor _post.");
    }
    return GATE_OK;
}

/* Letter by letter (OpenID Connect Discovery section 4.3), but for a slash at the end: the settings
 * drop it, and some providers have it in their name. Tokens are held against the document's
 * spelling. */
static bool is_configured_issuer(const char *issuer, const char *configured) {
    size_t length = issuer == NULL ? 0 : strlen(issuer);
    length -= length > 0 && issuer[length - 1] == '/';
    return length > 0 && length == strlen(configured) && memcmp(issuer, configured, length) == 0;
}

enum gate_err gate_provider_metadata_parse(struct gate_ctx *ctx, const struct gate_config *config,
                                           const char *text, size_t length,
                                           struct gate_provider_metadata *ret_metadata) {
    const gate_json *document;
    if (gate_json_parse(ctx, text, length, &document) != GATE_OK ||
        !gate_json_is_object(document)) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UPSTREAM,
                         "The sign-in provider's discovery document is no JSON object.");
    }
    struct gate_provider_metadata metadata = {
        .issuer = gate_json_member_text(document, "issuer"),
        .sends_iss =
            gate_json_member_bool(document, "authorization_response_iss_parameter_supported"),
    };
    if (!is_configured_issuer(metadata.issuer, config->oidc_issuer)) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM,
                         "The discovery document's issuer is not OIDC_ISSUER.");
    }
    const struct {
        const char *name;
        bool required;
        const char **endpoint;
    } endpoints[] = {
        {"authorization_endpoint", true, &metadata.authorization_endpoint},
        {"token_endpoint", true, &metadata.token_endpoint},
        {"jwks_uri", true, &metadata.jwks_uri},
        {"userinfo_endpoint", false, &metadata.userinfo_endpoint},
        {"end_session_endpoint", false, &metadata.end_session_endpoint},
    };
    enum gate_err err = choose_auth(ctx, config, document, &metadata.auth);
    for (size_t i = 0; err == GATE_OK && i < sizeof endpoints / sizeof endpoints[0]; i++) {
        err = read_endpoint(ctx, document, endpoints[i].name, endpoints[i].required,
                            endpoints[i].endpoint);
    }
    if (err == GATE_OK) {
        *ret_metadata = metadata;
    }
    return err;
}

struct gate_provider_metadata
gate_provider_metadata_copy(gate_arena *arena, const struct gate_provider_metadata *from) {
    struct gate_provider_metadata copy = *from;
    copy.issuer = gate_arena_strdup(arena, from->issuer);
    copy.authorization_endpoint = gate_arena_strdup(arena, from->authorization_endpoint);
    copy.token_endpoint = gate_arena_strdup(arena, from->token_endpoint);
    copy.jwks_uri = gate_arena_strdup(arena, from->jwks_uri);
    copy.userinfo_endpoint = gate_arena_strdup(arena, from->userinfo_endpoint);
    copy.end_session_endpoint = gate_arena_strdup(arena, from->end_session_endpoint);
    return copy;
}
