#define _GNU_SOURCE /* timegm */
#include "core/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool read_digits(const char **at, int count, int *ret_value) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        char digit = **at;
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + (digit - '0');
        (*at)++;
    }
    *ret_value = value;
    return true;
}

static bool read_char(const char **at, const char *allowed) {
    if (**at == '\0' || strchr(allowed, **at) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

static bool read_fraction(const char **at, int *ret_ms) {
    *ret_ms = 0;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    int digits = 0;
    int scale = 100;
    for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
        *ret_ms += (**at - '0') * scale;
        scale /= 10;
    }
    return digits >= 1 && digits <= 9;
}

static bool read_offset(const char **at, int *ret_minutes) {
    *ret_minutes = 0;
    if (read_char(at, "Zz")) {
        return true;
    }
    bool minus = **at == '-';
    int hours;
    int minutes;
    if (!read_char(at, "+-") || !read_digits(at, 2, &hours) || !read_char(at, ":") ||
        !read_digits(at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* timegm normalises 31 February to March; a date that comes back changed was no date. */
static bool is_real_date(const struct tm *given, time_t seconds) {
    struct tm back;
    return gmtime_r(&seconds, &back) != NULL && back.tm_mday == given->tm_mday &&
           back.tm_mon == given->tm_mon && back.tm_year == given->tm_year;
}

enum gate_err gate_timestamp_parse(const char *text, int64_t *ret_wall_ms) {
    const char *at = text;
    struct tm parts = {0};
    int year;
    int month;
    int ms;
    int offset_minutes;
    if (!read_digits(&at, 4, &year) || !read_char(&at, "-") || !read_digits(&at, 2, &month) ||
        !read_char(&at, "-") || !read_digits(&at, 2, &parts.tm_mday) || !read_char(&at, "Tt ") ||
        !read_digits(&at, 2, &parts.tm_hour) || !read_char(&at, ":") ||
        !read_digits(&at, 2, &parts.tm_min) || !read_char(&at, ":") ||
        !read_digits(&at, 2, &parts.tm_sec) || !read_fraction(&at, &ms) ||
        !read_offset(&at, &offset_minutes) || *at != '\0') {
        return GATE_ERR_INPUT;
    }
    if (year < 1970 || month < 1 || month > 12 || parts.tm_mday < 1 || parts.tm_hour > 23 ||
        parts.tm_min > 59 || parts.tm_sec > 59) {
        return GATE_ERR_INPUT;
    }
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    struct tm given = parts;
    time_t seconds = timegm(&parts);
    if (!is_real_date(&given, seconds)) {
        return GATE_ERR_INPUT;
    }
    *ret_wall_ms = ((int64_t)seconds - offset_minutes * 60) * 1000 + ms;
    return GATE_OK;
}

void gate_timestamp_write(int64_t wall_ms, char ret_text[GATE_TIMESTAMP_MAX_BYTES]) {
    int ms = (int)(wall_ms % 1000);
    ms += ms < 0 ? 1000 : 0; /* before 1970 the fraction still counts forward */
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm parts;
    /* Only a time some 60 million years away fails; it is no record of ours. */
    if (gmtime_r(&seconds, &parts) == NULL) {
        parts = (struct tm){.tm_year = 70, .tm_mday = 1};
    }
    size_t length = strftime(ret_text, GATE_TIMESTAMP_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    if (ms == 0) {
        snprintf(ret_text + length, GATE_TIMESTAMP_MAX_BYTES - length, "Z");
    } else {
        snprintf(ret_text + length, GATE_TIMESTAMP_MAX_BYTES - length, ".%03dZ", ms);
    }
}

char *gate_timestamp_format(gate_arena *arena, int64_t wall_ms) {
    char text[GATE_TIMESTAMP_MAX_BYTES];
    gate_timestamp_write(wall_ms, text);
    return gate_arena_strdup(arena, text);
}
