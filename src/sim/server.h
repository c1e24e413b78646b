/* The HTTP server: one thread, all connections in its epoll; slow requests sleep in the timer.
 *
 * Owner: main. Threads: the server's own thread runs every handler, so the world needs no locks.
 * Errors: GATE_ERR_CONFIG when it cannot listen. Logs: one line per request where a file was given.
 */
#ifndef GATE_SIM_SERVER_H
#define GATE_SIM_SERVER_H

#include "core/error.h"

struct gate_sim_world;
typedef struct gate_sim_server gate_sim_server;

/* Listen and serve. Sets the world's timer and, where none was given, its public URL. */
enum gate_err gate_sim_server_new(struct gate_sim_world *world, struct gate_error *error,
                                  gate_sim_server **ret_server) GATE_MUST_CHECK;

int gate_sim_server_port(const gate_sim_server *server);

/* End all requests and free. NULL is fine. */
void gate_sim_server_free(gate_sim_server *server);

#endif
