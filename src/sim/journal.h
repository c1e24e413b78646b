/* What came in and what was answered, for tests to look at. Bodies up to 64 kB; no secrets.
 *
 * Owner: the world. Threads: confined. Errors: none; the oldest entries go when it is full.
 */
#ifndef GATE_SIM_JOURNAL_H
#define GATE_SIM_JOURNAL_H

#include "sim/exchange.h"
#include "json/writer.h"

typedef struct gate_sim_journal gate_sim_journal;

gate_sim_journal *gate_sim_journal_new(void);
void gate_sim_journal_free(gate_sim_journal *journal);
void gate_sim_journal_clear(gate_sim_journal *journal);

/* Note a request whose body is in; gives the number to complete it with. `bearer` says what the
 * Authorization header was: "none", "known", "unknown", "basic". */
int64_t gate_sim_journal_begin(gate_sim_journal *journal, const struct gate_sim_exchange *exchange,
                               const char *authorization);

/* Note how it was answered; status 0 for none. Entries that are gone are passed over. */
void gate_sim_journal_complete(gate_sim_journal *journal, int64_t number,
                               const struct gate_sim_exchange *exchange);

/* Write all entries, oldest first, as elements of an open array. */
void gate_sim_journal_write(const gate_sim_journal *journal, gate_arena *arena,
                            struct gate_json_writer *writer);

#endif
