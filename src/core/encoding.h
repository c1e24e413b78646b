/* Base64url (RFC 4648 section 5, no padding), base64, hex and percent-encoding (RFC 3986).
 *
 * Owner: results live in the arena given. Threads: immutable. Errors: GATE_ERR_INPUT for text that
 * is not exactly of the form; nothing recorded.
 */
#ifndef GATE_CORE_ENCODING_H
#define GATE_CORE_ENCODING_H

#include <stddef.h>

#include "core/arena.h"

char *gate_base64url_format(gate_arena *arena, const void *bytes, size_t length);

/* Padding, white space and bits that no encoder would set are refused. */
enum gate_err gate_base64url_parse(gate_arena *arena, const char *text, size_t text_length,
                                   unsigned char **ret_bytes, size_t *ret_length) GATE_MUST_CHECK;

/* Standard alphabet with padding (RFC 4648 section 4). */
char *gate_base64_format(gate_arena *arena, const void *bytes, size_t length);
enum gate_err gate_base64_parse(gate_arena *arena, const char *text, size_t text_length,
                                unsigned char **ret_bytes, size_t *ret_length) GATE_MUST_CHECK;

/* Lower-case hex. */
char *gate_hex_format(gate_arena *arena, const void *bytes, size_t length);

/* Escape everything but RFC 3986 "unreserved"; for one query value or one path segment. */
char *gate_percent_format(gate_arena *arena, const char *text);

/* Decode %XX (and '+' as space when `plus_is_space`). Refuses stray '%', NUL bytes and invalid
 * UTF-8. */
enum gate_err gate_percent_parse(gate_arena *arena, const char *text, size_t length,
                                 int plus_is_space, char **ret_text) GATE_MUST_CHECK;

#endif
