#include "support/cases.h"

#include <stdio.h>
#include <string.h>

#include "portal/claims.h"
#include "portal/id_token.h"

#define ISSUER "https://id.example.com"
#define CLIENT "gatehouse"
#define NONCE "n-0S6_WzA2Mj"
/* The test clock stands at 1772366400 s. */
#define GOOD_EXP "1772370000"
#define GOOD_IAT "1772366395"

static struct gate_test_clock test_clock;
static gate_runqueue *runqueue;

static enum gate_err check(const char *payload, const char *access_token, const char *algorithm,
                           char *subject, size_t subject_size) {
    struct gate_ctx *ctx = gate_ctx_new(&test_clock.clock, runqueue, NULL);
    const struct gate_id_token_expectations expectations = {
        .issuer = ISSUER,
        .client_id = CLIENT,
        .nonce = NONCE,
        .now_ms = gate_ctx_now_ms(ctx),
        .access_token = access_token,
        .algorithm = algorithm,
    };
    struct gate_id_token token = {0};
    enum gate_err err =
        gate_portal_id_token_check(ctx, payload, strlen(payload), &expectations, &token);
    if (err == GATE_OK) {
        snprintf(subject, subject_size, "%s", token.subject);
        assert_non_null(token.claims);
    } else {
        assert_null(token.subject);
        assert_int_equal(ctx->error.kind, GATE_ERR_UNAUTHENTICATED);
        assert_true(strncmp(ctx->error.message, "ID token: ", 10) == 0);
        assert_null(strstr(ctx->error.message, NONCE));
    }
    gate_ctx_free(ctx);
    return err;
}

/* A payload in which every part may be replaced; NULL leaves the good one. */
struct parts {
    const char *iss;
    const char *aud;
    const char *exp;
    const char *iat;
    const char *nonce;
    const char *sub;
    const char *more;
};

static const char *choose(const char *part, const char *good) {
    return part == NULL ? good : part;
}

static enum gate_err check_parts(const struct parts *parts) {
    char payload[4096];
    char subject[512] = "";
    snprintf(payload, sizeof payload, "{%s%s%s%s%s%s%s\"x\":1}",
             choose(parts->iss, "\"iss\":\"" ISSUER "\","),
             choose(parts->aud, "\"aud\":\"" CLIENT "\","),
             choose(parts->exp, "\"exp\":" GOOD_EXP ","),
             choose(parts->iat, "\"iat\":" GOOD_IAT ","),
             choose(parts->nonce, "\"nonce\":\"" NONCE "\","),
             choose(parts->sub, "\"sub\":\"248289761001\","), choose(parts->more, ""));
    return check(payload, NULL, NULL, subject, sizeof subject);
}

static void test_check__a_good_token(void **state) {
    (void)state;
    char subject[64];
    assert_int_equal(check("{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"exp\":" GOOD_EXP
                           ",\"iat\":" GOOD_IAT ",\"nonce\":\"" NONCE "\",\"sub\":\"248289\"}",
                           NULL, NULL, subject, sizeof subject),
                     GATE_OK);
    assert_string_equal(subject, "248289");
}

struct row {
    const char *what;
    struct parts parts;
};

static void test_check__what_is_allowed(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"aud as an array of one", {.aud = "\"aud\":[\"" CLIENT "\"],"}},
        {"two audiences and azp",
         {.aud = "\"aud\":[\"api\",\"" CLIENT "\"],\"azp\":\"" CLIENT "\","}},
        {"one audience and azp", {.more = "\"azp\":\"" CLIENT "\","}},
        {"exp just within the leeway", {.exp = "\"exp\":1772366341,"}},
        {"iat just within the leeway", {.iat = "\"iat\":1772366460,"}},
        {"iat at the oldest", {.iat = "\"iat\":1772365740,"}},
        {"nbf just within the leeway", {.more = "\"nbf\":1772366460,"}},
        {"exp far away", {.exp = "\"exp\":9223372036854775807,"}},
        {"at_hash without an access token", {.more = "\"at_hash\":\"x\","}},
        {"other claims", {.more = "\"groups\":[{\"a\":null}],\"auth_time\":1,"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (check_parts(&rows[i].parts) != GATE_OK) {
            fail_msg("refused: %s", rows[i].what);
        }
    }
}

