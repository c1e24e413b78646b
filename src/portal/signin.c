#include "portal/signin.h"

#include <string.h>

#include "core/buffer.h"
#include "core/encoding.h"
#include "core/random.h"
#include "core/text.h"
#include "crypto/jose.h"
#include "crypto/seal.h"
#include "portal/code.h"
#include "portal/id_token.h"
#include "portal/provider.h"
#include "portal/return_target.h"
#include "portal/signin_attempt.h"
#include "portal/state.h"
#include "store/session.h"
#include "json/json.h"

/* Each sign-in clears away a few dead sessions, so they never pile up and no sweeper is needed. */
#define EXPIRED_SWEPT_MAX 20
#define RANDOM_BYTES 32
#define USERINFO_TIMEOUT_MS 10000
#define USERINFO_MAX_BYTES ((size_t)256 * 1024)
#define QUERY_MAX_BYTES ((size_t)16 * 1024)
#define CODE_MAX_BYTES 4096
/* A longer ID token is not kept: as a hint in a logout URL no server would take it. */
#define ID_TOKEN_KEPT_MAX_BYTES 6000

/* ---- beginning ---- */

struct beginning {
    gate_portal *portal;
    const char *return_to;
    struct gate_provider_metadata metadata;
    struct gate_signin_start *ret_start;
    gate_then_fn *then;
    void *state;
};

/* RFC 7636 section 4.2, S256. */
static const char *make_challenge(gate_arena *arena, const char *verifier) {
    struct gate_digest digest = gate_digest_make(verifier, strlen(verifier));
    return gate_base64url_format(arena, digest.bytes, GATE_DIGEST_BYTES);
}

static const char *make_callback_url(gate_arena *arena, const struct gate_config *config) {
    return gate_arena_printf(arena, "%s/signin/callback", config->public_url);
}

static const char *make_redirect_url(gate_arena *arena, const struct beginning *beginning,
                                     const char *state, const struct gate_signin_attempt *attempt) {
    const struct gate_config *config = beginning->portal->parts.config;
    const char *endpoint = beginning->metadata.authorization_endpoint;
    struct gate_buffer query;
    gate_buffer_init(&query, QUERY_MAX_BYTES);
    gate_code_parameter_write(arena, &query, "response_type", "code");
    gate_code_parameter_write(arena, &query, "client_id", config->oidc_client_id);
    gate_code_parameter_write(arena, &query, "redirect_uri", make_callback_url(arena, config));
    gate_code_parameter_write(arena, &query, "scope", config->oidc_scopes);
    gate_code_parameter_write(arena, &query, "state", state);
    gate_code_parameter_write(arena, &query, "nonce", attempt->nonce);
    gate_code_parameter_write(arena, &query, "code_challenge",
                              make_challenge(arena, attempt->verifier));
    gate_code_parameter_write(arena, &query, "code_challenge_method", "S256");
    const char *url =
        gate_arena_printf(arena, "%s%c%s", endpoint, strchr(endpoint, '?') == NULL ? '?' : '&',
                          gate_buffer_text(&query));
    gate_buffer_done(&query);
    return url;
}

const char *gate_portal_signin_cookie_suffix_make(gate_arena *arena, const char *state) {
    struct gate_digest digest = gate_digest_make(state, strlen(state));
    return gate_hex_format(arena, digest.bytes, GATE_SIGNIN_SUFFIX_LENGTH / 2);
}

static void give_start(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct beginning *beginning = state;
    if (err == GATE_OK) {
        const char *token = gate_random_token_make(ctx->arena, RANDOM_BYTES);
        struct gate_signin_attempt attempt = {
            .nonce = gate_random_token_make(ctx->arena, RANDOM_BYTES),
            .verifier = gate_random_token_make(ctx->arena, RANDOM_BYTES),
            .return_to = beginning->return_to,
            .started_at = gate_ctx_now_ms(ctx),
        };
        *beginning->ret_start = (struct gate_signin_start){
            .redirect_url = make_redirect_url(ctx->arena, beginning, token, &attempt),
            .cookie_suffix = gate_portal_signin_cookie_suffix_make(ctx->arena, token),
            .sealed_cookie_value = gate_signin_attempt_seal(
                ctx->arena, &beginning->portal->signin_key, token, &attempt),
        };
    }
    beginning->then(ctx, err, beginning->state);
}

