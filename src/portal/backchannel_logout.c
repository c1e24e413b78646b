#include "portal/backchannel_logout.h"

#include <string.h>

#include "core/log.h"
#include "core/text.h"
#include "crypto/jose.h"
#include "portal/logout_token.h"
#include "portal/provider.h"
#include "portal/state.h"
#include "store/session.h"

/* By then a token is too old to be taken, whoever's clock is off. */
#define REMEMBERED_MS ((int64_t)(GATE_CLAIMS_MAX_AGE_S + 2 * GATE_CLAIMS_LEEWAY_S) * 1000)

struct logout {
    gate_portal *portal;
    const char *token;
    struct gate_provider_metadata metadata;
    struct gate_provider_payload payload;
    struct gate_session_ending ending;
    size_t ended;
    gate_then_fn *then;
    void *state;
};

static void end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct logout *logout = state;
    if (err == GATE_ERR_CONFLICT) {
        gate_error_clear(&ctx->error);
        err = gate_claims_refuse(ctx, "Logout token", "it was carried out before");
    }
    if (err == GATE_OK) {
        gate_log_write(GATE_LOG_INFO, "backchannel_logout",
                       GATE_LOG_TEXT("request_id", ctx->request_id),
                       GATE_LOG_NUMBER("sessions", (int64_t)logout->ended));
    }
    logout->then(ctx, err, logout->state);
}

static enum gate_err end_sessions(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct logout *logout = state;
    return gate_store_session_end_by_provider(ctx, tx, &logout->ending, gate_ctx_now_ms(ctx),
                                              &logout->ended);
}

/* Section 2.4 recommends a type of its own, so that no other token can be taken for this one; what
 * says that it is another one is none. */
static enum gate_err check_type(struct gate_ctx *ctx, const char *token) {
    const char *type = gate_jws_header_text(ctx, token, "typ");
    if (type == NULL || gate_text_equal_ignoring_case(type, "JWT") ||
        gate_text_equal_ignoring_case(type, "logout+jwt") ||
        gate_text_equal_ignoring_case(type, "application/logout+jwt")) {
        return GATE_OK;
    }
    return gate_claims_refuse(ctx, "Logout token", "typ is that of another kind of token");
}

static void take_payload(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct logout *logout = state;
    struct gate_logout_token token = {0};
    if (err == GATE_OK) {
        err = check_type(ctx, logout->token);
    }
    if (err == GATE_OK) {
        err = gate_portal_logout_token_check(
            ctx, logout->payload.text, logout->payload.length,
            &(struct gate_logout_token_expectations){
                .issuer = logout->metadata.issuer,
                .client_id = logout->portal->parts.config->oidc_client_id,
            },
            &token);
    }
    if (err != GATE_OK) {
        end(ctx, err, logout);
        return;
    }
    logout->ending = (struct gate_session_ending){
        .issuer = logout->metadata.issuer,
        .subject = token.subject,
        .provider_session = token.session,
        .jti_hash = gate_digest_make(token.id, strlen(token.id)),
        .jti_expires_at = gate_ctx_now_ms(ctx) + REMEMBERED_MS,
    };
    gate_store_write(ctx, logout->portal->parts.store, end_sessions, logout, end, logout);
}

static void take_metadata(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct logout *logout = state;
    if (err != GATE_OK) {
        end(ctx, err, logout);
        return;
    }
    gate_provider_token_verify(ctx, logout->portal->provider, &logout->metadata, logout->token,
                               &logout->payload, take_payload, logout);
}

void gate_portal_backchannel_logout(struct gate_ctx *ctx, gate_portal *portal,
                                    const char *logout_token, gate_then_fn *then, void *state) {
    struct logout *logout = gate_arena_make(ctx->arena, struct logout);
    logout->portal = portal;
    logout->token = logout_token;
    logout->then = then;
    logout->state = state;
    if (gate_jws_header_text(ctx, logout_token, "alg") == NULL) {
        /* Not worth a question to the provider. */
        end(ctx, gate_claims_refuse(ctx, "Logout token", "it is no signed token"), logout);
        return;
    }
    gate_provider_metadata_need(ctx, portal->provider, &logout->metadata, take_metadata, logout);
}