static void test_check__every_lie_is_refused(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"no iss", {.iss = ""}},
        {"another iss", {.iss = "\"iss\":\"https://evil.example\","}},
        {"iss with a slash more", {.iss = "\"iss\":\"" ISSUER "/\","}},
        {"iss in capitals", {.iss = "\"iss\":\"https://ID.example.com\","}},
        {"iss cut by a NUL", {.iss = "\"iss\":\"" ISSUER "\\u0000.evil.example\","}},
        {"iss as an array", {.iss = "\"iss\":[\"" ISSUER "\"],"}},
        {"iss null", {.iss = "\"iss\":null,"}},
        {"iss empty", {.iss = "\"iss\":\"\","}},

        {"no aud", {.aud = ""}},
        {"another aud", {.aud = "\"aud\":\"someone\","}},
        {"aud that begins like us", {.aud = "\"aud\":\"" CLIENT "2\","}},
        {"aud in capitals", {.aud = "\"aud\":\"GATEHOUSE\","}},
        {"aud that holds us", {.aud = "\"aud\":\"x " CLIENT "\","}},
        {"aud empty array", {.aud = "\"aud\":[],"}},
        {"aud without us", {.aud = "\"aud\":[\"a\",\"b\"],\"azp\":\"" CLIENT "\","}},
        {"aud with a number", {.aud = "\"aud\":[\"" CLIENT "\",1],\"azp\":\"" CLIENT "\","}},
        {"aud in an array twice deep", {.aud = "\"aud\":[[\"" CLIENT "\"]],"}},
        {"aud as an object", {.aud = "\"aud\":{\"" CLIENT "\":true},"}},
        {"aud null", {.aud = "\"aud\":null,"}},
        {"aud a number", {.aud = "\"aud\":1,"}},

        {"two audiences, no azp", {.aud = "\"aud\":[\"" CLIENT "\",\"api\"],"}},
        {"two audiences, azp of the other",
         {.aud = "\"aud\":[\"" CLIENT "\",\"api\"],\"azp\":\"api\","}},
        {"one audience, azp of another", {.more = "\"azp\":\"api\","}},
        {"azp empty", {.more = "\"azp\":\"\","}},
        {"azp as an array", {.more = "\"azp\":[\"" CLIENT "\"],"}},
        {"azp a number", {.more = "\"azp\":7,"}},

        {"no exp", {.exp = ""}},
        {"exp passed", {.exp = "\"exp\":1772366000,"}},
        {"exp just beyond the leeway", {.exp = "\"exp\":1772366340,"}},
        {"exp zero", {.exp = "\"exp\":0,"}},
        {"exp below zero", {.exp = "\"exp\":-9223372036854775808,"}},
        {"exp as text", {.exp = "\"exp\":\"" GOOD_EXP "\","}},
        {"exp true", {.exp = "\"exp\":true,"}},
        {"exp null", {.exp = "\"exp\":null,"}},

        {"no iat", {.iat = ""}},
        {"iat in the future", {.iat = "\"iat\":1772366461,"}},
        {"iat in the far future", {.iat = "\"iat\":9223372036854775807,"}},
        {"iat long ago", {.iat = "\"iat\":1772365739,"}},
        {"iat zero", {.iat = "\"iat\":0,"}},
        {"iat below zero", {.iat = "\"iat\":-1,"}},
        {"iat as text", {.iat = "\"iat\":\"" GOOD_IAT "\","}},
        {"iat as an array", {.iat = "\"iat\":[" GOOD_IAT "],"}},
        {"nbf in the future", {.more = "\"nbf\":1772366461,"}},
        {"nbf as text", {.more = "\"nbf\":\"1\","}},

        {"no nonce", {.nonce = ""}},
        {"another nonce", {.nonce = "\"nonce\":\"x\","}},
        {"nonce empty", {.nonce = "\"nonce\":\"\","}},
        {"nonce with more behind", {.nonce = "\"nonce\":\"" NONCE "x\","}},
        {"nonce cut", {.nonce = "\"nonce\":\"n-0S6_WzA2M\","}},
        {"nonce with a NUL behind", {.nonce = "\"nonce\":\"" NONCE "\\u0000\","}},
        {"nonce as an array", {.nonce = "\"nonce\":[\"" NONCE "\"],"}},
        {"nonce null", {.nonce = "\"nonce\":null,"}},

        {"no sub", {.sub = ""}},
        {"sub empty", {.sub = "\"sub\":\"\","}},
        {"sub null", {.sub = "\"sub\":null,"}},
        {"sub a number", {.sub = "\"sub\":248289761001,"}},
        {"sub with a line break", {.sub = "\"sub\":\"a\\nb\","}},
        {"sub with a NUL", {.sub = "\"sub\":\"a\\u0000b\","}},

        {"iss twice", {.more = "\"iss\":\"https://evil.example\","}},
        {"sub twice", {.more = "\"sub\":\"somebody\","}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (check_parts(&rows[i].parts) == GATE_OK) {
            fail_msg("passed: %s", rows[i].what);
        }
    }
}

