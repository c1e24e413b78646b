#include "portal/claims.h"

#include <string.h>

#include "core/text.h"

enum gate_err gate_claims_refuse(struct gate_ctx *ctx, const char *what, const char *why) {
    return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "%s: %s.", what, why);
}

enum gate_err gate_claims_parse(struct gate_ctx *ctx, const char *what, const char *payload,
                                size_t length, const gate_json **ret_claims) {
    const gate_json *claims;
    if (gate_json_parse(ctx, payload, length, &claims) != GATE_OK || !gate_json_is_object(claims)) {
        gate_error_clear(&ctx->error);
        return gate_claims_refuse(ctx, what, "the payload is no JSON object");
    }
    *ret_claims = claims;
    return GATE_OK;
}

/* The checks give why a token is refused, or NULL. */

static const char *check_issuer(const gate_json *claims, const char *issuer) {
    return gate_text_equal(gate_json_member_text(claims, "iss"), issuer)
               ? NULL
               : "iss is not the provider we asked";
}

/* A token for several audiences must say by azp that we are the one it was made for. */
static const char *check_audience(const gate_json *claims, const char *client_id) {
    const gate_json *audience = gate_json_member(claims, "aud");
    bool is_single = gate_json_is_text(audience);
    size_t count = is_single ? 1 : gate_json_length(audience);
    bool is_ours = false;
    for (size_t i = 0; i < count; i++) {
        const gate_json *one = is_single ? audience : gate_json_element(audience, i);
        if (gate_json_text(one) == NULL) {
            return "aud holds something that is not text";
        }
        is_ours = is_ours || gate_text_equal(gate_json_text(one), client_id);
    }
    if (!is_ours) {
        return "aud does not name us";
    }
    const gate_json *party = gate_json_member(claims, "azp");
    if (party == NULL) {
        return count == 1 ? NULL : "several audiences but no azp";
    }
    return gate_text_equal(gate_json_text(party), client_id) ? NULL : "azp is not us";
}

/* Seconds since 1970, as a number: RFC 7519 section 2 knows no times written as text. */
static bool read_seconds(const gate_json *claims, const char *name, int64_t *ret_seconds) {
    return gate_json_is_number(gate_json_member(claims, name)) &&
           gate_json_member_integer(claims, name, ret_seconds) && *ret_seconds >= 0;
}

static const char *check_times(const gate_json *claims, int64_t now_ms) {
    int64_t now = now_ms / 1000;
    int64_t expires;
    int64_t issued;
    int64_t not_before = 0;
    if (!read_seconds(claims, "exp", &expires) || !read_seconds(claims, "iat", &issued)) {
        return "exp or iat is missing or no time";
    }
    if (gate_json_member(claims, "nbf") != NULL && !read_seconds(claims, "nbf", &not_before)) {
        return "nbf is no time";
    }
    if (expires <= now - GATE_CLAIMS_LEEWAY_S) {
        return "exp has passed";
    }
    if (issued > now + GATE_CLAIMS_LEEWAY_S || not_before > now + GATE_CLAIMS_LEEWAY_S) {
        return "iat or nbf is in the future";
    }
    if (issued < now - GATE_CLAIMS_MAX_AGE_S - GATE_CLAIMS_LEEWAY_S) {
        return "iat is long ago";
    }
    return NULL;
}

enum gate_err gate_claims_check(struct gate_ctx *ctx, const gate_json *claims,
                                const struct gate_claims_expectations *expectations) {
    const char *problem = check_issuer(claims, expectations->issuer);
    if (problem == NULL) {
        problem = check_audience(claims, expectations->client_id);
    }
    if (problem == NULL) {
        problem = check_times(claims, expectations->now_ms);
    }
    return problem == NULL ? GATE_OK : gate_claims_refuse(ctx, expectations->what, problem);
}

const char *gate_claims_line(const gate_json *claims, const char *name) {
    const char *text = gate_json_member_text(claims, name);
    size_t length = text == NULL ? 0 : strlen(text);
    bool is_line = length > 0 && length <= GATE_CLAIMS_TEXT_MAX_BYTES &&
                   gate_text_is_one_line(text, length) && gate_text_is_utf8(text, length);
    return is_line ? text : NULL;
}
