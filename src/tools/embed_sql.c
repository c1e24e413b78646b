/* embed_sql OUT.h OUT.c FILE.sql...: turn the files of sql/ into C at build.
 *
 * A file in a folder called query/ holds named statements, each after a line "-- name: some_name";
 * they become enum gate_sql and a table. A file in schema/, NNNN_name.sql, is a migration; given in
 * order they must be numbered from 1 without a gap. Lines that are comments are left out. Texts
 * become byte arrays, because a string literal may not be longer than 4095 bytes.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define NAME_MAX_BYTES 128
#define TEXTS_MAX 1000

struct text {
    char name[NAME_MAX_BYTES];
    char *sql;
    size_t length;
};

struct table {
    struct text *texts[TEXTS_MAX];
    size_t count;
};

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("embed_sql: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static struct text *add_text(struct table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->texts[i]->name, name) == 0) {
            fail("%s is there twice", name);
        }
    }
    struct text *text = calloc(1, sizeof *text);
    if (text == NULL || table->count == TEXTS_MAX) {
        fail("too many statements");
    }
    snprintf(text->name, sizeof text->name, "%s", name);
    table->texts[table->count++] = text;
    return text;
}

static void append_line(struct text *text, const char *line) {
    size_t added = strlen(line);
    char *grown = realloc(text->sql, text->length + added + 1);
    if (grown == NULL) {
        fail("out of memory");
    }
    memcpy(grown + text->length, line, added + 1);
    text->sql = grown;
    text->length += added;
}

static void require_name(const char *path, const char *name) {
    bool good = islower((unsigned char)name[0]);
    for (const char *c = name; *c != '\0'; c++) {
        good = good && (islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
    }
    if (!good || strlen(name) >= NAME_MAX_BYTES) {
        fail("%s: \"%s\" is no name (a-z, 0-9, _)", path, name);
    }
}

/* Read one file; lines go to `text`, or to the statement last named when `named` is given. */
static void read_sql(const char *path, struct text *text, struct table *named) {
    static const char mark[] = "-- name: ";
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail("%s cannot be read", path);
    }
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strchr(line, '\n') == NULL) {
            fail("%s: a line is too long or does not end", path);
        }
        if (named != NULL && strncmp(line, mark, sizeof mark - 1) == 0) {
            char *name = line + sizeof mark - 1;
            name[strcspn(name, "\r\n ")] = '\0';
            require_name(path, name);
            text = add_text(named, name);
            continue;
        }
        const char *start = line + strspn(line, " \t");
        if (strncmp(start, "--", 2) == 0 || start[0] == '\n') {
            continue;
        }
        if (text == NULL) {
            fail("%s: a statement before the first name", path);
        }
        append_line(text, line);
    }
    fclose(file);
}

static void read_migration(const char *path, const char *base, struct table *migrations) {
    char *end = NULL;
    unsigned long version = strtoul(base, &end, 10);
    if (end != base + 4 || *end != '_' || version != migrations->count + 1) {
        fail("%s: migrations are called NNNN_name.sql, numbered from 0001 without a gap", path);
    }
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
    read_sql(path, add_text(migrations, name), NULL);
}

static void require_texts(const struct table *table) {
    for (size_t i = 0; i < table->count; i++) {
        if (table->texts[i]->length == 0) {
            fail("%s is empty", table->texts[i]->name);
        }
    }
}

static FILE *open_output(const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail("%s cannot be written", path);
    }
    return file;
}

static void close_output(FILE *file, const char *path) {
    if (ferror(file) || fclose(file) != 0) {
        fail("%s cannot be written", path);
    }
}

static void write_header(const char *path, const struct table *statements,
                         const struct table *migrations) {
    FILE *file = open_output(path);
    fputs("/* Made from sql/ by embed_sql. Threads: immutable. */\n"
          "#ifndef GATE_STORE_SQL_GEN_H\n#define GATE_STORE_SQL_GEN_H\n\n"
          "/* The statements of sql/query/. */\nenum gate_sql {\n",
          file);
    for (size_t i = 0; i < statements->count; i++) {
        fputs("    GATE_SQL_", file);
        for (const char *c = statements->texts[i]->name; *c != '\0'; c++) {
            fputc(toupper((unsigned char)*c), file);
        }
        fputs(",\n", file);
    }
    fprintf(file,
            "    GATE_SQL_COUNT_,\n};\n\n"
            "struct gate_sql_text {\n    const char *name;\n    const char *text;\n};\n\n"
            "extern const struct gate_sql_text gate_sql_statements[GATE_SQL_COUNT_];\n\n"
            "/* Element i takes the schema from version i to i + 1. */\n"
            "#define GATE_SQL_MIGRATION_COUNT %zu\n"
            "extern const struct gate_sql_text gate_sql_migrations[GATE_SQL_MIGRATION_COUNT];\n\n"
            "#endif\n",
            migrations->count);
    close_output(file, path);
}

static void write_bytes(FILE *file, const char *prefix, const struct table *table) {
    for (size_t i = 0; i < table->count; i++) {
        fprintf(file, "static const char %s_%zu[] = {", prefix, i);
        for (size_t at = 0; at < table->texts[i]->length; at++) {
            int byte = (unsigned char)table->texts[i]->sql[at];
            if (byte > 127) {
                fail("%s: not ASCII", table->texts[i]->name);
            }
            fprintf(file, "%s%d,", at % 24 == 0 ? "\n    " : "", byte);
        }
        fputs("\n    0};\n", file);
    }
}

static void write_table(FILE *file, const char *prefix, const char *count,
                        const struct table *table) {
    fprintf(file, "\nconst struct gate_sql_text gate_sql_%ss[%s] = {\n", prefix, count);
    for (size_t i = 0; i < table->count; i++) {
        fprintf(file, "    {\"%s\", %s_%zu},\n", table->texts[i]->name, prefix, i);
    }
    fputs("};\n", file);
}

static void write_source(const char *path, const struct table *statements,
                         const struct table *migrations) {
    FILE *file = open_output(path);
    fputs("/* Made from sql/ by embed_sql. */\n#include \"store/sql.gen.h\"\n\n", file);
    write_bytes(file, "statement", statements);
    write_bytes(file, "migration", migrations);
    write_table(file, "statement", "GATE_SQL_COUNT_", statements);
    write_table(file, "migration", "GATE_SQL_MIGRATION_COUNT", migrations);
    close_output(file, path);
}

/* Is the file directly in a folder of that name ("/schema/")? `base` points behind the last slash.
 */
static bool is_in_folder(const char *path, const char *base, const char *folder) {
    size_t length = strlen(folder);
    return (size_t)(base - path) >= length && strncmp(base - length, folder, length) == 0;
}

int main(int argc, char **argv) {
    static struct table statements;
    static struct table migrations;
    if (argc < 4) {
        fail("usage: embed_sql OUT.h OUT.c FILE.sql...");
    }
    for (int i = 3; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        const char *base = slash == NULL ? argv[i] : slash + 1;
        if (is_in_folder(argv[i], base, "/schema/")) {
            read_migration(argv[i], base, &migrations);
        } else {
            read_sql(argv[i], NULL, &statements);
        }
    }
    if (statements.count == 0 || migrations.count == 0) {
        fail("no statements or no migrations");
    }
    require_texts(&statements);
    require_texts(&migrations);
    write_header(argv[1], &statements, &migrations);
    write_source(argv[2], &statements, &migrations);
    return 0;
}
