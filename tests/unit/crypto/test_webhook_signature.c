#include "support/cases.h"

#include <string.h>

#include "core/encoding.h"
#include "crypto/webhook_signature.h"

/* The example that the scheme's libraries publish. */
#define SECRET "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIMESTAMP "1614265330"
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static const struct gate_webhook_message vector = {ID, TIMESTAMP, BODY, sizeof BODY - 1};

static gate_arena *arena;
static gate_secret *key;
static gate_secret *other;

static int start(void **state) {
    (void)state;
    unsigned char *bytes;
    size_t length;
    arena = gate_arena_new();
    assert_int_equal(gate_base64_parse(arena, SECRET, strlen(SECRET), &bytes, &length), GATE_OK);
    key = gate_secret_new(bytes, length);
    other = gate_secret_new("0123456789abcdef01234567", 24);
    return 0;
}

static int stop(void **state) {
    (void)state;
    gate_secret_free(key);
    gate_secret_free(other);
    gate_arena_free(arena);
    return 0;
}

static bool check(const struct gate_webhook_message *message, const char *signatures) {
    const gate_secret *const keys[] = {key, NULL};
    return gate_webhook_signature_check(arena, keys, message, signatures);
}

static void test_make__vector(void **state) {
    (void)state;
    assert_string_equal(gate_webhook_signature_make(arena, key, &vector), SIGNATURE);
}

static void test_check__vector(void **state) {
    (void)state;
    assert_true(check(&vector, SIGNATURE));
}

static void test_check__finds_it_among_others(void **state) {
    (void)state;
    static const char *const lists[] = {
        "v1,AAAA " SIGNATURE,
        SIGNATURE " v1,AAAA",
        "  v2,x v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM"
        "+m7TBAg==   " SIGNATURE "  ",
        "v1 , v1, " SIGNATURE,
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_true(check(&vector, lists[i]));
    }
}

static void test_check__refuses_what_is_not_exactly_it(void **state) {
    (void)state;
    static const char *const lists[] = {
        "",
        " ",
        "v1,",
        "v1",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
        "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1=g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        SIGNATURE "," SIGNATURE,
        "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_false(check(&vector, lists[i]));
    }
}

static void test_check__is_over_all_three_parts(void **state) {
    (void)state;
    const struct gate_webhook_message changed[] = {
        {ID "x", TIMESTAMP, BODY, sizeof BODY - 1},
        {ID, "1614265331", BODY, sizeof BODY - 1},
        {ID, TIMESTAMP, BODY, sizeof BODY - 2},
        {ID, TIMESTAMP, BODY, sizeof BODY},
        {ID, TIMESTAMP, "{\"test\": 2432232315}", sizeof BODY - 1},
        {ID "." TIMESTAMP, "", BODY, sizeof BODY - 1},
        {ID, TIMESTAMP, NULL, 0},
    };
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        assert_false(check(&changed[i], SIGNATURE));
    }
}

static void test_check__takes_any_of_the_keys(void **state) {
    (void)state;
    const gate_secret *const both[] = {other, key, NULL};
    const gate_secret *const wrong[] = {other, NULL};
    const gate_secret *const none[] = {NULL};
    assert_true(gate_webhook_signature_check(arena, both, &vector, SIGNATURE));
    assert_false(gate_webhook_signature_check(arena, wrong, &vector, SIGNATURE));
    assert_false(gate_webhook_signature_check(arena, none, &vector, SIGNATURE));
}

static void test_check__takes_any_bytes_as_body(void **state) {
    (void)state;
    const struct gate_webhook_message message = {"a", "1", "\0\xff\n", 3};
    const char *signature = gate_webhook_signature_make(arena, key, &message);
    assert_true(check(&message, signature));
    const struct gate_webhook_message shorter = {"a", "1", "\0\xff\n", 2};
    assert_false(check(&shorter, signature));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_make__vector, start, stop),
        cmocka_unit_test_setup_teardown(test_check__vector, start, stop),
        cmocka_unit_test_setup_teardown(test_check__finds_it_among_others, start, stop),
        cmocka_unit_test_setup_teardown(test_check__refuses_what_is_not_exactly_it, start, stop),
        cmocka_unit_test_setup_teardown(test_check__is_over_all_three_parts, start, stop),
        cmocka_unit_test_setup_teardown(test_check__takes_any_of_the_keys, start, stop),
        cmocka_unit_test_setup_teardown(test_check__takes_any_bytes_as_body, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
