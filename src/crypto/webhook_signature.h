/* Signatures of webhooks, by the scheme of Standard Webhooks (version "v1"): HMAC-SHA256 over
 * "id.timestamp.body", as "v1," and base64.
 *
 * Threads: immutable. Errors: none. Never logs. Comparing takes constant time for each key.
 */
#ifndef GATE_CRYPTO_WEBHOOK_SIGNATURE_H
#define GATE_CRYPTO_WEBHOOK_SIGNATURE_H

#include "crypto/digest.h"

/* What is signed. Texts are borrowed. */
struct gate_webhook_message {
    const char *id;        /* webhook-id */
    const char *timestamp; /* webhook-timestamp, exactly as sent */
    const char *body;      /* the raw bytes */
    size_t body_length;
};

/* Make the value of webhook-signature; the result lives in the arena. */
const char *gate_webhook_signature_make(gate_arena *arena, const gate_secret *key,
                                        const struct gate_webhook_message *message);

/* Does one of the space-separated `signatures` fit one of the NULL-terminated `keys`? Entries of
 * other versions and those that make no sense are passed over. Needs about the body's length of the
 * arena. */
bool gate_webhook_signature_check(gate_arena *arena, const gate_secret *const *keys,
                                  const struct gate_webhook_message *message,
                                  const char *signatures);

#endif
