/* Where people may be sent after signing in or connecting: the guard against open redirects.
 *
 * Owner: results live in the arena. Threads: immutable. Errors: GATE_ERR_INPUT, nothing recorded (a
 * stranger's link is no event). Never logs.
 */
#ifndef GATE_PORTAL_RETURN_TARGET_H
#define GATE_PORTAL_RETURN_TARGET_H

#include "config/settings.h"
#include "core/arena.h"

/* Check a return_to. Gives an absolute path on this host ("/connectors?q=x"), also for a URL of
 * this host, or a URL whose origin is spelled as the configuration has it in return_origins. NULL,
 * "" and everything else are refused: other hosts, other schemes, "//host", backslashes, user info,
 * control characters (also encoded), dot segments and empty segments in a path of ours (also
 * encoded, to any depth), anything over GATE_RETURN_TO_MAX_BYTES. */
enum gate_err gate_portal_return_target_check(gate_arena *arena, const struct gate_config *config,
                                              const char *text,
                                              const char **ret_target) GATE_MUST_CHECK;

#endif
