#include "support/cases.h"

#include <cjose/cjose.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/encoding.h"
#include "crypto/jose.h"
#include "crypto/signing_key.h"
#include "json/json.h"

#define PAYLOAD "{\"sub\":\"u1\",\"n\":1.0}"

static gate_signing_key *rsa_key; /* kid "k1" */
static gate_signing_key *rsa_other;
static cjose_jwk_t *rsa_raw;
static cjose_jwk_t *rsa_short;
static cjose_jwk_t *ec_256;
static cjose_jwk_t *ec_384;
static cjose_jwk_t *ec_521;

static int make_keys(void **state) {
    static const uint8_t exponent[] = {1, 0, 1};
    (void)state;
    rsa_key = gate_signing_key_new("k1");
    rsa_other = gate_signing_key_new("k1");
    rsa_raw = cjose_jwk_create_RSA_random(2048, exponent, sizeof exponent, NULL);
    rsa_short = cjose_jwk_create_RSA_random(1024, exponent, sizeof exponent, NULL);
    ec_256 = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    ec_384 = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, NULL);
    ec_521 = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_521, NULL);
    return 0;
}

static int free_keys(void **state) {
    (void)state;
    gate_signing_key_free(rsa_key);
    gate_signing_key_free(rsa_other);
    cjose_jwk_release(rsa_raw);
    cjose_jwk_release(rsa_short);
    cjose_jwk_release(ec_256);
    cjose_jwk_release(ec_384);
    cjose_jwk_release(ec_521);
    return 0;
}

static int start(void **state) {
    *state = gate_ctx_new(&gate_clock_system, NULL, "test");
    return 0;
}

static int stop(void **state) {
    gate_ctx_free(*state);
    return 0;
}

static void release_set(void *jwks) {
    gate_jwks_free(jwks);
}

static gate_jwks *parse_set(struct gate_ctx *ctx, const char *keys) {
    gate_jwks *jwks = NULL;
    const char *text = gate_arena_printf(ctx->arena, "{\"keys\":[%s]}", keys);
    assert_int_equal(gate_jwks_parse(ctx, text, strlen(text), &jwks), GATE_OK);
    gate_arena_defer(ctx->arena, release_set, jwks);
    return jwks;
}

/* The public JWK of a raw key with further members put in front ("\"kid\":\"a\","). */
static const char *jwk_with(struct gate_ctx *ctx, const cjose_jwk_t *key, const char *members) {
    char *jwk = cjose_jwk_to_json(key, false, NULL);
    const char *made = gate_arena_printf(ctx->arena, "{%s%s", members, jwk + 1);
    free(jwk);
    return made;
}

