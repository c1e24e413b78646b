// The only C++ of the tree: view.h on ctemplate. No exception leaves this file; running out of
// memory while a dictionary is filled aborts, as it does in the arena.
//
// Templates are read and checked here and handed to ctemplate as text, in a cache of their own that
// is frozen before anybody sees it. So what was checked is what is expanded, no request touches the
// disk, and a reload that fails leaves the old cache in use. A render holds its cache by
// shared_ptr; the lock only covers taking that pointer.
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

#include <ctemplate/per_expand_data.h>
#include <ctemplate/template_cache.h>
#include <ctemplate/template_dictionary.h>
#include <ctemplate/template_emitter.h>

extern "C" { // core's headers are C and do not say so themselves
#include "core/buffer.h"
#include "core/context.h"
}
#include "view/view.h"

#define GATE_TEMPLATE_NAMES_TABLE
#include "view/templates.gen.h"

using ctemplate::TemplateCache;
using ctemplate::TemplateDictionary;

struct gate_view {
    std::string dir;
    std::mutex mutex; // guards `pages`, not what it points to
    std::shared_ptr<const TemplateCache> pages;
};

struct gate_view_dict {
    TemplateDictionary *values;
    gate_arena *arena;
    bool is_page; // made by gate_view_dict_make
};

namespace {

constexpr char pragma[] = "{{%AUTOESCAPE context=\"HTML\"}}";
constexpr std::size_t template_max_bytes = 256 * 1024;

// Only blank lines go: stripping white space would also glue words together across lines.
constexpr ctemplate::Strip strip = ctemplate::STRIP_BLANK_LINES;

class BufferEmitter : public ctemplate::ExpandEmitter {
  public:
    explicit BufferEmitter(struct gate_buffer *buffer) : buffer_(buffer) {
    }
    void Emit(char c) override {
        gate_buffer_append(buffer_, &c, 1);
    }
    void Emit(const std::string &text) override {
        gate_buffer_append(buffer_, text.data(), text.size());
    }
    void Emit(const char *text) override {
        gate_buffer_append_text(buffer_, text);
    }
    void Emit(const char *text, std::size_t length) override {
        gate_buffer_append(buffer_, text, length);
    }

  private:
    struct gate_buffer *buffer_;
};

enum gate_err refuse_template(struct gate_error *error, const char *name, const char *why) {
    return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG, "template %s %s", name,
                             why);
}

enum gate_err read_template(const std::string &dir, const char *name, struct gate_error *error,
                            std::string *ret_text) {
    std::ifstream file(dir + "/" + name, std::ios::binary);
    if (!file)
        return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                                 "template %s is missing in %s", name, dir.c_str());
    std::string text(template_max_bytes + 1, '\0');
    file.read(&text[0], static_cast<std::streamsize>(text.size()));
    if (file.bad())
        return refuse_template(error, name, "cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > template_max_bytes)
        return refuse_template(error, name, "is too large");
    // Without the pragma ctemplate would print every value of the file as it is.
    if (text.compare(0, sizeof pragma - 1, pragma) != 0)
        return refuse_template(error, name, "does not start with the AUTOESCAPE pragma");
    if (text.find_first_not_of(" \t\r\n", sizeof pragma - 1) == std::string::npos)
        return refuse_template(error, name, "is empty");
    *ret_text = std::move(text);
    return GATE_OK;
}

enum gate_err load_pages(const std::string &dir, struct gate_error *error,
                         std::shared_ptr<const TemplateCache> *ret_pages) {
    auto pages = std::make_shared<TemplateCache>();
    for (const char *name : gate_template_names) {
        std::string text;
        enum gate_err err = read_template(dir, name, error, &text);
        if (err)
            return err;
        if (!pages->StringToTemplateCache(name, text, strip))
            return refuse_template(error, name, "is broken");
    }
    pages->Freeze();
    *ret_pages = std::move(pages);
    return GATE_OK;
}

