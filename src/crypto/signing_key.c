#include "crypto/signing_key.h"

#include <cjose/cjose.h>
#include <stdlib.h>
#include <string.h>

#include "json/writer.h"

#define KEY_BITS 2048
#define JWK_MAX_BYTES 4096

struct gate_signing_key {
    cjose_jwk_t *jwk;
};

static void must(bool worked) {
    if (!worked) {
        abort();
    }
}

gate_signing_key *gate_signing_key_new(const char *kid) {
    static const uint8_t exponent[] = {1, 0, 1}; /* 65537 */
    gate_signing_key *key = malloc(sizeof *key);
    must(key != NULL);
    key->jwk = cjose_jwk_create_RSA_random(KEY_BITS, exponent, sizeof exponent, NULL);
    must(key->jwk != NULL);
    must(cjose_jwk_set_kid(key->jwk, kid, strlen(kid), NULL));
    return key;
}

void gate_signing_key_free(gate_signing_key *key) {
    if (key != NULL) {
        cjose_jwk_release(key->jwk);
        free(key);
    }
}

static void copy_member(struct gate_json_writer *writer, const char *jwk, const char *name) {
    const char *value;
    size_t length;
    must(gate_json_raw_member(jwk, strlen(jwk), name, &value, &length) == GATE_OK);
    gate_json_write_raw(writer, name, value, length);
}

char *gate_signing_key_public_jwk_format(gate_arena *arena, const gate_signing_key *key) {
    /* libcjose leaves out `use` and `alg`. */
    char *jwk = cjose_jwk_to_json(key->jwk, false, NULL);
    must(jwk != NULL);
    struct gate_buffer buffer;
    struct gate_json_writer writer;
    gate_buffer_init(&buffer, JWK_MAX_BYTES);
    gate_json_writer_init(&writer, &buffer);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "kty", "RSA");
    gate_json_write_text(&writer, "kid", cjose_jwk_get_kid(key->jwk, NULL));
    gate_json_write_text(&writer, "use", "sig");
    gate_json_write_text(&writer, "alg", "RS256");
    copy_member(&writer, jwk, "n");
    copy_member(&writer, jwk, "e");
    gate_json_close_object(&writer);
    must(!buffer.overflowed);
    char *text = gate_arena_strdup(arena, gate_buffer_text(&buffer));
    gate_buffer_done(&buffer);
    free(jwk);
    return text;
}

char *gate_signing_key_sign(gate_arena *arena, const gate_signing_key *key,
                            const char *payload_json) {
    cjose_header_t *header = cjose_header_new(NULL);
    must(header != NULL);
    must(cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_RS256, NULL));
    must(cjose_header_set(header, CJOSE_HDR_KID, cjose_jwk_get_kid(key->jwk, NULL), NULL));
    must(cjose_header_set(header, "typ", "JWT", NULL));
    cjose_jws_t *jws =
        cjose_jws_sign(key->jwk, header, (const uint8_t *)payload_json, strlen(payload_json), NULL);
    must(jws != NULL);
    const char *compact;
    must(cjose_jws_export(jws, &compact, NULL));
    char *token = gate_arena_strdup(arena, compact);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}
