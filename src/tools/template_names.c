/* Host program of the build: turn templates/ into C constants, and refuse what must not be shipped.
 *
 *   template_names OUT.h FILE.tpl...
 *
 * For every file GATE_TPL_<FILE>, for every marker, section and include in it GATE_M_<FILE>_<NAME>,
 * and (where GATE_TEMPLATE_NAMES_TABLE is defined) the list of all files. The header is written
 * only when every file is sound: pragma first, sections balanced, and no value in a place that
 * ctemplate's escaping does not cover or that the portal's Content-Security-Policy forbids.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = 256, /* in one template */
    NAME_MAX_BYTES = 64,
    DEPTH_MAX = 16,
    FILE_MAX_BYTES = 256 * 1024,
};

static const char pragma[] = "{{%AUTOESCAPE context=\"HTML\"}}";

/* Where in the HTML the reader stands. */
enum place {
    IN_TEXT,
    IN_COMMENT,
    IN_TAG_NAME,
    IN_TAG,
    IN_ATTRIBUTE_NAME,
    AFTER_ATTRIBUTE_NAME,
    BEFORE_VALUE,
    IN_VALUE,
};

struct reader {
    const char *file;
    const char *text;
    const char *at;
    enum place place;
    char quote;
    bool closing_tag;
    char tag[NAME_MAX_BYTES];
    size_t tag_length;
    char attribute[NAME_MAX_BYTES];
    size_t attribute_length;
    bool script_has_source;
    char open[DEPTH_MAX][NAME_MAX_BYTES];
    size_t depth;
    char names[NAMES_MAX][NAME_MAX_BYTES];
    size_t name_count;
};

static int line_of(const struct reader *reader) {
    int line = 1;
    for (const char *c = reader->text; c < reader->at; c++)
        line += *c == '\n';
    return line;
}

static bool refuse(const struct reader *reader, const char *what, const char *name) {
    fprintf(stderr, "%s:%d: %s%s%s\n", reader->file, line_of(reader), what, name ? ": " : "",
            name ? name : "");
    return false;
}

static bool read_file(const char *path, char **ret_text) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    char *text = malloc(FILE_MAX_BYTES + 1);
    size_t length = text ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
    bool failed = !text || ferror(file) != 0;
    fclose(file);
    if (failed || length > FILE_MAX_BYTES || memchr(text, '\0', length)) {
        fprintf(stderr, "%s: cannot be read, is too large or holds a NUL byte\n", path);
        free(text);
        return false;
    }
    text[length] = '\0';
    *ret_text = text;
    return true;
}

/* ---- HTML ---- */

