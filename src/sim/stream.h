/* Bodies that are produced while they are sent: byte patterns, event streams, and cut answers.
 *
 * Threads: confined. Errors: NULL when microhttpd has no memory.
 */
#ifndef GATE_SIM_STREAM_H
#define GATE_SIM_STREAM_H

#include "sim/exchange.h"

struct MHD_Connection;
struct MHD_Response;

/* Make the response for the exchange's stream, or for half of its body when it shall be cut. */
struct MHD_Response *gate_sim_stream_make(struct gate_sim_exchange *exchange,
                                          struct MHD_Connection *connection);

#endif
