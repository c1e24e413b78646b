#include "support/cases.h"

#include "portal/connector_name.h"

static void check(const char *provider, const char *connection_name, const char *expected) {
    gate_arena *arena = gate_arena_new();
    assert_string_equal(gate_connector_display_name_make(arena, provider, connection_name),
                        expected);
    gate_arena_free(arena);
}

static void test_display_name(void **state) {
    (void)state;
    check("GITHUB", "gh", "GitHub");
    check("google_calendar", "x", "Google Calendar");
    check("GOOGLECALENDAR", "x", "Google Calendar");
    check("ACME_CRM", "x", "Acme Crm");
    check("AcmeCRM", "x", "AcmeCRM");
    check("", "sales-eu", "Sales Eu");
    check(NULL, "sales-eu", "Sales Eu");
    check(NULL, "", "");
    check("Straße_übung", "x", "Straße übung");
    check("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x",
          "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void test_purpose__is_there_for_every_app(void **state) {
    (void)state;
    assert_string_equal(gate_connector_purpose_get("GMAIL"), "Read and send e-mail");
    assert_non_null(gate_connector_purpose_get("NEVER_HEARD_OF"));
    assert_non_null(gate_connector_purpose_get(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_display_name),
        cmocka_unit_test(test_purpose__is_there_for_every_app),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