static bool equals_any(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* Appending one byte at a time keeps names lower-case and cut, which can only make two long names
 * equal. */
static void append_lower(char *name, size_t *length, char c) {
    if (*length + 1 >= NAME_MAX_BYTES)
        return;
    name[(*length)++] = (char)tolower((unsigned char)c);
    name[*length] = '\0';
}

static bool check_attribute_name(const struct reader *reader) {
    static const char *const forbidden[] = {"style", "srcdoc", "xlink:href", "formaction", NULL};
    const char *name = reader->attribute;
    if (equals_any(name, forbidden))
        return refuse(reader, "attribute not allowed in a template", name);
    if (strncmp(name, "on", 2) == 0)
        return refuse(reader, "inline script not allowed in a template", name);
    return true;
}

static bool end_attribute_name(struct reader *reader) {
    if (strcmp(reader->tag, "script") == 0 && strcmp(reader->attribute, "src") == 0)
        reader->script_has_source = true;
    return check_attribute_name(reader);
}

static bool end_tag(struct reader *reader) {
    static const char *const forbidden[] = {"style", "iframe", "object", "embed", "base", NULL};
    reader->place = IN_TEXT;
    if (equals_any(reader->tag, forbidden))
        return refuse(reader, "element not allowed in a template", reader->tag);
    if (strcmp(reader->tag, "script") != 0 || reader->closing_tag)
        return true;
    const char *end = "</script>";
    if (!reader->script_has_source || strncmp(reader->at + 1, end, strlen(end)) != 0)
        return refuse(reader, "inline script not allowed in a template", NULL);
    return true;
}

static void begin_tag(struct reader *reader) {
    reader->closing_tag = reader->at[1] == '/';
    reader->at += reader->closing_tag;
    reader->place = IN_TAG_NAME;
    reader->tag_length = 0;
    reader->tag[0] = '\0';
    reader->script_has_source = false;
}

static bool read_text_byte(struct reader *reader) {
    const char *at = reader->at;
    if (*at != '<')
        return true;
    if (strncmp(at, "<!--", 4) == 0) {
        reader->place = IN_COMMENT;
        return true;
    }
    if (isalpha((unsigned char)at[1]) || at[1] == '!' || at[1] == '/') {
        begin_tag(reader);
        return true;
    }
    return refuse(reader, "a bare '<' must be written as &lt;", NULL);
}

static bool begin_attribute(struct reader *reader) {
    reader->place = IN_ATTRIBUTE_NAME;
    reader->attribute_length = 0;
    append_lower(reader->attribute, &reader->attribute_length, *reader->at);
    return true;
}

static bool read_value_start(struct reader *reader) {
    if (isspace((unsigned char)*reader->at))
        return true;
    if (*reader->at != '"' && *reader->at != '\'')
        return refuse(reader, "attribute value must be quoted", reader->attribute);
    reader->quote = *reader->at;
    reader->place = IN_VALUE;
    if (strncmp(reader->at + 1, "javascript:", 11) == 0)
        return refuse(reader, "inline script not allowed in a template", reader->attribute);
    return true;
}

static bool read_tag_byte(struct reader *reader) {
    char c = *reader->at;
    if (c == '>')
        return end_tag(reader);
    if (c == '=' && reader->place == AFTER_ATTRIBUTE_NAME) {
        reader->place = BEFORE_VALUE;
        return true;
    }
    if (isspace((unsigned char)c) || c == '/')
        return true;
    return begin_attribute(reader);
}

static bool read_attribute_name_byte(struct reader *reader) {
    char c = *reader->at;
    if (c != '=' && c != '>' && c != '/' && !isspace((unsigned char)c)) {
        append_lower(reader->attribute, &reader->attribute_length, c);
        return true;
    }
    if (!end_attribute_name(reader))
        return false;
    reader->place = AFTER_ATTRIBUTE_NAME;
    return read_tag_byte(reader);
}

static bool read_html_byte(struct reader *reader) {
    char c = *reader->at;
    switch (reader->place) {
    case IN_TEXT:
        return read_text_byte(reader);
    case IN_COMMENT:
        if (strncmp(reader->at, "-->", 3) == 0)
            reader->place = IN_TEXT;
        return true;
    case IN_TAG_NAME:
        if (c != '>' && c != '/' && !isspace((unsigned char)c)) {
            append_lower(reader->tag, &reader->tag_length, c);
            return true;
        }
        reader->place = IN_TAG;
        return read_tag_byte(reader);
    case IN_TAG:
    case AFTER_ATTRIBUTE_NAME:
        return read_tag_byte(reader);
    case IN_ATTRIBUTE_NAME:
        return read_attribute_name_byte(reader);
    case BEFORE_VALUE:
        return read_value_start(reader);
    case IN_VALUE:
        if (c == reader->quote)
            reader->place = IN_TAG;
        return true;
    }
    return false;
}

/* ---- Markers ---- */

static bool add_name(struct reader *reader, const char *name) {
    for (size_t i = 0; i < reader->name_count; i++)
        if (strcmp(reader->names[i], name) == 0)
            return true;
    if (reader->name_count == NAMES_MAX)
        return refuse(reader, "too many markers in one template", NULL);
    strcpy(reader->names[reader->name_count++], name);
    return true;
}

/* Copy the upper-case name that ends at `end`. */
static bool parse_name(const struct reader *reader, const char *from, const char *end,
                       char *ret_name) {
    size_t length = (size_t)(end - from);
    if (length == 0 || length >= NAME_MAX_BYTES)
        return refuse(reader, "marker name missing or too long", NULL);
    memcpy(ret_name, from, length);
    ret_name[length] = '\0';
    bool sound = isupper((unsigned char)ret_name[0]) != 0;
    for (const char *c = ret_name; *c; c++)
        sound = sound && (isupper((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
    return sound || refuse(reader, "marker names are A-Z, 0-9 and '_'", ret_name);
}

static bool read_variable(struct reader *reader, const char *from, const char *end) {
    char name[NAME_MAX_BYTES];
    const char *colon = memchr(from, ':', (size_t)(end - from));
    if (!parse_name(reader, from, colon ? colon : end, name))
        return false;
    if (colon && (end - colon != 2 || colon[1] != 'u'))
        return refuse(reader, "the only modifier allowed is :u", name);
    if (reader->place != IN_TEXT && reader->place != IN_VALUE)
        return refuse(reader, "a value may stand in text or in a quoted attribute only", name);
    return add_name(reader, name);
}

static bool read_section_start(struct reader *reader, const char *from, const char *end) {
    char name[NAME_MAX_BYTES];
    if (!parse_name(reader, from, end, name))
        return false;
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, "sections nest too deeply", name);
    strcpy(reader->open[reader->depth++], name);
    return add_name(reader, name);
}

static bool read_section_end(struct reader *reader, const char *from, const char *end) {
    char name[NAME_MAX_BYTES];
    if (!parse_name(reader, from, end, name))
        return false;
    if (reader->depth == 0 || strcmp(reader->open[reader->depth - 1], name) != 0)
        return refuse(reader, "section ends where another one is open", name);
    reader->depth--;
    return true;
}

static bool read_include(struct reader *reader, const char *from, const char *end) {
    char name[NAME_MAX_BYTES];
    if (!parse_name(reader, from, end, name))
        return false;
    if (reader->place != IN_TEXT)
        return refuse(reader, "a template may be included in text only", name);
    return add_name(reader, name);
}

static bool read_marker(struct reader *reader) {
    const char *from = reader->at + 2;
    const char *end = strstr(from, "}}");
    if (!end)
        return refuse(reader, "'{{' without '}}'", NULL);
    if (reader->place == IN_ATTRIBUTE_NAME || reader->place == AFTER_ATTRIBUTE_NAME) {
        if (reader->place == IN_ATTRIBUTE_NAME && !end_attribute_name(reader))
            return false;
        reader->place = IN_TAG; /* a section that ends right after a bare attribute */
    }
    bool sound;
    switch (*from) {
    case '!':
        sound = true;
        break;
    case '#':
        sound = read_section_start(reader, from + 1, end);
        break;
    case '/':
        sound = read_section_end(reader, from + 1, end);
        break;
    case '>':
        sound = read_include(reader, from + 1, end);
        break;
    case '%':
        sound =
            reader->at == reader->text || refuse(reader, "only the first line has a pragma", NULL);
        break;
    default:
        sound = read_variable(reader, from, end);
    }
    reader->at = end + 2;
    return sound;
}

static bool read_template(struct reader *reader) {
    if (strncmp(reader->text, pragma, strlen(pragma)) != 0)
        return refuse(reader, "the file must start with", pragma);
    while (*reader->at) {
        if (strncmp(reader->at, "{{", 2) == 0) {
            if (!read_marker(reader))
                return false;
            continue;
        }
        if (!read_html_byte(reader))
            return false;
        reader->at++;
    }
    if (reader->depth > 0)
        return refuse(reader, "section never ends", reader->open[reader->depth - 1]);
    if (reader->place != IN_TEXT)
        return refuse(reader, "the file ends inside a tag or a comment", NULL);
    if (reader->text[strlen(pragma) + strspn(reader->text + strlen(pragma), " \r\n\t")] == '\0')
        return refuse(reader, "the file is empty but for the pragma", NULL);
    return true;
}

/* ---- Output ---- */

/* "…/connector_card.tpl" → "connector_card" and "CONNECTOR_CARD". */
static bool name_template(const char *path, char *ret_base, char *ret_upper) {
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t length = strlen(base);
    if (length <= 4 || length - 4 >= NAME_MAX_BYTES || strcmp(base + length - 4, ".tpl") != 0) {
        fprintf(stderr, "%s: not a template's name\n", path);
        return false;
    }
    length -= 4;
    for (size_t i = 0; i < length; i++) {
        if (!islower((unsigned char)base[i]) && base[i] != '_' &&
            !isdigit((unsigned char)base[i])) {
            fprintf(stderr, "%s: template names are a-z, 0-9 and '_'\n", path);
            return false;
        }
        ret_upper[i] = (char)toupper((unsigned char)base[i]);
    }
    memcpy(ret_base, base, length);
    ret_base[length] = ret_upper[length] = '\0';
    return true;
}

static bool emit_template(FILE *out, const char *path) {
    static struct reader reader; /* large; one at a time */
    char base[NAME_MAX_BYTES];
    char upper[NAME_MAX_BYTES];
    char *text;
    if (!name_template(path, base, upper) || !read_file(path, &text))
        return false;
    memset(&reader, 0, sizeof reader);
    reader.file = path;
    reader.text = reader.at = text;
    bool sound = read_template(&reader);
    if (sound) {
        fprintf(out, "\n#define GATE_TPL_%s \"%s.tpl\"\n", upper, base);
        for (size_t i = 0; i < reader.name_count; i++)
            fprintf(out, "#define GATE_M_%s_%s \"%s\"\n", upper, reader.names[i], reader.names[i]);
    }
    free(text);
    return sound;
}

static bool emit_table(FILE *out, char *const *paths, int count) {
    fputs("\n#ifdef GATE_TEMPLATE_NAMES_TABLE\n", out);
    fputs("static const char *const gate_template_names[] = {\n", out);
    for (int i = 0; i < count; i++) {
        char base[NAME_MAX_BYTES];
        char upper[NAME_MAX_BYTES];
        if (!name_template(paths[i], base, upper))
            return false;
        fprintf(out, "    \"%s.tpl\",\n", base);
    }
    fputs("};\n#endif\n\n#endif\n", out);
    return true;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: template_names OUT.h FILE.tpl...\n");
        return 2;
    }
    FILE *out = fopen(argv[1], "wb");
    if (!out) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    fputs("/* Names of templates and of the markers in them. Generated from templates/. */\n", out);
    fputs("#ifndef GATE_VIEW_TEMPLATES_GEN_H\n#define GATE_VIEW_TEMPLATES_GEN_H\n", out);
    bool sound = true;
    for (int i = 2; i < argc; i++)
        sound = emit_template(out, argv[i]) && sound; /* report every file, not only the first */
    sound = sound && emit_table(out, argv + 2, argc - 2);
    if (fclose(out) != 0 || !sound) {
        remove(argv[1]); /* so that the build does not go on with half a header */
        return 1;
    }
    return 0;
}
