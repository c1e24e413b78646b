#include "sim/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "core/text.h"
#include "sim/sim_limits.h"

struct gate_sim_links {
    struct gate_sim_link *items[GATE_SIM_LINKS_MAX]; /* ring */
    size_t next;
};

gate_sim_links *gate_sim_links_new(void) {
    gate_sim_links *links = calloc(1, sizeof *links);
    if (links == NULL) {
        abort();
    }
    return links;
}

static void free_link(struct gate_sim_link *link) {
    if (link != NULL) {
        free(link->user_verify_url);
        free(link->state);
        free(link);
    }
}

void gate_sim_links_clear(gate_sim_links *links) {
    for (size_t i = 0; i < GATE_SIM_LINKS_MAX; i++) {
        free_link(links->items[i]);
        links->items[i] = NULL;
    }
}

void gate_sim_links_free(gate_sim_links *links) {
    if (links != NULL) {
        gate_sim_links_clear(links);
        free(links);
    }
}

void gate_sim_links_expire(gate_sim_links *links) {
    for (size_t i = 0; i < GATE_SIM_LINKS_MAX; i++) {
        if (links->items[i] != NULL) {
            links->items[i]->expires_ms = 0;
        }
    }
}

static void fill_random(char *text, size_t size, const char *prefix) {
    gate_arena *arena = gate_arena_new();
    snprintf(text, size, "%s%s", prefix, gate_random_token_make(arena, 24));
    gate_arena_free(arena);
}

static char *copy_text(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

struct gate_sim_link *gate_sim_link_add(gate_sim_links *links, const char *account_id,
                                        const char *user_verify_url, const char *state,
                                        int64_t expires_ms) {
    struct gate_sim_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        abort();
    }
    fill_random(link->token, sizeof link->token, "");
    snprintf(link->account_id, sizeof link->account_id, "%s", account_id);
    link->user_verify_url = copy_text(user_verify_url);
    link->state = copy_text(state);
    link->expires_ms = expires_ms;
    free_link(links->items[links->next]);
    links->items[links->next] = link;
    links->next = (links->next + 1) % GATE_SIM_LINKS_MAX;
    return link;
}

struct gate_sim_link *gate_sim_link_find(const gate_sim_links *links, const char *token) {
    for (size_t i = 0; i < GATE_SIM_LINKS_MAX; i++) {
        if (links->items[i] != NULL && gate_text_equal(links->items[i]->token, token)) {
            return links->items[i];
        }
    }
    return NULL;
}

struct gate_sim_link *gate_sim_link_find_consented(const gate_sim_links *links,
                                                   const char *auth_request_id) {
    for (size_t i = 0; i < GATE_SIM_LINKS_MAX; i++) {
        struct gate_sim_link *link = links->items[i];
        if (link != NULL && link->stage == GATE_SIM_LINK_CONSENTED &&
            gate_text_equal(link->auth_request_id, auth_request_id)) {
            return link;
        }
    }
    return NULL;
}

void gate_sim_link_use(struct gate_sim_link *link, bool consented) {
    link->stage = consented ? GATE_SIM_LINK_CONSENTED : GATE_SIM_LINK_USED;
    if (consented) {
        fill_random(link->auth_request_id, sizeof link->auth_request_id, "areq_");
    }
}
