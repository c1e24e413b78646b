#include "core/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/text.h"

/* Set once at start, before there are threads; on the allow-list of mutable file-scope data. */
static enum gate_log_level log_lowest = GATE_LOG_INFO;
static int log_fd = STDERR_FILENO;

struct line {
    char text[GATE_LOG_LINE_MAX_BYTES];
    size_t length;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void gate_log_open(enum gate_log_level lowest, int fd) {
    log_lowest = lowest;
    log_fd = fd;
}

static void add_bytes(struct line *line, const char *bytes, size_t length) {
    size_t room = sizeof line->text - 1 - line->length; /* keep room for the newline */
    if (length > room) {
        length = room;
    }
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
}

static void add_text(struct line *line, const char *text) {
    add_bytes(line, text, strlen(text));
}

static bool is_plain(const char *value) {
    if (*value == '\0') {
        return false;
    }
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte <= 0x20 || byte >= 0x7F || byte == '"' || byte == '=' || byte == '\\') {
            return false;
        }
    }
    return true;
}

/* Escape what would end the value or the line, what terminals obey (C0, DEL, C1) and what is no
 * UTF-8. Gives how many bytes of `at` it took. */
static size_t escape_step(const char *at, size_t left, char escaped[8]) {
    unsigned char byte = (unsigned char)*at;
    size_t step = gate_text_utf8_step(at, left);
    bool c1 = step == 2 && byte == 0xC2 && (unsigned char)at[1] < 0xA0;
    if (step == 0 || byte < 0x20 || byte == 0x7F) {
        snprintf(escaped, 8, "\\x%02x", byte);
        return 1;
    }
    if (c1) {
        snprintf(escaped, 8, "\\u00%02x", (unsigned char)at[1]);
    } else if (byte == '"' || byte == '\\') {
        snprintf(escaped, 8, "\\%c", byte);
    } else {
        memcpy(escaped, at, step);
        escaped[step] = '\0';
    }
    return step;
}

static void add_quoted(struct line *line, const char *value) {
    if (is_plain(value)) {
        add_text(line, value);
        return;
    }
    add_text(line, "\"");
    for (size_t left = strlen(value); left > 0;) {
        char escaped[8];
        size_t step = escape_step(value, left, escaped);
        /* Cut between characters, with room for the closing quote and the newline. */
        if (line->length + strlen(escaped) + 2 > sizeof line->text) {
            break;
        }
        add_text(line, escaped);
        value += step;
        left -= step;
    }
    add_text(line, "\"");
}

static void add_time(struct line *line) {
    struct timespec now;
    struct tm parts;
    char text[48];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof text, "time=%Y-%m-%dT%H:%M:%S", &parts);
    add_text(line, text);
    snprintf(text, sizeof text, ".%03dZ", (int)(now.tv_nsec / 1000000));
    add_text(line, text);
}

void gate_log(enum gate_log_level level, const char *event, const struct gate_log_field *fields,
              unsigned field_count) {
    if (level < log_lowest) {
        return;
    }
    struct line line = {.length = 0};
    add_time(&line);
    add_text(&line, " level=");
    add_text(&line, level_names[level]);
    add_text(&line, " event=");
    add_quoted(&line, event);
    for (unsigned i = 0; i < field_count; i++) {
        add_text(&line, " ");
        add_text(&line, fields[i].name);
        add_text(&line, "=");
        if (fields[i].text != NULL) {
            add_quoted(&line, fields[i].text);
        } else {
            char number[24];
            snprintf(number, sizeof number, "%lld", (long long)fields[i].number);
            add_text(&line, number);
        }
    }
    line.text[line.length++] = '\n';
    if (write(log_fd, line.text, line.length) < 0) {
        return;
    }
}
