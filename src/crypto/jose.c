#include "crypto/jose.h"

#include <cjose/cjose.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "json/json.h"

/* Shorter RSA keys are within reach of attackers, longer ones cost too much per signature. */
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192

/* What a signature algorithm (RFC 7518 section 3.1) asks of the key. */
struct algorithm {
    const char *name;
    cjose_jwk_kty_t kty;
    cjose_jwk_ec_curve curve;
    size_t signature_bytes; /* ECDSA: r and s; RSA: as long as the key */
};

static const struct algorithm algorithms[] = {
    {"RS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"RS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"RS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"PS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"PS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"PS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0},
    {"ES256", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_256, 64},
    {"ES384", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_384, 96},
    {"ES512", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_521, 132},
};

struct key {
    cjose_jwk_t *jwk;
    char *kid;       /* NULL: none given */
    char *algorithm; /* the only one the key is for; NULL: any that fits */
};

struct gate_jwks {
    size_t count;
    struct key keys[GATE_JWKS_KEYS_MAX];
};

static const struct algorithm *find_algorithm(const char *name) {
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (gate_text_equal(algorithms[i].name, name)) {
            return &algorithms[i];
        }
    }
    return NULL;
}

/* Key sets. */

static bool has_element(const gate_json *array, const char *wanted) {
    for (size_t i = 0; i < gate_json_length(array); i++) {
        if (gate_text_equal(gate_json_text(gate_json_element(array, i)), wanted)) {
            return true;
        }
    }
    return false;
}

/* RFC 7517 sections 4.2 to 4.4: what the key's owner says it may be used for. */
static bool is_for_verifying(const gate_json *key) {
    const gate_json *use = gate_json_member(key, "use");
    const gate_json *key_ops = gate_json_member(key, "key_ops");
    const gate_json *algorithm = gate_json_member(key, "alg");
    const char *kty = gate_json_member_text(key, "kty");
    return (gate_text_equal(kty, "RSA") || gate_text_equal(kty, "EC")) &&
           (use == NULL || gate_text_equal(gate_json_text(use), "sig")) &&
           (key_ops == NULL || has_element(key_ops, "verify")) &&
           (algorithm == NULL || find_algorithm(gate_json_text(algorithm)) != NULL);
}

static bool has_fair_size(const cjose_jwk_t *jwk) {
    if (cjose_jwk_get_kty(jwk, NULL) != CJOSE_JWK_KTY_RSA) {
        return true;
    }
    size_t bits = cjose_jwk_get_keysize(jwk, NULL);
    return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS;
}

static char *copy_text(const char *text) {
    if (text == NULL) {
        return NULL;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        abort();
    }
    return copy;
}

struct key_walk {
    struct gate_ctx *ctx;
    gate_jwks *jwks;
    enum gate_err err;
};

static bool add_key(const char *text, size_t length, void *state) {
    struct key_walk *walk = state;
    const gate_json *json;
    walk->err = gate_json_parse(walk->ctx, text, length, &json);
    if (walk->err != GATE_OK || !is_for_verifying(json)) {
        return walk->err == GATE_OK;
    }
    cjose_jwk_t *jwk = cjose_jwk_import(text, length, NULL);
    if (jwk == NULL || !has_fair_size(jwk)) {
        cjose_jwk_release(jwk);
        return true;
    }
    gate_jwks *jwks = walk->jwks;
    if (jwks->count == GATE_JWKS_KEYS_MAX) {
        cjose_jwk_release(jwk);
        walk->err = gate_fail(walk->ctx, GATE_ERR_UPSTREAM, "the key set has more than %d keys",
                              GATE_JWKS_KEYS_MAX);
        return false;
    }
    jwks->keys[jwks->count++] = (struct key){
        .jwk = jwk,
        .kid = copy_text(gate_json_member_text(json, "kid")),
        .algorithm = copy_text(gate_json_member_text(json, "alg")),
    };
    return true;
}