static const char *sign_raw(struct gate_ctx *ctx, cjose_jwk_t *key, const char *alg,
                            const char *kid) {
    cjose_header_t *header = cjose_header_new(NULL);
    assert_true(cjose_header_set(header, "alg", alg, NULL));
    assert_true(kid == NULL || cjose_header_set(header, "kid", kid, NULL));
    cjose_jws_t *jws = cjose_jws_sign(key, header, (const uint8_t *)PAYLOAD, strlen(PAYLOAD), NULL);
    assert_non_null(jws);
    const char *compact;
    assert_true(cjose_jws_export(jws, &compact, NULL));
    const char *token = gate_arena_strdup(ctx->arena, compact);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

static enum gate_err verify(struct gate_ctx *ctx, const gate_jwks *jwks, const char *token) {
    const char *payload = NULL;
    size_t length = 0;
    gate_error_clear(&ctx->error);
    enum gate_err err = gate_jws_verify(ctx, jwks, token, &payload, &length);
    if (err == GATE_OK) {
        assert_string_equal(payload, PAYLOAD);
        assert_int_equal(length, strlen(PAYLOAD));
    } else {
        assert_null(payload);
        assert_int_equal(ctx->error.kind, err);
        assert_true(strlen(ctx->error.message) > 0);
    }
    return err;
}

static const char *rsa_jwk(struct gate_ctx *ctx) {
    return gate_signing_key_public_jwk_format(ctx->arena, rsa_key);
}

static const char *rsa_token(struct gate_ctx *ctx) {
    return gate_signing_key_sign(ctx->arena, rsa_key, PAYLOAD);
}

/* The token with its header replaced; the signature no longer fits, but must not even be asked for.
 */
static const char *with_header(struct gate_ctx *ctx, const char *token, const char *header) {
    return gate_arena_printf(ctx->arena, "%s%s",
                             gate_base64url_format(ctx->arena, header, strlen(header)),
                             strchr(token, '.'));
}

static void test_signing_key__public_half_only(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_json *json;
    const char *jwk = rsa_jwk(ctx);
    assert_int_equal(gate_json_parse(ctx, jwk, strlen(jwk), &json), GATE_OK);
    assert_string_equal(gate_json_member_text(json, "kty"), "RSA");
    assert_string_equal(gate_json_member_text(json, "kid"), "k1");
    assert_string_equal(gate_json_member_text(json, "use"), "sig");
    assert_string_equal(gate_json_member_text(json, "alg"), "RS256");
    assert_non_null(gate_json_member_text(json, "n"));
    assert_string_equal(gate_json_member_text(json, "e"), "AQAB");
    static const char *const known[] = {"kty", "kid", "use", "alg", "n", "e", NULL};
    assert_null(gate_json_unknown_member(json, known));
}

static void test_verify__signing_key(void **state) {
    struct gate_ctx *ctx = *state;
    assert_int_equal(verify(ctx, parse_set(ctx, rsa_jwk(ctx)), rsa_token(ctx)), GATE_OK);
}

static void test_verify__every_algorithm(void **state) {
    struct gate_ctx *ctx = *state;
    static const char *const rsa[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"};
    const gate_jwks *set = parse_set(
        ctx, gate_arena_printf(ctx->arena, "%s,%s,%s,%s", jwk_with(ctx, rsa_raw, "\"kid\":\"r\","),
                               jwk_with(ctx, ec_256, "\"kid\":\"e\",\"use\":\"sig\","),
                               jwk_with(ctx, ec_384, "\"kid\":\"e\","),
                               jwk_with(ctx, ec_521, "\"kid\":\"e\",\"alg\":\"ES512\",")));
    for (size_t i = 0; i < sizeof rsa / sizeof rsa[0]; i++) {
        assert_int_equal(verify(ctx, set, sign_raw(ctx, rsa_raw, rsa[i], "r")), GATE_OK);
    }
    assert_int_equal(verify(ctx, set, sign_raw(ctx, ec_256, "ES256", "e")), GATE_OK);
    assert_int_equal(verify(ctx, set, sign_raw(ctx, ec_384, "ES384", "e")), GATE_OK);
    assert_int_equal(verify(ctx, set, sign_raw(ctx, ec_521, "ES512", "e")), GATE_OK);
}

static void test_verify__algorithm_of_another_curve(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(ctx, jwk_with(ctx, ec_384, "\"kid\":\"e\","));
    assert_int_equal(verify(ctx, set, sign_raw(ctx, ec_384, "ES256", "e")),
                     GATE_ERR_UNAUTHENTICATED);
}

static void test_verify__wrong_key_behind_the_same_kid(void **state) {
    struct gate_ctx *ctx = *state;
    const char *forged = gate_signing_key_sign(ctx->arena, rsa_other, PAYLOAD);
    assert_int_equal(verify(ctx, parse_set(ctx, rsa_jwk(ctx)), forged), GATE_ERR_UNAUTHENTICATED);
    /* Two keys of one name: either may have signed. */
    const gate_jwks *both = parse_set(
        ctx, gate_arena_printf(ctx->arena, "%s,%s", rsa_jwk(ctx),
                               gate_signing_key_public_jwk_format(ctx->arena, rsa_other)));
    assert_int_equal(verify(ctx, both, forged), GATE_OK);
}

static void test_verify__unknown_kid(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(ctx, jwk_with(ctx, rsa_raw, "\"kid\":\"r\","));
    assert_int_equal(verify(ctx, set, rsa_token(ctx)), GATE_ERR_NOT_FOUND);
    assert_int_equal(verify(ctx, parse_set(ctx, ""), rsa_token(ctx)), GATE_ERR_NOT_FOUND);
    /* A key without a name is not the one a name asks for. */
    const gate_jwks *nameless = parse_set(ctx, jwk_with(ctx, rsa_raw, ""));
    assert_int_equal(verify(ctx, nameless, sign_raw(ctx, rsa_raw, "RS256", "r")),
                     GATE_ERR_NOT_FOUND);
}

static void test_verify__no_kid(void **state) {
    struct gate_ctx *ctx = *state;
    const char *token = sign_raw(ctx, rsa_raw, "RS256", NULL);
    const char *raw = jwk_with(ctx, rsa_raw, "\"kid\":\"r\",");
    assert_int_equal(verify(ctx, parse_set(ctx, raw), token), GATE_OK);
    const char *with_ec =
        gate_arena_printf(ctx->arena, "%s,%s", raw, jwk_with(ctx, ec_256, "\"kid\":\"e\","));
    assert_int_equal(verify(ctx, parse_set(ctx, with_ec), token), GATE_OK);
    const char *with_rsa = gate_arena_printf(ctx->arena, "%s,%s", raw, rsa_jwk(ctx));
    assert_int_equal(verify(ctx, parse_set(ctx, with_rsa), token), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(verify(ctx, parse_set(ctx, ""), token), GATE_ERR_NOT_FOUND);
}

static void test_verify__key_for_another_use(void **state) {
    struct gate_ctx *ctx = *state;
    static const char *const members[] = {"\"kid\":\"r\",\"use\":\"enc\",",
                                          "\"kid\":\"r\",\"key_ops\":[\"encrypt\"],",
                                          "\"kid\":\"r\",\"alg\":\"RSA-OAEP\","};
    const char *token = sign_raw(ctx, rsa_raw, "RS256", "r");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const gate_jwks *set = parse_set(ctx, jwk_with(ctx, rsa_raw, members[i]));
        assert_int_equal(verify(ctx, set, token), GATE_ERR_NOT_FOUND);
    }
    const gate_jwks *other_alg =
        parse_set(ctx, jwk_with(ctx, rsa_raw, "\"kid\":\"r\",\"alg\":\"RS512\","));
    assert_int_equal(verify(ctx, other_alg, token), GATE_ERR_UNAUTHENTICATED);
    const gate_jwks *fine =
        parse_set(ctx, jwk_with(ctx, rsa_raw, "\"kid\":\"r\",\"key_ops\":[\"verify\"],"));
    assert_int_equal(verify(ctx, fine, token), GATE_OK);
}

static void test_verify__short_rsa_key(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(ctx, jwk_with(ctx, rsa_short, "\"kid\":\"r\","));
    assert_int_equal(verify(ctx, set, sign_raw(ctx, rsa_short, "RS256", "r")), GATE_ERR_NOT_FOUND);
}

static void test_verify__none_and_hmac(void **state) {
    struct gate_ctx *ctx = *state;
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"kid\":\"k1\"}",
        "{\"alg\":\"None\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"kid\":\"k1\"}",
        "{\"alg\":\"\",\"kid\":\"k1\"}",
        "{\"alg\":null,\"kid\":\"k1\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"k1\"}",
        "{\"alg\":\"rs256\",\"kid\":\"k1\"}",
        "{\"kid\":\"k1\"}",
        "{\"alg\":\"RS256\\u0000\"}",
        "{\"alg\":\"none\",\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\",\"kid\":7}",
        "[]",
        "null",
        "\"RS256\"",
        "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"ES256K\"}",
    };
    const gate_jwks *set = parse_set(ctx, rsa_jwk(ctx));
    const char *token = rsa_token(ctx);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_int_equal(verify(ctx, set, with_header(ctx, token, headers[i])),
                         GATE_ERR_UNAUTHENTICATED);
    }
    const char *payload = gate_base64url_format(ctx->arena, PAYLOAD, strlen(PAYLOAD));
    assert_int_equal(
        verify(ctx, set, gate_arena_printf(ctx->arena, "eyJhbGciOiJub25lIn0.%s.", payload)),
        GATE_ERR_UNAUTHENTICATED);
}

