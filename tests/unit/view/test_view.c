#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cases.h"

#include "core/text.h"
#include "view/view.h"

#define GATE_TEMPLATE_NAMES_TABLE
#include "view/templates.gen.h"

#define TEMPLATES GATE_SOURCE_DIR "/templates"
#define GOLDEN GATE_SOURCE_DIR "/tests/unit/view/golden"
#define TEMPLATE_COUNT (sizeof gate_template_names / sizeof gate_template_names[0])
#define PAGE_MAX_BYTES (1024 * 1024)

enum model { MODEL_FULL, MODEL_HOSTILE };
static const char *const model_names[] = {"full", "hostile"};

struct bench {
    struct gate_test_clock clock;
    struct gate_ctx *ctx;
    gate_view *view;
    char dir[32]; /* a copy of templates/ to break */
};

/* ---- Files ---- */

static char *read_whole_file(gate_arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = gate_arena_alloc(arena, PAGE_MAX_BYTES + 1);
    size_t length = fread(text, 1, PAGE_MAX_BYTES, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

static void write_whole_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static char *path_of(struct bench *bench, const char *template_name) {
    return gate_arena_printf(bench->ctx->arena, "%s/%s", bench->dir, template_name);
}

static void copy_templates(struct bench *bench) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++) {
        const char *name = gate_template_names[i];
        char *from = gate_arena_printf(bench->ctx->arena, "%s/%s", TEMPLATES, name);
        write_whole_file(path_of(bench, name), read_whole_file(bench->ctx->arena, from));
    }
}

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof *bench);
    gate_test_clock_init(&bench->clock);
    bench->ctx = gate_ctx_new(&bench->clock.clock, NULL, "test");
    strcpy(bench->dir, "/tmp/gate-view-XXXXXX");
    if (!mkdtemp(bench->dir))
        return -1;
    copy_templates(bench);
    *state = bench;
    return gate_view_new(bench->dir, &bench->ctx->error, &bench->view);
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        unlink(path_of(bench, gate_template_names[i]));
    rmdir(bench->dir);
    gate_view_free(bench->view);
    gate_ctx_free(bench->ctx);
    free(bench);
    return 0;
}

/* ---- A model for any template, made by reading it: every marker gets a value, every section
 * stands twice, every include is filled. So a new page is covered from its first day. ---- */

struct filler {
    gate_arena *arena;
    const char *body; /* what stands at BODY */
    enum model model;
};

static const char *value_for(const struct filler *filler, const char *marker) {
    bool is_url = gate_text_ends_with(marker, "_URL") || gate_text_equal(marker, "HREF");
    if (filler->model == MODEL_HOSTILE && is_url)
        return "javascript:alert(1)//\"'><script>alert(2)</script>";
    if (filler->model == MODEL_HOSTILE)
        return "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{BRAND}}</title>&";
    if (is_url)
        return gate_arena_printf(filler->arena, "/%s?a=1&b=2", marker);
    if (gate_text_ends_with(marker, "_ISO"))
        return "2026-03-01T12:00:00Z";
    if (gate_text_equal(marker, "TINT"))
        return "3";
    if (gate_text_ends_with(marker, "_CLASS"))
        return "connected";
    return gate_arena_printf(filler->arena, "Value of %s", marker);
}

static void fill_template(const struct filler *filler, gate_view_dict *dict, const char *name);

static void fill_include(const struct filler *filler, gate_view_dict *dict, const char *marker) {
    const char *name =
        gate_text_equal(marker, GATE_M_LAYOUT_BODY) ? filler->body : GATE_TPL_CONNECTOR_CARD;
    if (name)
        fill_template(filler, gate_view_add_include(dict, marker, name), name);
}

/* Fill from `at` to the end of the section (or text) and return what comes after it. */
static const char *fill_part(const struct filler *filler, gate_view_dict *dict, const char *at) {
    while ((at = strstr(at, "{{")) != NULL) {
        const char *from = at + 2;
        const char *after = strstr(from, "}}") + 2;
        bool plain = *from >= 'A' && *from <= 'Z';
        const char *name_from = plain ? from : from + 1;
        char *name = gate_arena_strndup(filler->arena, name_from,
                                        strcspn(name_from, ":}")); /* the name without :u */
        at = after;
        if (*from == '/')
            return after;
        if (*from == '>')
            fill_include(filler, dict, name);
        if (plain)
            gate_view_set(dict, name, value_for(filler, name));
        if (*from == '#') {
            fill_part(filler, gate_view_add_section(dict, name), after);
            at = fill_part(filler, gate_view_add_section(dict, name), after);
        }
    }
    return "";
}

static void fill_template(const struct filler *filler, gate_view_dict *dict, const char *name) {
    char *path = gate_arena_printf(filler->arena, "%s/%s", TEMPLATES, name);
    fill_part(filler, dict, read_whole_file(filler->arena, path));
}

