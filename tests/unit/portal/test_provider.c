#include "signin_stage.h"

/* ---- the provider's document ---- */

static void test_discovery__is_read_again_after_an_hour(void **state) {
    (void)state;
    begin(NULL);
    gate_test_clock_advance(&test_clock, 3599 * 1000);
    begin(NULL);
    assert_int_equal(fake.discovery_fetches, 1);
    gate_test_clock_advance(&test_clock, 1000);
    begin(NULL);
    assert_int_equal(fake.discovery_fetches, 2);
}

static void test_discovery__failure_is_remembered_for_a_second(void **state) {
    (void)state;
    fake.discovery_err = GATE_ERR_UNAVAILABLE;
    assert_int_equal(begin(NULL).err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(begin(NULL).err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(fake.discovery_fetches, 1);
    fake.discovery_err = GATE_OK;
    gate_test_clock_advance(&test_clock, 1000);
    assert_int_equal(begin(NULL).err, GATE_OK);
    assert_int_equal(fake.discovery_fetches, 2);
}

static void begin_together(enum gate_err expected) {
    enum { COUNT = 5 };
    struct gate_ctx *contexts[COUNT];
    struct gate_signin_start starts[COUNT] = {{0}};
    struct outcome outcomes[COUNT] = {{0}};
    fake.holds = true;
    for (int i = 0; i < COUNT; i++) {
        contexts[i] = make_ctx();
        gate_portal_signin_begin(contexts[i], portal, NULL, &starts[i], note, &outcomes[i]);
        assert_false(outcomes[i].done);
    }
    assert_int_equal(fake.discovery_fetches, 1);
    let_parked_go();
    for (int i = 0; i < COUNT; i++) {
        wait_for(&outcomes[i]);
        assert_int_equal(outcomes[i].err, expected);
        assert_int_equal(contexts[i]->error.kind, expected);
        gate_ctx_free(contexts[i]);
    }
    assert_int_equal(fake.discovery_fetches, 1);
}

static void test_discovery__many_wait_for_one_fetch(void **state) {
    (void)state;
    begin_together(GATE_OK);
}

static void test_discovery__many_fail_with_one_fetch(void **state) {
    (void)state;
    fake.discovery_status = 503;
    begin_together(GATE_ERR_UNAVAILABLE);
}

static void test_discovery__lies_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *what;
        int status;
        const char *document;
        enum gate_err err;
    } rows[] = {
        {"not found", 404, "{}", GATE_ERR_UPSTREAM},
        {"redirect", 302, "", GATE_ERR_UPSTREAM},
        {"broken server", 500, DISCOVERY, GATE_ERR_UNAVAILABLE},
        {"too many requests", 429, DISCOVERY, GATE_ERR_UNAVAILABLE},
        {"html", 200, "<!doctype html><title>Sign in</title>", GATE_ERR_UPSTREAM},
        {"cut", 200, "{\"issuer\":\"" ISSUER "\",\"auth", GATE_ERR_UPSTREAM},
        {"empty", 200, "", GATE_ERR_UPSTREAM},
        {"array", 200, "[]", GATE_ERR_UPSTREAM},
        {"no issuer", 200, "{}", GATE_ERR_UPSTREAM},
        {"another issuer", 200, DOCUMENT("\"https://evil.example\"", E, E, E, ""),
         GATE_ERR_UPSTREAM},
        {"issuer with two slashes", 200, DOCUMENT("\"" ISSUER "//\"", E, E, E, ""),
         GATE_ERR_UPSTREAM},
        {"issuer with a path", 200, DOCUMENT("\"" ISSUER "/a\"", E, E, E, ""), GATE_ERR_UPSTREAM},
        {"http authorization", 200, DOCUMENT(I, "\"http://id.example.com/a\"", E, E, ""),
         GATE_ERR_UPSTREAM},
        {"http token", 200, DOCUMENT(I, E, "\"http://id.example.com/a\"", E, ""),
         GATE_ERR_UPSTREAM},
        {"http keys", 200, DOCUMENT(I, E, E, "\"http://id.example.com/a\"", ""), GATE_ERR_UPSTREAM},
        {"javascript", 200, DOCUMENT(I, "\"javascript:alert(1)\"", E, E, ""), GATE_ERR_UPSTREAM},
        {"user info", 200, DOCUMENT(I, E, "\"https://a:b@id.example.com/\"", E, ""),
         GATE_ERR_UPSTREAM},
        {"file keys", 200, DOCUMENT(I, E, E, "\"file:///etc/passwd\"", ""), GATE_ERR_UPSTREAM},
        {"no token endpoint", 200, DOCUMENT(I, E, "null", E, ""), GATE_ERR_UPSTREAM},
        {"number", 200, DOCUMENT(I, E, "1", E, ""), GATE_ERR_UPSTREAM},
        {"http logout", 200,
         DOCUMENT(I, E, E, E, ",\"end_session_endpoint\":\"http://id.example.com/a\""),
         GATE_ERR_UPSTREAM},
        {"no way to prove ourselves", 200,
         DOCUMENT(I, E, E, E, ",\"token_endpoint_auth_methods_supported\":[\"private_key_jwt\"]"),
         GATE_ERR_CONFIG},
        {"http on loopback", 200, DOCUMENT(I, "\"http://127.0.0.1:9/a\"", E, E, ""), GATE_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.discovery_status = rows[i].status;
        fake.discovery = rows[i].document;
        enum gate_err err = begin(NULL).err;
        if (err != rows[i].err) {
            fail_msg("%s: %s", rows[i].what, gate_err_name(err));
        }
        gate_test_clock_advance(&test_clock, 2000);
    }
}

/* ---- keys ---- */

static const char *encode(const char *text) {
    return gate_base64url_format(fake.arena, text, strlen(text));
}

static void test_keys__forged_signatures(void **state) {
    (void)state;
    fake.signer = fake.other;
    assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAUTHENTICATED);
    fake.signer = fake.key;
    struct attempt attempt = begin(NULL);
    const char *good = sign_claims();
    const char *payload = strchr(good, '.') + 1;
    int payload_length = (int)strcspn(payload, ".");
    const char *const tokens[] = {
        gate_arena_printf(fake.arena, "%s.%.*s.", encode("{\"alg\":\"none\"}"), payload_length,
                          payload),
        gate_arena_printf(fake.arena, "%s.%.*s.%s", encode("{\"alg\":\"HS256\",\"kid\":\"k1\"}"),
                          payload_length, payload, encode("anything")),
        gate_arena_printf(fake.arena, "%.*s.%s.%s", (int)strcspn(good, "."), good,
                          encode("{\"sub\":\"admin\"}"), payload + payload_length + 1),
        gate_arena_printf(fake.arena, "%.*s", (int)(payload - good) + payload_length + 1, good),
    };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        fake.id_token = tokens[i];
        struct gate_signin_answer given = good_answer(&attempt);
        assert_int_equal(finish_answer(&given).err, GATE_ERR_UNAUTHENTICATED);
    }
    assert_true(fake.keys_fetches <= 2);
}

