#include "portal/id_token.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "crypto/digest.h"
#include "portal/claims.h"

#define WHAT "ID token"

static enum gate_err refuse(struct gate_ctx *ctx, const char *why) {
    return gate_claims_refuse(ctx, WHAT, why);
}

static enum gate_err check_nonce(struct gate_ctx *ctx, const gate_json *claims, const char *nonce) {
    const char *claimed = gate_json_member_text(claims, "nonce");
    bool holds = claimed != NULL && nonce != NULL &&
                 gate_bytes_equal(claimed, strlen(claimed), nonce, strlen(nonce));
    return holds ? GATE_OK : refuse(ctx, "nonce is not the one we sent");
}

/* OpenID Connect Core 1.0, section 3.1.3.6: the left half of the access token's hash. */
static enum gate_err check_access_token(struct gate_ctx *ctx, const gate_json *claims,
                                        const struct gate_id_token_expectations *expectations) {
    const gate_json *claimed = gate_json_member(claims, "at_hash");
    if (claimed == NULL || expectations->access_token == NULL ||
        !gate_text_ends_with(
            gate_text_is_empty(expectations->algorithm) ? "" : expectations->algorithm, "S256")) {
        return GATE_OK;
    }
    struct gate_digest digest =
        gate_digest_make(expectations->access_token, strlen(expectations->access_token));
    const char *expected = gate_base64url_format(ctx->arena, digest.bytes, GATE_DIGEST_BYTES / 2);
    return gate_text_equal(gate_json_text(claimed), expected)
               ? GATE_OK
               : refuse(ctx, "at_hash does not fit the access token");
}

enum gate_err gate_portal_id_token_check(struct gate_ctx *ctx, const char *payload, size_t length,
                                         const struct gate_id_token_expectations *expectations,
                                         struct gate_id_token *ret_token) {
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
                                .now_ms = expectations->now_ms,
                            });
    if (err == GATE_OK) {
        err = check_nonce(ctx, claims, expectations->nonce);
    }
    if (err == GATE_OK) {
        err = check_access_token(ctx, claims, expectations);
    }
    const char *subject = gate_claims_line(claims, "sub");
    if (err == GATE_OK && subject == NULL) {
        err = refuse(ctx, "sub is missing or no short line of text");
    }
    if (err != GATE_OK) {
        return err;
    }
    *ret_token = (struct gate_id_token){
        .subject = subject,
        .session = gate_claims_line(claims, "sid"),
        .claims = claims,
    };
    return GATE_OK;
}

static const char *get_line(const gate_json *claims, const char *name) {
    const char *text = gate_claims_line(claims, name);
    return text != NULL && strlen(text) <= GATE_IDENTIFIER_MAX_BYTES ? text : NULL;
}

/* Some providers write the claim as text. */
static bool is_email_verified(const gate_json *claims) {
    return gate_json_member_bool(claims, "email_verified") ||
           gate_text_equal(gate_json_member_text(claims, "email_verified"), "true");
}

struct gate_person_claims gate_portal_person_claims_get(const gate_json *claims,
                                                        const char *identifier_claim) {
    struct gate_person_claims person = {
        .identifier = get_line(claims, identifier_claim),
        .email = get_line(claims, "email"),
        .name = get_line(claims, "name"),
    };
    if (gate_text_equal(identifier_claim, "email") && !is_email_verified(claims)) {
        person.identifier = NULL;
    }
    return person;
}
