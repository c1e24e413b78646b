#include "core/trace.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/encoding.h"
#include "core/limits.h"
#include "core/random.h"

/* version "-" trace-id "-" parent-id "-" flags */
#define TRACE_ID_AT 3
#define PARENT_ID_AT (TRACE_ID_AT + GATE_TRACE_ID_BYTES + 1)
#define PARENT_ID_BYTES 16
#define FLAGS_AT (PARENT_ID_AT + PARENT_ID_BYTES + 1)
#define PARENT_BYTES (FLAGS_AT + 2)
/* "sampled", and "random" of level 2; the others are to be sent as zero. */
#define FLAGS_KNOWN 0x03
#define MEMBER_KEY_MAX_BYTES 256
#define MEMBER_VALUE_MAX_BYTES 256

static bool is_hex(const char *text, size_t length) {
    return strspn(text, "0123456789abcdef") >= length;
}

static bool is_id(const char *text, size_t length) {
    return is_hex(text, length) && strspn(text, "0") < length;
}

struct gate_trace gate_trace_make(const char *id) {
    struct gate_trace trace = {.flags = 0};
    if (id != NULL && strlen(id) == GATE_TRACE_ID_BYTES && is_id(id, GATE_TRACE_ID_BYTES)) {
        memcpy(trace.id, id, sizeof trace.id);
        return trace;
    }
    uint64_t halves[2];
    gate_random_fill(halves, sizeof halves);
    halves[0] |= 1; /* all zero would be no id */
    snprintf(trace.id, sizeof trace.id, "%016llx%016llx", (unsigned long long)halves[0],
             (unsigned long long)halves[1]);
    return trace;
}

/* ---- tracestate ---- */

/* Level 2's wider form of a key, which all keys of level 1 have too. */
static bool is_key(const char *text, size_t length) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char further[] = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";
    return length > 0 && length <= MEMBER_KEY_MAX_BYTES && strspn(text, first) >= 1 &&
           strspn(text, further) >= length;
}

static bool is_value(const char *text, size_t length) {
    bool good = length > 0 && length <= MEMBER_VALUE_MAX_BYTES && text[length - 1] != ' ';
    for (size_t i = 0; good && i < length; i++) {
        good = text[i] >= ' ' && text[i] <= '~' && text[i] != ',' && text[i] != '=';
    }
    return good;
}

static bool is_member(const char *text, size_t length) {
    const char *equals = memchr(text, '=', length);
    if (equals == NULL) {
        return false;
    }
    size_t key_length = (size_t)(equals - text);
    return is_key(text, key_length) && is_value(equals + 1, length - key_length - 1);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* The members in order, those that fit; NULL when there is none, or one that is not valid. */
static const char *read_state(gate_arena *arena, const char *state) {
    char kept[GATE_TRACESTATE_MAX_BYTES + 1];
    size_t kept_length = 0;
    size_t count = 0;
    bool is_full = false;
    while (*state != '\0') {
        const char *next = state + strcspn(state, ",");
        const char *end = next;
        for (; state < end && is_space(*state); state++) {
        }
        for (; end > state && is_space(end[-1]); end--) {
        }
        size_t length = (size_t)(end - state);
        if (length > 0) {
            if (++count > GATE_TRACESTATE_MEMBERS_MAX || !is_member(state, length)) {
                return NULL;
            }
            size_t comma = kept_length > 0;
            is_full = is_full || kept_length + comma + length >= sizeof kept;
            if (!is_full) {
                memcpy(kept + kept_length, ",", comma);
                memcpy(kept + kept_length + comma, state, length);
                kept_length += comma + length;
            }
        }
        state = *next == ',' ? next + 1 : next;
    }
    return kept_length == 0 ? NULL : gate_arena_strndup(arena, kept, kept_length);
}

/* ---- traceparent ---- */

/* A later version may have more behind these parts, after another "-". */
static bool is_parent(const char *text) {
    size_t length = strlen(text);
    return length >= PARENT_BYTES && is_hex(text, 2) && memcmp(text, "ff", 2) != 0 &&
           text[TRACE_ID_AT - 1] == '-' && is_id(text + TRACE_ID_AT, GATE_TRACE_ID_BYTES) &&
           text[PARENT_ID_AT - 1] == '-' && is_id(text + PARENT_ID_AT, PARENT_ID_BYTES) &&
           text[FLAGS_AT - 1] == '-' && is_hex(text + FLAGS_AT, 2) &&
           (length == PARENT_BYTES || (memcmp(text, "00", 2) != 0 && text[PARENT_BYTES] == '-'));
}

void gate_trace_join(gate_arena *arena, const char *parent, const char *state,
                     struct gate_trace *trace) {
    if (parent == NULL || !is_parent(parent)) {
        return;
    }
    memcpy(trace->id, parent + TRACE_ID_AT, GATE_TRACE_ID_BYTES);
    trace->flags = (unsigned char)(strtoul(parent + FLAGS_AT, NULL, 16) & FLAGS_KNOWN);
    trace->state = state == NULL ? NULL : read_state(arena, state);
}

const char *gate_trace_parent_make(gate_arena *arena, const struct gate_trace *trace) {
    uint64_t parent_id;
    do {
        gate_random_fill(&parent_id, sizeof parent_id);
    } while (parent_id == 0);
    return gate_arena_printf(arena, "00-%s-%016llx-%02x", trace->id, (unsigned long long)parent_id,
                             trace->flags);
}
