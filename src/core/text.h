/* Questions about strings. Threads: immutable. Errors: none. */
#ifndef GATE_CORE_TEXT_H
#define GATE_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Equal, byte for byte. NULL equals nothing, not even NULL. */
bool gate_text_equal(const char *a, const char *b);

/* Equal when ASCII case is ignored (header names, schemes, hosts). NULL equals nothing. */
bool gate_text_equal_ignoring_case(const char *a, const char *b);

bool gate_text_starts_with(const char *text, const char *prefix);
bool gate_text_ends_with(const char *text, const char *suffix);

/* Whether `part` stands somewhere in `text`, ASCII case ignored. Nothing stands in NULL or "". */
bool gate_text_contains_ignoring_case(const char *text, const char *part);

/* True for NULL and "". */
bool gate_text_is_empty(const char *text);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL bytes. */
bool gate_text_is_utf8(const char *text, size_t length);

/* How many of `length` (> 0) bytes the first well-formed UTF-8 sequence takes; 0 when none begins
 * here. */
size_t gate_text_utf8_step(const char *text, size_t length);

/* No C0 control characters and no DEL; what a header value or a one-line field may hold. */
bool gate_text_is_one_line(const char *text, size_t length);

/* Match `pattern`, in which '*' stands for any run of bytes, against the whole of `text`. */
bool gate_text_matches(const char *pattern, const char *text);

#endif
