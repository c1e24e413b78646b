/* What is done from time to time without anybody asking: the catalogue is read again, accounts that
 * a webhook left open are read, a slow sweep reads those of people who were not here for long, what
 * is old is deleted, and the operator's services are told what is new.
 *
 * Time is an input: whoever runs the portal calls gate_portal_tick about once a second, and what is
 * due by the clock is started. Nothing of it waits, and all of it goes on after a restart where it
 * was: what to read next is found in the record. Threads: one at a time may call. Errors: none;
 * what cannot be done now is due again.
 */
#ifndef GATE_PORTAL_UPKEEP_H
#define GATE_PORTAL_UPKEEP_H

#include "portal/portal.h"

#define GATE_PORTAL_TICK_MS 1000

/* Start what is due. Reads the store; takes milliseconds. */
void gate_portal_tick(gate_portal *portal);

#endif