void gate_portal_signin_begin(struct gate_ctx *ctx, gate_portal *portal, const char *return_to,
                              struct gate_signin_start *ret_start, gate_then_fn *then,
                              void *state) {
    struct beginning *beginning = gate_arena_make(ctx->arena, struct beginning);
    beginning->portal = portal;
    beginning->return_to = "/";
    beginning->ret_start = ret_start;
    beginning->then = then;
    beginning->state = state;
    if (return_to != NULL &&
        gate_portal_return_target_check(ctx->arena, portal->parts.config, return_to,
                                        &beginning->return_to) != GATE_OK) {
        then(ctx, gate_fail(ctx, GATE_ERR_INPUT, "return_to leads where nobody is sent from here."),
             state);
        return;
    }
    gate_provider_metadata_need(ctx, portal->provider, &beginning->metadata, give_start, beginning);
}

/* ---- finishing ---- */

struct finishing {
    gate_portal *portal;
    const struct gate_signin_answer *answer;
    struct gate_signin_result *ret_result;
    gate_then_fn *then;
    void *state;

    struct gate_signin_attempt attempt;
    struct gate_provider_metadata metadata;
    struct gate_code code;
    struct gate_code_tokens tokens;
    struct gate_net_request request; /* to userinfo */
    struct gate_net_header headers[2];
    struct gate_net_response response;
    struct gate_provider_payload payload;
    struct gate_id_token claims;
    struct gate_person_claims person;

    const char *cookie_value;
    struct gate_session session;
    struct gate_user user;
};

static void end(struct gate_ctx *ctx, struct finishing *finishing, enum gate_err err) {
    finishing->then(ctx, err, finishing->state);
}

/* Recording: the person, the end of the browser's old session, the new one; all or nothing. */

static enum gate_err save_session(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct finishing *finishing = state;
    const char *old = finishing->answer->old_session_cookie_value;
    struct gate_user saved;
    int64_t session_id;
    enum gate_err err = gate_store_session_delete_expired(ctx, tx, finishing->session.created_at,
                                                          EXPIRED_SWEPT_MAX, NULL);
    if (err == GATE_OK) {
        err =
            gate_store_user_save(ctx, tx, &finishing->user, finishing->session.created_at, &saved);
    }
    if (err == GATE_OK && saved.suspended_at != 0) {
        err = gate_fail(ctx, GATE_ERR_FORBIDDEN, "The person is suspended.");
    }
    if (err == GATE_OK && old != NULL) {
        struct gate_digest hash = gate_digest_make(old, strlen(old));
        err = gate_store_session_delete_by_hash(ctx, tx, &hash);
    }
    if (err == GATE_OK) {
        finishing->session.user_id = saved.id;
        err = gate_store_session_insert(ctx, tx, &finishing->session, &session_id);
    }
    return err;
}

static void give_result(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err == GATE_ERR_CONFLICT) {
        gate_error_clear(&ctx->error);
        err = gate_fail(ctx, GATE_ERR_FORBIDDEN, "The identifier belongs to another person.");
    }
    if (err == GATE_OK) {
        *finishing->ret_result = (struct gate_signin_result){
            .session_cookie_value = finishing->cookie_value,
            .return_to = finishing->attempt.return_to,
        };
    }
    end(ctx, finishing, err);
}

