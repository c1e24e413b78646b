#include "web/pages/connector_words.h"

#include <ctype.h>
#include <string.h>

#include "core/encoding.h"
#include "core/text.h"

#define TINTS 8

static const struct gate_connector_words words[GATE_CONNECTOR_STATE_COUNT_] = {
    [GATE_CONNECTOR_NEVER] = {"available", "Not connected", NULL,
                              "Nothing can use it in your name, because you have not connected it.",
                              "Connect", "primary", false},
    [GATE_CONNECTOR_CONNECTED] = {"connected", "Connected", NULL,
                                  "Agents and services you use may use it in your name.", NULL,
                                  NULL, false},
    [GATE_CONNECTOR_REFUSED] =
        {"attention", "Refused a call", "It is connected, but did not allow something.",
         "It is connected, but it refused something that was asked of it in "
         "your name. Perhaps a permission is missing: reconnect it and allow "
         "what it asks for. If that was never meant to work, leave it as it "
         "is.",
         "Reconnect", "primary", true},
    [GATE_CONNECTOR_NEEDS_RECONNECT] =
        {"attention", "Access ran out", "Reconnect it to go on.",
         "Its access has run out, so nothing can use it in your name. Reconnect it to go on.",
         "Reconnect", "primary", true},
    [GATE_CONNECTOR_WAITING] =
        {"waiting", "Not finished", "You began to connect it.",
         "You began to connect it, but did not finish. Until then nothing can use it in your name.",
         "Finish", "primary", true},
    [GATE_CONNECTOR_NEEDS_VERIFICATION] = {"waiting", "Not confirmed",
                                           "You allowed it, but it was not confirmed here.",
                                           "You allowed it, but we could not confirm that it was "
                                           "you. Go through it once more to finish; until then "
                                           "nothing can use it in your name.",
                                           "Finish", "primary", true},
    [GATE_CONNECTOR_DISCONNECTED] = {"available", "Disconnected", NULL,
                                     "It is disconnected, so nothing can use it in your name. You "
                                     "can reconnect it at any time.",
                                     "Reconnect", "secondary", false},
    [GATE_CONNECTOR_NEEDS_ATTENTION] =
        {"attention", "Needs you", "Something is not right with it.",
         "Something is not right with it, so it may not work. Reconnect it to set it right.",
         "Reconnect", "primary", true},
    [GATE_CONNECTOR_NOT_OFFERED] =
        {"available", "Not offered", "It cannot be used here at the moment.",
         "It is not offered here at the moment, so nothing can use it in your name. You can remove "
         "it; if you do not, it will be as it was should it come back.",
         NULL, NULL, false},
};

const struct gate_connector_words *gate_connector_words_get(enum gate_connector_state state) {
    return &words[state];
}

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Copy the character at `at`, whole, and return the end of the copy. */
static char *copy_character(char *to, const char *at) {
    *to++ = (char)toupper((unsigned char)*at);
    for (at++; is_continuation(*at); at++) {
        *to++ = *at;
    }
    return to;
}

/* The first characters of the first two words. */
static const char *make_initials(gate_arena *arena, const char *name) {
    char *initials = gate_arena_alloc(arena, strlen(name) + 1);
    char *end = initials;
    int word_count = 0;
    bool at_start = true;
    for (const char *at = name; *at != '\0' && word_count < 2; at++) {
        bool is_gap = *at == ' ' || *at == '(' || *at == '-' || *at == '_' || *at == '.';
        if (at_start && !is_gap && !is_continuation(*at)) {
            end = copy_character(end, at);
            word_count++;
        }
        at_start = is_gap;
    }
    *end = '\0';
    return initials;
}

struct gate_connector_tile gate_connector_tile_make(gate_arena *arena,
                                                    const struct gate_connector *connector) {
    unsigned sum = 0;
    for (const char *at = connector->name; *at != '\0'; at++) {
        sum = sum * 31 + (unsigned char)*at;
    }
    return (struct gate_connector_tile){
        .initials = make_initials(arena, connector->display_name),
        .tint = (int)(sum % TINTS),
    };
}

const char *gate_connector_page_path(gate_arena *arena, const char *connection_name) {
    return gate_arena_printf(arena, "/connectors/%s", gate_percent_format(arena, connection_name));
}

const char *gate_connector_connect_path(gate_arena *arena, const char *connection_name) {
    return gate_arena_printf(arena, "/connectors/%s/connect",
                             gate_percent_format(arena, connection_name));
}

const char *gate_connector_deep_link_path(gate_arena *arena, const char *connection_name,
                                          const char *return_to) {
    const char *name = gate_percent_format(arena, connection_name);
    if (gate_text_is_empty(return_to)) {
        return gate_arena_printf(arena, "/connect/%s", name);
    }
    return gate_arena_printf(arena, "/connect/%s?return_to=%s", name,
                             gate_percent_format(arena, return_to));
}

const char *gate_connector_disconnect_path(gate_arena *arena, const char *connection_name,
                                           const char *action) {
    const char *name = gate_percent_format(arena, connection_name);
    if (action == NULL) {
        return gate_arena_printf(arena, "/connectors/%s/disconnect", name);
    }
    return gate_arena_printf(arena, "/connectors/%s/disconnect?action=%s", name, action);
}
