#include "config/envfile.h"

#include <string.h>

#include "core/text.h"

struct file_reader {
    const char *at;
    const char *end;
    size_t line;
    char *out; /* where the next byte of a name or value goes */
    const char *problem;
};

static bool refuse(struct file_reader *reader, const char *problem) {
    reader->problem = problem;
    return false;
}

static int peek(const struct file_reader *reader) {
    return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static bool is_line_end(int byte) {
    return byte == '\n' || byte == '\r' || byte < 0;
}

static bool is_blank(int byte) {
    return byte == ' ' || byte == '\t';
}

static int take(struct file_reader *reader) {
    int byte = peek(reader);
    if (byte >= 0) {
        reader->at++;
    }
    reader->line += byte == '\n';
    return byte;
}

static void skip_blanks(struct file_reader *reader) {
    while (is_blank(peek(reader))) {
        take(reader);
    }
}

static bool skip_comment(struct file_reader *reader) {
    int last = 0;
    while (!is_line_end(peek(reader))) {
        last = take(reader);
    }
    return last != '\\' || refuse(reader, "a comment ends in a backslash");
}

static bool is_name_byte(int byte, bool first) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_' ||
           (!first && byte >= '0' && byte <= '9');
}

static bool read_name(struct file_reader *reader, const char **ret_name) {
    *ret_name = reader->out;
    while (is_name_byte(peek(reader), reader->out == *ret_name)) {
        *reader->out++ = (char)take(reader);
    }
    bool empty = reader->out == *ret_name;
    *reader->out++ = '\0';
    skip_blanks(reader);
    return (!empty && take(reader) == '=') || refuse(reader, "the line is no NAME=value");
}

static bool read_single_quoted(struct file_reader *reader) {
    take(reader);
    for (int byte = take(reader); byte != '\''; byte = take(reader)) {
        if (byte < 0) {
            return refuse(reader, "a single quote is left open");
        }
        *reader->out++ = (char)byte;
    }
    return true;
}

static bool read_double_quoted(struct file_reader *reader) {
    take(reader);
    for (int byte = take(reader); byte != '"'; byte = take(reader)) {
        if (byte == '\\' && peek(reader) == '\n') {
            take(reader);
            continue;
        }
        if (byte == '\\' && peek(reader) > 0 && strchr("\"\\`$", peek(reader)) != NULL) {
            byte = take(reader);
        }
        if (byte < 0) {
            return refuse(reader, "a double quote is left open");
        }
        *reader->out++ = (char)byte;
    }
    return true;
}

/* Read to the end of the line; blanks before it do not count unless escaped. */
static bool read_unquoted(struct file_reader *reader) {
    char *keep = reader->out; /* behind the last byte that counts */
    while (!is_line_end(peek(reader))) {
        int byte = take(reader);
        bool escaped = byte == '\\';
        if (escaped) {
            byte = take(reader);
            if (byte < 0) {
                return refuse(reader, "the file ends in a backslash");
            }
            if (byte == '\n') {
                continue;
            }
        }
        *reader->out++ = (char)byte;
        if (escaped || !is_blank(byte)) {
            keep = reader->out;
        }
    }
    reader->out = keep;
    return true;
}

static bool read_value(struct file_reader *reader, const char **ret_value) {
    *ret_value = reader->out;
    bool ok = true;
    /* As systemd does, quoted pieces join, and once something stands outside quotes it goes on to
     * the end. */
    for (skip_blanks(reader); ok && !is_line_end(peek(reader)); skip_blanks(reader)) {
        if (peek(reader) == '\'') {
            ok = read_single_quoted(reader);
        } else if (peek(reader) == '"') {
            ok = read_double_quoted(reader);
        } else {
            ok = read_unquoted(reader);
        }
    }
    *reader->out++ = '\0';
    return ok;
}

static bool is_set(const struct gate_assignment *assignments, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(assignments[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Read one line, or as many as a value takes. */
static bool read_entry(struct file_reader *reader, struct gate_assignment *assignments, size_t max,
                       size_t *count) {
    skip_blanks(reader);
    int byte = peek(reader);
    if (byte == '#' || byte == ';') {
        return skip_comment(reader);
    }
    if (is_line_end(byte)) {
        return true;
    }
    struct gate_assignment assignment;
    if (!read_name(reader, &assignment.name)) {
        return false;
    }
    if (is_set(assignments, *count, assignment.name)) {
        return refuse(reader, "the name is set a second time");
    }
    if (*count == max) {
        return refuse(reader, "there are too many settings");
    }
    if (!read_value(reader, &assignment.value)) {
        return false;
    }
    assignments[(*count)++] = assignment;
    return true;
}

enum gate_err gate_envfile_parse(const char *text, size_t length, char *scratch,
                                 struct gate_error *error, struct gate_assignment *assignments,
                                 size_t max, size_t *ret_count) {
    struct file_reader reader = {.at = text, .end = text + length, .line = 1, .out = scratch};
    size_t count = 0;
    if (!gate_text_is_utf8(text, length)) {
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "the settings file is not UTF-8 text");
    }
    while (reader.at < reader.end) {
        size_t line = reader.line;
        if (!read_entry(&reader, assignments, max, &count)) {
            return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                     "settings file, line %zu: %s", line, reader.problem);
        }
        take(&reader);
    }
    *ret_count = count;
    return GATE_OK;
}
