#include "support/cases.h"

#include <stdlib.h>
#include <string.h>

#include "config/envfile.h"

#define MAX 8

static struct gate_assignment assignments[MAX];
static size_t count;
static struct gate_error error;
static char *scratch;

/* Parse with memory of exactly the promised sizes, so that a sanitizer sees a step beyond them. */
static enum gate_err parse_bytes(const char *text, size_t length) {
    free(scratch);
    scratch = malloc(length + 2);
    char *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, text, length);
    gate_error_clear(&error);
    count = 0;
    enum gate_err err =
        gate_envfile_parse(exact, length, scratch, &error, assignments, MAX, &count);
    free(exact);
    return err;
}

static enum gate_err parse(const char *text) {
    return parse_bytes(text, strlen(text));
}

static int stop(void **state) {
    (void)state;
    free(scratch);
    scratch = NULL;
    return 0;
}

static void assert_value(const char *text, const char *expected) {
    assert_int_equal(parse(text), GATE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(assignments[0].name, "A");
    assert_string_equal(assignments[0].value, expected);
}

static void assert_refused(const char *text, const char *sentence) {
    assert_int_equal(parse(text), GATE_ERR_CONFIG);
    assert_int_equal(count, 0);
    assert_string_equal(error.message, sentence);
}

static void test_parse__lines_comments_and_blanks(void **state) {
    (void)state;
    assert_int_equal(parse("# comment\n\n  ; another = one\n\t\nA=1\r\n  B_2 = two words  \nc=\n"),
                     GATE_OK);
    assert_int_equal(count, 3);
    assert_string_equal(assignments[0].name, "A");
    assert_string_equal(assignments[0].value, "1");
    assert_string_equal(assignments[1].name, "B_2");
    assert_string_equal(assignments[1].value, "two words");
    assert_string_equal(assignments[2].value, "");
}

static void test_parse__nothing(void **state) {
    (void)state;
    assert_int_equal(parse(""), GATE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(parse("\n"), GATE_OK);
    assert_int_equal(parse("#"), GATE_OK);
    assert_int_equal(count, 0);
}

static void test_value__unquoted(void **state) {
    (void)state;
    assert_value("A=x", "x");
    assert_value("A=", "");
    assert_value("A=  spaces around \t", "spaces around");
    assert_value("A=a#b;c", "a#b;c");
    assert_value("A=a=b", "a=b");
    assert_value("A=it's", "it's");
    assert_value("A=a\\\\b\\ ", "a\\b ");
    assert_value("A=\xC3\xA9", "\xC3\xA9");
}

static void test_value__quoted(void **state) {
    (void)state;
    assert_value("A=\"x # y ; z\"", "x # y ; z");
    assert_value("A=' x\\n\"$`'", " x\\n\"$`");
    assert_value("A=\"\\\"\\\\\\`\\$\\n\"", "\"\\`$\\n");
    assert_value("A=\"\"", "");
    assert_value("A=''", "");
    assert_value("A=\"two\nlines\"", "two\nlines");
    assert_value("A=\"joined \\\nline\"", "joined line");
}

static void test_value__pieces_join(void **state) {
    (void)state;
    assert_value("A=\"x\"'y'", "xy");
    assert_value("A=\"x\" 'y' z", "xyz");
    assert_value("A=x\"y\"", "x\"y\"");
}

static void test_value__continued_line(void **state) {
    (void)state;
    assert_value("A=one\\\ntwo", "onetwo");
    assert_value("A=one \\\n two\n", "one  two");
    assert_int_equal(parse("A=1\\\n2\nB=3"), GATE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(assignments[0].value, "12");
}

static void test_parse__refused_with_its_line(void **state) {
    (void)state;
    assert_refused("A=1\nnonsense\n", "settings file, line 2: the line is no NAME=value");
    assert_refused("=1", "settings file, line 1: the line is no NAME=value");
    assert_refused("1A=1", "settings file, line 1: the line is no NAME=value");
    assert_refused("A-B=1", "settings file, line 1: the line is no NAME=value");
    assert_refused("export A=1", "settings file, line 1: the line is no NAME=value");
    assert_refused("\n\nA=\"x\ny", "settings file, line 3: a double quote is left open");
    assert_refused("A='x", "settings file, line 1: a single quote is left open");
    assert_refused("A=\"x\\", "settings file, line 1: a double quote is left open");
    assert_refused("A=x\\", "settings file, line 1: the file ends in a backslash");
    assert_refused("A=1\nA=1", "settings file, line 2: the name is set a second time");
    assert_refused("# x \\\nA=1", "settings file, line 1: a comment ends in a backslash");
    assert_refused("A=\"two\nlines\"\n?", "settings file, line 3: the line is no NAME=value");
}

static void test_parse__no_text(void **state) {
    (void)state;
    assert_refused("A=\xFF", "the settings file is not UTF-8 text");
    assert_int_equal(parse_bytes("A=x\0y\n", 6), GATE_ERR_CONFIG);
    assert_refused("\xEF\xBB\xBF"
                   "A=1",
                   "settings file, line 1: the line is no NAME=value");
}

static void test_parse__too_many(void **state) {
    (void)state;
    assert_int_equal(parse("A=1\nB=1\nC=1\nD=1\nE=1\nF=1\nG=1\nH=1\n"), GATE_OK);
    assert_int_equal(count, MAX);
    assert_refused("A=1\nB=1\nC=1\nD=1\nE=1\nF=1\nG=1\nH=1\nI=1",
                   "settings file, line 9: there are too many settings");
}

static void test_parse__never_repeats_a_value(void **state) {
    (void)state;
    assert_int_equal(parse("SECRET=\"hunter2"), GATE_ERR_CONFIG);
    assert_null(strstr(error.message, "hunter2"));
    assert_int_equal(parse("hunter2 is my secret"), GATE_ERR_CONFIG);
    assert_null(strstr(error.message, "hunter2"));
}

static void test_parse__every_cut_of_a_file(void **state) {
    (void)state;
    const char *text = "# c\nA=\"q\\\"\\\n x\" 'y' z \\\n w\nB='1'\\\n2\n;\nC=\\x y \n";
    for (size_t length = 0; length <= strlen(text); length++) {
        enum gate_err err = parse_bytes(text, length);
        assert_true(err == GATE_OK || err == GATE_ERR_CONFIG);
    }
    assert_int_equal(count, 3);
    assert_string_equal(assignments[0].value, "q\" xyz  w");
    assert_string_equal(assignments[1].value, "12");
    assert_string_equal(assignments[2].value, "x y");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_parse__lines_comments_and_blanks, stop),
        cmocka_unit_test_teardown(test_parse__nothing, stop),
        cmocka_unit_test_teardown(test_value__unquoted, stop),
        cmocka_unit_test_teardown(test_value__quoted, stop),
        cmocka_unit_test_teardown(test_value__pieces_join, stop),
        cmocka_unit_test_teardown(test_value__continued_line, stop),
        cmocka_unit_test_teardown(test_parse__refused_with_its_line, stop),
        cmocka_unit_test_teardown(test_parse__no_text, stop),
        cmocka_unit_test_teardown(test_parse__too_many, stop),
        cmocka_unit_test_teardown(test_parse__never_repeats_a_value, stop),
        cmocka_unit_test_teardown(test_parse__every_cut_of_a_file, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
