#include "portal/bearer.h"

#include <assert.h>
#include <string.h>

#include "core/number.h"
#include "core/text.h"
#include "crypto/seal.h"
#include "portal/state.h"

/* The note is lines: token, end, scopes, identifier; an empty one is none. What stands in them has
 * no line breaks. The key is for nothing else, so the seal needs no further binding. */
#define LINE_COUNT 4
#define NOT_BOUND ""

const char *gate_caller_bound_identifier(const struct gate_caller *caller) {
    return caller->bearer == NULL ? NULL : caller->bearer->identifier;
}

bool gate_bearer_scopes_are_plain(const char *scopes) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-";
    size_t length = strlen(scopes);
    if (length == 0 || length > GATE_SCOPES_MAX_BYTES) {
        return false;
    }
    for (;;) {
        size_t word = strspn(scopes, plain);
        if (word == 0) {
            return false;
        }
        scopes += word;
        if (*scopes == '\0') {
            return true;
        }
        if (*scopes++ != ' ') {
            return false;
        }
    }
}

char *gate_bearer_make(gate_arena *arena, const gate_portal *portal,
                       const struct gate_bearer *bearer) {
    assert(bearer->scopes == NULL || gate_bearer_scopes_are_plain(bearer->scopes));
    const char *note = gate_arena_printf(arena, "%s\n%lld\n%s\n%s", bearer->token_public_id,
                                         (long long)bearer->expires_at,
                                         bearer->scopes == NULL ? "" : bearer->scopes,
                                         bearer->identifier == NULL ? "" : bearer->identifier);
    char *text = gate_arena_printf(
        arena, "%s%s", GATE_BEARER_PREFIX,
        gate_seal_make(arena, &portal->bearer_key, NOT_BOUND, note, strlen(note)));
    assert(strlen(text) <= GATE_BEARER_TEXT_MAX_BYTES);
    return text;
}

/* Cut the note at its line breaks, in place. */
static bool split(char *note, const char *lines[LINE_COUNT]) {
    for (size_t i = 0; i < LINE_COUNT; i++) {
        bool is_last = i == LINE_COUNT - 1;
        lines[i] = note;
        note = strchr(note, '\n');
        if ((note == NULL) != is_last) {
            return false;
        }
        if (!is_last) {
            *note++ = '\0';
        }
    }
    return true;
}

enum gate_err gate_bearer_open(gate_arena *arena, const gate_portal *portal, const char *text,
                               int64_t now_ms, struct gate_bearer *ret_bearer) {
    char *note;
    size_t length;
    const char *lines[LINE_COUNT];
    int64_t expires_at;
    if (!gate_text_starts_with(text, GATE_BEARER_PREFIX) ||
        strlen(text) > GATE_BEARER_TEXT_MAX_BYTES) {
        return GATE_ERR_INPUT;
    }
    if (gate_seal_open(arena, &portal->bearer_key, NOT_BOUND, text + strlen(GATE_BEARER_PREFIX),
                       &note, &length) != GATE_OK ||
        !split(note, lines) || gate_number_parse(lines[1], 0, INT64_MAX, &expires_at) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    if (expires_at <= now_ms) {
        return GATE_ERR_EXPIRED;
    }
    const char *scopes = *lines[2] == '\0' ? NULL : lines[2];
    if (scopes != NULL && !gate_bearer_scopes_are_plain(scopes)) {
        return GATE_ERR_INPUT;
    }
    *ret_bearer = (struct gate_bearer){
        .token_public_id = lines[0],
        .identifier = *lines[3] == '\0' ? NULL : lines[3],
        .scopes = scopes,
        .expires_at = expires_at,
    };
    return GATE_OK;
}