/* The classic confusion: a token signed with the provider's public key as if it were an HMAC
 * secret. */
static void test_verify__hmac_with_the_public_key(void **state) {
    struct gate_ctx *ctx = *state;
    const char *jwk = rsa_jwk(ctx);
    cjose_jwk_t *oct = cjose_jwk_create_oct_spec((const uint8_t *)jwk, strlen(jwk), NULL);
    const char *token = sign_raw(ctx, oct, "HS256", "k1");
    assert_int_equal(verify(ctx, parse_set(ctx, jwk), token), GATE_ERR_UNAUTHENTICATED);
    /* Nor does a symmetric key in the set help. */
    char *oct_jwk = cjose_jwk_to_json(oct, true, NULL);
    assert_int_equal(verify(ctx, parse_set(ctx, oct_jwk), token), GATE_ERR_UNAUTHENTICATED);
    free(oct_jwk);
    cjose_jwk_release(oct);
}

static void test_verify__header_extensions(void **state) {
    struct gate_ctx *ctx = *state;
    static const char *const members[] = {"\"crit\":[\"exp\"]",
                                          "\"crit\":[]",
                                          "\"crit\":null",
                                          "\"b64\":false",
                                          "\"jku\":\"https://evil.example/k\"",
                                          "\"x5u\":\"https://evil.example/k\""};
    const gate_jwks *set = parse_set(ctx, rsa_jwk(ctx));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *header =
            gate_arena_printf(ctx->arena, "{\"alg\":\"RS256\",\"kid\":\"k1\",%s}", members[i]);
        assert_int_equal(verify(ctx, set, with_header(ctx, rsa_token(ctx), header)),
                         GATE_ERR_UNAUTHENTICATED);
    }
}