static void test_check__subject_length(void **state) {
    (void)state;
    char sub[400];
    char text[GATE_CLAIMS_TEXT_MAX_BYTES + 2];
    memset(text, 's', sizeof text);
    text[GATE_CLAIMS_TEXT_MAX_BYTES] = '\0';
    snprintf(sub, sizeof sub, "\"sub\":\"%s\",", text);
    assert_int_equal(check_parts(&(struct parts){.sub = sub}), GATE_OK);
    snprintf(sub, sizeof sub, "\"sub\":\"%ss\",", text);
    assert_int_equal(check_parts(&(struct parts){.sub = sub}), GATE_ERR_UNAUTHENTICATED);
}

static void test_check__what_is_no_object(void **state) {
    (void)state;
    static const char *const payloads[] = {
        "", "{", "null", "[]", "\"x\"", "1", "{}", "{\"iss\":\"" ISSUER "\"", "\xff\xfe",
    };
    char subject[8];
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_int_equal(check(payloads[i], NULL, NULL, subject, sizeof subject),
                         GATE_ERR_UNAUTHENTICATED);
    }
}

/* The values of OpenID Connect Core 1.0, appendix A.3. */
#define SPEC_ACCESS_TOKEN "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
#define SPEC_AT_HASH "77QmUPtjPfzWtF2AnpK9RQ"

static enum gate_err check_at_hash(const char *at_hash, const char *access_token,
                                   const char *algorithm) {
    char payload[1024];
    char subject[64];
    snprintf(payload, sizeof payload,
             "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"exp\":" GOOD_EXP ",\"iat\":" GOOD_IAT
             ",\"nonce\":\"" NONCE "\",\"sub\":\"s\",\"at_hash\":%s}",
             at_hash);
    return check(payload, access_token, algorithm, subject, sizeof subject);
}

