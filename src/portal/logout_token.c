#include "portal/logout_token.h"

#define WHAT "Logout token"
/* Section 2.4: the member of `events` that makes a token a logout token. */
#define LOGOUT_EVENT "http://schemas.openid.net/event/backchannel-logout"

static enum gate_err refuse(struct gate_ctx *ctx, const char *why) {
    return gate_claims_refuse(ctx, WHAT, why);
}

/* A claim that may be absent, but may not be there and mean nothing. */
static bool is_absent_or_line(const gate_json *claims, const char *name) {
    return !gate_json_has_member(claims, name) || gate_claims_line(claims, name) != NULL;
}

static enum gate_err check_purpose(struct gate_ctx *ctx, const gate_json *claims) {
    if (!gate_json_is_object(gate_json_member(gate_json_member(claims, "events"), LOGOUT_EVENT))) {
        return refuse(ctx, "events does not name a back-channel logout");
    }
    return gate_json_has_member(claims, "nonce") ? refuse(ctx, "there is a nonce") : GATE_OK;
}

static enum gate_err check_names(struct gate_ctx *ctx, const gate_json *claims) {
    if (gate_claims_line(claims, "jti") == NULL) {
        return refuse(ctx, "jti is missing or no short line of text");
    }
    if (!is_absent_or_line(claims, "sub") || !is_absent_or_line(claims, "sid")) {
        return refuse(ctx, "sub or sid is no short line of text");
    }
    return gate_json_has_member(claims, "sub") || gate_json_has_member(claims, "sid")
               ? GATE_OK
               : refuse(ctx, "neither sub nor sid is there");
}

enum gate_err
gate_portal_logout_token_check(struct gate_ctx *ctx, const char *payload, size_t length,
                               const struct gate_logout_token_expectations *expectations,
                               struct gate_logout_token *ret_token) {
    const gate_json *claims;
    enum gate_err err = gate_claims_parse(ctx, WHAT, payload, length, &claims);
    if (err != GATE_OK) {
        return err;
    }
    err = gate_claims_check(ctx, claims,
                            &(struct gate_claims_expectations){
                                .what = WHAT,
                                .issuer = expectations->issuer,
                                .client_id = expectations->client_id,
                                .now_ms = gate_ctx_now_ms(ctx),
                            });
    if (err == GATE_OK) {
        err = check_purpose(ctx, claims);
    }
    if (err == GATE_OK) {
        err = check_names(ctx, claims);
    }
    if (err == GATE_OK) {
        *ret_token = (struct gate_logout_token){
            .subject = gate_claims_line(claims, "sub"),
            .session = gate_claims_line(claims, "sid"),
            .id = gate_claims_line(claims, "jti"),
        };
    }
    return err;
}
