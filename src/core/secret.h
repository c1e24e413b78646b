/* A secret that cannot be printed by accident and is wiped when it goes.
 *
 * Owner: free with gate_secret_free, or borrow from the configuration for the life of the process.
 * Threads: immutable once made. Errors: none. Never logged: there is no formatter for this type.
 */
#ifndef GATE_CORE_SECRET_H
#define GATE_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gate_secret gate_secret;

/* Copy `length` bytes into a new secret. */
gate_secret *gate_secret_new(const void *bytes, size_t length);

/* Wipe and free. NULL is fine. */
void gate_secret_free(gate_secret *secret);

/* The bytes, followed by a NUL that does not count; only for handing to a cipher, an HMAC or the
 * wire. */
const char *gate_secret_reveal(const gate_secret *secret);
size_t gate_secret_length(const gate_secret *secret);

/* Equal in constant time for equal lengths. NULL equals nothing, not even NULL. */
bool gate_secret_equal(const gate_secret *a, const gate_secret *b);

/* Overwrite bytes so that the compiler cannot drop it. */
void gate_secret_wipe(void *bytes, size_t length);

#endif