/* Find the exact bytes of the array "keys". */
static enum gate_err find_keys(struct gate_ctx *ctx, const char *text, size_t length,
                               const char **ret_keys, size_t *ret_keys_length) {
    const gate_json *json;
    if (gate_json_parse(ctx, text, length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "the key set is not JSON");
    }
    if (!gate_json_is_array(gate_json_member(json, "keys")) ||
        gate_json_raw_member(text, length, "keys", ret_keys, ret_keys_length) != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_UPSTREAM, "the key set has no array \"keys\"");
    }
    return GATE_OK;
}

enum gate_err gate_jwks_parse(struct gate_ctx *ctx, const char *text, size_t length,
                              gate_jwks **ret_jwks) {
    const char *keys;
    size_t keys_length;
    enum gate_err err = find_keys(ctx, text, length, &keys, &keys_length);
    if (err != GATE_OK) {
        return err;
    }
    gate_jwks *jwks = calloc(1, sizeof *jwks);
    if (jwks == NULL) {
        abort();
    }
    struct key_walk walk = {.ctx = ctx, .jwks = jwks};
    gate_json_raw_elements(keys, keys_length, add_key, &walk);
    if (walk.err != GATE_OK) {
        gate_jwks_free(jwks);
        return walk.err;
    }
    *ret_jwks = jwks;
    return GATE_OK;
}

void gate_jwks_free(gate_jwks *jwks) {
    if (jwks == NULL) {
        return;
    }
    for (size_t i = 0; i < jwks->count; i++) {
        cjose_jwk_release(jwks->keys[i].jwk);
        free(jwks->keys[i].kid);
        free(jwks->keys[i].algorithm);
    }
    free(jwks);
}

/* Signatures. */

/* A compact JWS taken apart, before anything in it is believed. */
struct token {
    const struct algorithm *algorithm;
    const char *kid; /* NULL: none given */
    const char *payload;
    size_t payload_length;
    size_t signature_length;
};

/* Decode the part that ends at `end`. libcjose's own decoder passes over bytes that are no
 * base64url, so two spellings could be one token; here they are not. */
static enum gate_err read_part(struct gate_ctx *ctx, const char *part, const char *end,
                               unsigned char **ret_bytes, size_t *ret_length) {
    if (end == part || gate_base64url_parse(ctx->arena, part, (size_t)(end - part), ret_bytes,
                                            ret_length) != GATE_OK) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "a part of the token is not base64url");
    }
    return GATE_OK;
}

/* Check the header (RFC 7515 section 4): a signature algorithm of ours, no extensions, and no key
 * of the token's own choosing. */
static enum gate_err read_header(struct gate_ctx *ctx, const unsigned char *bytes, size_t length,
                                 struct token *token) {
    static const char *const refused[] = {"crit", "b64", "jwk", "jku", "x5u"};
    const gate_json *header;
    if (gate_json_parse(ctx, (const char *)bytes, length, &header) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token's header is not JSON");
    }
    token->algorithm = find_algorithm(gate_json_member_text(header, "alg"));
    if (token->algorithm == NULL) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                         "the token's algorithm is not an accepted signature algorithm");
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (gate_json_has_member(header, refused[i])) {
            return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token's header has \"%s\"",
                             refused[i]);
        }
    }
    token->kid = gate_json_member_text(header, "kid");
    if (token->kid == NULL && gate_json_has_member(header, "kid")) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token's \"kid\" is not a text");
    }
    return GATE_OK;
}

static enum gate_err read_token(struct gate_ctx *ctx, const char *text, size_t length,
                                struct token *ret_token) {
    const char *first = strchr(text, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token does not have three parts");
    }
    unsigned char *header;
    unsigned char *payload;
    unsigned char *signature;
    size_t header_length;
    enum gate_err err = read_part(ctx, text, first, &header, &header_length);
    if (err == GATE_OK) {
        err = read_part(ctx, first + 1, second, &payload, &ret_token->payload_length);
    }
    if (err == GATE_OK) {
        err = read_part(ctx, second + 1, text + length, &signature, &ret_token->signature_length);
    }
    if (err == GATE_OK) {
        ret_token->payload = (const char *)payload;
        err = read_header(ctx, header, header_length, ret_token);
    }
    return err;
}

