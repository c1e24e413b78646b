#include "core/random.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/encoding.h"

void gate_random_fill(void *bytes, size_t length) {
    unsigned char *at = bytes;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            abort();
        }
        at += got;
        length -= (size_t)got;
    }
}

char *gate_random_token_make(gate_arena *arena, size_t length) {
    unsigned char bytes[64];
    assert(length <= sizeof bytes);
    gate_random_fill(bytes, length);
    return gate_base64url_format(arena, bytes, length);
}

uint32_t gate_random_below(uint32_t bound) {
    uint32_t value;
    gate_random_fill(&value, sizeof value);
    return value % bound;
}