static void test_keys__rotation(void **state) {
    (void)state;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_int_equal(fake.keys_fetches, 1);
    fake.signer = fake.next;
    fake.keys = publish(fake.next);
    gate_test_clock_advance(&test_clock, 6000);
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_int_equal(fake.keys_fetches, 2);
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_int_equal(fake.keys_fetches, 2);
}

static void test_keys__unknown_key_cannot_make_us_hammer(void **state) {
    (void)state;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    gate_test_clock_advance(&test_clock, 6000);
    fake.signer = fake.next;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAUTHENTICATED);
    }
    assert_int_equal(fake.keys_fetches, 2);
}

static void test_keys__cannot_be_had(void **state) {
    (void)state;
    fake.keys_status = 500;
    assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAVAILABLE);
    assert_int_equal(fake.keys_fetches, 1);
    gate_test_clock_advance(&test_clock, 1000);
    fake.keys_status = 200;
    fake.keys = "<html>";
    assert_int_equal(sign_in(NULL).err, GATE_ERR_UPSTREAM);
    gate_test_clock_advance(&test_clock, 1000);
    fake.keys = "{\"keys\":[]}";
    assert_int_equal(sign_in(NULL).err, GATE_ERR_UNAUTHENTICATED);
}

static void test_keys__are_read_again_after_an_hour(void **state) {
    (void)state;
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    gate_test_clock_advance(&test_clock, 3600 * 1000);
    fake.claims = "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"ann-1\","
                  "\"exp\":1772379999,\"iat\":1772370000,\"nonce\":\"%s\","
                  "\"email\":\"ann@example.com\",\"email_verified\":true}";
    assert_int_equal(sign_in(NULL).err, GATE_OK);
    assert_int_equal(fake.keys_fetches, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_discovery__is_read_again_after_an_hour),
        CASE(test_discovery__failure_is_remembered_for_a_second),
        CASE(test_discovery__many_wait_for_one_fetch),
        CASE(test_discovery__many_fail_with_one_fetch),
        CASE(test_discovery__lies_are_refused),
        CASE(test_keys__forged_signatures),
        CASE(test_keys__rotation),
        CASE(test_keys__unknown_key_cannot_make_us_hammer),
        CASE(test_keys__cannot_be_had),
        CASE(test_keys__are_read_again_after_an_hour),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