/* A key that the token brings along, with a signature that is right by it. */
static void test_verify__embedded_key(void **state) {
    struct gate_ctx *ctx = *state;
    cjose_header_t *header = cjose_header_new(NULL);
    char *jwk = cjose_jwk_to_json(rsa_raw, false, NULL);
    assert_true(cjose_header_set(header, "alg", "RS256", NULL));
    assert_true(cjose_header_set_raw(header, "jwk", jwk, NULL));
    cjose_jws_t *jws =
        cjose_jws_sign(rsa_raw, header, (const uint8_t *)PAYLOAD, strlen(PAYLOAD), NULL);
    const char *token;
    assert_true(cjose_jws_export(jws, &token, NULL));
    assert_int_equal(verify(ctx, parse_set(ctx, rsa_jwk(ctx)), token), GATE_ERR_UNAUTHENTICATED);
    /* Even the right key is refused when the token names it itself. */
    assert_int_equal(verify(ctx, parse_set(ctx, jwk), token), GATE_ERR_UNAUTHENTICATED);
    free(jwk);
    cjose_jws_release(jws);
    cjose_header_release(header);
}

static void test_verify__shape(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(ctx, rsa_jwk(ctx));
    const char *token = rsa_token(ctx);
    gate_arena *arena = ctx->arena;
    const char *last_dot = strrchr(token, '.');
    const char *bad[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        gate_arena_printf(arena, "%s.", token),
        gate_arena_printf(arena, "%s.%s", token, "e30"),
        gate_arena_printf(arena, ".%s", token),
        gate_arena_printf(arena, "%s ", token),
        gate_arena_printf(arena, " %s", token),
        gate_arena_printf(arena, "%s\n", token),
        gate_arena_printf(arena, "%s=", token),
        gate_arena_printf(arena, "%sAAAA", token),
        gate_arena_printf(arena, "%s!!!!", token),
        gate_arena_strndup(arena, token, strlen(token) - 1),
        gate_arena_strndup(arena, token, (size_t)(last_dot - token)),
        gate_arena_strndup(arena, token, (size_t)(last_dot - token) + 1),
        strchr(token, '.') + 1,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(verify(ctx, set, bad[i]), GATE_ERR_UNAUTHENTICATED);
    }
}

