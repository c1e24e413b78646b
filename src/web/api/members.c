#include "web/api/members.h"

#include <string.h>

#include "core/text.h"

enum gate_err gate_members_read_text(struct gate_request *request, const char *name,
                                     size_t max_bytes, const char **ret_text) {
    const gate_json *member = gate_json_member(request->json, name);
    if (gate_json_is_null(member)) {
        *ret_text = NULL;
        return GATE_OK;
    }
    const char *text = gate_json_text(member);
    size_t length = text == NULL ? 0 : strlen(text);
    if (length == 0 || length > max_bytes || !gate_text_is_one_line(text, length)) {
        return gate_fail(request->ctx, GATE_ERR_INPUT,
                         "%s must be one line of text of at most %zu bytes.", name, max_bytes);
    }
    *ret_text = text;
    return GATE_OK;
}

enum gate_err gate_members_read_field(struct gate_request *request, const char *name,
                                      size_t max_bytes, const char **ret_text) {
    if (gate_text_equal(gate_json_member_text(request->json, name), "")) {
        *ret_text = NULL;
        return GATE_OK;
    }
    return gate_members_read_text(request, name, max_bytes, ret_text);
}

enum gate_err gate_members_check_known(struct gate_request *request, const char *const *known) {
    return gate_json_unknown_member(request->json, known) == NULL
               ? GATE_OK
               : gate_fail(request->ctx, GATE_ERR_INPUT,
                           "The body has a member that this address does not know.");
}
