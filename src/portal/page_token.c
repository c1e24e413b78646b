#include "portal/page_token.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"

#define MARK "after:"

const char *gate_page_token_make(gate_arena *arena, const char *after) {
    const char *text = gate_arena_printf(arena, MARK "%s", after);
    return gate_base64url_format(arena, text, strlen(text));
}

enum gate_err gate_page_token_parse(struct gate_ctx *ctx, const char *token,
                                    const char **ret_after) {
    unsigned char *bytes;
    size_t length;
    if (gate_text_is_empty(token)) {
        *ret_after = NULL;
        return GATE_OK;
    }
    if (gate_base64url_parse(ctx->arena, token, strlen(token), &bytes, &length) == GATE_OK &&
        gate_text_is_utf8((const char *)bytes, length)) {
        const char *text = gate_arena_strndup(ctx->arena, (const char *)bytes, length);
        if (gate_text_starts_with(text, MARK)) {
            *ret_after = text + sizeof MARK - 1;
            return GATE_OK;
        }
    }
    return gate_fail(ctx, GATE_ERR_INPUT, "page_token is not one that this address has given.");
}
