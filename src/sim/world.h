/* Everything the simulator remembers, in memory only.
 *
 * Owner: main. Threads: confined to the server's one thread, but for what says otherwise (timer,
 * webhook sender). Errors: none.
 */
#ifndef GATE_SIM_WORLD_H
#define GATE_SIM_WORLD_H

#include "core/clock.h"
#include "sim/account.h"
#include "sim/connection.h"
#include "sim/fault.h"
#include "sim/journal.h"
#include "sim/link.h"
#include "sim/options.h"
#include "sim/person.h"
#include "sim/timer.h"
#include "sim/token.h"
#include "sim/webhook.h"

struct gate_sim_world {
    const struct gate_sim_options *options;
    const struct gate_clock *clock;
    const char *public_url;
    struct gate_sim_connections connections;
    gate_sim_accounts *accounts;
    gate_sim_links *links;
    gate_sim_tokens *tokens;
    gate_sim_people *people; /* sign-in: keys and codes */
    struct gate_sim_faults faults;
    gate_sim_journal *journal;
    gate_sim_webhooks *webhooks; /* NULL: none */
    gate_sim_timer *timer;
    int64_t last_stamp_ms;
    int64_t last_number;
};

void gate_sim_world_init(struct gate_sim_world *world, const struct gate_sim_options *options);
void gate_sim_world_done(struct gate_sim_world *world);

/* Forget accounts, links, codes, faults and the journal; connections as at start. Tokens and keys
 * stay. */
void gate_sim_world_reset(struct gate_sim_world *world);

/* Wall-clock now, later than every stamp given before. */
int64_t gate_sim_world_stamp(struct gate_sim_world *world);

/* An id in Scalekit's form: prefix and 18 digits, never given twice. */
void gate_sim_world_number(struct gate_sim_world *world, const char *prefix, char *ret_id,
                           size_t size);

#endif
