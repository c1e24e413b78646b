/* Rendering pages: a pure C face on ctemplate.
 *
 * Marker and template names are the constants generated from templates/ at build
 * (GATE_TPL_… in view/templates.gen.h, GATE_M_<TEMPLATE>_<MARKER> for markers and sections), never
 * text from outside. Owner: dictionaries belong to the arena given to gate_view_dict_make. Threads:
 * the view is locked (its own mutex); dictionaries are confined. Errors: GATE_ERR_CONFIG
 * for a missing or broken template. Escaping is ctemplate's AUTOESCAPE; every file must carry the
 * pragma, checked when loaded.
 */
#ifndef GATE_VIEW_VIEW_H
#define GATE_VIEW_VIEW_H

#include "core/buffer.h"
#include "core/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gate_view gate_view;
typedef struct gate_view_dict gate_view_dict;

/* Load and check every known template under `dir`. */
enum gate_err gate_view_new(const char *dir, struct gate_error *error,
                            gate_view **ret_view) GATE_MUST_CHECK;
void gate_view_free(gate_view *view);

/* Load all templates anew, from disk, without disturbing renders in progress; when one is missing
 * or broken the old ones stay in use. */
enum gate_err gate_view_reload(gate_view *view, struct gate_error *error) GATE_MUST_CHECK;

/* An empty dictionary for one page. Values set on it are visible in every section and every
 * included template of the page; values set on the dictionaries below it only there and in their
 * sections. */
gate_view_dict *gate_view_dict_make(gate_arena *arena);
/* A marker's value; copied. NULL sets "". */
void gate_view_set(gate_view_dict *dict, const char *marker, const char *value);
void gate_view_set_integer(gate_view_dict *dict, const char *marker, long long value);
/* One more repetition of a section; values set on the parent are visible in it. */
gate_view_dict *gate_view_add_section(gate_view_dict *dict, const char *section);
/* Show a section once, without values of its own. */
void gate_view_show_section(gate_view_dict *dict, const char *section);
/* One more inclusion of a template at an include marker ({{>NAME}}). */
gate_view_dict *gate_view_add_include(gate_view_dict *dict, const char *marker,
                                      const char *template_name);

/* Expand a template into the buffer. After a failure the buffer holds part of a page: drop it.
 * GATE_ERR_TOO_LARGE when it does not fit. */
enum gate_err gate_view_render(struct gate_ctx *ctx, gate_view *view, const char *template_name,
                               const gate_view_dict *dict,
                               struct gate_buffer *buffer) GATE_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