/* A page is rendered in its layout; the layout by itself stands there without a body. */
static char *render_model(struct bench *bench, const char *name, enum model model) {
    gate_arena *arena = bench->ctx->arena;
    bool is_layout = gate_text_equal(name, GATE_TPL_LAYOUT);
    struct filler filler = {arena, is_layout ? NULL : name, model};
    gate_view_dict *dict = gate_view_dict_make(arena);
    if (is_layout) {
        fill_template(&filler, dict, GATE_TPL_LAYOUT);
    } else {
        gate_view_dict *body = gate_view_add_include(dict, GATE_M_LAYOUT_BODY, name);
        fill_template(&filler, body, name);
    }
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, PAGE_MAX_BYTES);
    assert_int_equal(gate_view_render(bench->ctx, bench->view, GATE_TPL_LAYOUT, dict, &buffer),
                     GATE_OK);
    char *page = gate_arena_strdup(arena, gate_buffer_text(&buffer));
    gate_buffer_done(&buffer);
    return page;
}

static size_t count_of(const char *page, const char *what) {
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, what)) != NULL; at += strlen(what))
        count++;
    return count;
}

/* ---- Pages ---- */

static void check_golden(struct bench *bench, const char *name, enum model model) {
    gate_arena *arena = bench->ctx->arena;
    char *page = render_model(bench, name, model);
    char *path = gate_arena_printf(arena, "%s/%.*s.%s.html", GOLDEN, (int)(strlen(name) - 4), name,
                                   model_names[model]);
    if (getenv("GATE_WRITE_GOLDEN"))
        write_whole_file(path, page);
    char *expected = read_whole_file(arena, path);
    if (!expected || strcmp(page, expected) != 0) {
        char *actual = gate_arena_printf(arena, "%s/%.*s.%s.actual.html", GATE_BINARY_DIR,
                                         (int)(strlen(name) - 4), name, model_names[model]);
        write_whole_file(actual, page);
        fail_msg("%s is not what %s shows; if it should be, run with GATE_WRITE_GOLDEN=1", path,
                 actual);
    }
}

static void test_render__full_model_of_every_template(void **state) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        check_golden(*state, gate_template_names[i], MODEL_FULL);
}

static void test_render__hostile_model_of_every_template(void **state) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        check_golden(*state, gate_template_names[i], MODEL_HOSTILE);
}

/* Whatever the values are, they add no tag and end no attribute. */
static void test_render__values_never_become_markup(void **state) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++) {
        char *full = render_model(*state, gate_template_names[i], MODEL_FULL);
        char *hostile = render_model(*state, gate_template_names[i], MODEL_HOSTILE);
        assert_int_equal(count_of(full, "<"), count_of(hostile, "<"));
        assert_int_equal(count_of(full, ">"), count_of(hostile, ">"));
        assert_int_equal(count_of(full, "\""), count_of(hostile, "\""));
        assert_int_equal(count_of(hostile, "href=\"javascript:"), 0);
        assert_int_equal(count_of(hostile, "src=\"javascript:"), 0);
        assert_int_equal(count_of(hostile, "action=\"javascript:"), 0);
    }
}

static void test_render__no_page_holds_inline_script_or_style(void **state) {
    for (size_t i = 0; i < TEMPLATE_COUNT; i++) {
        char *page = render_model(*state, gate_template_names[i], MODEL_FULL);
        assert_int_equal(count_of(page, "<script"), 1);
        assert_int_equal(count_of(page, " style="), 0);
        assert_int_equal(count_of(page, "<style"), 0);
    }
}

/* ---- Dictionaries ---- */

static char *render_problem(struct bench *bench, gate_view_dict *dict) {
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, PAGE_MAX_BYTES);
    assert_int_equal(gate_view_render(bench->ctx, bench->view, GATE_TPL_PROBLEM, dict, &buffer),
                     GATE_OK);
    char *page = gate_arena_strdup(bench->ctx->arena, gate_buffer_text(&buffer));
    gate_buffer_done(&buffer);
    return page;
}

static void test_set__null_and_unset_are_empty(void **state) {
    struct bench *bench = *state;
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    gate_view_set(dict, GATE_M_PROBLEM_HEADING, NULL);
    char *page = render_problem(bench, dict);
    assert_non_null(strstr(page, "<h1></h1>"));
    assert_null(strstr(page, "button-primary")); /* a section nobody added */
}

static void test_set__later_value_wins(void **state) {
    struct bench *bench = *state;
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    gate_view_set(dict, GATE_M_PROBLEM_HEADING, "first");
    gate_view_set(dict, GATE_M_PROBLEM_HEADING, "second");
    assert_non_null(strstr(render_problem(bench, dict), "<h1>second</h1>"));
}