static void test_verify__changed_payload_or_signature(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(ctx, rsa_jwk(ctx));
    const char *token = rsa_token(ctx);
    size_t length = strlen(token);
    for (size_t i = (size_t)(strchr(token, '.') - token) + 1; i < length; i += 5) {
        char *changed = gate_arena_strdup(ctx->arena, token);
        if (changed[i] == '.') {
            continue;
        }
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verify(ctx, set, changed), GATE_ERR_UNAUTHENTICATED);
    }
}

static void test_verify__longer_than_allowed(void **state) {
    struct gate_ctx *ctx = *state;
    char *token = gate_arena_alloc(ctx->arena, GATE_JWS_MAX_BYTES + 2);
    memset(token, 'A', GATE_JWS_MAX_BYTES + 1);
    assert_int_equal(verify(ctx, parse_set(ctx, rsa_jwk(ctx)), token), GATE_ERR_UNAUTHENTICATED);
    assert_non_null(strstr(ctx->error.message, "longer"));
}

static void test_jwks__no_key_set(void **state) {
    struct gate_ctx *ctx = *state;
    static const char *const bad[] = {"",
                                      "x",
                                      "[]",
                                      "{}",
                                      "null",
                                      "{\"keys\":{}}",
                                      "{\"keys\":null}",
                                      "{\"keys\":[}",
                                      "{\"keys\":[],\"keys\":[]}",
                                      "<html>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gate_jwks *jwks = NULL;
        gate_error_clear(&ctx->error);
        assert_int_equal(gate_jwks_parse(ctx, bad[i], strlen(bad[i]), &jwks), GATE_ERR_UPSTREAM);
        assert_null(jwks);
        assert_int_equal(ctx->error.kind, GATE_ERR_UPSTREAM);
    }
}

static void test_jwks__unusable_keys_are_passed_over(void **state) {
    struct gate_ctx *ctx = *state;
    const gate_jwks *set = parse_set(
        ctx, gate_arena_printf(ctx->arena,
                               "7,null,\"x\",{},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},"
                               "{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"},{\"kty\":\"RSA\"},"
                               "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"},%s",
                               rsa_jwk(ctx)));
    assert_int_equal(verify(ctx, set, rsa_token(ctx)), GATE_OK);
    gate_jwks_free(NULL);
}

static void test_jwks__too_many_keys(void **state) {
    struct gate_ctx *ctx = *state;
    struct gate_buffer text;
    gate_buffer_init(&text, 1000000);
    gate_buffer_append_text(&text, "{\"keys\":[");
    for (int i = 0; i <= GATE_JWKS_KEYS_MAX; i++) {
        gate_buffer_printf(&text, "%s%s", i == 0 ? "" : ",", rsa_jwk(ctx));
    }
    gate_buffer_append_text(&text, "]}");
    gate_jwks *jwks = NULL;
    assert_int_equal(gate_jwks_parse(ctx, text.data, text.length, &jwks), GATE_ERR_UPSTREAM);
    assert_null(jwks);
    gate_buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_signing_key__public_half_only, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__signing_key, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__every_algorithm, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__algorithm_of_another_curve, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__wrong_key_behind_the_same_kid, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__unknown_kid, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__no_kid, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__key_for_another_use, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__short_rsa_key, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__none_and_hmac, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__hmac_with_the_public_key, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__header_extensions, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__embedded_key, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__shape, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__changed_payload_or_signature, start, stop),
        cmocka_unit_test_setup_teardown(test_verify__longer_than_allowed, start, stop),
        cmocka_unit_test_setup_teardown(test_jwks__no_key_set, start, stop),
        cmocka_unit_test_setup_teardown(test_jwks__unusable_keys_are_passed_over, start, stop),
        cmocka_unit_test_setup_teardown(test_jwks__too_many_keys, start, stop),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
