/* The host program that names templates: what it writes, and what it refuses to let into the build.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cases.h"

#define PROGRAM GATE_BINARY_DIR "/template_names"
#define PRAGMA "{{%AUTOESCAPE context=\"HTML\"}}\n"

struct place {
    char dir[40];
    char template[64];
    char header[64];
    char output[8192]; /* what it said, then the header it wrote */
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    strcpy(place->dir, "/tmp/gate-template-names-XXXXXX");
    if (!mkdtemp(place->dir))
        return -1;
    snprintf(place->template, sizeof place->template, "%s/some_page.tpl", place->dir);
    snprintf(place->header, sizeof place->header, "%s/out.h", place->dir);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    unlink(place->template);
    unlink(place->header);
    rmdir(place->dir);
    free(place);
    return 0;
}

static void append_file(struct place *place, FILE *file) {
    size_t length = strlen(place->output);
    length += fread(place->output + length, 1, sizeof place->output - 1 - length, file);
    place->output[length] = '\0';
}

/* Run the program on one template of this text; its exit status. */
static int run(struct place *place, const char *text) {
    FILE *file = fopen(place->template, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    char command[256];
    snprintf(command, sizeof command, "%s %s %s 2>&1", PROGRAM, place->header, place->template);
    place->output[0] = '\0';
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    append_file(place, pipe);
    int status = pclose(pipe);
    FILE *header = fopen(place->header, "rb");
    if (header) {
        append_file(place, header);
        fclose(header);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_refused(struct place *place, const char *text, const char *why) {
    assert_int_equal(run(place, text), 1);
    if (!strstr(place->output, why))
        fail_msg("expected \"%s\" in: %s", why, place->output);
    assert_non_null(strstr(place->output, "some_page.tpl"));
    assert_int_not_equal(access(place->header, F_OK), 0); /* no half header is left behind */
}

static void test_names__every_kind_of_marker(void **state) {
    struct place *place = *state;
    assert_int_equal(run(place,
                         PRAGMA "{{! a comment }}<p title=\"{{TITLE_2}}\">{{NAME}}</p>\n"
                                "{{#PART}}<a href=\"/?q={{QUERY:u}}\">x</a>{{/PART}}{{>CARD}}\n"),
                     0);
    const char *const lines[] = {
        "#define GATE_TPL_SOME_PAGE \"some_page.tpl\"\n",
        "#define GATE_M_SOME_PAGE_TITLE_2 \"TITLE_2\"\n",
        "#define GATE_M_SOME_PAGE_NAME \"NAME\"\n",
        "#define GATE_M_SOME_PAGE_PART \"PART\"\n",
        "#define GATE_M_SOME_PAGE_QUERY \"QUERY\"\n",
        "#define GATE_M_SOME_PAGE_CARD \"CARD\"\n",
        "#ifdef GATE_TEMPLATE_NAMES_TABLE\n",
        "    \"some_page.tpl\",\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_non_null(strstr(place->output, lines[i]));
}

static void test_names__a_marker_used_twice_is_named_once(void **state) {
    struct place *place = *state;
    assert_int_equal(run(place, PRAGMA "{{NAME}} {{NAME}} {{#NAME}}x{{/NAME}}\n"), 0);
    char *first = strstr(place->output, "GATE_M_SOME_PAGE_NAME");
    assert_non_null(first);
    assert_null(strstr(first + 1, "GATE_M_SOME_PAGE_NAME"));
}

static void test_names__sections_inside_a_tag(void **state) {
    assert_int_equal(
        run(*state, PRAGMA "<p id=\"a\"{{#ON}} data-on data-url=\"{{URL}}\"{{/ON}}>x</p>"), 0);
    assert_int_equal(run(*state, PRAGMA "<input{{#ON}} checked{{/ON}}>x"), 0);
}

static void test_names__malformed_markers(void **state) {
    check_refused(*state, "<p>{{NAME}}</p>", "must start with");
    check_refused(*state, "", "must start with");
    check_refused(*state, PRAGMA " \n", "empty");
    check_refused(*state, PRAGMA "<p>{{NAME</p>", "without '}}'");
    check_refused(*state, PRAGMA "<p>{{}}</p>", "missing");
    check_refused(*state, PRAGMA "<p>{{name}}</p>", "marker names are");
    check_refused(*state, PRAGMA "<p>{{ NAME }}</p>", "marker names are");
    check_refused(*state, PRAGMA "<p>{{NAME:none}}</p>", "modifier");
    check_refused(*state, PRAGMA "<p>{{NAME:x-raw}}</p>", "modifier");
    check_refused(*state, PRAGMA "x" PRAGMA, "pragma");
}

static void test_names__sections_that_do_not_match(void **state) {
    check_refused(*state, PRAGMA "{{#A}}x", "never ends: A");
    check_refused(*state, PRAGMA "x{{/A}}", "another one is open");
    check_refused(*state, PRAGMA "{{#A}}{{#B}}x{{/A}}{{/B}}", "another one is open");
}

static void test_names__values_where_escaping_does_not_reach(void **state) {
    check_refused(*state, PRAGMA "<button formaction=\"{{URL}}\">", "formaction");
    check_refused(*state, PRAGMA "<iframe srcdoc=\"{{X}}\"></iframe>", "srcdoc");
    check_refused(*state, PRAGMA "<use XLINK:href=\"{{X}}\">", "xlink:href");
    check_refused(*state, PRAGMA "<p style=\"color:{{X}}\">", "style");
    check_refused(*state, PRAGMA "<script>var x = {{X}};</script>", "inline script");
    check_refused(*state, PRAGMA "<p class={{X}}>", "quoted attribute");
    check_refused(*state, PRAGMA "<p {{X}}>", "quoted attribute");
    check_refused(*state, PRAGMA "<p data-{{X}}=\"1\">", "quoted attribute");
    check_refused(*state, PRAGMA "<{{X}}>", "must be written as &lt;");
    check_refused(*state, PRAGMA "<p title=\"{{>X}}\">", "in text only");
    check_refused(*state, PRAGMA "<!-- {{X}} -->", "quoted attribute");
}

static void test_names__what_the_content_security_policy_forbids(void **state) {
    check_refused(*state, PRAGMA "<p style=\"color:red\">", "style");
    check_refused(*state, PRAGMA "<p\nSTYLE = 'x'>", "style");
    check_refused(*state, PRAGMA "<style>p{}</style>", "style");
    check_refused(*state, PRAGMA "<script>alert(1)</script>", "inline script");
    check_refused(*state, PRAGMA "<SCRIPT src=\"/a.js\">alert(1)</SCRIPT>", "inline script");
    check_refused(*state, PRAGMA "<p onclick=\"x()\">", "onclick");
    check_refused(*state, PRAGMA "<a href=\"javascript:x()\">", "href");
    assert_int_equal(run(*state, PRAGMA "<script src=\"{{URL}}\" defer></script>"), 0);
}

static void test_names__html_that_does_not_end(void **state) {
    check_refused(*state, PRAGMA "<p class=\"a", "inside a tag");
    check_refused(*state, PRAGMA "<!-- x", "inside a tag or a comment");
    check_refused(*state, PRAGMA "a < b", "&lt;");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_names__every_kind_of_marker),
        CASE(test_names__a_marker_used_twice_is_named_once),
        CASE(test_names__sections_inside_a_tag),
        CASE(test_names__malformed_markers),
        CASE(test_names__sections_that_do_not_match),
        CASE(test_names__values_where_escaping_does_not_reach),
        CASE(test_names__what_the_content_security_policy_forbids),
        CASE(test_names__html_that_does_not_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