/* Whole characters of at most the limit; NULL for what is no line of text. */
static const char *cut_user_agent(gate_arena *arena, const char *text) {
    size_t length = text == NULL ? 0 : strlen(text);
    if (length > GATE_USER_AGENT_MAX_BYTES) {
        length = GATE_USER_AGENT_MAX_BYTES;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    bool is_line =
        length > 0 && gate_text_is_utf8(text, length) && gate_text_is_one_line(text, length);
    return is_line ? gate_arena_strndup(arena, text, length) : NULL;
}

static const char *seal_id_token(gate_arena *arena, const struct finishing *finishing) {
    size_t length = strlen(finishing->tokens.id_token);
    if (length > ID_TOKEN_KEPT_MAX_BYTES) {
        return NULL;
    }
    const char *bound_to = gate_hex_format(arena, finishing->session.hash.bytes, GATE_DIGEST_BYTES);
    return gate_seal_make(arena, &finishing->portal->id_token_key, bound_to,
                          finishing->tokens.id_token, length);
}

static void record(struct gate_ctx *ctx, struct finishing *finishing) {
    const struct gate_config *config = finishing->portal->parts.config;
    int64_t now = gate_ctx_now_ms(ctx);
    int64_t idle_ms = config->session_idle_ms < config->session_max_ms ? config->session_idle_ms
                                                                       : config->session_max_ms;
    finishing->user = (struct gate_user){
        .issuer = finishing->metadata.issuer,
        .subject = finishing->claims.subject,
        .identifier = finishing->person.identifier,
        .email = finishing->person.email,
        .name = finishing->person.name,
    };
    finishing->cookie_value = gate_random_token_make(ctx->arena, RANDOM_BYTES);
    finishing->session = (struct gate_session){
        .hash = gate_digest_make(finishing->cookie_value, strlen(finishing->cookie_value)),
        .created_at = now,
        .last_seen_at = now,
        .idle_expires_at = now + idle_ms,
        .expires_at = now + config->session_max_ms,
        .user_agent = cut_user_agent(ctx->arena, finishing->answer->user_agent),
        .provider_session = finishing->claims.session,
    };
    finishing->session.sealed_id_token = seal_id_token(ctx->arena, finishing);
    gate_store_write(ctx, finishing->portal->parts.store, save_session, finishing, give_result,
                     finishing);
}

/* The person: claims of the ID token, completed from userinfo where the identifier is not among
 * them. */

static void record_if_identified(struct gate_ctx *ctx, struct finishing *finishing) {
    if (finishing->person.identifier == NULL) {
        end(ctx, finishing,
            gate_fail(ctx, GATE_ERR_NOT_FOUND,
                      "The provider names no usable %s; an e-mail address must be verified.",
                      finishing->portal->parts.config->oidc_identifier_claim));
        return;
    }
    record(ctx, finishing);
}

static enum gate_err merge_userinfo(struct gate_ctx *ctx, struct finishing *finishing) {
    const struct gate_net_response *response = &finishing->response;
    const gate_json *claims;
    if (response->status != 200) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "The userinfo endpoint answered %d.",
                         response->status);
    }
    if (gate_json_parse(ctx, response->body, response->body_length, &claims) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "The userinfo endpoint's answer is no JSON.");
    }
    /* Core 1.0, section 5.3.2: without this check somebody else's claims could be slipped in. */
    if (!gate_text_equal(gate_json_member_text(claims, "sub"), finishing->claims.subject)) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                         "The userinfo endpoint speaks of another subject.");
    }
    struct gate_person_claims more = gate_portal_person_claims_get(
        claims, finishing->portal->parts.config->oidc_identifier_claim);
    struct gate_person_claims *person = &finishing->person;
    person->identifier = more.identifier;
    person->email = more.email != NULL ? more.email : person->email;
    person->name = more.name != NULL ? more.name : person->name;
    return GATE_OK;
}

static void take_userinfo(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err == GATE_OK) {
        err = merge_userinfo(ctx, finishing);
    }
    if (err != GATE_OK) {
        end(ctx, finishing, err);
        return;
    }
    record_if_identified(ctx, finishing);
}

static void fetch_userinfo(struct gate_ctx *ctx, struct finishing *finishing) {
    finishing->headers[0] = (struct gate_net_header){"accept", "application/json"};
    finishing->headers[1] = (struct gate_net_header){
        "authorization",
        gate_arena_printf(ctx->arena, "Bearer %s", finishing->tokens.access_token),
    };
    finishing->request = (struct gate_net_request){
        .method = "GET",
        .url = finishing->metadata.userinfo_endpoint,
        .headers = finishing->headers,
        .header_count = 2,
        .timeout_ms = USERINFO_TIMEOUT_MS,
        .max_response_bytes = USERINFO_MAX_BYTES,
        .is_read = true,
    };
    gate_net_fetch(ctx, finishing->portal->parts.net, &finishing->request, &finishing->response,
                   take_userinfo, finishing);
}

/* The ID token. */

