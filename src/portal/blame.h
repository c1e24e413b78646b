/* Whose fault a refusal is. For the files of portal/ only. Threads: immutable. Errors: none. */
#ifndef GATE_PORTAL_BLAME_H
#define GATE_PORTAL_BLAME_H

#include "core/error.h"

/* What Scalekit does not like about a request of ours is nothing that our caller did wrong: such
 * kinds become GATE_ERR_UPSTREAM. GATE_ERR_NOT_FOUND stays: it says something. */
enum gate_err gate_blame_upstream(enum gate_err err);

#endif
