/* Log lines in logfmt on standard error, one write(2) per line.
 *
 * Threads: immutable after gate_log_open (the level and the sink are set at start). Errors: a line
 * that cannot be written is dropped. Values are quoted and escaped, so a hostile value cannot forge
 * a line; lines are cut at GATE_LOG_LINE_MAX_BYTES. Never pass a secret, a token, a tool argument
 * or a result.
 */
#ifndef GATE_CORE_LOG_H
#define GATE_CORE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum gate_log_level { GATE_LOG_DEBUG, GATE_LOG_INFO, GATE_LOG_WARN, GATE_LOG_ERROR };

struct gate_log_field {
    const char *name;
    const char *text; /* NULL: use the number */
    int64_t number;
};

/* A function, so that an array may be given without the compiler's remark that it is never NULL. */
static inline struct gate_log_field gate_log_text_make(const char *name, const char *text) {
    return (struct gate_log_field){name, text == NULL ? "" : text, 0};
}

#define GATE_LOG_TEXT(field_name, value) gate_log_text_make((field_name), (value))
#define GATE_LOG_NUMBER(field_name, value) ((struct gate_log_field){(field_name), NULL, (value)})

/* Set the lowest level that is written, and the descriptor (2 by default). At start only. */
void gate_log_open(enum gate_log_level lowest, int fd);

/* Write one line: time, level, event, then the fields in order. */
void gate_log(enum gate_log_level level, const char *event, const struct gate_log_field *fields,
              unsigned field_count);

#define gate_log_write(level, event, ...)                                                          \
    gate_log((level), (event), (const struct gate_log_field[]){__VA_ARGS__},                       \
             sizeof((const struct gate_log_field[]){__VA_ARGS__}) / sizeof(struct gate_log_field))

#endif
