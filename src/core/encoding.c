#include "core/encoding.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/text.h"

static const char alphabet_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *format_64(gate_arena *arena, const char *alphabet, bool padded, const void *bytes,
                       size_t length) {
    const unsigned char *in = bytes;
    char *text = gate_arena_alloc(arena, (length + 2) / 3 * 4 + 1);
    char *out = text;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? in[i + 2] : 0;
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[(group >> 12) & 63];
        if (left > 1) {
            *out++ = alphabet[(group >> 6) & 63];
        } else if (padded) {
            *out++ = '=';
        }
        if (left > 2) {
            *out++ = alphabet[group & 63];
        } else if (padded) {
            *out++ = '=';
        }
    }
    *out = '\0';
    return text;
}

static int value_64(const char *alphabet, char digit) {
    const char *at = digit == '\0' ? NULL : strchr(alphabet, digit);
    return at == NULL ? -1 : (int)(at - alphabet);
}

static enum gate_err parse_64(gate_arena *arena, const char *alphabet, const char *text,
                              size_t text_length, unsigned char **ret_bytes, size_t *ret_length) {
    if (text_length % 4 == 1) {
        return GATE_ERR_INPUT;
    }
    size_t length = text_length / 4 * 3 + (text_length % 4 == 0 ? 0 : text_length % 4 - 1);
    unsigned char *bytes = gate_arena_alloc(arena, length + 1);
    size_t written = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text_length; i++) {
        int value = value_64(alphabet, text[i]);
        if (value < 0) {
            return GATE_ERR_INPUT;
        }
        bits = (bits << 6) | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[written++] = (unsigned char)(bits >> bit_count);
            bits &= (1U << bit_count) - 1;
        }
    }
    /* Bits left over must be zero: one value, one spelling. */
    if (bits != 0) {
        return GATE_ERR_INPUT;
    }
    *ret_bytes = bytes;
    *ret_length = written;
    return GATE_OK;
}

char *gate_base64url_format(gate_arena *arena, const void *bytes, size_t length) {
    return format_64(arena, alphabet_url, false, bytes, length);
}

enum gate_err gate_base64url_parse(gate_arena *arena, const char *text, size_t text_length,
                                   unsigned char **ret_bytes, size_t *ret_length) {
    return parse_64(arena, alphabet_url, text, text_length, ret_bytes, ret_length);
}

char *gate_base64_format(gate_arena *arena, const void *bytes, size_t length) {
    return format_64(arena, alphabet_standard, true, bytes, length);
}

enum gate_err gate_base64_parse(gate_arena *arena, const char *text, size_t text_length,
                                unsigned char **ret_bytes, size_t *ret_length) {
    if (text_length % 4 != 0) {
        return GATE_ERR_INPUT;
    }
    for (int i = 0; i < 2 && text_length > 0 && text[text_length - 1] == '='; i++) {
        text_length--;
    }
    return parse_64(arena, alphabet_standard, text, text_length, ret_bytes, ret_length);
}

char *gate_hex_format(gate_arena *arena, const void *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    char *text = gate_arena_alloc(arena, length * 2 + 1);
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[in[i] >> 4];
        text[2 * i + 1] = digits[in[i] & 15];
    }
    return text;
}

static bool is_unreserved(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

char *gate_percent_format(gate_arena *arena, const char *text) {
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = gate_arena_alloc(arena, strlen(text) * 3 + 1);
    char *out = escaped;
    for (; *text != '\0'; text++) {
        if (is_unreserved(*text)) {
            *out++ = *text;
            continue;
        }
        *out++ = '%';
        *out++ = digits[(unsigned char)*text >> 4];
        *out++ = digits[(unsigned char)*text & 15];
    }
    return escaped;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

enum gate_err gate_percent_parse(gate_arena *arena, const char *text, size_t length,
                                 int plus_is_space, char **ret_text) {
    char *decoded = gate_arena_alloc(arena, length + 1);
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '%') {
            int high = length - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = length - i > 2 ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return GATE_ERR_INPUT;
            }
            byte = (char)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        decoded[written++] = byte;
    }
    if (!gate_text_is_utf8(decoded, written)) {
        return GATE_ERR_INPUT;
    }
    *ret_text = decoded;
    return GATE_OK;
}