static void test_set_integer__widest_numbers(void **state) {
    struct bench *bench = *state;
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    gate_view_set_integer(dict, GATE_M_PROBLEM_HEADING, INT64_MIN);
    assert_non_null(strstr(render_problem(bench, dict), "<h1>-9223372036854775808</h1>"));
}

static void test_set__value_is_copied(void **state) {
    struct bench *bench = *state;
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    char value[] = "before";
    gate_view_set(dict, GATE_M_PROBLEM_HEADING, value);
    memset(value, 'x', sizeof value - 1);
    assert_non_null(strstr(render_problem(bench, dict), "<h1>before</h1>"));
}

static void test_set__page_values_are_seen_in_includes_of_sections(void **state) {
    struct bench *bench = *state;
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    gate_view_set(dict, GATE_M_LAYOUT_CSRF, "the-token");
    gate_view_dict *body = gate_view_add_include(dict, GATE_M_LAYOUT_BODY, GATE_TPL_CONNECTORS);
    gate_view_dict *group = gate_view_add_section(body, GATE_M_CONNECTORS_CONNECTED);
    gate_view_dict *card =
        gate_view_add_include(group, GATE_M_CONNECTORS_CARD, GATE_TPL_CONNECTOR_CARD);
    gate_view_show_section(card, GATE_M_CONNECTOR_CARD_ACTION_POST);
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, PAGE_MAX_BYTES);
    assert_int_equal(gate_view_render(bench->ctx, bench->view, GATE_TPL_LAYOUT, dict, &buffer),
                     GATE_OK);
    assert_non_null(strstr(gate_buffer_text(&buffer), "name=\"csrf\" value=\"the-token\""));
    gate_buffer_done(&buffer);
}

static void test_render__unknown_template_or_include(void **state) {
    struct bench *bench = *state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, PAGE_MAX_BYTES);
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    assert_int_equal(gate_view_render(bench->ctx, bench->view, "nothing.tpl", dict, &buffer),
                     GATE_ERR_CONFIG);
    gate_view_add_include(dict, GATE_M_LAYOUT_BODY, "../../etc/passwd");
    assert_int_equal(gate_view_render(bench->ctx, bench->view, GATE_TPL_LAYOUT, dict, &buffer),
                     GATE_ERR_CONFIG);
    gate_buffer_done(&buffer);
}

static void test_render__page_beyond_the_buffers_maximum(void **state) {
    struct bench *bench = *state;
    struct gate_buffer buffer;
    gate_buffer_init(&buffer, 100);
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    assert_int_equal(gate_view_render(bench->ctx, bench->view, GATE_TPL_LAYOUT, dict, &buffer),
                     GATE_ERR_TOO_LARGE);
    gate_buffer_done(&buffer);
}

/* ---- Loading ---- */

static void check_refused(struct bench *bench, const char *text, const char *why) {
    char *path = path_of(bench, GATE_TPL_SIGNIN);
    if (text)
        write_whole_file(path, text);
    else
        unlink(path);
    struct gate_error error = {0};
    gate_view *view = NULL;
    assert_int_equal(gate_view_new(bench->dir, &error, &view), GATE_ERR_CONFIG);
    assert_null(view);
    assert_non_null(strstr(error.message, GATE_TPL_SIGNIN));
    assert_non_null(strstr(error.message, why));
}

static void test_new__missing_template(void **state) {
    check_refused(*state, NULL, "is missing");
}

static void test_new__template_without_pragma(void **state) {
    check_refused(*state, "<h1>{{HEADING}}</h1>\n", "AUTOESCAPE");
    check_refused(*state, "", "AUTOESCAPE");
    check_refused(*state, "\n{{%AUTOESCAPE context=\"HTML\"}}\n<h1>", "AUTOESCAPE");
    check_refused(*state, "{{%AUTOESCAPE context=\"JAVASCRIPT\"}}\n<h1>", "AUTOESCAPE");
}

static void test_new__empty_template(void **state) {
    check_refused(*state, "{{%AUTOESCAPE context=\"HTML\"}}\n \t\n", "is empty");
}

static void test_new__broken_template(void **state) {
    check_refused(*state, "{{%AUTOESCAPE context=\"HTML\"}}\n{{#A}}<p>", "is broken");
    check_refused(*state, "{{%AUTOESCAPE context=\"HTML\"}}\n<p>{{A b}}", "is broken");
}

static void test_new__template_beyond_the_limit(void **state) {
    struct bench *bench = *state;
    char *text = gate_arena_alloc(bench->ctx->arena, 300 * 1024);
    memset(text, 'a', 300 * 1024 - 1);
    memcpy(text, "{{%AUTOESCAPE context=\"HTML\"}}", 30);
    check_refused(bench, text, "is too large");
}

