#include "web/pages/token_words.h"

#include <string.h>

#include "core/buffer.h"
#include "core/text.h"
#include "portal/connector_name.h"
#include "portal/token.h"
#include "web/page.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
#define SOON_DAYS 7
#define WORDS_MAX_BYTES (32 * 1024)

static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, " ");
        size_t step = strcspn(at, " ");
        if (step == length && memcmp(at, word, length) == 0) {
            return true;
        }
        at += step;
    }
    return false;
}

static const char *describe_tools(const char *scopes) {
    bool everything = has_word(scopes, "*");
    bool reads = everything || has_word(scopes, GATE_SCOPE_READ);
    bool runs = everything || has_word(scopes, GATE_SCOPE_EXECUTE);
    bool ends = everything || has_word(scopes, GATE_SCOPE_ACCOUNTS);
    if (reads && runs) {
        return ends ? "Can see and run tools, and disconnect connectors" : "Can see and run tools";
    }
    if (runs) {
        return ends ? "Can run tools, and disconnect connectors" : "Can run tools";
    }
    if (ends) {
        return reads ? "Can look, and disconnect connectors" : "Can disconnect connectors";
    }
    return reads ? "Can only look: sees connectors and tools, runs nothing" : "Can do nothing";
}

static const char *describe_scopes(gate_arena *arena, const char *scopes) {
    bool everything = has_word(scopes, "*") || has_word(scopes, "proxy:*");
    bool reads = everything || has_word(scopes, GATE_SCOPE_PROXY_READ);
    bool writes = everything || has_word(scopes, GATE_SCOPE_PROXY_WRITE);
    const char *tools = describe_tools(scopes);
    if (!reads && !writes) {
        return tools;
    }
    return gate_arena_printf(arena, "%s. May also %s the apps directly", tools,
                             !writes ? "read from" : "read and change things in");
}

/* The words of a list that are rules to deny, or those that are not, as connectors are called. */
static const char *join_names(gate_arena *arena, const char *list, bool denied) {
    struct gate_buffer joined;
    size_t count = 0;
    gate_buffer_init(&joined, WORDS_MAX_BYTES);
    for (const char *at = list; at != NULL && *at != '\0';) {
        at += strspn(at, " ");
        size_t step = strcspn(at, " ");
        bool denies = *at == GATE_RULE_DENY;
        if (step > 0 && denies == denied) {
            const char *word = gate_arena_strndup(arena, at + denies, step - denies);
            bool is_pattern = strchr(word, '*') != NULL;
            gate_buffer_printf(&joined, "%s%s", count++ == 0 ? "" : ", ",
                               is_pattern ? word
                                          : gate_connector_display_name_make(arena, NULL, word));
        }
        at += step;
    }
    const char *text =
        count == 0 ? NULL : gate_arena_strndup(arena, gate_buffer_text(&joined), joined.length);
    gate_buffer_done(&joined);
    return text;
}

static const char *describe_connections(gate_arena *arena, const char *list) {
    const char *allowed = join_names(arena, list, false);
    const char *denied = join_names(arena, list, true);
    if (allowed == NULL) {
        return "with no connector";
    }
    const char *names = has_word(list, "*") ? "all connectors" : allowed;
    return denied == NULL ? gate_arena_printf(arena, "with %s", names)
                          : gate_arena_printf(arena, "with %s, except %s", names, denied);
}

static const char *describe_end(gate_arena *arena, const struct gate_token *token, int64_t now_ms) {
    if (token->revoked_at != 0) {
        return gate_arena_printf(arena, "Revoked %s",
                                 gate_page_relative_time(arena, token->revoked_at, now_ms));
    }
    if (token->expires_at == 0) {
        return "Works until you revoke it";
    }
    if (token->expires_at <= now_ms) {
        return gate_arena_printf(arena, "Ended %s",
                                 gate_page_relative_time(arena, token->expires_at, now_ms));
    }
    long long days = (token->expires_at - now_ms + DAY_MS - 1) / DAY_MS;
    return days == 1 ? "Ends within a day"
                     : gate_arena_printf(arena, "Works for %lld more days", days);
}

struct gate_token_words gate_token_words_make(gate_arena *arena, const struct gate_token *token,
                                              int64_t now_ms) {
    bool works = gate_portal_access_key_works(token, now_ms);
    bool soon = works && token->expires_at != 0 && token->expires_at - now_ms < SOON_DAYS * DAY_MS;
    const char *dead = token->revoked_at != 0 ? "Revoked" : "Ended";
    return (struct gate_token_words){
        .status_class = soon    ? "waiting"
                        : works ? "connected"
                                : "available",
        .status_word = soon    ? "Ends soon"
                       : works ? "Works"
                               : dead,
        .may = describe_scopes(arena, token->scopes),
        .where = describe_connections(arena, token->connections),
        .tools = has_word(token->tools, "*") && strlen(token->tools) == 1 ? NULL
                 : gate_text_is_empty(token->tools)                       ? "none"
                                                                          : token->tools,
        .ends = describe_end(arena, token, now_ms),
    };
}
