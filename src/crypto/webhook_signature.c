#include "crypto/webhook_signature.h"

#include <string.h>

#include "core/encoding.h"

#define VERSION "v1,"
#define VERSION_LENGTH (sizeof VERSION - 1)
#define ENCODED_LENGTH 44 /* of 32 bytes in base64 */

/* "id.timestamp.body"; a body may hold any bytes. */
static const char *join(gate_arena *arena, const struct gate_webhook_message *message,
                        size_t *ret_length) {
    size_t id_length = strlen(message->id);
    size_t timestamp_length = strlen(message->timestamp);
    size_t head = id_length + 1 + timestamp_length + 1;
    char *text = gate_arena_alloc(arena, head + message->body_length + 1);
    memcpy(text, message->id, id_length);
    text[id_length] = '.';
    memcpy(text + id_length + 1, message->timestamp, timestamp_length);
    text[head - 1] = '.';
    if (message->body_length > 0) {
        memcpy(text + head, message->body, message->body_length);
    }
    *ret_length = head + message->body_length;
    return text;
}

static const char *sign(gate_arena *arena, const gate_secret *key, const char *text,
                        size_t length) {
    struct gate_digest mac =
        gate_hmac_make(gate_secret_reveal(key), gate_secret_length(key), text, length);
    return gate_base64_format(arena, mac.bytes, sizeof mac.bytes);
}

const char *gate_webhook_signature_make(gate_arena *arena, const gate_secret *key,
                                        const struct gate_webhook_message *message) {
    size_t length;
    const char *text = join(arena, message, &length);
    return gate_arena_printf(arena, VERSION "%s", sign(arena, key, text, length));
}

/* Compared as text: a signature has one spelling in base64, and any other is none. All entries are
 * looked at, whichever fits. */
static bool list_has(const char *signatures, const char *encoded) {
    bool found = false;
    const char *at = signatures;
    while (*at != '\0') {
        size_t length = strcspn(at, " ");
        bool is_ours =
            length == VERSION_LENGTH + ENCODED_LENGTH && strncmp(at, VERSION, VERSION_LENGTH) == 0;
        if (is_ours &&
            gate_bytes_equal(at + VERSION_LENGTH, ENCODED_LENGTH, encoded, ENCODED_LENGTH)) {
            found = true;
        }
        at += length;
        at += strspn(at, " ");
    }
    return found;
}

bool gate_webhook_signature_check(gate_arena *arena, const gate_secret *const *keys,
                                  const struct gate_webhook_message *message,
                                  const char *signatures) {
    size_t length;
    const char *text = join(arena, message, &length);
    bool found = false;
    for (; *keys != NULL; keys++) {
        found = list_has(signatures, sign(arena, *keys, text, length)) || found;
    }
    return found;
}
