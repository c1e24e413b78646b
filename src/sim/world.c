#include "sim/world.h"

#include <stdio.h>
#include <string.h>

/* Ids start here, so that they look like Scalekit's. */
#define FIRST_NUMBER 133400349586228000

void gate_sim_world_init(struct gate_sim_world *world, const struct gate_sim_options *options) {
    memset(world, 0, sizeof *world);
    world->options = options;
    world->clock = &gate_clock_system;
    world->public_url = options->public_url;
    world->last_number = FIRST_NUMBER;
    world->accounts = gate_sim_accounts_new();
    world->links = gate_sim_links_new();
    world->tokens = gate_sim_tokens_new();
    world->people = gate_sim_people_new();
    world->journal = gate_sim_journal_new();
    gate_sim_connections_fill(&world->connections, options->connections);
}

void gate_sim_world_done(struct gate_sim_world *world) {
    gate_sim_accounts_free(world->accounts);
    gate_sim_links_free(world->links);
    gate_sim_tokens_free(world->tokens);
    gate_sim_people_free(world->people);
    gate_sim_journal_free(world->journal);
    gate_sim_connections_done(&world->connections);
}

void gate_sim_world_reset(struct gate_sim_world *world) {
    gate_sim_accounts_free(world->accounts);
    world->accounts = gate_sim_accounts_new();
    gate_sim_links_clear(world->links);
    gate_sim_people_clear_codes(world->people);
    gate_sim_journal_clear(world->journal);
    world->faults.count = 0;
    gate_sim_timer_release(world->timer);
    gate_sim_connections_done(&world->connections);
    gate_sim_connections_fill(&world->connections, world->options->connections);
}

int64_t gate_sim_world_stamp(struct gate_sim_world *world) {
    int64_t now_ms = gate_clock_wall_ms(world->clock);
    world->last_stamp_ms = now_ms > world->last_stamp_ms ? now_ms : world->last_stamp_ms + 1;
    return world->last_stamp_ms;
}

void gate_sim_world_number(struct gate_sim_world *world, const char *prefix, char *ret_id,
                           size_t size) {
    snprintf(ret_id, size, "%s%lld", prefix, (long long)++world->last_number);
}
