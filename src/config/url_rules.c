#include "config/url_rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "core/number.h"
#include "core/text.h"

#define HOST_MAX_BYTES 253

/* The pieces between "https://" and the path. */
struct authority {
    char host[HOST_MAX_BYTES + 3]; /* with the brackets of an IPv6 address */
    const char *port;              /* NULL: none; ends where the path begins */
    const char *path;              /* "" or begins with '/' */
};

static bool has_only_url_bytes(const char *url) {
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= 0x20 || *at >= 0x7F || strchr("\"<>\\^`{|}", *at) != NULL) {
            return false;
        }
    }
    return true;
}

static const char *skip_scheme(const char *url) {
    if (gate_text_starts_with(url, "https://")) {
        return url + strlen("https://");
    }
    return gate_text_starts_with(url, "http://") ? url + strlen("http://") : NULL;
}

static bool is_ipv4(const char *host) {
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1;
}

static bool is_ipv6(const char *host) {
    struct in6_addr address;
    char inside[INET6_ADDRSTRLEN];
    size_t length = strlen(host);
    if (length < 4 || length - 2 >= sizeof inside || host[0] != '[' || host[length - 1] != ']') {
        return false;
    }
    memcpy(inside, host + 1, length - 2);
    inside[length - 2] = '\0';
    return inet_pton(AF_INET6, inside, &address) == 1;
}

static bool is_host_name(const char *host) {
    size_t label = 0;
    bool digits_only = true; /* in the last label */
    for (const char *at = host; *at != '\0'; at++) {
        if (*at == '.') {
            if (label == 0 || at[-1] == '-' || at[1] == '\0') {
                return false;
            }
            label = 0;
            digits_only = true;
            continue;
        }
        if (!isalnum((unsigned char)*at) && (*at != '-' || label == 0)) {
            return false;
        }
        digits_only = digits_only && isdigit((unsigned char)*at);
        label++;
        if (label > 63) {
            return false;
        }
    }
    /* "127.1" is an address to some resolvers and a name to others. */
    return label > 0 && !digits_only && host[strlen(host) - 1] != '-';
}

static bool is_loopback(const char *host) {
    return gate_text_equal_ignoring_case(host, "localhost") || strcmp(host, "[::1]") == 0 ||
           (is_ipv4(host) && gate_text_starts_with(host, "127."));
}

static const char *check_port(const char *port, size_t length) {
    char digits[6];
    int64_t number;
    if (length == 0 || length >= sizeof digits) {
        return "has no proper port";
    }
    memcpy(digits, port, length);
    digits[length] = '\0';
    return gate_number_parse(digits, 1, 65535, &number) == GATE_OK ? NULL : "has no proper port";
}

static const char *split_authority(const char *from, struct authority *ret_authority) {
    size_t length = strcspn(from, "/?#");
    ret_authority->path = from + length;
    if (memchr(from, '@', length) != NULL) {
        return "has user information";
    }
    const char *bracket = memchr(from, ']', length);
    const char *host_end = bracket == NULL ? from : bracket;
    const char *colon = memchr(host_end, ':', (size_t)(from + length - host_end));
    size_t host_length = colon == NULL ? length : (size_t)(colon - from);
    if (host_length == 0 || host_length >= sizeof ret_authority->host) {
        return "has no proper host";
    }
    memcpy(ret_authority->host, from, host_length);
    ret_authority->host[host_length] = '\0';
    ret_authority->port = colon == NULL ? NULL : colon + 1;
    return colon == NULL ? NULL : check_port(colon + 1, length - host_length - 1);
}

/* Check all but the path, and give the pieces. */
static const char *check_url(const char *url, struct authority *ret_authority) {
    const char *from = skip_scheme(url);
    if (from == NULL) {
        return "does not begin with https:// (or http:// for a loopback host)";
    }
    if (!has_only_url_bytes(url)) {
        return "holds characters that no URL may hold";
    }
    const char *problem = split_authority(from, ret_authority);
    if (problem != NULL) {
        return problem;
    }
    const char *host = ret_authority->host;
    if (!is_host_name(host) && !is_ipv4(host) && !is_ipv6(host)) {
        return "has no proper host";
    }
    if (gate_text_starts_with(url, "http://") && !is_loopback(host)) {
        return "is http, which only a loopback host may be";
    }
    if (strchr(ret_authority->path, '?') != NULL) {
        return "has a query";
    }
    return strchr(ret_authority->path, '#') != NULL ? "has a fragment" : NULL;
}

const char *gate_config_url_problem(const char *url) {
    struct authority authority;
    return check_url(url, &authority);
}

const char *gate_config_origin_problem(const char *origin) {
    struct authority authority;
    const char *problem = check_url(origin, &authority);
    if (problem == NULL && *authority.path != '\0' && strcmp(authority.path, "/") != 0) {
        return "has a path, but is to be scheme, host and port only";
    }
    return problem;
}

char *gate_config_url_make(gate_arena *arena, const char *url) {
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') {
        length--;
    }
    return gate_arena_strndup(arena, url, length);
}

char *gate_config_origin_make(gate_arena *arena, const char *origin) {
    char *made = gate_config_url_make(arena, origin);
    for (char *at = made; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    const char *default_port = gate_text_starts_with(made, "https:") ? ":443" : ":80";
    if (gate_text_ends_with(made, default_port)) {
        made[strlen(made) - strlen(default_port)] = '\0';
    }
    return made;
}
