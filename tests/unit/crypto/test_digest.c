#include "support/cases.h"

#include <string.h>

#include "core/encoding.h"
#include "crypto/digest.h"

static void assert_hex(struct gate_digest digest, const char *expected) {
    gate_arena *arena = gate_arena_new();
    assert_string_equal(gate_hex_format(arena, digest.bytes, sizeof digest.bytes), expected);
    gate_arena_free(arena);
}

static void test_sha256__vectors(void **state) {
    (void)state;
    assert_hex(gate_digest_make("abc", 3),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hex(gate_digest_make(NULL, 0),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 1, 2 and 6. */
static void test_hmac__vectors(void **state) {
    (void)state;
    unsigned char key[131];
    memset(key, 0x0B, 20);
    assert_hex(gate_hmac_make(key, 20, "Hi There", 8),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_hex(gate_hmac_make("Jefe", 4, "what do ya want for nothing?", 28),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xAA, sizeof key);
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    assert_hex(gate_hmac_make(key, sizeof key, text, strlen(text)),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_hmac__empty_key_and_text(void **state) {
    (void)state;
    const char *expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
    assert_hex(gate_hmac_make("", 0, "", 0), expected);
    assert_hex(gate_hmac_make(NULL, 0, NULL, 0), expected);
}

/* Standard Webhooks' published example. */
static void test_hmac__webhook_signature(void **state) {
    (void)state;
    gate_arena *arena = gate_arena_new();
    unsigned char *key;
    size_t key_length;
    const char *secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const char *text = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    assert_int_equal(gate_base64_parse(arena, secret, strlen(secret), &key, &key_length), GATE_OK);
    struct gate_digest digest = gate_hmac_make(key, key_length, text, strlen(text));
    assert_string_equal(gate_base64_format(arena, digest.bytes, sizeof digest.bytes),
                        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    gate_arena_free(arena);
}

/* RFC 5869, test case 3: no salt. Its info is empty, so that the purpose is, too. */
static void test_key_derive__vector(void **state) {
    (void)state;
    unsigned char input[22];
    memset(input, 0x0B, sizeof input);
    gate_secret *secret = gate_secret_new(input, sizeof input);
    assert_hex(gate_key_derive(secret, ""),
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    gate_secret_free(secret);
}

static void test_key_derive__purposes_and_secrets_differ(void **state) {
    (void)state;
    gate_secret *secret = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    gate_secret *other = gate_secret_new("0123456789abcdef0123456789abcdeg", 32);
    struct gate_digest csrf = gate_key_derive(secret, "csrf");
    struct gate_digest again = gate_key_derive(secret, "csrf");
    struct gate_digest seal = gate_key_derive(secret, "seal");
    struct gate_digest foreign = gate_key_derive(other, "csrf");
    assert_true(gate_digest_equal(&csrf, &again));
    assert_false(gate_digest_equal(&csrf, &seal));
    assert_false(gate_digest_equal(&csrf, &foreign));
    gate_secret_free(secret);
    gate_secret_free(other);
}

static void test_bytes_equal(void **state) {
    (void)state;
    assert_true(gate_bytes_equal("abc", 3, "abc", 3));
    assert_true(gate_bytes_equal("", 0, "", 0));
    assert_false(gate_bytes_equal("abc", 3, "abd", 3));
    assert_false(gate_bytes_equal("abc", 3, "abc", 2));
    assert_false(gate_bytes_equal(NULL, 0, NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__vectors),
        cmocka_unit_test(test_hmac__vectors),
        cmocka_unit_test(test_hmac__empty_key_and_text),
        cmocka_unit_test(test_hmac__webhook_signature),
        cmocka_unit_test(test_key_derive__vector),
        cmocka_unit_test(test_key_derive__purposes_and_secrets_differ),
        cmocka_unit_test(test_bytes_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
