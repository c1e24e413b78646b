#define _DEFAULT_SOURCE /* explicit_bzero */
#include "core/secret.h"

#include <stdlib.h>
#include <string.h>

struct gate_secret {
    size_t length;
    char bytes[];
};

gate_secret *gate_secret_new(const void *bytes, size_t length) {
    gate_secret *secret = malloc(sizeof *secret + length + 1);
    if (secret == NULL) {
        abort();
    }
    secret->length = length;
    if (length > 0) {
        memcpy(secret->bytes, bytes, length);
    }
    secret->bytes[length] = '\0';
    return secret;
}

void gate_secret_free(gate_secret *secret) {
    if (secret == NULL) {
        return;
    }
    gate_secret_wipe(secret->bytes, secret->length);
    free(secret);
}

const char *gate_secret_reveal(const gate_secret *secret) {
    return secret->bytes;
}

size_t gate_secret_length(const gate_secret *secret) {
    return secret->length;
}

bool gate_secret_equal(const gate_secret *a, const gate_secret *b) {
    if (a == NULL || b == NULL || a->length != b->length) {
        return false;
    }
    unsigned char difference = 0;
    for (size_t i = 0; i < a->length; i++) {
        difference |= (unsigned char)(a->bytes[i] ^ b->bytes[i]);
    }
    return difference == 0;
}

void gate_secret_wipe(void *bytes, size_t length) {
    explicit_bzero(bytes, length);
}
