#include "sim/paging.h"

#include <string.h>

#include "core/encoding.h"
#include "core/number.h"
#include "core/text.h"
#include "sim/answer.h"

#define TOKEN_PREFIX "offset:"

static const char *make_token(gate_arena *arena, size_t offset) {
    const char *text = gate_arena_printf(arena, TOKEN_PREFIX "%zu", offset);
    return gate_base64url_format(arena, text, strlen(text));
}

static bool parse_token(gate_arena *arena, const char *token, size_t *ret_offset) {
    unsigned char *bytes = NULL;
    size_t length = 0;
    int64_t offset = 0;
    if (gate_base64url_parse(arena, token, strlen(token), &bytes, &length) != GATE_OK) {
        return false;
    }
    const char *text = gate_arena_strndup(arena, (const char *)bytes, length);
    if (!gate_text_starts_with(text, TOKEN_PREFIX) ||
        gate_number_parse(text + strlen(TOKEN_PREFIX), 0, UINT32_MAX, &offset) != GATE_OK) {
        return false;
    }
    *ret_offset = (size_t)offset;
    return true;
}

bool gate_sim_page_read(struct gate_sim_exchange *exchange, const struct gate_sim_input *input,
                        size_t default_size, size_t max_size, struct gate_sim_page *ret_page) {
    const char *token = gate_sim_input_text(input, "page_token");
    size_t size = (size_t)gate_sim_input_get(input, "page_size")->number;
    struct gate_sim_page page = {0, size == 0 ? default_size : size, 0};
    page.size = page.size > max_size ? max_size : page.size;
    if (token != NULL && !parse_token(exchange->ctx->arena, token, &page.first)) {
        gate_sim_answer_violation(exchange, "page_token", "page_token", "page_token is not valid");
        return false;
    }
    *ret_page = page;
    return true;
}

bool gate_sim_page_takes(struct gate_sim_page *page) {
    size_t index = page->total++;
    return index >= page->first && index - page->first < page->size;
}

void gate_sim_page_write_end(struct gate_sim_exchange *exchange, const struct gate_sim_page *page,
                             struct gate_json_writer *writer) {
    gate_arena *arena = exchange->ctx->arena;
    size_t next = page->first + page->size;
    size_t previous = page->first > page->size ? page->first - page->size : 0;
    gate_json_write_text(writer, "next_page_token",
                         next < page->total ? make_token(arena, next) : "");
    gate_json_write_text(writer, "prev_page_token",
                         page->first > 0 ? make_token(arena, previous) : "");
    gate_json_write_integer(writer, "total_size", (int64_t)page->total);
}
