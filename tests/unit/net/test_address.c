#include "support/cases.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "net/address.h"

static bool is_public(const char *text) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    bool by_address = false;
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        by_address = gate_address_is_public((const struct sockaddr *)&four);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        by_address = gate_address_is_public((const struct sockaddr *)&six);
    }
    assert_int_equal(gate_address_text_is_public(text), by_address);
    return by_address;
}

static void test_public__what_is_out_there(void **state) {
    (void)state;
    static const char *const texts[] = {
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001:800::",
        "2001:200::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
        "2001:4860:4860::8",
        "3ffe::1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!is_public(texts[i])) {
            fail_msg("refused: %s", texts[i]);
        }
    }
}

static void test_public__what_is_not(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "2001:1ff::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:a00:1::1",
        "2002:7f00:1::",
        "::10.0.0.1",
        "fec0::1",
        "100::1",
        "4000::1",
        "3fff::1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is_public(texts[i])) {
            fail_msg("let through: %s", texts[i]);
        }
    }
}

static void test_public__what_is_no_address_is_not(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "localhost", "1.1.1", "0x01010101", "1.1.1.1 ", "fe80::1%eth0", "[2606:4700::1111]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(gate_address_text_is_public(texts[i]));
    }
    const struct sockaddr_un file = {.sun_family = AF_UNIX};
    assert_false(gate_address_is_public((const struct sockaddr *)&file));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public__what_is_out_there),
        cmocka_unit_test(test_public__what_is_not),
        cmocka_unit_test(test_public__what_is_no_address_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