std::shared_ptr<const TemplateCache> get_pages(gate_view *view) {
    std::lock_guard<std::mutex> lock(view->mutex);
    return view->pages;
}

enum gate_err report(struct gate_error *error, const std::exception &exception) {
    return gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_INTERNAL, "view: %s",
                             exception.what());
}

gate_view_dict *wrap(gate_arena *arena, TemplateDictionary *values, bool is_page) {
    gate_view_dict *dict = gate_arena_make(arena, gate_view_dict);
    dict->values = values;
    dict->arena = arena;
    dict->is_page = is_page;
    return dict;
}

extern "C" void release_dictionary(void *object) {
    delete static_cast<TemplateDictionary *>(object);
}

} // namespace

enum gate_err gate_view_new(const char *dir, struct gate_error *error, gate_view **ret_view) try {
    auto view = std::make_unique<gate_view>();
    view->dir = dir;
    enum gate_err err = load_pages(view->dir, error, &view->pages);
    if (err)
        return err;
    *ret_view = view.release();
    return GATE_OK;
} catch (const std::exception &exception) {
    return report(error, exception);
}

void gate_view_free(gate_view *view) try { delete view; } catch (...) {
    std::abort();
}

enum gate_err gate_view_reload(gate_view *view, struct gate_error *error) try {
    std::shared_ptr<const TemplateCache> pages;
    enum gate_err err = load_pages(view->dir, error, &pages);
    if (err)
        return err;
    std::lock_guard<std::mutex> lock(view->mutex);
    view->pages.swap(pages); // `pages` was declared first, so the old ones go after the lock
    return GATE_OK;
} catch (const std::exception &exception) {
    return report(error, exception);
}

gate_view_dict *gate_view_dict_make(gate_arena *arena) try {
    auto *values = new TemplateDictionary("page");
    gate_arena_defer(arena, release_dictionary, values);
    return wrap(arena, values, true);
} catch (...) {
    std::abort();
}

void gate_view_set(gate_view_dict *dict, const char *marker, const char *value) try {
    const char *text = value ? value : "";
    // An included dictionary inherits nothing from where it is included but these.
    if (dict->is_page)
        dict->values->SetTemplateGlobalValue(marker, text);
    else
        dict->values->SetValue(marker, text);
} catch (...) {
    std::abort();
}

void gate_view_set_integer(gate_view_dict *dict, const char *marker, long long value) try {
    gate_view_set(dict, marker, std::to_string(value).c_str());
} catch (...) {
    std::abort();
}

gate_view_dict *gate_view_add_section(gate_view_dict *dict, const char *section) try {
    return wrap(dict->arena, dict->values->AddSectionDictionary(section), false);
} catch (...) {
    std::abort();
}

void gate_view_show_section(gate_view_dict *dict, const char *section) try {
    dict->values->ShowSection(section);
} catch (...) {
    std::abort();
}

gate_view_dict *gate_view_add_include(gate_view_dict *dict, const char *marker,
                                      const char *template_name) try {
    TemplateDictionary *values = dict->values->AddIncludeDictionary(marker);
    values->SetFilename(template_name);
    return wrap(dict->arena, values, false);
} catch (...) {
    std::abort();
}

enum gate_err gate_view_render(struct gate_ctx *ctx, gate_view *view, const char *template_name,
                               const gate_view_dict *dict, struct gate_buffer *buffer) try {
    std::shared_ptr<const TemplateCache> pages = get_pages(view);
    ctemplate::PerExpandData none;
    BufferEmitter emitter(buffer);
    if (!pages->ExpandNoLoad(template_name, strip, dict->values, &none, &emitter))
        return gate_fail(ctx, GATE_ERR_CONFIG, "template %s cannot be expanded", template_name);
    if (buffer->overflowed)
        return gate_fail(ctx, GATE_ERR_TOO_LARGE, "page %s is larger than %zu bytes", template_name,
                         buffer->max_bytes);
    return GATE_OK;
} catch (const std::exception &exception) {
    return report(&ctx->error, exception);
}
