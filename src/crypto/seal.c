#include "crypto/seal.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/encoding.h"
#include "core/random.h"

/* A sealed value is: version, nonce, ciphertext, tag. A random 96-bit nonce is safe for 2^32 values
 * under one key (SP 800-38D section 8.3); keys are per purpose, so that is far away. */
#define SEAL_VERSION 1
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define OVERHEAD_BYTES (1 + NONCE_BYTES + TAG_BYTES)

static void must(bool worked) {
    if (!worked) {
        abort();
    }
}

/* Set up AES-256-GCM and take in what is authenticated but not contained: the version and
 * `bound_to`. */
static EVP_CIPHER_CTX *begin_cipher(const struct gate_digest *key, const unsigned char *sealed,
                                    const char *bound_to, bool encrypts) {
    int ignored;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    must(cipher != NULL);
    must(EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, sealed + 1, encrypts) == 1);
    must(EVP_CipherUpdate(cipher, NULL, &ignored, sealed, 1) == 1);
    if (*bound_to != '\0') {
        must(EVP_CipherUpdate(cipher, NULL, &ignored, (const unsigned char *)bound_to,
                              (int)strlen(bound_to)) == 1);
    }
    return cipher;
}

char *gate_seal_make(gate_arena *arena, const struct gate_digest *key, const char *bound_to,
                     const void *bytes, size_t length) {
    assert(length <= INT_MAX - OVERHEAD_BYTES);
    unsigned char *sealed = gate_arena_alloc(arena, length + OVERHEAD_BYTES);
    unsigned char *ciphertext = sealed + 1 + NONCE_BYTES;
    int written = 0;
    sealed[0] = SEAL_VERSION;
    gate_random_fill(sealed + 1, NONCE_BYTES);
    EVP_CIPHER_CTX *cipher = begin_cipher(key, sealed, bound_to, true);
    if (length > 0) {
        must(EVP_CipherUpdate(cipher, ciphertext, &written, bytes, (int)length) == 1);
    }
    must(EVP_CipherFinal_ex(cipher, ciphertext + written, &written) == 1);
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, ciphertext + length) == 1);
    EVP_CIPHER_CTX_free(cipher);
    return gate_base64url_format(arena, sealed, length + OVERHEAD_BYTES);
}

enum gate_err gate_seal_open(gate_arena *arena, const struct gate_digest *key, const char *bound_to,
                             const char *sealed, char **ret_bytes, size_t *ret_length) {
    unsigned char *bytes;
    size_t sealed_length;
    if (gate_base64url_parse(arena, sealed, strlen(sealed), &bytes, &sealed_length) != GATE_OK ||
        sealed_length < OVERHEAD_BYTES || sealed_length > INT_MAX || bytes[0] != SEAL_VERSION) {
        return GATE_ERR_INPUT;
    }
    size_t length = sealed_length - OVERHEAD_BYTES;
    unsigned char *ciphertext = bytes + 1 + NONCE_BYTES;
    char *opened = gate_arena_alloc(arena, length + 1);
    unsigned char *out = (unsigned char *)opened;
    int written = 0;
    EVP_CIPHER_CTX *cipher = begin_cipher(key, bytes, bound_to, false);
    must(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, ciphertext + length) == 1);
    if (length > 0) {
        must(EVP_CipherUpdate(cipher, out, &written, ciphertext, (int)length) == 1);
    }
    bool authentic = EVP_CipherFinal_ex(cipher, out + written, &written) == 1;
    EVP_CIPHER_CTX_free(cipher);
    if (!authentic) {
        ERR_clear_error();
        /* What was decrypted without being authentic must not be seen by anyone. */
        gate_secret_wipe(opened, length);
        return GATE_ERR_INPUT;
    }
    *ret_bytes = opened;
    *ret_length = length;
    return GATE_OK;
}