static void test_check__at_hash(void **state) {
    (void)state;
    assert_int_equal(check_at_hash("\"" SPEC_AT_HASH "\"", SPEC_ACCESS_TOKEN, "RS256"), GATE_OK);
    assert_int_equal(check_at_hash("\"" SPEC_AT_HASH "\"", SPEC_ACCESS_TOKEN "x", "RS256"),
                     GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(check_at_hash("\"" SPEC_AT_HASH "\"", "x", "ES256"), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(check_at_hash("7", SPEC_ACCESS_TOKEN, "PS256"), GATE_ERR_UNAUTHENTICATED);
    assert_int_equal(check_at_hash("\"\"", SPEC_ACCESS_TOKEN, "RS256"), GATE_ERR_UNAUTHENTICATED);
    /* Another hash is not ours to compute; the token came straight from the token endpoint. */
    assert_int_equal(check_at_hash("\"x\"", SPEC_ACCESS_TOKEN, "RS512"), GATE_OK);
    assert_int_equal(check_at_hash("\"x\"", SPEC_ACCESS_TOKEN, NULL), GATE_OK);
}

static void check_identifier(const char *claims_text, const char *claim, const char *expected) {
    struct gate_ctx *ctx = gate_ctx_new(&test_clock.clock, runqueue, NULL);
    const gate_json *claims;
    assert_int_equal(gate_json_parse(ctx, claims_text, strlen(claims_text), &claims), GATE_OK);
    struct gate_person_claims person = gate_portal_person_claims_get(claims, claim);
    if (expected == NULL) {
        assert_null(person.identifier);
    } else {
        assert_non_null(person.identifier);
        assert_string_equal(person.identifier, expected);
    }
    gate_ctx_free(ctx);
}

static void test_person__identifier(void **state) {
    (void)state;
    check_identifier("{\"email\":\"a@b.example\",\"email_verified\":true}", "email", "a@b.example");
    check_identifier("{\"email\":\"a@b.example\",\"email_verified\":\"true\"}", "email",
                     "a@b.example");
    check_identifier("{\"email\":\"a@b.example\",\"email_verified\":false}", "email", NULL);
    check_identifier("{\"email\":\"a@b.example\",\"email_verified\":\"yes\"}", "email", NULL);
    check_identifier("{\"email\":\"a@b.example\",\"email_verified\":[true]}", "email", NULL);
    check_identifier("{\"email\":\"a@b.example\"}", "email", NULL);
    check_identifier("{\"email_verified\":true}", "email", NULL);
    check_identifier("{\"email\":\"\",\"email_verified\":true}", "email", NULL);
    check_identifier("{\"email\":[\"a@b.example\"],\"email_verified\":true}", "email", NULL);
    check_identifier("{\"email\":\"a\\nb\",\"email_verified\":true}", "email", NULL);
    check_identifier("{\"email\":\"a@b.example\",\"sub\":\"s1\"}", "sub", "s1");
    check_identifier("{\"preferred_username\":\"ann\"}", "preferred_username", "ann");
    check_identifier("{}", "sub", NULL);
}

static void test_person__email_and_name(void **state) {
    (void)state;
    struct gate_ctx *ctx = gate_ctx_new(&test_clock.clock, runqueue, NULL);
    static const char text[] = "{\"sub\":\"s\",\"email\":\"a@b.example\",\"name\":\"Änn\"}";
    const gate_json *claims;
    assert_int_equal(gate_json_parse(ctx, text, sizeof text - 1, &claims), GATE_OK);
    struct gate_person_claims person = gate_portal_person_claims_get(claims, "sub");
    assert_string_equal(person.email, "a@b.example");
    assert_string_equal(person.name, "Änn");
    static const char odd[] = "{\"sub\":\"s\",\"email\":1,\"name\":\"a\\u0007\"}";
    assert_int_equal(gate_json_parse(ctx, odd, sizeof odd - 1, &claims), GATE_OK);
    person = gate_portal_person_claims_get(claims, "sub");
    assert_null(person.email);
    assert_null(person.name);
    gate_ctx_free(ctx);
}

static int set_up(void **state) {
    (void)state;
    gate_test_clock_init(&test_clock);
    runqueue = gate_runqueue_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_runqueue_free(runqueue);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__a_good_token),
        cmocka_unit_test(test_check__what_is_allowed),
        cmocka_unit_test(test_check__every_lie_is_refused),
        cmocka_unit_test(test_check__subject_length),
        cmocka_unit_test(test_check__what_is_no_object),
        cmocka_unit_test(test_check__at_hash),
        cmocka_unit_test(test_person__identifier),
        cmocka_unit_test(test_person__email_and_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
