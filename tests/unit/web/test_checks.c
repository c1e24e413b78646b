#include "unit/web/bare_request.h"

#include "web/checks.h"

static int set_up(void **state) {
    static struct bare_request bare;
    bare_request_make(&bare);
    *state = &bare;
    return 0;
}

static int tear_down(void **state) {
    bare_request_done(*state);
    return 0;
}

/* Name a user in up to three places; NULL leaves one out. `json` is a whole body. */
static enum gate_err name_user(struct bare_request *bare, const char *header, const char *query,
                               const char *json, const char **ret_identifier) {
    struct gate_request *request = &bare->request;
    gate_arena *arena = request->ctx->arena;
    gate_error_clear(&request->ctx->error);
    bare->params[0] =
        header == NULL ? NULL : gate_arena_printf(arena, "HTTP_GATEHOUSE_USER=%s", header);
    struct gate_field *field = gate_arena_make(arena, struct gate_field);
    *field = (struct gate_field){"identifier", query};
    request->query = (struct gate_fields){field, query == NULL ? 0 : 1};
    request->json = NULL;
    if (json != NULL) {
        assert_int_equal(gate_json_parse(request->ctx, json, strlen(json), &request->json),
                         GATE_OK);
    }
    *ret_identifier = NULL;
    enum gate_err err = gate_checks_named_user(request, ret_identifier);
    assert_int_equal(err, request->ctx->error.kind);
    return err;
}

static void expect_name(struct bare_request *bare, const char *header, const char *query,
                        const char *json, const char *name) {
    const char *identifier;
    assert_int_equal(name_user(bare, header, query, json, &identifier), GATE_OK);
    if (name == NULL) {
        assert_null(identifier);
    } else {
        assert_string_equal(identifier, name);
    }
}

static void expect_refusal(struct bare_request *bare, const char *header, const char *query,
                           const char *json) {
    const char *identifier;
    assert_int_equal(name_user(bare, header, query, json, &identifier), GATE_ERR_INPUT);
    assert_null(identifier);
}

static void test_named_user__in_one_place(void **state) {
    expect_name(*state, NULL, NULL, NULL, NULL);
    expect_name(*state, "ann", NULL, NULL, "ann");
    expect_name(*state, NULL, "ann", NULL, "ann");
    expect_name(*state, NULL, NULL, "{\"identifier\":\"ann\"}", "ann");
    expect_name(*state, NULL, NULL, "{\"identifier\":null}", NULL);
    expect_name(*state, NULL, NULL, "{}", NULL);
    expect_name(*state, NULL, "caf\xc3\xa9 @x", NULL, "caf\xc3\xa9 @x");
}

static void test_named_user__in_several_places(void **state) {
    expect_name(*state, "ann", "ann", "{\"identifier\":\"ann\"}", "ann");
    expect_refusal(*state, "ann", "bob", NULL);
    expect_refusal(*state, "ann", NULL, "{\"identifier\":\"bob\"}");
    expect_refusal(*state, NULL, "ann", "{\"identifier\":\"bob\"}");
    expect_refusal(*state, "ann", NULL, "{\"identifier\":\"Ann\"}");
    expect_refusal(*state, "ann", "ann", "{\"identifier\":\"bob\"}");
}

static void test_named_user__what_is_no_name(void **state) {
    expect_refusal(*state, "", NULL, NULL);
    expect_refusal(*state, NULL, "", NULL);
    expect_refusal(*state, NULL, NULL, "{\"identifier\":\"\"}");
    expect_refusal(*state, NULL, NULL, "{\"identifier\":7}");
    expect_refusal(*state, NULL, NULL, "{\"identifier\":[\"ann\"]}");
    expect_refusal(*state, NULL, NULL, "{\"identifier\":\"a\\u0000nn\"}");
    expect_refusal(*state, NULL, NULL, "{\"identifier\":\"a\\nb\"}");
    expect_refusal(*state, "a\tb", NULL, NULL);
    expect_refusal(*state, "\xff", NULL, NULL);
}

/* Two headers, as nginx passes them before 1.23 and joined as it does since. */
static void test_named_user__sent_twice(void **state) {
    struct bare_request *bare = *state;
    const char *identifier = NULL;
    char first[] = "HTTP_GATEHOUSE_USER=mallory";
    char second[] = "HTTP_GATEHOUSE_USER=ann";
    expect_refusal(bare, "mallory,ann", NULL, NULL);
    expect_refusal(bare, "mallory@evil.test, ann@example.com", NULL, NULL);
    bare->request.query.count = 0;
    bare->params[0] = first;
    bare->params[1] = second;
    assert_int_equal(gate_checks_named_user(&bare->request, &identifier), GATE_ERR_INPUT);
    assert_null(identifier);
}

static void test_named_user__length(void **state) {
    char name[GATE_IDENTIFIER_MAX_BYTES + 2];
    memset(name, 'a', sizeof name);
    name[GATE_IDENTIFIER_MAX_BYTES] = '\0';
    expect_name(*state, name, NULL, NULL, name);
    name[GATE_IDENTIFIER_MAX_BYTES] = 'a';
    name[GATE_IDENTIFIER_MAX_BYTES + 1] = '\0';
    expect_refusal(*state, name, NULL, NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_named_user__in_one_place),    CASE(test_named_user__in_several_places),
        CASE(test_named_user__what_is_no_name), CASE(test_named_user__sent_twice),
        CASE(test_named_user__length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
