#include "portal/return_target.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"
#include "net/url.h"

/* RFC 3986: what a URL is made of. No backslash, space, quote, angle bracket, or byte beyond ASCII:
 * browsers and servers disagree about what those mean, and disagreement is what open redirects live
 * on. */
static const char url_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "-._~:/?#[]@!$&'()*+,;=%";
static const char authority_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.:[]";

/* How often a path may have been encoded over itself before we stop looking. */
#define DECODE_ROUNDS_MAX 4

/* Every '%' leads two hex digits that are no control character, and no NUL. */
static bool has_sound_escapes(const char *text) {
    static const char hex[] = "0123456789abcdefABCDEF";
    for (; (text = strchr(text, '%')) != NULL; text += 3) {
        if (strspn(text + 1, hex) < 2 || text[1] == '0' || text[1] == '1' ||
            (text[1] == '7' && (text[2] == 'f' || text[2] == 'F'))) {
            return false;
        }
    }
    return true;
}

static bool has_dot_segment(const char *path) {
    for (const char *segment = path; segment != NULL;) {
        segment++;                              /* each begins at a '/' */
        size_t length = strcspn(segment, "/;"); /* "..;" is ".." to some servers */
        if ((length == 1 && segment[0] == '.') ||
            (length == 2 && segment[0] == '.' && segment[1] == '.')) {
            return true;
        }
        segment = strchr(segment, '/');
    }
    return false;
}

static bool is_plain_path(const char *path) {
    return path[0] == '/' && strstr(path, "//") == NULL && strchr(path, '\\') == NULL &&
           gate_text_is_one_line(path, strlen(path)) && !has_dot_segment(path);
}

/* A path must stay plain however often something between here and there decodes it. */
static bool is_safe_path(gate_arena *arena, const char *path) {
    for (int round = 0; round < DECODE_ROUNDS_MAX; round++) {
        if (!is_plain_path(path)) {
            return false;
        }
        if (strchr(path, '%') == NULL) {
            return true;
        }
        char *decoded;
        if (gate_percent_parse(arena, path, strlen(path), 0, &decoded) != GATE_OK) {
            return false;
        }
        path = decoded;
    }
    return false;
}

/* `text` begins with '/': the path up to the query or fragment is what decides. */
static bool is_safe_local(gate_arena *arena, const char *text) {
    return is_safe_path(arena, gate_arena_strndup(arena, text, strcspn(text, "?#")));
}

static bool has_origin(gate_arena *arena, const char *url, const char *origin) {
    struct gate_url parts;
    return url != NULL && gate_url_parse(arena, url, &parts) == GATE_OK &&
           strcmp(parts.origin, origin) == 0;
}

static bool is_listed(gate_arena *arena, const struct gate_config *config, const char *origin) {
    const char *const *listed = config->return_origins;
    for (; listed != NULL && *listed != NULL; listed++) {
        if (has_origin(arena, *listed, origin)) {
            return true;
        }
    }
    return false;
}

/* The answer is put together from the origin as we read it and what follows the authority, so that
 * nobody after us can read another host into it. */
static const char *check_url(gate_arena *arena, const struct gate_config *config,
                             const char *text) {
    static const char separator[] = "://";
    const char *authority = strstr(text, separator);
    if (authority == NULL) {
        return NULL;
    }
    authority += sizeof separator - 1;
    size_t length = strcspn(authority, "/?#");
    if (length == 0 || strspn(authority, authority_characters) < length) {
        return NULL;
    }
    const char *rest = authority + length;
    struct gate_url url;
    const char *origin_text = gate_arena_strndup(arena, text, (size_t)(rest - text));
    if (gate_url_parse(arena, origin_text, &url) != GATE_OK) {
        return NULL;
    }
    const char *slash = *rest == '/' ? "" : "/";
    if (has_origin(arena, config->public_url, url.origin)) {
        const char *local = gate_arena_printf(arena, "%s%s", slash, rest);
        return is_safe_local(arena, local) ? local : NULL;
    }
    return is_listed(arena, config, url.origin)
               ? gate_arena_printf(arena, "%s%s%s", url.origin, slash, rest)
               : NULL;
}

enum gate_err gate_portal_return_target_check(gate_arena *arena, const struct gate_config *config,
                                              const char *text, const char **ret_target) {
    if (gate_text_is_empty(text)) {
        return GATE_ERR_INPUT;
    }
    size_t length = strlen(text);
    if (length > GATE_RETURN_TO_MAX_BYTES || strspn(text, url_characters) < length ||
        !has_sound_escapes(text)) {
        return GATE_ERR_INPUT;
    }
    const char *target = NULL;
    if (text[0] == '/') {
        target = is_safe_local(arena, text) ? gate_arena_strdup(arena, text) : NULL;
    } else {
        target = check_url(arena, config, text);
    }
    if (target == NULL) {
        return GATE_ERR_INPUT;
    }
    *ret_target = target;
    return GATE_OK;
}