static bool fits(const struct key *key, const struct token *token) {
    const struct algorithm *algorithm = token->algorithm;
    if (cjose_jwk_get_kty(key->jwk, NULL) != algorithm->kty) {
        return false;
    }
    if (algorithm->kty == CJOSE_JWK_KTY_EC &&
        (cjose_jwk_EC_get_curve(key->jwk, NULL) != algorithm->curve ||
         token->signature_length != algorithm->signature_bytes)) {
        return false;
    }
    return key->algorithm == NULL || strcmp(key->algorithm, algorithm->name) == 0;
}

static bool is_signed_by(const struct key *key, const char *text, size_t length) {
    cjose_jws_t *jws = cjose_jws_import(text, length, NULL);
    bool valid = jws != NULL && cjose_jws_verify(jws, key->jwk, NULL);
    cjose_jws_release(jws);
    /* A wrong signature is no error of TLS, which reads the same queue on this thread. */
    ERR_clear_error();
    return valid;
}

/* A token without `kid` leaves the choice to us, and then there must be none. */
static enum gate_err check_without_kid(struct gate_ctx *ctx, const gate_jwks *jwks,
                                       const struct token *token, const char *text, size_t length) {
    const struct key *only = NULL;
    for (size_t i = 0; i < jwks->count; i++) {
        if (!fits(&jwks->keys[i], token)) {
            continue;
        }
        if (only != NULL) {
            return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                             "the token names no key and several keys fit");
        }
        only = &jwks->keys[i];
    }
    if (only == NULL) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "no key fits the token");
    }
    return is_signed_by(only, text, length)
               ? GATE_OK
               : gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token's signature is wrong");
}

static enum gate_err check_with_kid(struct gate_ctx *ctx, const gate_jwks *jwks,
                                    const struct token *token, const char *text, size_t length) {
    bool known = false;
    for (size_t i = 0; i < jwks->count; i++) {
        const struct key *key = &jwks->keys[i];
        if (!gate_text_equal(key->kid, token->kid)) {
            continue;
        }
        known = true;
        if (fits(key, token) && is_signed_by(key, text, length)) {
            return GATE_OK;
        }
    }
    if (!known) {
        return gate_fail(ctx, GATE_ERR_NOT_FOUND, "the key set has no key with the token's kid");
    }
    return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED,
                     "the token's signature is wrong or its key is for something else");
}

enum gate_err gate_jws_verify(struct gate_ctx *ctx, const gate_jwks *jwks, const char *token,
                              const char **ret_payload, size_t *ret_length) {
    size_t length = strnlen(token, GATE_JWS_MAX_BYTES + 1);
    if (length > GATE_JWS_MAX_BYTES) {
        return gate_fail(ctx, GATE_ERR_UNAUTHENTICATED, "the token is longer than %d bytes",
                         GATE_JWS_MAX_BYTES);
    }
    struct token parts = {0};
    enum gate_err err = read_token(ctx, token, length, &parts);
    if (err != GATE_OK) {
        return err;
    }
    err = parts.kid == NULL ? check_without_kid(ctx, jwks, &parts, token, length)
                            : check_with_kid(ctx, jwks, &parts, token, length);
    if (err != GATE_OK) {
        return err;
    }
    *ret_payload = parts.payload;
    *ret_length = parts.payload_length;
    return GATE_OK;
}

const char *gate_jws_header_text(struct gate_ctx *ctx, const char *token, const char *name) {
    unsigned char *header;
    size_t length;
    const gate_json *json;
    if (gate_base64url_parse(ctx->arena, token, strcspn(token, "."), &header, &length) != GATE_OK ||
        gate_json_parse(ctx, (const char *)header, length, &json) != GATE_OK) {
        gate_error_clear(&ctx->error);
        return NULL;
    }
    return gate_json_member_text(json, name);
}
