#include "sim/exchange.h"

#include <string.h>

#include "core/encoding.h"
#include "core/text.h"

const char *gate_sim_exchange_header(const struct gate_sim_exchange *exchange, const char *name) {
    for (size_t i = 0; i < exchange->headers.count; i++) {
        if (gate_text_equal_ignoring_case(exchange->headers.items[i].name, name)) {
            return exchange->headers.items[i].value;
        }
    }
    return NULL;
}

const char *gate_sim_pairs_find(const struct gate_sim_pairs *pairs, const char *name) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (gate_text_equal(pairs->items[i].name, name)) {
            return pairs->items[i].value;
        }
    }
    return NULL;
}

static enum gate_err parse_pair(gate_arena *arena, const char *text, size_t length,
                                struct gate_sim_pair *ret_pair) {
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals == NULL ? length : (size_t)(equals - text);
    const char *value = equals == NULL ? "" : equals + 1;
    size_t value_length = equals == NULL ? 0 : length - name_length - 1;
    char *name = NULL;
    char *decoded = NULL;
    if (gate_percent_parse(arena, text, name_length, 1, &name) != GATE_OK ||
        gate_percent_parse(arena, value, value_length, 1, &decoded) != GATE_OK) {
        return GATE_ERR_INPUT;
    }
    *ret_pair = (struct gate_sim_pair){name, decoded};
    return GATE_OK;
}

enum gate_err gate_sim_pairs_parse(gate_arena *arena, const char *text,
                                   struct gate_sim_pairs *ret_pairs) {
    struct gate_sim_pair *items = gate_arena_alloc_array(arena, GATE_SIM_FIELDS_MAX, sizeof *items);
    size_t count = 0;
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "&");
        if (length > 0) {
            if (count == GATE_SIM_FIELDS_MAX ||
                parse_pair(arena, text, length, &items[count]) != GATE_OK) {
                return GATE_ERR_INPUT;
            }
            count++;
        }
        text += length;
        text += *text == '&' ? 1 : 0;
    }
    *ret_pairs = (struct gate_sim_pairs){items, count};
    return GATE_OK;
}
