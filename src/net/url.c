#include "net/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>

#include "core/limits.h"
#include "core/number.h"
#include "core/text.h"

/* Parsers disagree about these bytes, and a disagreement is how a policy check is walked around. */
static bool has_odd_bytes(const char *text) {
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte >= 0x7f || *byte == '\\' || *byte == '#') {
            return true;
        }
    }
    return false;
}

static bool starts_with_ignoring_case(const char *text, const char *prefix) {
    for (; *prefix != '\0'; text++, prefix++) {
        if (tolower((unsigned char)*text) != *prefix) {
            return false;
        }
    }
    return true;
}

/* Where the authority begins; NULL unless the text is http:// or https:// and something else than
 * '/'. */
static const char *find_authority(const char *text) {
    const char *rest = NULL;
    if (starts_with_ignoring_case(text, "https://")) {
        rest = text + strlen("https://");
    } else if (starts_with_ignoring_case(text, "http://")) {
        rest = text + strlen("http://");
    }
    return rest == NULL || *rest == '/' || *rest == '\0' ? NULL : rest;
}

static char *copy_part(gate_arena *arena, CURLU *parsed, CURLUPart part, unsigned flags) {
    char *text = NULL;
    if (curl_url_get(parsed, part, &text, flags) != CURLUE_OK) {
        return NULL;
    }
    char *copy = gate_arena_strdup(arena, text);
    curl_free(text);
    return copy;
}

static char *lower(char *text) {
    for (char *letter = text; letter != NULL && *letter != '\0'; letter++) {
        *letter = (char)tolower((unsigned char)*letter);
    }
    return text;
}

/* libcurl decodes %XX in hosts; what it leaves must still be a name or an address. */
static bool is_host(const char *host) {
    if (gate_text_is_empty(host)) {
        return false;
    }
    return strspn(host, host[0] == '[' ? "[]0123456789abcdef:."
                                       : "abcdefghijklmnopqrstuvwxyz0123456789-._") == strlen(host);
}

static enum gate_err take_parts(gate_arena *arena, CURLU *parsed, struct gate_url *ret_url) {
    struct gate_url url = {
        .scheme = lower(copy_part(arena, parsed, CURLUPART_SCHEME, 0)),
        .host = lower(copy_part(arena, parsed, CURLUPART_HOST, 0)),
        .path = copy_part(arena, parsed, CURLUPART_PATH, 0),
        .query = copy_part(arena, parsed, CURLUPART_QUERY, 0),
    };
    char *zone = copy_part(arena, parsed, CURLUPART_ZONEID, 0);
    char *port_text = copy_part(arena, parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    int64_t port;
    if (url.scheme == NULL || url.path == NULL || zone != NULL || !is_host(url.host) ||
        port_text == NULL || gate_number_parse(port_text, 1, 65535, &port) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    url.port = (int)port;
    int usual_port = gate_text_equal(url.scheme, "https") ? 443 : 80;
    url.origin = url.port == usual_port
                     ? gate_arena_printf(arena, "%s://%s", url.scheme, url.host)
                     : gate_arena_printf(arena, "%s://%s:%d", url.scheme, url.host, url.port);
    *ret_url = url;
    return GATE_OK;
}

enum gate_err gate_url_parse(gate_arena *arena, const char *text, struct gate_url *ret_url) {
    if (text == NULL || strlen(text) > GATE_REQUEST_URI_MAX_BYTES || has_odd_bytes(text)) {
        return GATE_ERR_INPUT;
    }
    const char *authority = find_authority(text);
    if (authority == NULL || memchr(authority, '@', strcspn(authority, "/?")) != NULL) {
        return GATE_ERR_INPUT;
    }
    CURLU *parsed = curl_url();
    if (parsed == NULL) {
        return GATE_ERR_INPUT;
    }
    enum gate_err err = GATE_ERR_INPUT;
    if (curl_url_set(parsed, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK) {
        err = take_parts(arena, parsed, ret_url);
    }
    curl_url_cleanup(parsed);
    return err;
}

bool gate_url_is_loopback(const struct gate_url *url) {
    if (gate_text_equal(url->host, "localhost")) {
        return true;
    }
    struct in_addr four;
    if (inet_pton(AF_INET, url->host, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    char bare[INET6_ADDRSTRLEN];
    size_t length = strlen(url->host);
    if (url->host[0] != '[' || length < 3 || length - 2 >= sizeof bare) {
        return false;
    }
    memcpy(bare, url->host + 1, length - 2);
    bare[length - 2] = '\0';
    struct in6_addr six;
    return inet_pton(AF_INET6, bare, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}
