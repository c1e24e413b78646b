#include "portal/id_token.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "crypto/digest.h"

static enum gate_err refuse(struct gate_ctx *ctx, const char *why) {
    return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "ID token: %s.", why);
}

static enum gate_err check_issuer(struct gate_ctx *ctx, const gate_json *claims,
                                  const char *issuer) {
    return gate_text_equal(gate_json_member_text(claims, "iss"), issuer)
               ? GATE_OK
               : refuse(ctx, "iss is not the provider we asked");
}

/* A token for several audiences must say by azp that we are the one it was made for. */
static enum gate_err check_audience(struct gate_ctx *ctx, const gate_json *claims,
                                    const char *client_id) {
    const gate_json *audience = gate_json_member(claims, "aud");
    bool is_single = gate_json_is_text(audience);
    size_t count = is_single ? 1 : gate_json_length(audience);
    bool is_ours = false;
    for (size_t i = 0; i < count; i++) {
        const gate_json *one = is_single ? audience : gate_json_element(audience, i);
        if (gate_json_text(one) == NULL) {
            return refuse(ctx, "aud holds something that is not text");
        }
        is_ours = is_ours || gate_text_equal(gate_json_text(one), client_id);
    }
    if (!is_ours) {
        return refuse(ctx, "aud does not name us");
    }
    const gate_json *party = gate_json_member(claims, "azp");
    if (party == NULL) {
        return count == 1 ? GATE_OK : refuse(ctx, "several audiences but no azp");
    }
    return gate_text_equal(gate_json_text(party), client_id) ? GATE_OK
                                                             : refuse(ctx, "azp is not us");
}

/* Seconds since 1970, as a number: RFC 7519 section 2 knows no times written as text. */
static bool read_seconds(const gate_json *claims, const char *name, int64_t *ret_seconds) {
    return gate_json_is_number(gate_json_member(claims, name)) &&
           gate_json_member_integer(claims, name, ret_seconds) && *ret_seconds >= 0;
}

static enum gate_err check_times(struct gate_ctx *ctx, const gate_json *claims, int64_t now_ms) {
    int64_t now = now_ms / 1000;
    int64_t expires;
    int64_t issued;
    int64_t not_before = 0;
    if (!read_seconds(claims, "exp", &expires) || !read_seconds(claims, "iat", &issued)) {
        return refuse(ctx, "exp or iat is missing or no time");
    }
    if (gate_json_member(claims, "nbf") != NULL && !read_seconds(claims, "nbf", &not_before)) {
        return refuse(ctx, "nbf is no time");
    }
    if (expires <= now - GATE_ID_TOKEN_LEEWAY_S) {
        return refuse(ctx, "exp has passed");
    }
    if (issued > now + GATE_ID_TOKEN_LEEWAY_S || not_before > now + GATE_ID_TOKEN_LEEWAY_S) {
        return refuse(ctx, "iat or nbf is in the future");
    }
    if (issued < now - GATE_ID_TOKEN_MAX_AGE_S - GATE_ID_TOKEN_LEEWAY_S) {
        return refuse(ctx, "iat is long ago");
    }
    return GATE_OK;
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

static bool is_line(const char *text, size_t max_bytes) {
    size_t length = text == NULL ? 0 : strlen(text);
    return length > 0 && length <= max_bytes && gate_text_is_one_line(text, length) &&
           gate_text_is_utf8(text, length);
}

enum gate_err gate_portal_id_token_check(struct gate_ctx *ctx, const char *payload, size_t length,
                                         const struct gate_id_token_expectations *expectations,
                                         struct gate_id_token *ret_token) {
    const gate_json *claims;
    if (gate_json_parse(ctx, payload, length, &claims) != GATE_OK || !gate_json_is_object(claims)) {
        gate_error_clear(&ctx->error);
        return refuse(ctx, "the payload is no JSON object");
    }
    enum gate_err err = check_issuer(ctx, claims, expectations->issuer);
    if (err == GATE_OK) {
        err = check_audience(ctx, claims, expectations->client_id);
    }
    if (err == GATE_OK) {
        err = check_times(ctx, claims, expectations->now_ms);
    }
    if (err == GATE_OK) {
        err = check_nonce(ctx, claims, expectations->nonce);
    }
    if (err == GATE_OK) {
        err = check_access_token(ctx, claims, expectations);
    }
    const char *subject = gate_json_member_text(claims, "sub");
    if (err == GATE_OK && !is_line(subject, GATE_ID_TOKEN_SUBJECT_MAX_BYTES)) {
        err = refuse(ctx, "sub is missing or no short line of text");
    }
    if (err != GATE_OK) {
        return err;
    }
    *ret_token = (struct gate_id_token){.subject = subject, .claims = claims};
    return GATE_OK;
}

static const char *get_line(const gate_json *claims, const char *name) {
    const char *text = gate_json_member_text(claims, name);
    return is_line(text, GATE_IDENTIFIER_MAX_BYTES) ? text : NULL;
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
