/* From the text of a setting to the field it fills, one parser for each kind.
 *
 * Threads: startup. Errors: GATE_ERR_CONFIG with a sentence that names the setting; only values of
 * settings that are no secrets appear in it.
 */
#ifndef GATE_CONFIG_SETTING_VALUE_H
#define GATE_CONFIG_SETTING_VALUE_H

#include "config/settings.h"
#include "core/arena.h"

/* Parse `value` (of `length` bytes) into the setting's field of `config`. `name` is the spelling it
 * was given under. Texts are copied into `arena`; a secret is a new gate_secret that the
 * configuration's owner frees. */
enum gate_err gate_setting_value_parse(gate_arena *arena, const struct gate_setting *setting,
                                       const char *name, const char *value, size_t length,
                                       struct gate_error *error,
                                       struct gate_config *config) GATE_MUST_CHECK;

#endif
