#include "crypto/digest.h"

#include <assert.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void must(bool worked) {
    if (!worked) {
        abort();
    }
}

struct gate_digest gate_digest_make(const void *bytes, size_t length) {
    struct gate_digest digest;
    must(EVP_Digest(bytes, length, digest.bytes, NULL, EVP_sha256(), NULL) == 1);
    return digest;
}

struct gate_digest gate_hmac_make(const void *key, size_t key_length, const void *bytes,
                                  size_t length) {
    struct gate_digest digest;
    assert(key_length <= INT_MAX);
    /* OpenSSL takes a NULL key for "the key of before", never for the empty one. */
    must(HMAC(EVP_sha256(), key == NULL ? "" : key, (int)key_length, bytes, length, digest.bytes,
              NULL) != NULL);
    return digest;
}

/* OSSL_PARAM has no const; these are inputs that OpenSSL only reads. */
static OSSL_PARAM make_octets(const char *name, const void *bytes, size_t length) {
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, length);
}

struct gate_digest gate_key_derive(const gate_secret *secret, const char *purpose) {
    struct gate_digest derived;
    char digest_name[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name, 0),
        make_octets(OSSL_KDF_PARAM_KEY, gate_secret_reveal(secret), gate_secret_length(secret)),
        make_octets(OSSL_KDF_PARAM_INFO, purpose, strlen(purpose)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
    must(kdf != NULL);
    EVP_KDF_CTX *derivation = EVP_KDF_CTX_new(kdf);
    must(derivation != NULL);
    must(EVP_KDF_derive(derivation, derived.bytes, sizeof derived.bytes, params) == 1);
    EVP_KDF_CTX_free(derivation);
    EVP_KDF_free(kdf);
    return derived;
}

bool gate_digest_equal(const struct gate_digest *a, const struct gate_digest *b) {
    return CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool gate_bytes_equal(const void *a, size_t a_length, const void *b, size_t b_length) {
    if (a == NULL || b == NULL || a_length != b_length) {
        return false;
    }
    return CRYPTO_memcmp(a, b, a_length) == 0;
}
