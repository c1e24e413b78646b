/* The few HTML pages the simulator shows to people.
 *
 * Owner: the exchange. Threads: confined. Errors: none. Every %s of gate_sim_page_write is escaped,
 * so no value can become markup.
 */
#ifndef GATE_SIM_PAGE_H
#define GATE_SIM_PAGE_H

#include "sim/exchange.h"

/* Start a page; `title` is its heading too. */
void gate_sim_page_open(struct gate_sim_exchange *exchange, int status, const char *title);

/* Add markup. Only %s, and each argument is escaped text. */
void gate_sim_page_write(struct gate_sim_exchange *exchange, const char *format, ...)
    GATE_PRINTF(2, 3);

void gate_sim_page_close(struct gate_sim_exchange *exchange);

/* A page with one sentence on it. */
void gate_sim_page_say(struct gate_sim_exchange *exchange, int status, const char *title,
                       const char *sentence);

#endif
