#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range {
    uint32_t address;
    int bits;
};

#define IPV4(a, b, c, d)                                                                           \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static bool is_public_four(uint32_t address) {
    static const struct range others[] = {
        {IPV4(0, 0, 0, 0), 8},       /* "this network" */
        {IPV4(10, 0, 0, 0), 8},      /* private */
        {IPV4(100, 64, 0, 0), 10},   /* carrier-grade NAT */
        {IPV4(127, 0, 0, 0), 8},     /* loopback */
        {IPV4(169, 254, 0, 0), 16},  /* link-local, where clouds keep their metadata */
        {IPV4(172, 16, 0, 0), 12},   /* private */
        {IPV4(192, 0, 0, 0), 24},    /* protocol assignments */
        {IPV4(192, 0, 2, 0), 24},    /* documentation */
        {IPV4(192, 88, 99, 0), 24},  /* 6to4 relays */
        {IPV4(192, 168, 0, 0), 16},  /* private */
        {IPV4(198, 18, 0, 0), 15},   /* benchmarks */
        {IPV4(198, 51, 100, 0), 24}, /* documentation */
        {IPV4(203, 0, 113, 0), 24},  /* documentation */
        {IPV4(224, 0, 0, 0), 3},     /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if ((address ^ others[i].address) >> (32 - others[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

static uint32_t read_four(const unsigned char *bytes) {
    return IPV4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

static bool begins(const unsigned char *bytes, const unsigned char *prefix, size_t length) {
    return memcmp(bytes, prefix, length) == 0;
}

static bool is_public_six(const struct in6_addr *address) {
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const unsigned char six_to_four[] = {0x20, 0x02};
    static const unsigned char assignments[] = {0x20, 0x01};
    static const unsigned char documentation[] = {0x20, 0x01, 0x0d, 0xb8};
    static const unsigned char more_documentation[] = {0x3f, 0xff};
    const unsigned char *bytes = address->s6_addr;
    if (begins(bytes, mapped, sizeof mapped) || begins(bytes, nat64, sizeof nat64)) {
        return is_public_four(read_four(bytes + 12));
    }
    if (begins(bytes, six_to_four, sizeof six_to_four)) {
        return is_public_four(read_four(bytes + 2));
    }
    return (bytes[0] & 0xe0) == 0x20 && /* 2000::/3 is what has been given out */
           /* 2001::/23: Teredo, ORCHID and others */
           !(begins(bytes, assignments, sizeof assignments) && (bytes[2] & 0xfe) == 0) &&
           !begins(bytes, documentation, sizeof documentation) &&
           !begins(bytes, more_documentation, sizeof more_documentation);
}

bool gate_address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof four);
        return is_public_four(ntohl(four.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof six);
        return is_public_six(&six.sin6_addr);
    }
    return false;
}

bool gate_address_text_is_public(const char *text) {
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, text, &four) == 1) {
        return is_public_four(ntohl(four.s_addr));
    }
    return inet_pton(AF_INET6, text, &six) == 1 && is_public_six(&six);
}