static void take_claims(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    const struct gate_config *config = finishing->portal->parts.config;
    if (err == GATE_OK) {
        struct gate_id_token_expectations expectations = {
            .issuer = finishing->metadata.issuer,
            .client_id = config->oidc_client_id,
            .nonce = finishing->attempt.nonce,
            .now_ms = gate_ctx_now_ms(ctx),
            .access_token = finishing->tokens.access_token,
            .algorithm = gate_jws_header_text(ctx, finishing->tokens.id_token, "alg"),
        };
        err = gate_portal_id_token_check(ctx, finishing->payload.text, finishing->payload.length,
                                         &expectations, &finishing->claims);
    }
    if (err != GATE_OK) {
        end(ctx, finishing, err);
        return;
    }
    finishing->person =
        gate_portal_person_claims_get(finishing->claims.claims, config->oidc_identifier_claim);
    bool may_ask =
        finishing->metadata.userinfo_endpoint != NULL && finishing->tokens.access_token != NULL;
    if (finishing->person.identifier == NULL && may_ask) {
        fetch_userinfo(ctx, finishing);
        return;
    }
    record_if_identified(ctx, finishing);
}

static void take_tokens(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err != GATE_OK) {
        end(ctx, finishing, err);
        return;
    }
    gate_provider_token_verify(ctx, finishing->portal->provider, &finishing->metadata,
                               finishing->tokens.id_token, &finishing->payload, take_claims,
                               finishing);
}

/* What came back with the browser. */

/* OAuth error codes (RFC 6749 section 4.1.2.1, Core 1.0 section 3.1.2.6); anything else means that
 * we asked wrongly. */
static enum gate_err read_error(struct gate_ctx *ctx, const char *error) {
    static const struct {
        const char *code;
        enum gate_err kind;
    } known[] = {
        {"access_denied", GATE_ERR_PROVIDER},
        {"login_required", GATE_ERR_PROVIDER},
        {"interaction_required", GATE_ERR_PROVIDER},
        {"consent_required", GATE_ERR_PROVIDER},
        {"account_selection_required", GATE_ERR_PROVIDER},
        {"server_error", GATE_ERR_UNAVAILABLE},
        {"temporarily_unavailable", GATE_ERR_UNAVAILABLE},
        {"invalid_request", GATE_ERR_CONFIG},
        {"invalid_scope", GATE_ERR_CONFIG},
        {"unauthorized_client", GATE_ERR_CONFIG},
        {"unsupported_response_type", GATE_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].code, error) == 0) {
            return gate_fail(ctx, known[i].kind, "The provider answered %s.", known[i].code);
        }
    }
    return gate_fail(ctx, GATE_ERR_UPSTREAM, "The provider answered with an unknown error.");
}

static enum gate_err check_answer(struct gate_ctx *ctx, const struct finishing *finishing) {
    const struct gate_signin_answer *answer = finishing->answer;
    const struct gate_provider_metadata *metadata = &finishing->metadata;
    bool has_issuer = answer->issuer != NULL;
    if ((has_issuer && !gate_text_equal(answer->issuer, metadata->issuer)) ||
        (!has_issuer && metadata->sends_iss)) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                         "The answer's iss is missing or of another provider.");
    }
    if (answer->error != NULL) {
        return read_error(ctx, answer->error);
    }
    if (gate_text_is_empty(answer->code) || strlen(answer->code) > CODE_MAX_BYTES) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "The answer has no usable code.");
    }
    return GATE_OK;
}

static void take_answer(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct finishing *finishing = state;
    if (err == GATE_OK) {
        err = check_answer(ctx, finishing);
    }
    if (err != GATE_OK) {
        end(ctx, finishing, err);
        return;
    }
    finishing->code = (struct gate_code){
        .code = finishing->answer->code,
        .verifier = finishing->attempt.verifier,
        .redirect_uri = make_callback_url(ctx->arena, finishing->portal->parts.config),
    };
    gate_code_redeem(ctx, finishing->portal, &finishing->metadata, &finishing->code,
                     &finishing->tokens, take_tokens, finishing);
}

void gate_portal_signin_finish(struct gate_ctx *ctx, gate_portal *portal,
                               const struct gate_signin_answer *answer,
                               struct gate_signin_result *ret_result, gate_then_fn *then,
                               void *state) {
    struct finishing *finishing = gate_arena_make(ctx->arena, struct finishing);
    finishing->portal = portal;
    finishing->answer = answer;
    finishing->ret_result = ret_result;
    finishing->then = then;
    finishing->state = state;
    enum gate_err err = gate_signin_attempt_open(ctx, &portal->signin_key, answer->state,
                                                 answer->sealed_cookie_value, &finishing->attempt);
    if (err != GATE_OK) {
        end(ctx, finishing, err);
        return;
    }
    gate_provider_metadata_need(ctx, portal->provider, &finishing->metadata, take_answer,
                                finishing);
}