static void test_new__no_such_directory(void **state) {
    (void)state;
    struct gate_error error = {0};
    gate_view *view = NULL;
    assert_int_equal(gate_view_new("/nonexistent", &error, &view), GATE_ERR_CONFIG);
    assert_null(view);
}

static void test_free__null(void **state) {
    (void)state;
    gate_view_free(NULL);
}

static void check_heading(struct bench *bench, const char *expected) {
    gate_view_dict *dict = gate_view_dict_make(bench->ctx->arena);
    gate_view_set(dict, GATE_M_PROBLEM_HEADING, "Hello");
    assert_non_null(strstr(render_problem(bench, dict), expected));
}

static void test_reload__takes_the_new_files(void **state) {
    struct bench *bench = *state;
    write_whole_file(path_of(bench, GATE_TPL_PROBLEM),
                     "{{%AUTOESCAPE context=\"HTML\"}}\n<h2>{{HEADING}}</h2>\n");
    check_heading(bench, "<h1>Hello</h1>"); /* not before it is asked to */
    assert_int_equal(gate_view_reload(bench->view, &bench->ctx->error), GATE_OK);
    check_heading(bench, "<h2>Hello</h2>");
}

static void test_reload__keeps_all_old_files_when_one_is_broken(void **state) {
    struct bench *bench = *state;
    write_whole_file(path_of(bench, GATE_TPL_PROBLEM),
                     "{{%AUTOESCAPE context=\"HTML\"}}\n<h2>{{HEADING}}</h2>\n");
    write_whole_file(path_of(bench, GATE_TPL_SIGNIN), "{{%AUTOESCAPE context=\"HTML\"}}\n{{#A}}");
    assert_int_equal(gate_view_reload(bench->view, &bench->ctx->error), GATE_ERR_CONFIG);
    check_heading(bench, "<h1>Hello</h1>");
}

static void test_reload__keeps_old_files_when_all_are_gone(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < TEMPLATE_COUNT; i++)
        unlink(path_of(bench, gate_template_names[i]));
    assert_int_equal(gate_view_reload(bench->view, &bench->ctx->error), GATE_ERR_CONFIG);
    check_heading(bench, "<h1>Hello</h1>");
}

struct renderer {
    struct bench *bench;
    pthread_t thread;
    atomic_int failures;
};

static void *render_often(void *argument) {
    struct renderer *renderer = argument;
    struct bench *bench = renderer->bench;
    for (int i = 0; i < 50; i++) {
        struct gate_ctx *ctx = gate_ctx_new(&bench->clock.clock, NULL, "thread");
        gate_view_dict *dict = gate_view_dict_make(ctx->arena);
        gate_view_set(dict, GATE_M_PROBLEM_HEADING, "Hello");
        struct gate_buffer buffer;
        gate_buffer_init(&buffer, PAGE_MAX_BYTES);
        if (gate_view_render(ctx, bench->view, GATE_TPL_PROBLEM, dict, &buffer) != GATE_OK ||
            !strstr(gate_buffer_text(&buffer), "<h1>Hello</h1>"))
            renderer->failures++;
        gate_buffer_done(&buffer);
        gate_ctx_free(ctx);
    }
    return NULL;
}

static void test_reload__while_others_render(void **state) {
    struct renderer renderers[3];
    for (int i = 0; i < 3; i++) {
        renderers[i].bench = *state;
        atomic_init(&renderers[i].failures, 0);
        assert_int_equal(pthread_create(&renderers[i].thread, NULL, render_often, &renderers[i]),
                         0);
    }
    struct gate_error error = {0};
    for (int i = 0; i < 10; i++)
        assert_int_equal(gate_view_reload(renderers[0].bench->view, &error), GATE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(renderers[i].thread, NULL), 0);
        assert_int_equal(atomic_load(&renderers[i].failures), 0);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_render__full_model_of_every_template),
        CASE(test_render__hostile_model_of_every_template),
        CASE(test_render__values_never_become_markup),
        CASE(test_render__no_page_holds_inline_script_or_style),
        CASE(test_set__null_and_unset_are_empty),
        CASE(test_set__later_value_wins),
        CASE(test_set_integer__widest_numbers),
        CASE(test_set__value_is_copied),
        CASE(test_set__page_values_are_seen_in_includes_of_sections),
        CASE(test_render__unknown_template_or_include),
        CASE(test_render__page_beyond_the_buffers_maximum),
        CASE(test_new__missing_template),
        CASE(test_new__template_without_pragma),
        CASE(test_new__empty_template),
        CASE(test_new__broken_template),
        CASE(test_new__template_beyond_the_limit),
        cmocka_unit_test(test_new__no_such_directory),
        cmocka_unit_test(test_free__null),
        CASE(test_reload__takes_the_new_files),
        CASE(test_reload__keeps_all_old_files_when_one_is_broken),
        CASE(test_reload__keeps_old_files_when_all_are_gone),
        CASE(test_reload__while_others_render),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
